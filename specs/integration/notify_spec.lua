local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

local PROC = { source = "proc", destination = "/proc", device = "proc" }

local function notifying(...)
  return { default_action = "SCMP_ACT_ALLOW",
    syscalls = { { names = { ... }, action = "SCMP_ACT_NOTIFY" } } }
end

describe("process.seccomp_notify", function()
  local b, before

  setup(function()
    b = box.new()
    assert(b:sh("true"))
    before = machine.snapshot(box.PATTERN .. "/box")
  end)

  after_each(function()
    assert.same(before, machine.snapshot(box.PATTERN .. "/box"))
  end)

  teardown(function()
    b:close()
  end)

  local function sh(script, seccomp, notify, changes)
    local all = { seccomp = seccomp }
    for key, value in pairs(changes or {}) do
      all[key] = value
    end
    return b:sh(script, all, { seccomp_notify = notify })
  end

  describe("is asked", function()
    it("with the call, its arguments, who makes it and what lies behind a pointer", function()
      local seen
      local result = assert(sh("mkdir /tmp/given", notifying("mkdir"), function(request)
        seen = { request.syscall, request.arch, request.number, #request.args, request.setup,
          request:read_string(request.args[1]), request:read(request.args[1], 4),
          tonumber(request.args[2]), request:is_pending() }
        local stat = assert(io.open("/proc/" .. request.pid .. "/comm"))
        seen[#seen + 1] = stat:read("*l")
        stat:close()
        request:return_value(0)
      end))
      assert.equal(0, result.code)
      assert.same({ "mkdir", "SCMP_ARCH_X86_64", 83, 6, false, "/tmp/given", "/tmp", 511, true,
        "mkdir" }, seen)
      assert.is_nil(result.notify_errors)
    end)

    it("and reads no address that the process has not", function()
      local errnos = {}
      assert(sh("mkdir /tmp/x", notifying("mkdir"), function(request)
        for _, address in ipairs({ 0, 4096, "18446744073709547520" }) do
          local text, err = request:read_string(address)
          errnos[#errnos + 1] = text or err.errno
          text, err = request:read(address, 8)
          errnos[#errnos + 1] = text or err.errno
        end
        request:return_value(0)
      end))
      assert.same({ "EFAULT", "EFAULT", "EFAULT", "EFAULT", "EFAULT", "EFAULT" }, errnos)
    end)
  end)

  describe("answers", function()
    it("that the call fails, by name and by number", function()
      local result = assert(sh("mkdir /tmp/a; mkdir /tmp/b", notifying("mkdir"), function(request)
        request:fail(request:read_string(request.args[1]) == "/tmp/a" and "ENOSPC" or 30)
      end))
      assert.matches("'/tmp/a': No space left on device", result.err)
      assert.matches("'/tmp/b': Read%-only file system", result.err)
    end)

    it("that it returns a value without being run", function()
      local result = assert(sh("mkdir /tmp/a && ls -d /tmp/a", notifying("mkdir"), function(request)
        assert.is_true(request:return_value(0))
        assert.is_false(request:is_open())
      end))
      assert.matches("/tmp/a: No such file", result.err)
    end)

    it("that the kernel runs it", function()
      local result = assert(sh("mkdir /tmp/real && ls -d /tmp/real && rmdir /tmp/real",
        notifying("mkdir"), function(request) request:allow() end))
      assert.equal("/tmp/real\n", result.out)
    end)

    it("with a descriptor of this program's, which the call returns", function()
      local result = assert(sh("cat /of/the/host", notifying("openat", "open"), function(request)
        if request:read_string(request.args[2]) ~= "/of/the/host"
          and request:read_string(request.args[1]) ~= "/of/the/host" then
          return request:allow()
        end
        local file = assert(core.fd.memfd("given", "from outside\n"))
        assert.equal("number", type(request:add_fd(file, { cloexec = true })))
        file:close()
      end))
      assert.equal("from outside\n", result.out)
    end)

    it("with a descriptor of a number that was asked for, and an answer after it", function()
      local result = assert(sh("mkdir /tmp/x; cat <&9", notifying("mkdir"), function(request)
        local file = assert(core.fd.memfd("given", "by number\n"))
        local shell = request.pid
        assert.equal(9, request:add_fd(file, { at = 9, answer = false }))
        file:close()
        assert.is_true(request:is_open())
        assert.is_number(shell)
        request:return_value(0)
      end))
      -- The mkdir has it, the shell does not.
      assert.matches("9[^\n]*: Bad file descriptor", result.err)
    end)

    it("once: a second answer raises an error, which denies nothing any more", function()
      local result = assert(sh("mkdir /tmp/x; echo $?", notifying("mkdir"), function(request)
        request:return_value(0)
        request:fail("EPERM")
      end))
      assert.equal("0\n", result.out)
      assert.equal(1, #result.notify_errors)
      assert.matches("the request has its answer already", result.notify_errors[1])
    end)

    it("not at all: then the call fails with EPERM", function()
      local result = assert(sh("mkdir /tmp/x", notifying("mkdir"), function() end))
      assert.matches("Operation not permitted", result.err)
      assert.is_nil(result.notify_errors)
    end)

    it("with an error of its own: the call fails with EPERM, and the result tells", function()
      local result = assert(sh("mkdir /tmp/x; mkdir /tmp/y", notifying("mkdir"), function()
        error("a mistake")
      end))
      assert.matches("'/tmp/x': Operation not permitted", result.err)
      assert.equal(2, #result.notify_errors)
      assert.matches("notify_spec.lua:%d+: a mistake\nstack traceback", result.notify_errors[1])
    end)

    it("with what is no errno: an error", function()
      local result = assert(sh("mkdir /tmp/x", notifying("mkdir"), function(request)
        request:fail("EWHAT")
      end))
      assert.matches("not an errno: EWHAT", result.notify_errors[1])
    end)

    it("to a process that was killed meanwhile: false, and no error", function()
      local told = {}
      local result = assert(sh("mkdir /tmp/x", notifying("mkdir"), function(request)
        local pidfd = assert(core.proc.pidfd_open(request.pid))
        assert(core.proc.send_signal(pidfd, core.proc.signals.SIGKILL))
        assert(core.poll.wait({ { fd = pidfd, events = "r" } }, 60)[1])
        pidfd:close()
        told.pending = request:is_pending()
        local _, err = request:read_string(request.args[1])
        told.errno = err.errno
        told.answer = request:return_value(0)
      end))
      assert.same({ pending = false, errno = "ENOENT", answer = false }, told)
      assert.equal("SIGKILL", result.signal)
      assert.is_nil(result.notify_errors)
    end)
  end)

  describe("of the program's own execution", function()
    it("is asked while the container starts", function()
      local seen = {}
      local result = assert(sh("/bin/true; exit 0", notifying("execve"), function(request)
        seen[#seen + 1] = { request:read_string(request.args[1]), request.setup }
        request:allow()
      end))
      assert.equal(0, result.code)
      assert.same({ "/bin/sh", true }, seen[1])
      assert.same({ "/bin/true", false }, seen[#seen])
    end)

    it("can refuse it, and the start fails", function()
      local container = assert(b:create({ seccomp = notifying("execve") }))
      local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
        request:fail("EACCES")
      end })
      local ok, err = container:run(process)
      assert.is_nil(ok)
      assert.equal("EACCES", err.errno)
      assert.equal("process.args[1]", err.path)
      assert(container:destroy())
    end)

    it("cannot change the container meanwhile, and is told so", function()
      local container = assert(b:create({ seccomp = notifying("execve") }))
      local err
      local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
        local _
        _, err = container:pause()
        request:allow()
      end })
      assert(container:run(process))
      assert.equal(0, assert(process:wait(60)).code)
      assert.equal("EDEADLK", err.errno)
      assert(container:destroy())
    end)

    it("is asked when a created container is told to execute", function()
      local seen = {}
      local container = assert(b:create({ seccomp = notifying("execve", "mkdir", "poll") }))
      local process = ctr.process({
        args = { "/bin/sh", "-c", "mkdir /tmp/created; /bin/true; exit 0" }, env = { "PATH=/bin" },
        seccomp_notify = function(request)
          seen[#seen + 1] = request.syscall .. " " .. tostring(request.setup)
          request:allow()
        end,
      })
      assert(container:start(process))
      assert.equal("created", container:status())
      assert(container:exec())
      assert.equal(0, assert(process:wait(60)).code)
      assert(container:destroy())
      local calls = table.concat(seen, ", ")
      assert.matches("execve true", calls)
      assert.matches("execve false", calls)
      assert.matches("mkdir false", calls)
      os.execute("rmdir " .. b.root .. "/tmp/created")
    end)
  end)

  describe("works", function()
    local function expects_failure(changes, spec)
      local fields = { seccomp_notify = function(request) request:fail("ENOSPC") end }
      for key, value in pairs(spec or {}) do
        fields[key] = value
      end
      local all = { seccomp = notifying("mkdir") }
      for key, value in pairs(changes or {}) do
        all[key] = value
      end
      local result = assert(b:sh("mkdir /tmp/x", all, fields))
      assert.matches("No space left", result.err)
    end

    it("in a user namespace", function()
      local ids = { { container_id = 0, host_id = 100000, size = 65536 } }
      expects_failure({ namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" },
        uid_mappings = ids, gid_mappings = ids, mounts = { PROC }, devices = {} })
    end)

    it("with and without no_new_privileges, as root and as a user", function()
      for _, flag in ipairs({ true, false }) do
        for _, user in ipairs({ "", "daemon" }) do
          expects_failure({ no_new_privileges = flag }, { user = user })
        end
      end
    end)

    it("without a pid namespace of the container's own", function()
      expects_failure({ namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWNET" } })
    end)

    it("for further processes, each with a function of its own", function()
      local seen = {}
      local function noting(name)
        return function(request)
          seen[#seen + 1] = name
          request:return_value(0)
        end
      end
      local container, init = b:sleeper({ seccomp = notifying("mkdir") },
        { seccomp_notify = noting("first") })
      local result = assert(b:run(container, "mkdir /tmp/x", { seccomp_notify = noting("second") }))
      assert.equal(0, result.code)
      assert.same({ "second" }, seen)
      local refused, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.is_nil(refused)
      assert.equal("seccomp.listener_path", err.path)
      b:finish(container, init)
    end)

    it("with a terminal", function()
      local socket, theirs = assert(core.fd.socketpair("stream"))
      local container = assert(b:create({ seccomp = notifying("mkdir") }))
      local process = ctr.process({
        args = { "/bin/sh", "-c", "mkdir /tmp/x || exit 5" }, env = { "PATH=/bin" },
        console_socket = theirs, seccomp_notify = function(request) request:fail("ENOSPC") end,
      })
      assert(container:run(process))
      theirs:close()
      local _, handles = assert(core.fd.recv(socket, 256))
      assert.equal(5, assert(process:wait(60)).code)
      handles[1]:close()
      socket:close()
      assert(container:destroy())
    end)

    it("for a user without privilege", function()
      local project, user = b:library(), 4321
      os.execute((("mkdir F/user && chown U:U F/user && cp specs/support/as_user_notify.lua "
        .. "F/library"):gsub("%f[%u]%u%f[%U]", { F = b.folder, U = user })))
      local result = assert(core.proc.run({
        path = "/usr/bin/setpriv", timeout = 60, env = { "PATH=/usr/bin:/bin" },
        args = { "setpriv", "--reuid", tostring(user), "--regid", tostring(user), "--clear-groups",
          "/usr/bin/luajit", project .. "/as_user_notify.lua", project, b.root,
          b.folder .. "/user/state" },
      }))
      assert.matches("No space left on device", result.stderr)
      assert.equal("mkdir /given\n0\nmkdir ENOSPC\nlearned mkdir\n", result.stdout)
    end)

    it("for several containers at once, in a loop", function()
      local loop = assert(ctr.loop())
      local seen, codes, containers = {}, {}, {}
      for index = 1, 3 do
        containers[index] = assert(b:create({ seccomp = notifying("mkdir", "rmdir") }))
        local process = ctr.process({
          args = { "/bin/sh", "-c", "for i in 1 2 3 4 5; do mkdir /tmp/x && rmdir /tmp/x; done" },
          env = { "PATH=/bin" },
          seccomp_notify = function(request)
            seen[index] = (seen[index] or 0) + 1
            request:return_value(0)
          end,
        })
        assert(containers[index]:run(process))
        assert(loop:process(process, function(result) codes[index] = result.code end))
      end
      assert.is_true(loop:run(30))
      loop:close()
      assert.same({ 10, 10, 10 }, seen)
      assert.same({ 0, 0, 0 }, codes)
      for _, container in ipairs(containers) do
        assert(container:destroy())
      end
    end)
  end)

  it("serves a container that floods it, and the rest of the program beside", function()
    local count, chunks, loop = 0, 0, assert(ctr.loop())
    local flooding = assert(b:create({ seccomp = notifying("sched_yield", "lseek") }))
    local flood = ctr.process({
      args = { "/bin/dd", "if=/dev/zero", "of=/dev/null", "bs=1", "count=1000" },
      env = { "PATH=/bin" },
      seccomp_notify = function(request)
        count = count + 1
        request:allow()
      end,
    })
    local reading = assert(b:create({ seccomp = notifying("read") }))
    local other = ctr.process({
      args = { "/bin/dd", "if=/dev/zero", "bs=100", "count=2000" }, env = { "PATH=/bin" },
      stdout = function(data) chunks = chunks + #data end,
      seccomp_notify = function(request)
        count = count + 1
        request:allow()
      end,
    })
    for process, container in pairs({ [flood] = flooding, [other] = reading }) do
      assert(container:run(process))
      assert(loop:process(process, function(result) assert.equal(0, result.code) end))
    end
    assert.is_true(loop:run(60))
    loop:close()
    assert.equal(200000, chunks)
    assert.is_true(count >= 2000)
    assert(flooding:destroy())
    assert(reading:destroy())
  end)

  it("ends with its process: what children call later gets ENOSYS", function()
    local container, init = b:sleeper()
    assert(container:signal("SIGKILL"))
    assert(init:wait(60))
    assert(container:destroy())
    container = assert(b:create({ seccomp = notifying("mkdir") }))
    local first = ctr.process({ args = { "/bin/sleep", "1000" }, seccomp_notify = function() end })
    assert(container:run(first))
    assert(core.proc.run({ path = "/bin/mkfifo", args = { "mkfifo", b.root .. "/go",
      b.root .. "/done" } }))
    local further = ctr.process({
      args = { "/bin/sh", "-c", "(read line < /go; mkdir /tmp/x 2> /done) &" },
      env = { "PATH=/bin" }, seccomp_notify = function(request) request:return_value(0) end,
    })
    assert(container:run(further))
    assert.equal(0, assert(further:wait(60)).code)
    local go = assert(core.fd.open(b.root .. "/go", { flags = { "rdwr" } }))
    local done = assert(core.fd.open(b.root .. "/done", { flags = { "rdwr" } }))
    assert(core.fd.write(go, "go\n"))
    assert(core.poll.wait({ { fd = done, events = "r" } }, 60)[1], "the call got no answer")
    assert.matches("Function not implemented", core.fd.read(done, 200))
    go:close()
    done:close()
    os.execute("rm " .. b.root .. "/go " .. b.root .. "/done")
    b:finish(container, first)
  end)
end)

describe("a supervisor that is killed", function()
  local b

  setup(function()
    b = box.new()
    orphans.adopt()
    assert(core.proc.run({ path = "/bin/mkfifo", args = { "mkfifo", b.root .. "/go",
      b.root .. "/done" } }))
  end)

  teardown(function()
    b:close()
  end)

  -- Starts the program, kills it when it has said the words, and returns the container.
  local function kill_at(words, id, syscall, script, how)
    local input, never = assert(core.fd.pipe())
    local reader, writer = assert(core.fd.pipe())
    local child = assert(core.proc.spawn({
      path = "/usr/bin/luajit", fds = { input, writer, 2 },
      argv = { "luajit", "specs/support/supervising.lua", b.root, b.factory.root, id, syscall,
        script, how },
    }))
    writer:close()
    local output = ""
    while not output:find(words, 1, true) do
      local data = assert(core.fd.read(reader, 100))
      assert.is_true(#data > 0, "the program has ended: " .. output)
      output = output .. data
    end
    assert(core.proc.send_signal(child.pidfd, core.proc.signals.SIGKILL))
    assert(core.proc.wait(child.pidfd, {}))
    child.pidfd:close()
    reader:close()
    input:close()
    never:close()
    return assert(b.factory:load(id))
  end

  local function clean(id)
    local containers = {}
    for _, name in ipairs({ id, id .. "-other" }) do
      containers[#containers + 1] = b.factory:load(name)
    end
    for _, container in ipairs(containers) do
      container:signal("SIGKILL", true)
    end
    orphans.reap(id)
    for _, container in ipairs(containers) do
      assert(container:destroy())
    end
  end

  local function said_in(done)
    assert(core.poll.wait({ { fd = done, events = "r" } }, 60)[1], "the call got no answer")
    return core.fd.read(done, 200)
  end

  it("leaves a waiting call with ENOSYS, and the container goes on", function()
    local done = assert(core.fd.open(b.root .. "/done", { flags = { "rdwr" } }))
    local container = kill_at("mkdir\n", "waiting", "mkdir",
      "mkdir /tmp/x 2> /done; exec sleep 1000", "run")
    assert.matches("Function not implemented", said_in(done))
    assert.equal("running", container:status())
    done:close()
    clean("waiting")
  end)

  it("leaves all later calls with ENOSYS, and the container goes on", function()
    local go = assert(core.fd.open(b.root .. "/go", { flags = { "rdwr" } }))
    local done = assert(core.fd.open(b.root .. "/done", { flags = { "rdwr" } }))
    local container = kill_at("idle\n", "later", "rmdir",
      "read line < /go; rmdir /tmp 2> /done; exec sleep 1000", "run")
    assert(core.fd.write(go, "go\n"))
    assert.matches("Function not implemented", said_in(done))
    assert.equal("running", container:status())
    go:close()
    done:close()
    clean("later")
  end)

  it("leaves a created container whose execution fails, and does not hang", function()
    local container = kill_at("idle\n", "created", "execve", "true", "start")
    assert.equal("created", container:status())
    local ok, err = container:exec()
    assert.is_nil(ok)
    assert.equal("ENOSYS", err.errno)
    clean("created")
  end)

  it("ends a container whose execution waits for its answer", function()
    local container = kill_at("execve\n", "starting", "execve", "true", "run")
    local deadline = core.proc.clock() + 60
    repeat
      orphans.reap("starting")
    until container:status() == "stopped" or core.proc.clock() > deadline
    assert.equal("stopped", container:status())
    clean("starting")
  end)
end)

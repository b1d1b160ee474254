local box = require("specs.support.box")
local ctr = require("ctr")
local machine = require("specs.support.machine")

local function by_name(list)
  local found = {}
  for _, entry in ipairs(list) do
    found[entry.syscall] = entry
  end
  return found
end

describe("process.seccomp_learn", function()
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

  local LEARNS = { seccomp_learn = true }

  -- What the C library does after the first run is done: the proposal has to be enough for it.
  local SCRIPT = [[
    mkdir /tmp/d && echo text > /tmp/d/f && cat /tmp/d/f | wc -c
    (sleep 0; ln -s f /tmp/d/l; readlink /tmp/d/l) & wait
    /bin/busybox find /tmp/d | sort
    rm -r /tmp/d
    kill -0 $$
    trap 'echo trapped' USR1; kill -USR1 $$
    nc -w 1 127.0.0.1 1; echo "$(cat /proc/sys/kernel/ostype)"; exit 3]]

  it("counts what the program, its children and what they execute call", function()
    local result = assert(b:sh("mkdir /tmp/a; mkdir /tmp/b; rmdir /tmp/a /tmp/b; "
      .. "(chdir() { cd /proc; }; chdir; /bin/busybox uname > /dev/null); exit 0", nil, LEARNS))
    local calls = by_name(result.calls)
    assert.equal(2, calls.mkdir.count)
    assert.equal(2, calls.rmdir.count)
    assert.equal("SCMP_ARCH_X86_64", calls.mkdir.arch)
    assert.is_true(calls.execve.count >= 2)
    assert.is_not_nil(calls.uname)
    assert.is_not_nil(calls.chdir)
    assert.is_true(calls.exit_group.count >= 3)
    -- Those of the bootstrap are not the program's.
    assert.is_nil(calls.sendmsg)
  end)

  it("tells them in the order of their names", function()
    local result = assert(b:sh("true", nil, LEARNS))
    local names = {}
    for index, call in ipairs(result.calls) do
      names[index] = call.syscall
    end
    local sorted = { unpack(names) }
    table.sort(sorted)
    assert.same(sorted, names)
  end)

  it("leads to a profile with which the same program does the same", function()
    local first = assert(b:sh(SCRIPT, nil, LEARNS))
    assert.equal(3, first.code)
    local profile = assert(ctr.learn.profile(first.calls))
    local again = assert(b:sh(SCRIPT, { seccomp = profile }))
    assert.same({ first.code, first.out, first.err }, { again.code, again.out, again.err })
    local other = assert(b:sh("mknod /tmp/x p; echo $?", { seccomp = profile }))
    assert.matches("Function not implemented", other.err)
  end)

  it("leads to a profile for a container that is created first", function()
    local first = assert(b:sh("exit 4", nil, LEARNS))
    local container = assert(b:create({ seccomp = assert(ctr.learn.profile(first.calls)) }))
    local process = ctr.process({ args = { "/bin/sh", "-c", "exit 4" } })
    assert(container:start(process))
    assert(container:exec())
    assert.equal(4, assert(process:wait(60)).code)
    assert(container:destroy())
  end)

  it("leads to conditions on the families of sockets and on new namespaces", function()
    local script = "nc -w 1 127.0.0.1 1; (true); "
    local first = assert(b:sh(script .. "exit 0", nil, LEARNS))
    local profile = assert(ctr.learn.profile(first.calls))
    local again = assert(b:sh(script .. "nc -w 1 ::1 1; exit 0", { seccomp = profile }))
    assert.matches("refused.*socket.*Function not implemented", again.err)
  end)

  it("lets the configuration's profile rest", function()
    local result = assert(b:sh("mkdir /tmp/x && rmdir /tmp/x", {
      seccomp = { default_action = "SCMP_ACT_ALLOW",
        syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_ERRNO" } } },
    }, LEARNS))
    assert.equal(0, result.code)
    assert.is_not_nil(by_name(result.calls).mkdir)
  end)

  it("records a further process", function()
    local container, init = b:sleeper()
    local result = assert(b:run(container, "mkdir /tmp/x; rmdir /tmp/x; exit 0", LEARNS))
    assert.equal(1, by_name(result.calls).mkdir.count)
    b:finish(container, init)
  end)

  it("merges runs", function()
    local first = assert(b:sh("mkdir /tmp/x; exit 0", nil, LEARNS)).calls
    local second = assert(b:sh("mkdir /tmp/x; rmdir /tmp/x; exit 0", nil, LEARNS)).calls
    local calls = by_name(ctr.learn.merge(first, second))
    assert.equal(2, calls.mkdir.count)
    assert.equal(1, calls.rmdir.count)
  end)
end)

describe("process.seccomp_report", function()
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

  local function report(script, seccomp, notify)
    return assert(b:sh(script, { seccomp = seccomp },
      { seccomp_report = true, seccomp_notify = notify }))
  end

  local function refusing(...)
    return { default_action = "SCMP_ACT_ALLOW", syscalls = { ... } }
  end

  it("names what was refused, how often and with what", function()
    local result = report("mkdir /tmp/x; mkdir /tmp/y; rmdir /tmp/z; exit 0", refusing(
      { names = { "mkdir" }, action = "SCMP_ACT_ERRNO", errno_ret = 28 },
      { names = { "rmdir" }, action = "SCMP_ACT_ERRNO" }))
    assert.matches("'/tmp/x': No space left", result.err)
    assert.matches("'/tmp/z': Operation not permitted", result.err)
    assert.same({
      { syscall = "mkdir", count = 2, errno = "ENOSPC" },
      { syscall = "rmdir", count = 1, errno = "EPERM" },
    }, result.refused)
  end)

  it("tells nothing where nothing was refused", function()
    assert.same({}, report("true", refusing({ names = { "mkdir" }, action = "SCMP_ACT_ERRNO" }))
      .refused)
  end)

  it("decides by arguments as the filter does", function()
    local result = report("kill -USR1 1000; kill -USR2 1000; exit 0", refusing(
      { names = { "kill" }, action = "SCMP_ACT_ERRNO", errno_ret = 28,
        args = { { index = 1, op = "SCMP_CMP_EQ", value = 10 } } },
      { names = { "kill" }, action = "SCMP_ACT_ERRNO", errno_ret = 30 }))
    assert.same({
      { syscall = "kill", count = 1, errno = "ENOSPC" },
      { syscall = "kill", count = 1, errno = "EROFS" },
    }, result.refused)
  end)

  -- What is not named is refused by the default; of the newer ones nobody knew.
  local function listing(names)
    return { default_action = "SCMP_ACT_ERRNO", default_errno_ret = 1,
      syscalls = { { names = names, action = "SCMP_ACT_ALLOW" } } }
  end

  local function learned(script)
    local calls = assert(b:sh(script, nil, { seccomp_learn = true })).calls
    local names = { "sendmsg" }
    for _, call in ipairs(calls) do
      names[#names + 1] = call.syscall
    end
    return names
  end

  it("refuses by the default what the profile would, and what is newer with ENOSYS", function()
    local script = "rmdir /tmp/x; exit 0"
    local profile = listing(learned("mkdir /tmp; exit 0"))
    local plain = assert(b:sh(script, { seccomp = profile }))
    local result = report(script, profile)
    assert.same({ plain.code, plain.out, plain.err }, { result.code, result.out, result.err })
    assert.same({ { syscall = "rmdir", count = 1, errno = "EPERM" } }, result.refused)
    profile = listing(learned("mkdir /tmp; exit 0"))
    -- The newest that the list names is older than these then.
    local names = {}
    for _, name in ipairs(profile.syscalls[1].names) do
      names[#names + 1] = name ~= "rseq" and name or nil
    end
    profile.syscalls[1].names = names
    result = report("mkdir /tmp; exit 0", profile)
    local refused = {}
    for _, entry in ipairs(result.refused) do
      refused[entry.syscall] = entry.errno
    end
    assert.equal("ENOSYS", refused.rseq)
  end)

  it("leaves the bootstrap's own calls alone, also of a created container", function()
    local names = learned("exit 0")
    local container = assert(b:create({ seccomp = listing(names) }))
    local process = ctr.process({ args = { "/bin/sh", "-c", "exit 0" }, env = { "PATH=/bin" },
      seccomp_report = true })
    assert(container:start(process))
    assert(container:exec())
    local result = assert(process:wait(60))
    assert.same({}, result.refused)
    assert.equal(0, result.code)
    assert(container:destroy())
  end)

  it("asks the function for what the profile hands over by itself", function()
    local result = report("mkdir /tmp/x; rmdir /tmp/x; exit 0", refusing(
      { names = { "mkdir" }, action = "SCMP_ACT_NOTIFY" },
      { names = { "rmdir" }, action = "SCMP_ACT_ERRNO", errno_ret = 28 }), function(request)
        assert.equal("mkdir", request.syscall)
        request:return_value(0)
      end)
    assert.same({ { syscall = "rmdir", count = 1, errno = "ENOSPC" } }, result.refused)
    assert.is_nil(result.notify_errors)
  end)

  it("costs nothing where it is not asked for: the program's own filter refuses", function()
    local result = assert(b:sh("mkdir /tmp/x; exit 0", {
      seccomp = refusing({ names = { "mkdir" }, action = "SCMP_ACT_ERRNO", errno_ret = 28 }),
    }))
    assert.matches("No space left", result.err)
    assert.is_nil(result.refused)
  end)
end)

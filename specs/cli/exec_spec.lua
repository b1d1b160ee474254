local bundles = require("specs.support.bundle")
local core = require("ctr.core")
local listeners = require("specs.support.listener")
local machine = require("specs.support.machine")

local NULL = { flags = { "rdwr" } }

describe("lctr exec", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local b, before
  local has_freezer = machine.has("freezer")

  before_each(function()
    before = machine.snapshot(bundles.PATTERN)
  end)

  after_each(function()
    b:close()
    assert.same(before, machine.snapshot(bundles.PATTERN))
  end)

  local function started(command, process, linux)
    local members = { args = { "sleep", "1000" } }
    for key, value in pairs(process or {}) do
      members[key] = value
    end
    b = bundles.new(members, linux)
    local null = assert(core.fd.open("/dev/null", NULL))
    local args = command == "run" and { "run", "-d" } or { command }
    for _, arg in ipairs({ "-b", b.folder, "--pid-file", b.folder .. "/init", b.id }) do
      args[#args + 1] = arg
    end
    assert.equal(0, b:start(args, { null, null, null }).wait().code)
    null:close()
  end

  local function sleeper(process, linux)
    started("run", process, linux)
  end

  local function exec(...)
    return b:lctr({ "exec", ... })
  end

  local function says(...)
    local result = exec(...)
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    return result.stdout
  end

  local function fails(text, ...)
    local result = exec(...)
    assert.equal("", result.stdout)
    assert.equal("lctr: " .. text .. "\n", result.stderr)
    assert.equal(255, result.code)
  end

  local function process(members)
    local object = { cwd = "/", user = { uid = 0, gid = 0 }, env = { "PATH=/bin" },
      args = { "true" } }
    for key, value in pairs(members) do
      object[key] = value
    end
    return b:file("process.json", object)
  end

  describe("with a command", function()
    it("passes the streams on, and ends as the command does", function()
      sleeper()
      local result = b:lctr({ "exec", b.id, "sh", "-c", "cat; echo oops >&2; exit 3" },
        { stdin = "in" })
      assert.same({ 3, "in", "oops\n" }, { result.code, result.stdout, result.stderr })
    end)

    it("ends with 128 and the number of the signal that ended the command", function()
      sleeper()
      assert.equal(128 + 15, exec(b.id, "sh", "-c", "kill -TERM $$").code)
    end)

    it("leaves what looks like an option to the command", function()
      sleeper()
      assert.equal("-t --tty -- -u\n", says(b.id, "echo", "-t", "--tty", "--", "-u"))
      assert.equal("-t\n", says("--", b.id, "echo", "-t"))
    end)

    it("does not wait for the daemons that it leaves, which have its streams", function()
      sleeper()
      local result = exec(b.id, "sh", "-c", "sleep 1000 & yes & echo done >&2; exit 4")
      assert.equal("done\n", result.stderr)
      assert.equal(4, result.code)
    end)

    it("runs in all the container's namespaces and its cgroup", function()
      sleeper()
      for _, name in ipairs({ "pid", "mnt", "ipc", "uts" }) do
        local link = "/proc/self/ns/" .. name
        assert.equal(says(b.id, "readlink", "/proc/1/ns/" .. name), says(b.id, "readlink", link))
      end
      assert.equal(says(b.id, "cat", "/proc/1/cgroup"), says(b.id, "cat", "/proc/self/cgroup"))
    end)

    it("gives it what the bundle's process has, as it was when the container was made", function()
      sleeper({ env = { "PATH=/bin", "MODE=x" }, cwd = "/tmp",
        user = { uid = 5, gid = 6, additionalGids = { 7, 8 } } })
      b:file("config.json", "{}")
      assert.equal("/tmp x 5 6 6 7 8\n",
        says(b.id, "sh", "-c", "echo $(pwd) $MODE $(id -u) $(id -g) $(id -G)"))
    end)

    it("changes what its options say", function()
      sleeper({ env = { "PATH=/bin", "MODE=x" }, user = { uid = 5, gid = 6 } })
      assert.equal("/tmp y z 9 6 6 77 78\n", says("-e", "MODE=y", "--env=MORE=z", "--cwd", "/tmp",
        "--user", "9", "-g", "77", "-g", "78", b.id,
        "sh", "-c", "echo $(pwd) $MODE $MORE $(id -u) $(id -g) $(id -G)"))
      assert.equal("9 10\n", says("-u", "9:10", b.id, "sh", "-c", "echo $(id -u) $(id -g)"))
    end)

    local function sets(...)
      local args = { ... }
      for _, arg in ipairs({ b.id, "grep", "-E", "Cap|NoNewPrivs", "/proc/self/status" }) do
        args[#args + 1] = arg
      end
      local found = {}
      for name, value in says(unpack(args)):gmatch("(%a+):%s*(%x+)") do
        found[name] = tonumber(value, 16)
      end
      return found
    end

    it("adds capabilities to those of the bundle", function()
      sleeper({ capabilities = { bounding = { "CAP_KILL" }, permitted = { "CAP_KILL" },
        effective = { "CAP_KILL" } } })
      local KILL, CHOWN = 2 ^ 5, 2 ^ 0
      local usual, more = sets(), sets("--cap", "CAP_CHOWN")
      assert.same({ 0, KILL, KILL, KILL, 0 },
        { usual.CapInh, usual.CapPrm, usual.CapEff, usual.CapBnd, usual.CapAmb })
      local both = KILL + CHOWN
      assert.same({ 0, both, both, both, 0 },
        { more.CapInh, more.CapPrm, more.CapEff, more.CapBnd, more.CapAmb })
    end)

    it("adds to the ambient ones what is inheritable", function()
      local kill = { "CAP_KILL" }
      sleeper({ user = { uid = 5, gid = 5 }, capabilities = { bounding = kill, permitted = kill,
        effective = kill, inheritable = kill } })
      assert.same({ 0, 2 ^ 5 }, { sets().CapEff, sets("-c", "CAP_KILL").CapEff })
    end)

    it("--no-new-privs", function()
      sleeper()
      assert.equal(0, sets().NoNewPrivs)
      assert.equal(1, sets("--no-new-privs").NoNewPrivs)
    end)

    it("applies the container's seccomp filter", function()
      sleeper(nil, { seccomp = { defaultAction = "SCMP_ACT_ALLOW",
        syscalls = { { names = { "mkdir", "mkdirat" }, action = "SCMP_ACT_ERRNO",
          errnoRet = 95 } } } })
      local result = exec(b.id, "mkdir", "/tmp/new")
      assert.truthy(result.stderr:find("not supported", 1, true), result.stderr)
    end)

    it("refuses what its options cannot mean", function()
      sleeper()
      fails('--user must be UID or UID:GID, in numbers, not "root"', "-u", "root", b.id, "true")
      fails('--additional-gids must be numbers, not "x"', "-g", "x", b.id, "true")
      fails("exec wants a command, or --process", b.id)
      fails("--cgroup a says no controller, and is not the only one", "--cgroup", "a",
        "--cgroup", "cpu:b", b.id, "true")
    end)
  end)

  describe("--process", function()
    it("takes everything from the file, and nothing from the bundle", function()
      sleeper({ env = { "PATH=/bin", "MODE=x" }, cwd = "/tmp", noNewPrivileges = true,
        capabilities = { bounding = { "CAP_KILL" }, effective = { "CAP_KILL" },
          permitted = { "CAP_KILL" } } })
      local file = process({ user = { uid = 3, gid = 4, additionalGids = { 9 } },
        rlimits = { { type = "RLIMIT_NOFILE", soft = 55, hard = 66 } }, oomScoreAdj = 77,
        args = { "sh", "-c", [[
echo "$(pwd) $(id -u) $(id -g) $(id -G) [$MODE] $(ulimit -n) $(cat /proc/self/oom_score_adj)"
grep -E "CapBnd|NoNewPrivs" /proc/self/status | tr -d '\t']] } })
      assert.equal("/ 3 4 4 9 [] 55 77\nCapBnd:0000000000000000\nNoNewPrivs:0\n",
        says("--process", file, b.id))
    end)

    it("tells with --debug what it does", function()
      sleeper()
      local result = b:lctr({ "--debug", "exec", b.id, "true" })
      assert.equal(0, result.code)
      assert.matches('level=debug msg="container ' .. b.id .. ", whose first process is "
        .. b:read("init"), result.stderr, 1, true)
    end)

    it("reads a pipe as well", function()
      sleeper()
      local file = process({ args = { "echo", "piped" } })
      local pipe = b.folder .. "/pipe"
      assert(os.execute("mkfifo " .. pipe) == 0)
      local writer = assert(io.popen(("cat %s > %s"):format(file, pipe)))
      assert.equal("piped\n", says("-p", pipe, b.id))
      writer:close()
    end)

    it("needs the file no longer when it returns", function()
      sleeper()
      local file = process({ args = { "sh", "-c", "sleep 1000" } })
      local null = assert(core.fd.open("/dev/null", NULL))
      local child = b:start({ "exec", "-d", "-p", file, "--pid-file", b.folder .. "/pid", b.id },
        { null, null, null })
      null:close()
      assert.equal(0, child.wait().code)
      os.remove(file)
      assert.truthy(io.open("/proc/" .. b:read("pid") .. "/stat")):close()
    end)

    it("refuses a file that is none, and a command beside it", function()
      sleeper()
      fails("process.json is missing: " .. b.folder .. "/process.json", "-p",
        b.folder .. "/process.json", b.id)
      local file = process({})
      fails('exec: --process says what to run: "true" is one argument too many', "-p", file, b.id,
        "true")
      fails("process.args is required", "-p", b:file("process.json", { cwd = "/" }), b.id)
    end)
  end)

  describe("of a program that cannot be executed", function()
    for _, case in ipairs({
      { "nothing", 'exec: "nothing": executable file not found in $PATH' },
      { "/no/thing", 'exec: "/no/thing": no such file or directory' },
      { "/etc", 'exec: "/etc": is a directory: permission denied' },
      { "/etc/passwd", 'exec: "/etc/passwd": permission denied' },
    }) do
      for _, detached in ipairs({ false, true }) do
        it("says so of " .. case[1] .. (detached and " with --detach" or ""), function()
          sleeper()
          fails(case[2], "--detach=" .. tostring(detached), "--pid-file", b.folder .. "/pid",
            b.id, case[1])
          assert.is_nil(b:read("pid"))
        end)
      end
    end
  end)

  describe("refuses a container that", function()
    it("is not there", function()
      b = bundles.new()
      fails("container does not exist", b.id, "true")
    end)

    it("is stopped", function()
      sleeper()
      assert.equal(0, b:lctr({ "kill", b.id, "KILL" }).code)
      local pidfd = assert(core.proc.pidfd_open(tonumber(b:read("init"))))
      core.poll.wait({ { fd = pidfd, events = "r" } }, 60)
      pidfd:close()
      fails("cannot exec in a stopped container", b.id, "true")
    end)

    it("is paused, unless it may wait", function()
      if not has_freezer then
        b = bundles.new()
        pending("needs a freezer")
        return
      end
      sleeper()
      assert.equal(0, b:lctr({ "pause", b.id }).code)
      fails("cannot exec in a paused container (use --ignore-paused to override)", b.id, "true")
      local null = assert(core.fd.open("/dev/null", NULL))
      local out, writer = core.fd.pipe()
      local child = b:start({ "exec", "--ignore-paused", b.id, "echo", "resumed" },
        { null, writer, null })
      writer:close()
      null:close()
      local resumed = b:lctr({ "resume", b.id })
      assert.same({ 0, "" }, { resumed.code, resumed.stderr })
      assert.equal("resumed\n", bundles.read_until(out))
      out:close()
      assert.equal(0, child.wait().code)
    end)
  end)

  it("runs in a container that only waits to be started", function()
    started("create")
    assert.equal("2\n", says(b.id, "sh", "-c", "echo $$"))
    assert.equal(0, b:lctr({ "start", b.id }).code)
  end)

  describe("--detach", function()
    it("leaves a process whose parent is whoever takes orphans, with its own id in the file",
      function()
        sleeper()
        local null = assert(core.fd.open("/dev/null", NULL))
        b:file("pid", "made before")
        local child = b:start({ "exec", "-d", "--pid-file", b.folder .. "/pid", b.id, "sh", "-c",
          "exec sleep 1000" }, { null, null, null })
        null:close()
        assert.equal(0, child.wait().code)
        local pid = b:read("pid")
        assert.truthy(pid:find("^%d+$"))
        local file = assert(io.open("/proc/" .. pid .. "/stat"))
        assert.equal(core.proc.getpid(), tonumber(file:read("*a"):match("%) %a (%d+)")))
        file:close()
      end)

    it("gives it lctr's streams, which nobody else keeps", function()
      sleeper()
      local from, to = core.fd.pipe()
      local out, writer = core.fd.pipe()
      local child = b:start({ "exec", "-d", b.id, "sh", "-c", "cat; echo end" },
        { from, writer, writer })
      from:close()
      writer:close()
      assert.equal(0, child.wait().code)
      assert(core.fd.write_all(to, "late\n"))
      to:close()
      assert.equal("late\nend\n", bundles.read_until(out))
      out:close()
    end)

    it("gives its terminal to a socket, as conmon-rs asks for it", function()
      sleeper()
      local listener = listeners.new(b.folder, "console")
      local null = assert(core.fd.open("/dev/null", NULL))
      local child = b:start({ "exec", "-d", "--console-socket=" .. b.folder .. "/console", "--tty",
        "--pid-file=" .. b.folder .. "/pid", b.id, "sh", "-c", "tty; read line; exit 4" },
        { null, null, null })
      null:close()
      assert.equal(0, child.wait().code)
      local connection = listener.accept()
      local name, handles = core.fd.recv(connection, 4096)
      assert.is_true(#name > 0)
      assert.equal(1, #handles)
      assert.equal("", (core.fd.recv(connection, 4096)))
      assert.equal("/dev/pts/0\r\n", bundles.read_until(handles[1], "\n"))
      handles[1]:close()
      connection:close()
      listener.close()
      assert.truthy(b:read("pid"):find("^%d+$"))
    end)

    it("wants a socket for a terminal, and a terminal for a socket", function()
      sleeper()
      assert.equal(255, exec("-d", "-t", b.id, "true").code)
      assert.equal(255, exec("-d", "--console-socket", "/none", b.id, "true").code)
      assert.equal(255, exec("-t", "--console-socket", "/none", b.id, "true").code)
    end)
  end)

  it("sends a pidfd to a socket before the program runs", function()
    sleeper()
    local listener = listeners.new(b.folder, "pidfd")
    local null = assert(core.fd.open("/dev/null", NULL))
    local child = b:start({ "exec", "-d", "--pidfd-socket", b.folder .. "/pidfd", "--pid-file",
      b.folder .. "/pid", b.id, "sleep", "1000" }, { null, null, null })
    null:close()
    assert.equal(0, child.wait().code)
    local connection = listener.accept()
    local _, handles = core.fd.recv(connection, 4096)
    assert.equal(1, #handles)
    local file = assert(io.open("/proc/self/fdinfo/" .. handles[1]:fd()))
    assert.equal(b:read("pid"), file:read("*a"):match("Pid:%s*(%d+)"))
    file:close()
    handles[1]:close()
    connection:close()
    listener.close()
  end)

  it("hands on what --preserve-fds says, and nothing else", function()
    sleeper()
    local null = assert(core.fd.open("/dev/null", NULL))
    local out, writer = core.fd.pipe()
    local given = assert(core.fd.memfd("given", "by number "))
    local child = b:start({ "exec", "--preserve-fds", "1", b.id, "sh", "-c",
      "cat <&3; ls /proc/self/fd | tr '\\n' ' '" }, { null, writer, null, given, given })
    for _, handle in ipairs({ null, writer, given }) do
      handle:close()
    end
    assert.equal("by number 0 1 2 3 4 ", bundles.read_until(out)) -- 4 is the listed folder's
    out:close()
    assert.equal(0, child.wait().code)
  end)

  it("passes signals on", function()
    sleeper()
    local null = assert(core.fd.open("/dev/null", NULL))
    local out, writer = core.fd.pipe()
    local child = b:start({ "exec", b.id, "sh", "-c",
      "trap 'exit 9' USR1; echo ready; while :; do sleep 1000 & wait $!; done" },
      { null, writer, null })
    writer:close()
    null:close()
    bundles.read_until(out, "ready\n")
    child.signal("SIGUSR1")
    assert.equal(9, child.wait().code)
    out:close()
  end)

  it("runs in a cgroup below the container's", function()
    if not has_freezer then
      b = bundles.new()
      pending("needs cgroups")
      return
    end
    sleeper()
    local pid = b:read("init")
    local path, unified
    for line in io.lines("/proc/" .. pid .. "/cgroup") do
      local v1, v2 = line:match(":pids:(.*)$"), line:match("^0::(.*)$")
      path = path or v1 and "/sys/fs/cgroup/pids" .. v1
      unified = v2 or unified
    end
    path = path or "/sys/fs/cgroup" .. unified
    assert(os.execute("mkdir " .. path .. "/below"))
    local controller = path:find("/pids/", 1, true) and "pids:" or ""
    local seen = says("--cgroup", controller .. "below", b.id, "cat", "/proc/self/cgroup")
    assert.truthy(seen:find("/below\n", 1, true), seen)
  end)
end)

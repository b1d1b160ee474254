-- What engines rely on and rarely say: one spec for each point of the list, by its number.

local bundles = require("specs.support.bundle")
local command = require("specs.support.command")
local commands = require("ctr.cli.commands")
local core = require("ctr.core")
local engine = require("specs.support.engine")
local listeners = require("specs.support.listener")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

local RFC3339 = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+Z$"
local NULL = { flags = { "rdwr" } }
local LCTR = "build/lctr"

describe("an engine", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  -- Asked before the descriptors are counted.
  local has_limits = machine.has("memory") and machine.has("pids")
  local has_systemd = machine.has("systemd")
  local e, before

  before_each(function()
    before = machine.snapshot(engine.PATTERN)
  end)

  after_each(function()
    e:close()
    assert.same(before, machine.snapshot(engine.PATTERN))
  end)

  it("1 reads a pid file without a newline", function()
    e = engine.new()
    e.bundle:file("pid", "before\n")
    e:create()
    assert.matches("^%d+$", e.bundle:read("pid"))
    assert.equal(e:state().pid, tonumber(e.bundle:read("pid")))
  end)

  for _, log in ipairs({ false, true }) do
    it("2 sees no word of what succeeds" .. (log and ", with a log" or ""), function()
      e = engine.new()
      for _, args in ipairs({
        { "create", "--bundle", e.folder, e.id }, { "start", e.id }, { "pause", e.id },
        { "resume", e.id }, { "update", "--pids-limit", "100", e.id }, { "kill", e.id, "KILL" },
        { "delete", "--force", e.id },
      }) do
        if log then
          args = { "--log", e.folder .. "/log", "--log-format", "json", unpack(args) }
        end
        assert.equal("", e:succeeds(unpack(args)))
      end
      assert.equal(log and "" or nil, e.bundle:read("log"))
    end)
  end

  it("3 sees one record and one line of what fails", function()
    e = engine.new()
    assert.equal("container does not exist", e:fails("--log", e.folder .. "/log",
      "--log-format=json", "state", e.id))
    local record = assert(core.json.decode(e.bundle:read("log")))
    assert.matches(RFC3339, record.time)
    record.time = nil
    assert.same({ level = "error", msg = "container does not exist" }, record)
  end)

  it("4 sees a container that has just ended as stopped", function()
    e = engine.new()
    local pid = e:start()
    e:succeeds("kill", e.id, "9")
    engine.await(pid) -- it is a zombie now
    local now = e:state()
    assert.same({ "stopped", 0 }, { now.status, now.pid })
  end)

  it("5 is told by kill that a container is not running", function()
    e = engine.new()
    local pid = e:start()
    e:succeeds("kill", e.id, "9")
    engine.await(pid)
    assert.equal("container not running", e:fails("kill", e.id, "15"))
    e:succeeds("kill", "--all", e.id, "9")
  end)

  it("6 deletes a container once, or by force as often as it likes", function()
    e = engine.new()
    e:start()
    e:succeeds("delete", "--force", e.id)
    e:succeeds("delete", "--force", e.id)
    assert.equal("container does not exist", e:fails("delete", e.id))
  end)

  it("7 kills with hardly an environment", function()
    e = engine.new()
    local pid = e:start()
    local result = e.bundle:lctr({ "kill", e.id, "9" }, { env = { "XDG_RUNTIME_DIR=" } })
    assert.same({ 0, "", "" }, { result.code, result.stdout, result.stderr })
    engine.await(pid)
    assert.equal("stopped", e:state().status)
  end)

  it("8 writes options in every way", function()
    e = engine.new()
    local log = e.folder .. "/log"
    e:succeeds("--root", e.folder .. "/state", "--log", log, "--log", log, "--log-format=json",
      "create", "-no-subreaper", "--bundle=" .. e.folder, "-pid-file", e.folder .. "/pid", e.id)
    local result = e:feed('{"pids":{"limit":77}}', "update", "--resources=-", e.id)
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.same({ tonumber(e.bundle:read("pid")) },
      core.json.decode(e:succeeds("ps", "--format=json", e.id)))
    assert.equal(1, #core.json.decode(e:succeeds("list", "--format=json")))
    assert.equal(1, #core.json.decode(e:succeeds("list", "-f", "json")))
  end)

  it("9 gives a limit of 64 bits all set", function()
    e = engine.new({
      args = { "sh", "-c", "ulimit -c" },
      rlimits = { { type = "RLIMIT_CORE", soft = 0, hard = 0 } },
    })
    local config = e.bundle:read("config.json"):gsub('"hard":0,"soft":0',
      '"hard":18446744073709551615,"soft":18446744073709551615')
    assert.matches("18446744073709551615", config, 1, true)
    e.bundle:file("config.json", config)
    engine.await(e:start())
    assert.equal("stopped", e:state().status)
  end)

  it("11 is told when it creates that there is no such program", function()
    e = engine.new({ args = { "no-such-program" } })
    assert.equal('exec: "no-such-program": executable file not found in $PATH',
      e:fails("create", "--bundle", e.folder, "--pid-file", e.folder .. "/pid", e.id))
    assert.is_nil(e.bundle:read("pid"))
    assert.equal("container does not exist", e:fails("state", e.id))
  end)

  for _, case in ipairs({ { "a short path", "socket" }, { "a long path", ("s"):rep(200) } }) do
    it("12 gets one descriptor, the terminal's, over " .. case[1], function()
      e = engine.new({ args = { "sleep", "1000" }, terminal = true })
      local path = e.folder .. "/" .. case[2]
      local listener = listeners.new(e.folder, case[2])
      e:create("--console-socket", path)
      local connection = listener.accept()
      local data, handles = core.fd.recv(connection, 4096)
      assert.is_true(#data > 0 and #data < 4096)
      assert.equal(1, #handles)
      assert.is_true(core.tty.is_tty(handles[1]))
      assert.equal("", (core.fd.recv(connection, 4096)))
      handles[1]:close()
      connection:close()
      listener.close()
    end)
  end

  it("13 leaks no descriptor into the container", function()
    e = engine.new({ args = { "sh", "-c", "ls /proc/self/fd | tr '\\n' ' '" } })
    local leaked = assert(core.fd.open("/dev/null", NULL))
    local result = e:call({ "create", "--bundle", e.folder, "--pid-file", e.folder .. "/pid",
      e.id }, { leaked, leaked, leaked })
    leaked:close()
    assert.same({ 0, "", "" }, { result.code, result.stdout, result.stderr })
    local output = assert(io.open(e.folder .. "/out")) -- the next call makes it empty
    result = e.bundle:lctr({ "start", e.id })
    assert.same({ 0, "" }, { result.code, result.stderr })
    engine.await(tonumber(e.bundle:read("pid")))
    assert.equal("0 1 2 3 ", output:read("*a"))
    output:close()
  end)

  it("14 is the parent of the first process", function()
    e = engine.new()
    local pid = e:start()
    local file = assert(io.open(("/proc/%d/stat"):format(pid)))
    local parent = tonumber(file:read("*a"):match("%) %a (%d+)"))
    file:close()
    assert.equal(core.proc.getpid(), parent)
  end)

  it("15 reads the container's pipe to its end, and no further", function()
    e = engine.new({ args = { "sh", "-c", "echo begun; read x; echo ended" } })
    local in_read, in_write = core.fd.pipe()
    local output = e:start_piped(in_read)
    bundles.read_until(output, "begun\n")
    assert.same({}, core.poll.wait({ { fd = output, events = "r" } }, 0))
    core.fd.write(in_write, "go on\n")
    assert.equal("ended\n", bundles.read_until(output))
    in_write:close()
    output:close()
  end)

  it("16 kills create wherever it is, and deletes what is left", function()
    e = engine.new()
    os.execute("mkdir " .. e.folder .. "/state") -- list refuses a root that is not there
    local killed = 0
    for step = 0, 40 do
      local null = assert(core.fd.open("/dev/null", NULL))
      local child = e.bundle:start({ "create", "--bundle", e.folder, e.id }, { null, null, null })
      null:close()
      core.poll.wait({ { fd = child.pidfd, events = "r" } }, step * 0.0006)
      child.signal("SIGKILL")
      killed = killed + (child.wait().signal and 1 or 0)
      e:succeeds("delete", "--force", e.id)
      orphans.reap("a container whose creator was killed")
      assert.equal("[]\n", e:succeeds("list", "--format", "json"))
    end
    assert.is_true(killed > 0)
  end)

  it("17 takes nobody for a process whose number came round", function()
    e = engine.new()
    e:start()
    local path = "state/" .. e.id .. "/state.json"
    local text, count = e.bundle:read(path):gsub('("init_process_start":)%d+', "%11")
    assert.equal(1, count)
    local kept = e.bundle:read(path)
    e.bundle:file(path, text)
    assert.equal("stopped", e:state().status)
    assert.equal("container not running", e:fails("kill", e.id, "9"))
    e.bundle:file(path, kept)
    assert.equal("running", e:state().status)
  end)

  it("18 asks what there is, as nobody in an empty environment", function()
    e = engine.new()
    os.execute(("mkdir %s/bin && cp %s %s/bin/lctr && chmod 755 %s %s/bin"):format(e.folder, LCTR,
      e.folder, e.folder, e.folder))
    local function nobody(...)
      return command.run({ "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
        e.folder .. "/bin/lctr", ... }, { env = {}, dir = "/" })
    end
    for _, name in ipairs({ "features", "--version" }) do
      local result = nobody(name)
      assert.same({ 0, "" }, { result.code, result.stderr })
      assert.is_true(#result.stdout > 0)
    end
    local known = commands.find("checkpoint") ~= nil
    assert.equal(known and 0 or 1, nobody("checkpoint", "--help").code)
  end)

  it("19 says once that systemd makes the cgroups", function()
    if not has_systemd then
      e = engine.new()
      pending("needs systemd")
      return
    end
    e = engine.new(nil, { cgroupsPath = "system.slice:ctr:" .. command.NAME })
    e:succeeds("--systemd-cgroup", "create", "--bundle", e.folder, e.id)
    e:succeeds("start", e.id)
    assert.matches("scope", e:succeeds("exec", e.id, "cat", "/proc/self/cgroup"))
    e:succeeds("delete", "--force", e.id)
  end)

  it("20 sends any signal, by number or name", function()
    e = engine.new({ args = { "sh", "-c", [[
for number in 37 34 63 10; do trap "echo $number" $number; done
echo ready; while :; do sleep 1 & wait $!; done]] } })
    local output = e:start_piped()
    bundles.read_until(output, "ready\n")
    for _, case in ipairs({ { "37", "37\n" }, { "SIGRTMIN+3", "37\n" }, { "rtmin", "34\n" },
      { "RTMAX-1", "63\n" }, { "usr1", "10\n" }, { "SIGUSR1", "10\n" } }) do
      assert.equal(0, e.bundle:lctr({ "kill", e.id, case[1] }).code)
      assert.equal(case[2], bundles.read_until(output, "\n"))
    end
    assert.equal(0, e.bundle:lctr({ "kill", e.id, "0" }).code)
    output:close()
    for _, name in ipairs({ "65", "SIGNONE", "RTMAX+1", "RTMIN-1", "-1" }) do
      local result = e.bundle:lctr({ "kill", "--", e.id, name })
      assert.same({ 1, "lctr: unknown signal: " .. name .. "\n" }, { result.code, result.stderr })
    end
  end)

  it("21 stops reading events", function()
    e = engine.new()
    e:start()
    for _, options in ipairs({ { "--stats" }, { "--interval", "1ms" } }) do
      local read_end, write_end = core.fd.pipe()
      read_end:close()
      local fds = e:streams()
      local out = fds[2]
      fds[2] = write_end
      local args = { "events", unpack(options) }
      args[#args + 1] = e.id
      local child = e.bundle:start(args, fds)
      for _, handle in ipairs({ out, unpack(fds) }) do
        handle:close()
      end
      assert.equal(0, child.wait().code)
      assert.equal("", e.bundle:read("err"))
    end
  end)

  it("22 executes nothing in a paused container, and deletes it by force", function()
    e = engine.new()
    e:start()
    e:succeeds("pause", e.id)
    assert.equal("paused", e:state().status)
    local result = e:call({ "exec", e.id, "true" })
    assert.equal(255, result.code)
    assert.matches("cannot exec in a paused container", result.stderr, 1, true)
    assert.equal("cannot delete container " .. e.id .. " that is not stopped: paused",
      e:fails("delete", e.id))
    e:succeeds("delete", "--force", e.id)
  end)

  it("23 creates one of two containers of a name", function()
    e = engine.new()
    for _ = 1, 5 do
      local null = assert(core.fd.open("/dev/null", NULL))
      local children = {}
      for index = 1, 2 do
        children[index] = e.bundle:start({ "create", "--bundle", e.folder, e.id },
          { null, null, null })
      end
      null:close()
      local codes = { children[1].wait().code, children[2].wait().code }
      table.sort(codes)
      assert.same({ 0, 1 }, codes)
      assert.equal("created", e:state().status)
      e:delete()
    end
  end)

  it("24 changes nothing by an update that asks for nothing", function()
    if not has_limits then
      e = engine.new()
      pending("needs the controllers memory and pids")
      return
    end
    e = engine.new(nil, {
      cgroupsPath = "/ctr-" .. command.NAME,
      resources = { memory = { limit = 67108864 }, pids = { limit = 50 } },
    })
    e:create()
    local function limits()
      local pipe = assert(io.popen(("cat $(find /sys/fs/cgroup -path '*/ctr-%s/*' \\( -name "
        .. "memory.max -o -name memory.limit_in_bytes -o -name pids.max \\) | sort)"):format(
        command.NAME)))
      local text = pipe:read("*a")
      pipe:close()
      return text
    end
    local kept = e.bundle:read("state/" .. e.id .. "/state.json")
    assert.equal("67108864\n50\n", limits())
    for _, document in ipairs({ "{}", '{"memory":{},"pids":null}',
      '{"memory":{"limit":0,"swap":null},"pids":{"limit":0},"cpu":{"cpus":"","shares":0}}' }) do
      local result = e.bundle:lctr({ "update", "-r", "-", e.id }, { stdin = document })
      assert.same({ 0, "" }, { result.code, result.stderr })
    end
    assert.equal("67108864\n50\n", limits())
    assert.equal(kept, e.bundle:read("state/" .. e.id .. "/state.json"))
  end)

  for _, case in ipairs({
    { "no-such-program", 'exec: "no-such-program": executable file not found in $PATH' },
    { "/no/such/program", 'exec: "/no/such/program": no such file or directory' },
    { "/etc", 'exec: "/etc": is a directory: permission denied' },
  }) do
    it("10 is told by exec that there is no such program: " .. case[1], function()
      e = engine.new()
      e:start()
      local pid_file = e.folder .. "/exec.pid"
      local file = e.bundle:file("process.json",
        { cwd = "/", env = { "PATH=/bin" }, args = { case[1] } })
      for _, args in ipairs({
        { "exec", "--pid-file", pid_file, "--process", file, "--detach", e.id },
        { "exec", "--pid-file", pid_file, "--process", file, e.id },
        { "exec", "-d", "--pid-file=" .. pid_file, e.id, case[1] },
      }) do
        local result = e:call(args)
        assert.same({ 255, "", "lctr: " .. case[2] .. "\n" },
          { result.code, result.stdout, result.stderr })
        assert.is_nil(e.bundle:read("exec.pid"))
      end
    end)
  end

  it("15 reads the pipe of what it executed to its end, and no further", function()
    e = engine.new()
    e:start()
    local in_read, in_write = core.fd.pipe()
    local out_read, out_write = core.fd.pipe()
    local child = e.bundle:start({ "exec", "--detach", "--pid-file", e.folder .. "/exec.pid", e.id,
      "sh", "-c", "echo begun; read x; echo ended" }, { in_read, out_write, out_write })
    in_read:close()
    out_write:close()
    assert.equal(0, child.wait().code)
    bundles.read_until(out_read, "begun\n")
    assert.same({}, core.poll.wait({ { fd = out_read, events = "r" } }, 0))
    core.fd.write(in_write, "go on\n")
    assert.equal("ended\n", bundles.read_until(out_read))
    in_write:close()
    out_read:close()
  end)
end)

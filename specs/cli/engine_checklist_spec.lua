-- What engines rely on and rarely say: one spec for each point of the list, by its number.

local bundles = require("specs.support.bundle")
local command = require("specs.support.command")
local commands = require("ctr.cli.commands")
local core = require("ctr.core")
local listeners = require("specs.support.listener")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

local RFC3339 = "^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+Z$"
local NULL = { flags = { "rdwr" } }
local OUT = { flags = { "rdwr", "creat", "trunc" }, mode = 384 }
local LCTR = "build/lctr"

describe("an engine", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  -- Asked before the descriptors are counted.
  local has_limits = machine.has("memory") and machine.has("pids")
  local has_systemd = machine.has("systemd")
  local b, before

  before_each(function()
    before = machine.snapshot(bundles.PATTERN)
  end)

  after_each(function()
    b:close()
    assert.same(before, machine.snapshot(bundles.PATTERN))
  end)

  -- Runs lctr with files as its streams, as the container inherits them; `extra` follow them.
  local function call(args, extra)
    local null = assert(core.fd.open("/dev/null", NULL))
    local out = assert(core.fd.open(b.folder .. "/out", OUT))
    local err = assert(core.fd.open(b.folder .. "/err", OUT))
    local child = b:start(args, { null, out, err, unpack(extra or {}) })
    null:close()
    out:close()
    err:close()
    local result = child.wait()
    return { code = result.code, signal = result.signal, stdout = b:read("out"),
      stderr = b:read("err") }
  end

  local function succeeds(args, extra)
    local result = call(args, extra)
    assert.same({ 0, "" }, { result.code, result.stderr })
    return result.stdout
  end

  local function fails(args)
    local result = call(args)
    assert.same({ 1, "" }, { result.code, result.stdout })
    assert.equal("lctr: ", result.stderr:sub(1, 6))
    assert.equal("\n", result.stderr:match("\n.*$"))
    return result.stderr:sub(7, -2)
  end

  local function create(...)
    local args = { "create", "--bundle", b.folder, ... }
    args[#args + 1] = b.id
    return succeeds(args)
  end

  local function state()
    return assert(core.json.decode(succeeds({ "state", b.id })))
  end

  local function sleeper()
    b = bundles.new({ args = { "sleep", "1000" } })
    create("--pid-file", b.folder .. "/pid")
    succeeds({ "start", b.id })
    return tonumber(b:read("pid"))
  end

  -- The container's first process is the spec's own child, for whoever created it is gone.
  local function await(pid)
    local handle = assert(core.proc.pidfd_open(pid))
    assert(core.poll.wait({ { fd = handle, events = "r" } }, 60)[1])
    handle:close()
  end

  it("1 reads a pid file without a newline", function()
    b = bundles.new()
    b:file("pid", "before\n")
    create("--pid-file", b.folder .. "/pid")
    assert.matches("^%d+$", b:read("pid"))
    assert.equal(state().pid, tonumber(b:read("pid")))
  end)

  for _, log in ipairs({ false, true }) do
    it("2 sees no word of what succeeds" .. (log and ", with a log" or ""), function()
      b = bundles.new({ args = { "sleep", "1000" } })
      for _, args in ipairs({
        { "create", "--bundle", b.folder, b.id }, { "start", b.id }, { "pause", b.id },
        { "resume", b.id }, { "update", "--pids-limit", "100", b.id }, { "kill", b.id, "KILL" },
        { "delete", "--force", b.id },
      }) do
        if log then
          args = { "--log", b.folder .. "/log", "--log-format", "json", unpack(args) }
        end
        assert.equal("", succeeds(args))
      end
      assert.equal(log and "" or nil, b:read("log"))
    end)
  end

  it("3 sees one record and one line of what fails", function()
    b = bundles.new()
    assert.equal("container does not exist", fails({ "--log", b.folder .. "/log",
      "--log-format=json", "state", b.id }))
    local record = assert(core.json.decode(b:read("log")))
    assert.matches(RFC3339, record.time)
    record.time = nil
    assert.same({ level = "error", msg = "container does not exist" }, record)
  end)

  it("4 sees a container that has just ended as stopped", function()
    local pid = sleeper()
    succeeds({ "kill", b.id, "9" })
    await(pid) -- it is a zombie now
    local now = state()
    assert.same({ "stopped", 0 }, { now.status, now.pid })
  end)

  it("5 is told by kill that a container is not running", function()
    local pid = sleeper()
    succeeds({ "kill", b.id, "9" })
    await(pid)
    assert.equal("container not running", fails({ "kill", b.id, "15" }))
    succeeds({ "kill", "--all", b.id, "9" })
  end)

  it("6 deletes a container once, or by force as often as it likes", function()
    sleeper()
    succeeds({ "delete", "--force", b.id })
    succeeds({ "delete", "--force", b.id })
    assert.equal("container does not exist", fails({ "delete", b.id }))
  end)

  it("7 kills with hardly an environment", function()
    local pid = sleeper()
    local result = b:lctr({ "kill", b.id, "9" }, { env = { "XDG_RUNTIME_DIR=" } })
    assert.same({ 0, "", "" }, { result.code, result.stdout, result.stderr })
    await(pid)
    assert.equal("stopped", state().status)
  end)

  it("8 writes options in every way", function()
    b = bundles.new({ args = { "sleep", "1000" } })
    local log = b.folder .. "/log"
    succeeds({ "--root", b.folder .. "/state", "--log", log, "--log", log, "--log-format=json",
      "create", "-no-subreaper", "--bundle=" .. b.folder, "-pid-file", b.folder .. "/pid", b.id })
    local result = b:lctr({ "update", "--resources=-", b.id }, { stdin = '{"pids":{"limit":77}}' })
    assert.same({ 0, "" }, { result.code, result.stderr })
    assert.same({ tonumber(b:read("pid")) },
      core.json.decode(succeeds({ "ps", "--format=json", b.id })))
    assert.equal(1, #core.json.decode(succeeds({ "list", "--format=json" })))
    assert.equal(1, #core.json.decode(succeeds({ "list", "-f", "json" })))
  end)

  it("9 gives a limit of 64 bits all set", function()
    b = bundles.new({
      args = { "sh", "-c", "ulimit -c" },
      rlimits = { { type = "RLIMIT_CORE", soft = 0, hard = 0 } },
    })
    local config = b:read("config.json"):gsub('"hard":0,"soft":0',
      '"hard":18446744073709551615,"soft":18446744073709551615')
    assert.matches("18446744073709551615", config, 1, true)
    b:file("config.json", config)
    create("--pid-file", b.folder .. "/pid")
    succeeds({ "start", b.id })
    await(tonumber(b:read("pid")))
    assert.equal("stopped", state().status)
  end)

  it("11 is told when it creates that there is no such program", function()
    b = bundles.new({ args = { "no-such-program" } })
    assert.equal('exec: "no-such-program": executable file not found in $PATH',
      fails({ "create", "--bundle", b.folder, "--pid-file", b.folder .. "/pid", b.id }))
    assert.is_nil(b:read("pid"))
    assert.equal("container does not exist", fails({ "state", b.id }))
  end)

  for _, case in ipairs({ { "a short path", "socket" }, { "a long path", ("s"):rep(200) } }) do
    it("12 gets one descriptor, the terminal's, over " .. case[1], function()
      b = bundles.new({ args = { "sleep", "1000" }, terminal = true })
      local path = b.folder .. "/" .. case[2]
      local listener = listeners.new(b.folder, case[2])
      create("--console-socket", path)
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
    b = bundles.new({ args = { "sh", "-c", "ls /proc/self/fd | tr '\\n' ' '" } })
    local leaked = assert(core.fd.open("/dev/null", NULL))
    succeeds({ "create", "--bundle", b.folder, "--pid-file", b.folder .. "/pid", b.id },
      { leaked, leaked, leaked })
    leaked:close()
    local file = b:read("out")
    assert.equal("", file)
    -- The streams that it inherited are those of create.
    local out = assert(io.open(b.folder .. "/out"))
    local result = b:lctr({ "start", b.id })
    assert.same({ 0, "" }, { result.code, result.stderr })
    await(tonumber(b:read("pid")))
    assert.equal("0 1 2 3 ", out:read("*a"))
    out:close()
  end)

  it("14 is the parent of the first process", function()
    local pid = sleeper()
    local file = assert(io.open(("/proc/%d/stat"):format(pid)))
    local parent = tonumber(file:read("*a"):match("%) %a (%d+)"))
    file:close()
    assert.equal(core.proc.getpid(), parent)
  end)

  it("15 reads the container's pipe to its end, and no further", function()
    b = bundles.new({ args = { "sh", "-c", "echo begun; read x; echo ended" } })
    local in_read, in_write = core.fd.pipe()
    local out_read, out_write = core.fd.pipe()
    local child = b:start({ "create", "--bundle", b.folder, b.id },
      { in_read, out_write, out_write })
    in_read:close()
    out_write:close()
    assert.equal(0, child.wait().code)
    assert.equal(0, b:lctr({ "start", b.id }).code)
    bundles.read_until(out_read, "begun\n")
    assert.same({}, core.poll.wait({ { fd = out_read, events = "r" } }, 0))
    core.fd.write(in_write, "go on\n")
    assert.equal("ended\n", bundles.read_until(out_read))
    in_write:close()
    out_read:close()
  end)

  it("16 kills create wherever it is, and deletes what is left", function()
    b = bundles.new({ args = { "sleep", "1000" } })
    local killed = 0
    for step = 0, 40 do
      local null = assert(core.fd.open("/dev/null", NULL))
      local child = b:start({ "create", "--bundle", b.folder, b.id }, { null, null, null })
      null:close()
      core.poll.wait({ { fd = child.pidfd, events = "r" } }, step * 0.0006)
      child.signal("SIGKILL")
      killed = killed + (child.wait().signal and 1 or 0)
      succeeds({ "delete", "--force", b.id })
      orphans.reap("a container whose creator was killed")
      assert.equal("[]\n", succeeds({ "list", "--format", "json" }))
    end
    assert.is_true(killed > 0)
  end)

  it("17 takes nobody for a process whose number came round", function()
    sleeper()
    local path = "state/" .. b.id .. "/state.json"
    local text, count = b:read(path):gsub('("init_process_start":)%d+', "%11")
    assert.equal(1, count)
    local kept = b:read(path)
    b:file(path, text)
    assert.equal("stopped", state().status)
    assert.equal("container not running", fails({ "kill", b.id, "9" }))
    b:file(path, kept)
    assert.equal("running", state().status)
  end)

  it("18 asks what there is, as nobody in an empty environment", function()
    b = bundles.new()
    os.execute(("mkdir %s/bin && cp %s %s/bin/lctr && chmod 755 %s %s/bin"):format(b.folder, LCTR,
      b.folder, b.folder, b.folder))
    local function nobody(...)
      return command.run({ "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
        b.folder .. "/bin/lctr", ... }, { env = {}, dir = "/" })
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
      b = bundles.new()
      pending("needs systemd")
      return
    end
    b = bundles.new({ args = { "sleep", "1000" } },
      { cgroupsPath = "system.slice:ctr:" .. command.NAME })
    succeeds({ "--systemd-cgroup", "create", "--bundle", b.folder, b.id })
    succeeds({ "start", b.id })
    assert.matches("scope", succeeds({ "exec", b.id, "cat", "/proc/self/cgroup" }))
    succeeds({ "delete", "--force", b.id })
  end)

  it("20 sends any signal, by number or name", function()
    b = bundles.new({ args = { "sh", "-c", [[
for number in 37 34 63 10; do trap "echo $number" $number; done
echo ready; while :; do sleep 1 & wait $!; done]] } })
    local read_end, write_end = core.fd.pipe()
    local null = assert(core.fd.open("/dev/null", NULL))
    local child = b:start({ "create", "--bundle", b.folder, b.id }, { null, write_end, write_end })
    write_end:close()
    null:close()
    assert.equal(0, child.wait().code)
    assert.equal(0, b:lctr({ "start", b.id }).code)
    bundles.read_until(read_end, "ready\n")
    for _, case in ipairs({ { "37", "37\n" }, { "SIGRTMIN+3", "37\n" }, { "rtmin", "34\n" },
      { "RTMAX-1", "63\n" }, { "usr1", "10\n" }, { "SIGUSR1", "10\n" } }) do
      assert.equal(0, b:lctr({ "kill", b.id, case[1] }).code)
      assert.equal(case[2], bundles.read_until(read_end, "\n"))
    end
    assert.equal(0, b:lctr({ "kill", b.id, "0" }).code)
    read_end:close()
    for _, name in ipairs({ "65", "SIGNONE", "RTMAX+1", "RTMIN-1", "-1" }) do
      local result = b:lctr({ "kill", "--", b.id, name })
      assert.same({ 1, "lctr: unknown signal: " .. name .. "\n" }, { result.code, result.stderr })
    end
  end)

  it("21 stops reading events", function()
    sleeper()
    for _, options in ipairs({ { "--stats" }, { "--interval", "1ms" } }) do
      local read_end, write_end = core.fd.pipe()
      local err = assert(core.fd.open(b.folder .. "/err", OUT))
      local null = assert(core.fd.open("/dev/null", NULL))
      read_end:close()
      local args = { "events", unpack(options) }
      args[#args + 1] = b.id
      local child = b:start(args, { null, write_end, err })
      null:close()
      write_end:close()
      err:close()
      assert.equal(0, child.wait().code)
      assert.equal("", b:read("err"))
    end
  end)

  it("22 executes nothing in a paused container, and deletes it by force", function()
    sleeper()
    succeeds({ "pause", b.id })
    assert.equal("paused", state().status)
    local result = call({ "exec", b.id, "true" })
    assert.equal(255, result.code)
    assert.matches("cannot exec in a paused container", result.stderr, 1, true)
    assert.equal("cannot delete container " .. b.id .. " that is not stopped: paused",
      fails({ "delete", b.id }))
    succeeds({ "delete", "--force", b.id })
  end)

  it("23 creates one of two containers of a name", function()
    b = bundles.new({ args = { "sleep", "1000" } })
    for _ = 1, 5 do
      local null = assert(core.fd.open("/dev/null", NULL))
      local children = {}
      for index = 1, 2 do
        children[index] = b:start({ "create", "--bundle", b.folder, b.id }, { null, null, null })
      end
      null:close()
      local codes = { children[1].wait().code, children[2].wait().code }
      table.sort(codes)
      assert.same({ 0, 1 }, codes)
      assert.equal("created", state().status)
      succeeds({ "delete", "--force", b.id })
      orphans.reap("the container")
    end
  end)

  it("24 changes nothing by an update that asks for nothing", function()
    if not has_limits then
      b = bundles.new()
      pending("needs the controllers memory and pids")
      return
    end
    b = bundles.new({ args = { "sleep", "1000" } }, {
      cgroupsPath = "/ctr-" .. command.NAME,
      resources = { memory = { limit = 67108864 }, pids = { limit = 50 } },
    })
    create()
    local function limits()
      local pipe = assert(io.popen(("cat $(find /sys/fs/cgroup -path '*/ctr-%s/*' \\( -name "
        .. "memory.max -o -name memory.limit_in_bytes -o -name pids.max \\) | sort)"):format(
        command.NAME)))
      local text = pipe:read("*a")
      pipe:close()
      return text
    end
    local kept = b:read("state/" .. b.id .. "/state.json")
    assert.equal("67108864\n50\n", limits())
    for _, document in ipairs({ "{}", '{"memory":{},"pids":null}',
      '{"memory":{"limit":0,"swap":null},"pids":{"limit":0},"cpu":{"cpus":"","shares":0}}' }) do
      local result = b:lctr({ "update", "-r", "-", b.id }, { stdin = document })
      assert.same({ 0, "" }, { result.code, result.stderr })
    end
    assert.equal("67108864\n50\n", limits())
    assert.equal(kept, b:read("state/" .. b.id .. "/state.json"))
  end)
end)

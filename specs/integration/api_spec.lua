local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")

local WAIT = 20 -- seconds

describe("ctr.container", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  describe("state", function()
    it("has libcontainer's fields before the start", function()
      local container = assert(b:create())
      local state = assert(container:state())
      assert.equal(container:id(), state.id)
      assert.equal(-1, state.init_process_pid)
      assert.equal(0, state.init_process_start)
      assert.same({}, state.namespace_paths)
      assert.is_false(state.rootless)
      assert.equal("", state.intel_rdt_path)
      assert.equal(b.root, state.config.rootfs)
    end)

    it("has libcontainer's fields while it runs", function()
      local container, process = b:sleeper()
      local state = assert(container:state())
      assert.equal(process:pid(), state.init_process_pid)
      local stat = io.open(("/proc/%d/stat"):format(process:pid())):read("*l")
      local fields = {}
      for field in stat:match("^.*%) (.*)$"):gmatch("%S+") do
        fields[#fields + 1] = field
      end
      assert.equal(tonumber(fields[20]), state.init_process_start) -- field 22 of the line
      assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.?%d*Z$", state.created)
      assert.equal(("/proc/%d/ns/net"):format(process:pid()), state.namespace_paths.NEWNET)
      for _, kind in ipairs({ "NEWUSER", "NEWIPC", "NEWUTS", "NEWPID", "NEWNS", "NEWCGROUP" }) do
        assert.is_string(state.namespace_paths[kind])
      end
      assert.equal(3, #state.external_descriptors)
      assert.equal("/dev/null", state.external_descriptors[1])
      for _, path in pairs(state.cgroup_paths) do
        assert.equal("file", host.sh("test -d " .. path .. " && echo file").stdout:gsub("\n", ""))
      end
      b:finish(container, process)
    end)

    it("is a copy", function()
      local container = assert(b:create())
      container:state().config.rootfs = "/changed"
      assert.equal(b.root, container:state().config.rootfs)
    end)
  end)

  describe("kept", function()
    it("is what the creator gave, wherever the container is loaded", function()
      local kept = { process = { args = { "a" }, limit = "18446744073709551615" }, note = "n" }
      local container = assert(b.factory:create("kept", box.config(b.root), kept))
      assert.same(kept, container:kept())
      container:kept().note = "changed"
      assert.same(kept, assert(b.factory:load("kept")):kept())
      assert(container:destroy())
    end)

    it("is an empty table without", function()
      assert.same({}, assert(b:create()):kept())
    end)

    it("is a table or nothing", function()
      assert.has_error(function() b.factory:create("kept", box.config(b.root), "text") end)
    end)
  end)

  describe("oci_state", function()
    local labels = { "bundle=/srv/web", "org.example=a=b", "empty=" }

    it("has the specification's fields", function()
      local container, process = b:sleeper({ labels = labels })
      assert.same({
        ociVersion = container:oci_state().ociVersion, id = container:id(), status = "running",
        pid = process:pid(), bundle = "/srv/web",
        annotations = { ["org.example"] = "a=b", empty = "" },
      }, container:oci_state())
      assert.matches("^1%.%d+%.%d+", container:oci_state().ociVersion)
      b:finish(container, process)
    end)

    it("has no pid and no annotations where there are none", function()
      local container = assert(b:create())
      local state = container:oci_state()
      assert.equal("stopped", state.status)
      assert.is_nil(state.pid)
      assert.is_nil(state.annotations)
      assert.equal("", state.bundle)
    end)
  end)

  describe("config", function()
    it("is a copy, with what was left out filled in", function()
      local given = { hostname = "copied" }
      local container = assert(b:create(given))
      local config = container:config()
      assert.equal("copied", config.hostname)
      assert.is_false(config.readonlyfs)
      assert.same({ type = "NEWNS", path = "" }, config.namespaces[1])
      config.hostname = "changed"
      config.namespaces[1].type = "NEWUTS"
      assert.equal("copied", container:config().hostname)
      assert.equal("NEWNS", container:config().namespaces[1].type)
    end)

    it("can be used for another container", function()
      local container = assert(b:create())
      local again = assert(b.factory:create("from-config", container:config()))
      assert.same(container:config(), again:config())
      assert(again:destroy())
    end)
  end)

  describe("processes", function()
    it("are those of the host's view, first and further ones", function()
      local container, process = b:sleeper()
      local second = ctr.process({ args = { "/bin/sleep", "1000" } })
      assert(container:run(second))
      local pids = assert(container:processes())
      table.sort(pids)
      local expected = { process:pid(), second:pid() }
      table.sort(expected)
      assert.same(expected, pids)
      b:finish(container, process)
      assert.equal("SIGKILL", second:wait(WAIT).signal)
    end)

    it("are none before the start and after the end", function()
      local container, process = b:sleeper()
      assert(process:signal("KILL"))
      assert(process:wait(WAIT))
      assert.same({}, container:processes())
      assert(container:destroy())
      assert.same({}, assert(b:create()):processes())
    end)
  end)

  describe("signal", function()
    it("reaches the first process, or all", function()
      local script = "trap 'echo first' USR1; while :; do sleep 0.01; done"
      local text = ""
      local container = assert(b:create())
      local process = ctr.process({ args = { "/bin/sh", "-c", "echo up; " .. script },
        env = { "PATH=/bin" }, stdout = function(data) text = text .. data end })
      local second_text = ""
      local second = ctr.process({
        args = { "/bin/sh", "-c", "echo up; " .. script:gsub("first", "second") },
        env = { "PATH=/bin" }, stdout = function(data) second_text = second_text .. data end })
      assert(container:run(process))
      assert(container:run(second))
      local function until_said(object, read, wanted)
        for _ = 1, 200 do
          if read() == wanted then
            return
          end
          object:wait(0.02)
        end
        assert.equal(wanted, read())
      end
      until_said(process, function() return text end, "up\n")
      until_said(second, function() return second_text end, "up\n")
      assert(container:signal("USR1"))
      until_said(process, function() return text end, "up\nfirst\n")
      assert(container:signal(10, true))
      until_said(process, function() return text end, "up\nfirst\nfirst\n")
      until_said(second, function() return second_text end, "up\nsecond\n")
      assert(container:signal("SIGKILL", true))
      assert.equal("SIGKILL", process:wait(WAIT).signal)
      assert.equal("SIGKILL", second:wait(WAIT).signal)
      assert(container:destroy())
    end)

    it("raises for what is no signal", function()
      local container = assert(b:create())
      for _, wrong in ipairs({ "NONESUCH", 65, -1, 1.5, {} }) do
        assert.has_error(function() container:signal(wrong) end)
      end
    end)
  end)

  describe("destroy", function()
    it("may be called again", function()
      local container = assert(b:create())
      assert.is_true(container:destroy())
      assert.is_true(container:destroy())
      assert.equal("stopped", container:status())
    end)

    it("frees the id", function()
      assert(assert(b:create(nil, "again")):destroy())
      assert(assert(b:create(nil, "again")):destroy())
    end)
  end)

  describe("start and run", function()
    it("raise for what is no process", function()
      local container = assert(b:create())
      assert.has_error(function() container:run({ args = { "/bin/true" } }) end)
      assert.has_error(function() container:start(nil) end)
    end)

    it("take a container that has ended again", function()
      local container = assert(b:create())
      for round = 1, 3 do
        local process = ctr.process({ args = { "/bin/sh", "-c", "exit " .. round } })
        assert(container:run(process))
        assert.equal(round, process:wait(WAIT).code)
        assert.equal("stopped", container:status())
      end
      assert(container:destroy())
    end)
  end)

  describe("another program", function()
    it("finds, enters, signals and destroys what this one made", function()
      local container, process = b:sleeper({ hostname = "found" }, {
        args = { "/bin/sh", "-c", "trap 'exit 3' TERM; while :; do sleep 0.01; done" } })
      local project = assert(core.path.realpath("."))
      local result = assert(core.proc.run({
        path = "/usr/bin/luajit", timeout = 60, env = { "PATH=/usr/bin:/bin" },
        args = { "luajit", project .. "/specs/support/second.lua", project, b.folder .. "/state",
          container:id() },
      }))
      assert.equal("", result.stderr)
      local lines = {}
      for line in result.stdout:gmatch("[^\n]+") do
        lines[#lines + 1] = line
      end
      assert.equal(table.concat(b.factory:list(), " "), lines[1])
      assert.equal(("%s\trunning\t%d"):format(container:id(), process:pid()), lines[2])
      assert.matches("^found\t%d", lines[3])
      assert.equal("5\tfound", lines[4])
      assert.equal("true\tpaused\ttrue\trunning", lines[5])
      assert.equal("ContainerNotStopped", lines[6])
      assert.equal(3, process:wait(WAIT).code)
      assert(container:destroy())
    end)

    it("destroys a created container, and one whose creator is gone", function()
      local container = assert(b:create(nil, "taken-over"))
      local process = ctr.process({ args = { "/bin/sleep", "1000" } })
      assert(container:start(process))
      local other = assert(ctr.new(b.folder .. "/state"))
      local loaded = assert(other:load("taken-over"))
      assert.equal("created", loaded:status())
      assert(loaded:destroy())
      assert.equal("SIGKILL", process:wait(WAIT).signal)
      assert.equal("ContainerNotExists", select(2, container:status()).code)
      assert.equal("ContainerNotExists", select(2, other:load("taken-over")).code)
      other:close()
    end)
  end)

  describe("parent_death_signal", function()
    local function orphan(signal, kind)
      local project = assert(core.path.realpath("."))
      local reader, writer = core.fd.pipe()
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local creator = assert(core.proc.spawn({ path = "/usr/bin/luajit",
        argv = { "luajit", project .. "/specs/support/creator.lua", project, b.root,
          b.folder .. "/state", signal, kind },
        env = { "PATH=/usr/bin:/bin" }, fds = { null, writer, 2 } }))
      writer:close()
      null:close()
      local pid = tonumber(core.fd.read(reader, 100))
      reader:close()
      local init = assert(core.proc.pidfd_open(pid))
      core.proc.send_signal(creator.pidfd, core.proc.signals.SIGKILL)
      assert.equal("SIGKILL", core.proc.wait(creator.pidfd, {}).signal)
      creator.pidfd:close()
      return init
    end

    for _, kind in ipairs({ "host", "user" }) do
      it("ends the container with the program that made it (" .. kind .. ")", function()
        local init = orphan("SIGKILL", kind)
        local ready = core.poll.wait({ { fd = init, events = "r" } }, 60)
        assert.is_string(ready[1])
        init:close()
        local container = assert(b.factory:load("orphan"))
        assert.equal("stopped", container:status())
        assert(container:destroy())
      end)
    end

    it("of none leaves the container running", function()
      local init = orphan("none", "host")
      local container = assert(b.factory:load("orphan"))
      assert.equal("running", container:status())
      assert(container:signal("KILL"))
      core.poll.wait({ { fd = init, events = "r" } }, 60)
      init:close()
      assert(container:destroy())
    end)
  end)
end)

describe("ctr.process", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  it("waits for fractions of a second", function()
    local container, process = b:sleeper()
    local before = core.proc.clock()
    local result, err = process:wait(0.15)
    local took = core.proc.clock() - before
    assert.is_nil(result)
    assert.equal("ETIMEDOUT", err.errno)
    assert.equal("SystemError", err.code)
    assert.is_true(took >= 0.15 and took < 60)
    assert.equal("ETIMEDOUT", select(2, process:wait(0)).errno)
    b:finish(container, process)
  end)

  it("is signalled by name in any case and by number", function()
    for signal, name in pairs({ SIGTERM = "SIGTERM", TERM = "SIGTERM", hup = "SIGHUP",
      [10] = "SIGUSR1" }) do
      local container, first = b:sleeper()
      local process = ctr.process({ args = { "/bin/sleep", "1000" } })
      assert(container:run(process))
      assert.is_true(process:signal(signal))
      assert.equal(name, process:wait(WAIT).signal)
      b:finish(container, first)
    end
  end)

  it("is there for signal 0, and gone with ESRCH", function()
    local container, process = b:sleeper()
    assert.is_true(process:signal(0))
    assert(process:signal("KILL"))
    local result = assert(process:wait(WAIT))
    assert.same({ signal = "SIGKILL", core = false, oom_killed = false, usage = result.usage },
      result)
    local ok, err = process:signal("TERM")
    assert.is_nil(ok)
    assert.equal("ESRCH", err.errno)
    assert(container:destroy())
  end)

  it("tells what it used", function()
    local result = assert(b:sh("i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); done"))
    local usage = result.usage
    assert.is_true(usage.user > 0)
    assert.is_true(math.abs(usage.cpu - usage.user - usage.system) < 1e-6)
    assert.is_true(usage.memory_peak > 65536)
  end)

  it("raises for what is no table", function()
    assert.has_error(function() ctr.process("sh") end)
    assert.has_error(function() ctr.process() end)
  end)

  it("refuses an unknown field, and suggests one", function()
    local container = assert(b:create())
    local ok, err = container:run(ctr.process({ args = { "/bin/true" }, evn = {} }))
    assert.is_nil(ok)
    assert.equal("ConfigInvalid", err.code)
    assert.equal("process.evn", err.path)
    assert.matches("`env`", err.message)
  end)

  it("says which user, group or working folder is wrong", function()
    local container = assert(b:create())
    local function error_of(spec)
      spec.args = { "/bin/true" }
      local ok, err = container:run(ctr.process(spec))
      assert.is_nil(ok)
      return err
    end
    local err = error_of({ user = "deamon" })
    assert.equal("process.user", err.path)
    assert.matches("daemon", tostring(err))
    assert.equal("process.user", error_of({ user = "daemon:nogroups" }).path)
    assert.equal("process.additional_groups[1]", error_of({ additional_groups = { "x" } }).path)
    assert.equal("process.cwd", error_of({ cwd = "/etc/passwd" }).path)
    assert.equal("process.cwd", error_of({ cwd = "relative" }).path)
    assert(container:destroy())
  end)

  it("of another user may enter a working folder that was made for it", function()
    assert.equal("/made/for/it\n", assert(b:sh("pwd", nil,
      { user = "daemon", cwd = "/made/for/it" })).out)
  end)
end)

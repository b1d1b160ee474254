local alarm = require("specs.support.alarm")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local planner = require("ctr.plan")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local STAGED = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = MAPPING, gid_mappings = MAPPING }
local SECONDS = 60

local function took_less(seconds, act)
  local began = core.proc.clock()
  act()
  assert.is_true(core.proc.clock() - began < seconds)
end

local function sleeper()
  return ctr.process({ args = { "/bin/sleep", "1000" } })
end

describe("a container", function()
  local b

  setup(function()
    alarm.set(600)
    b = box.new()
    assert(b:sh("true"))
    assert(b:sh("true", STAGED))
  end)

  teardown(function()
    b:close()
    alarm.set(0)
  end)

  -- The creator was killed between its first two calls. To start it was to index a nil value.
  it("without a state can be destroyed, and nothing else", function()
    assert(core.path.mkdir(b.factory.root_handle, "half", 448))
    local container = assert(b.factory:load("half"))
    assert.equal("stopped", container:status())
    for _, name in ipairs({ "run", "start" }) do
      local ok, err = container[name](container, sleeper())
      assert.is_nil(ok)
      assert.equal("ContainerNotExists", err.code)
    end
    assert.equal("ContainerNotRunning", select(2, container:exec()).code)
    assert(container:destroy())
    assert.is_nil((b.factory:load("half")))
  end)

  -- Its fifo was in the way of the next one.
  it("can be started again after its waiting process was killed", function()
    local container = assert(b:create())
    for _ = 1, 2 do
      local process = sleeper()
      assert(container:start(process))
      assert.equal("created", container:status())
      assert(container:signal("SIGKILL"))
      assert.equal("SIGKILL", process:wait(SECONDS).signal)
      assert.equal("stopped", container:status())
    end
    assert(container:destroy())
  end)

  -- The bootstrap had not been given the fifo, where its second message named it.
  it("waits to be executed where a mount covers its user files", function()
    local container = assert(b:create({ mounts = {
      { source = "proc", destination = "/proc", device = "proc" },
      { source = b.root .. "/etc", destination = "/etc", flags = { "bind" } } } }))
    local said = ""
    local process = ctr.process({ args = { "/bin/id", "-u" }, user = "daemon",
      stdout = function(data) said = said .. data end })
    assert(container:start(process))
    assert(container:exec())
    assert.equal(0, process:wait(SECONDS).code)
    assert.equal("1\n", said)
    assert(container:destroy())
  end)

  describe("whose further process nobody waits for", function()
    -- The kernel lets the first process end only after the zombie of the other was reaped, and that
    -- is ours to do.
    it("ends with its first process", function()
      local container, first = b:sleeper()
      local second = sleeper()
      assert(container:run(second))
      assert(container:signal("SIGKILL"))
      assert.equal("SIGKILL", first:wait(SECONDS).signal)
      assert.equal("SIGKILL", second:wait(SECONDS).signal)
      assert(container:destroy())
    end)

    it("is killed whole, at once", function()
      local container, first = b:sleeper()
      local second = sleeper()
      assert(container:run(second))
      took_less(SECONDS, function()
        assert(container:signal("SIGKILL", true))
      end)
      assert.equal("SIGKILL", first:wait(SECONDS).signal)
      assert(container:destroy())
      assert.equal("SIGKILL", second:wait(SECONDS).signal)
    end)

    it("is destroyed while it waits to be executed", function()
      local container = assert(b:create())
      local first, second = sleeper(), ctr.process({ args = { "/bin/sleep", "1000" },
        init = false })
      assert(container:start(first))
      assert(container:run(second))
      took_less(SECONDS, function()
        assert(container:destroy())
      end)
      assert.equal("SIGKILL", second:wait(SECONDS).signal)
    end)
  end)

  -- The lock stayed: the next call of the same program waited for itself.
  it("is not locked for ever by an error in the library", function()
    local container = assert(b:create())
    local start = planner.start
    planner.start = function()
      error("a bug")
    end
    local returned, err = pcall(container.run, container, sleeper())
    planner.start = start
    assert.is_false(returned)
    assert.matches("a bug", err)
    assert(container:destroy())
  end)

  it("names what an init program said that is none", function()
    local odd = box.new({ init_path = "/bin/sh", init_args = { "/bin/sh", "-c",
      "head -c 4096 /dev/zero > /proc/self/fd/$_LIBCONTAINER_INITPIPE || "
      .. "head -c 4096 /dev/zero >&$_LIBCONTAINER_INITPIPE" } })
    local container = assert(odd:create())
    local ok, problem = container:run(sleeper())
    assert.is_nil(ok)
    assert.equal("SystemError", problem.code)
    assert(container:destroy())
    odd:close()
  end)

  -- Lives through what it can, and undoes the rest.
  local function try(factory, changes, mode)
    local container, err = factory:create("scarce-" .. core.proc.getpid(),
      box.config(b.root, changes))
    if not container then
      return nil, err
    end
    local said = {}
    local process = ctr.process({ args = { "/bin/true" }, stdout = function(data)
      said[#said + 1] = data
    end })
    local ok
    ok, err = container[mode](container, process)
    return container, err, ok and process
  end

  local function finish(container, process)
    if process then
      container:exec()
      process:wait(SECONDS)
    end
    if container then
      assert(container:destroy())
    end
  end

  it("that finds no descriptor left fails, and leaves nothing", function()
    local _, hard = core.proc.getrlimit("RLIMIT_NOFILE")
    local soft = core.proc.getrlimit("RLIMIT_NOFILE")
    local own = core.proc.getpid()
    local failed, worked = 0, 0
    local before = machine.snapshot("scarce%-" .. own)
    for _, case in ipairs({ { {}, "run" }, { { cgroups = { parent = box.PARENT .. "-scarce" } },
      "start" }, { STAGED, "run" } }) do
      for limit = #before.descriptors, #before.descriptors + 40 do
        assert(core.proc.prlimit(own, "RLIMIT_NOFILE", limit, hard))
        local container, err, process = try(b.factory, case[1], case[2])
        assert(core.proc.prlimit(own, "RLIMIT_NOFILE", soft, hard))
        if process then
          worked = worked + 1
        else
          failed = failed + 1
          assert.equal("SystemError", err.code, tostring(err))
        end
        finish(container, process)
        process, container = nil, nil -- luacheck: ignore 311
        assert.same({}, core.path.list(b.factory.root_handle, "."))
        assert.same(before, machine.snapshot("scarce%-" .. own), "limit " .. limit)
      end
    end
    assert.is_true(failed > 10 and worked > 10)
  end)

  it("that finds no room for its state fails, and leaves nothing", function()
    local folder = b.folder .. "/small"
    os.execute("mkdir -p " .. folder)
    local failed, worked = 0, 0
    for _, option in ipairs({ "nr_inodes=%d", "size=%dk" }) do
      for count = 2, 12 do
        assert.equal(0, host.sh(("mount -t tmpfs -o mode=700,%s small %s"):format(
          option:format(count), folder)).code)
        local factory = assert(ctr.new(folder))
        local container, err, process = try(factory, {}, "start")
        failed = failed + (process and 0 or 1)
        worked = worked + (process and 1 or 0)
        assert.is_true(process ~= nil or err.errno == "ENOSPC", tostring(err))
        finish(container, process)
        assert.same({}, core.path.list(factory.root_handle, "."))
        factory:close()
        assert.equal(0, host.sh("umount " .. folder).code)
      end
    end
    assert.is_true(failed > 0 and worked > 0)
  end)
end)

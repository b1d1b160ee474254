local box = require("specs.support.box")
local machine = require("specs.support.machine")
local support = require("specs.support.cgroups")

local NULL = { allow = true, type = "c", major = 1, minor = 3, permissions = "rwm" }
-- The container's own nodes have to be made.
local NODES = { allow = true, type = "c", permissions = "m" }

if not (machine.is_root() and machine.has("memory") and machine.has("pids")) then
  describe("container:set", function()
    pending("needs root, and the memory and pids controllers")
  end)
  return
end

describe("container:set", function()
  local b, container, process

  setup(function()
    b = box.new()
  end)

  before_each(function()
    container, process = b:sleeper({ cgroups = { parent = box.PARENT, memory = "64M",
      pids_limit = 10, devices = { NULL, NODES } } })
  end)

  after_each(function()
    b:finish(container, process)
  end)

  teardown(function()
    b:close()
  end)

  local FILES = {
    memory = { memory = "memory.limit_in_bytes", [""] = "memory.max" },
    pids = { pids = "pids.max", [""] = "pids.max" },
    cpu = { cpu = "cpu.idle", [""] = "cpu.idle" },
  }

  local function limit(name)
    local paths = container:state().cgroup_paths
    local folder = paths[""] or paths[name]
    return support.read(folder .. "/" .. FILES[name][paths[""] and "" or name])
  end

  it("changes what is given, leaves the rest, and remembers both", function()
    assert(container:set({ cgroups = { memory = "128M" } }))
    assert.same({ "134217728", "10" }, { limit("memory"), limit("pids") })
    local again = assert(b.factory:load(container:id()))
    assert.equal(134217728, again:config().cgroups.memory)
    assert.equal(10, again:config().cgroups.pids_limit)
  end)

  it("ends idleness with a share, unless it is said to stay", function()
    assert(container:set({ cgroups = { cpu_idle = 1 } }))
    assert.equal("1", limit("cpu"))
    assert(container:set({ cgroups = { cpu_shares = 512, cpu_idle = 1 } }))
    assert.equal("1", limit("cpu"))
    assert(container:set({ cgroups = { cpu_shares = 512 } }))
    assert.equal("0", limit("cpu"))
    assert.equal(0, container:config().cgroups.cpu_idle)
  end)

  it("takes the container's own configuration, changed", function()
    local config = container:config()
    config.cgroups.pids_limit = 20
    assert(container:set(config))
    assert.equal("20", limit("pids"))
  end)

  it("takes a limit away", function()
    assert(container:set({ cgroups = { pids_limit = -1 } }))
    assert.equal("max", limit("pids"))
  end)

  it("changes nothing by an empty configuration", function()
    local before = container:config()
    assert(container:set({}))
    assert(container:set({ cgroups = {} }))
    assert.same(before, container:config())
  end)

  it("changes device rules", function()
    local READ = { allow = true, type = "c", major = 1, minor = 3, permissions = "r" }
    local script = "(: > /dev/null) 2>/dev/null && echo w; (: < /dev/null) && echo r"
    assert.equal("w\nr\n", assert(b:run(container, script)).out)
    assert(container:set({ cgroups = { devices = { READ } } }))
    assert.equal("r\n", assert(b:run(container, script)).out)
  end)

  -- Each of them comes after a write that succeeds.
  for name, case in pairs({
    ["a file that the kernel refuses"] = { { memory = "96M", pids_limit = 20,
      blkio_weight_device = { { major = 8, minor = 0, weight = 100 } } },
      "cgroups.blkio_weight_device[1]" },
    ["a controller that is not there"] = { { memory = "96M", pids_limit = 20,
      rdma = { mlx = { hca_handles = 1 } } }, 'cgroups.rdma["mlx"]' },
  }) do
    it("takes all back after " .. name, function()
      local before = container:config()
      local ok, err = container:set({ cgroups = case[1] })
      assert.is_nil(ok)
      assert.equal("SystemError", err.code)
      assert.equal(case[2], err.path)
      assert.same({ "67108864", "10" }, { limit("memory"), limit("pids") })
      assert.same(before, container:config())
      assert.same(before, assert(b.factory:load(container:id())):config())
    end)
  end

  it("refuses less memory than is in use, where that is asked for", function()
    local ok, err = container:set({ cgroups = { memory = "4k",
      memory_check_before_update = true } })
    assert.is_nil(ok)
    assert.equal("cgroups.memory", err.path)
    assert.equal("67108864", limit("memory"))
    ok, err = container:set({ cgroups = { memory_swap = "8k",
      memory_check_before_update = true } })
    assert.is_nil(ok)
    assert.equal("cgroups.memory_swap", err.path)
  end)

  for path, config in pairs({
    hostname = { hostname = "other" },
    ["cgroups.parent"] = { cgroups = { parent = "/other" } },
    ["cgroups.memory"] = { cgroups = { memory = "much" } },
    rlimits = { rlimits = { { type = "RLIMIT_NOFILE", soft = 1, hard = 1 } } },
  }) do
    it("refuses what cannot be changed: " .. path, function()
      local ok, err = container:set(config)
      assert.is_nil(ok)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(path, err.path)
    end)
  end

  it("freezes by `freezer`, which is an order and not remembered", function()
    assert(container:set({ cgroups = { freezer = "FROZEN" } }))
    assert.equal("paused", container:status())
    assert.is_nil(container:config().cgroups.freezer)
    assert(container:set({ cgroups = { freezer = "THAWED" } }))
    assert.equal("running", container:status())
  end)

  it("wants a container that runs", function()
    local idle = assert(b:create({}))
    local ok, err = idle:set({ cgroups = { memory = "64M" } })
    assert.is_nil(ok)
    assert.equal("ContainerNotRunning", err.code)
    assert(idle:destroy())
  end)
end)

local v1 = require("ctr.cgroup.v1")

local function lines(resources)
  local list = {}
  for index, write in ipairs(v1.writes(resources)) do
    list[index] = ("%s: %s %s"):format(write.key, write.file, write.text)
  end
  return list
end

describe("ctr.cgroup.v1", function()
  describe("writes", function()
    it("writes nothing for what is unset", function()
      assert.same({}, lines({}))
      assert.same({}, lines({ memory = 0, memory_swap = 0, cpu_shares = 0, cpu_quota = 0,
        cpu_period = 0, cpuset_cpus = "", cpuset_mems = "", pids_limit = 0 }))
    end)

    it("writes each limit to its file", function()
      assert.same({
        "cpuset_cpus: cpuset.cpus 0-1",
        "cpuset_mems: cpuset.mems 0",
        "memory: memory.limit_in_bytes 4294967296",
        "memory_swap: memory.memsw.limit_in_bytes 8589934592",
        "memory_reservation: memory.soft_limit_in_bytes 1048576",
        "cpu_shares: cpu.shares 512",
        "cpu_period: cpu.cfs_period_us 100000",
        "cpu_quota: cpu.cfs_quota_us 50000",
        "pids_limit: pids.max 64",
      }, lines({ memory = 4294967296, memory_swap = 8589934592, memory_reservation = 1048576,
        cpu_shares = 512, cpu_quota = 50000, cpu_period = 100000, cpuset_cpus = "0-1",
        cpuset_mems = "0", pids_limit = 64 }))
    end)

    it("writes what is unlimited in each file's own words", function()
      assert.same({
        "memory_reservation: memory.soft_limit_in_bytes -1",
        "cpu_quota: cpu.cfs_quota_us -1",
        "pids_limit: pids.max max",
      }, lines({ memory_reservation = -1, cpu_quota = -1, pids_limit = -1 }))
    end)

    it("takes the limit off swap together with that of memory, where swap is counted", function()
      local writes = v1.writes({ memory = -1 })
      assert.same({
        "memory: memory.limit_in_bytes -1",
        "memory_swap: memory.memsw.limit_in_bytes -1",
      }, lines({ memory = -1 }))
      assert.is_true(writes[2].optional)
      assert.is_nil(v1.writes({ memory = 1048576, memory_swap = -1 })[2].optional)
    end)

    it("lets swap go first where the kernel finds memory inconsistent with it", function()
      local writes = v1.writes({ memory = 1048576, memory_swap = 2097152 })
      assert.equal(writes[2], writes[1].first)
      assert.is_nil(v1.writes({ memory = 1048576 })[1].first)
    end)
  end)

  describe("nodes", function()
    local layout = { hierarchies = { { type = "cgroup", names = { "pids" }, mount = "/c/pids",
      root = "/", own = "/" } }, unified = { type = "cgroup2", names = { "" },
      mount = "/c/unified", root = "/", own = "/" } }
    local where = { path = "a", absolute = true }

    it("leaves the cgroup2 tree of a hybrid layout alone", function()
      local nodes = v1.nodes(layout, where)
      assert.equal(1, #nodes)
      assert.equal("/c/pids/a", nodes[1].full)
    end)

    it("has one there for a container that is shown its cgroups", function()
      local nodes = v1.nodes(layout, where, true)
      assert.equal("/c/unified/a", nodes[2].full)
      assert.same({ "unified" }, nodes[2].names)
      assert.equal(1, #v1.nodes({ hierarchies = layout.hierarchies }, where, true))
    end)
  end)
end)

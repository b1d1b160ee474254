local v2 = require("ctr.cgroup.v2_files")

local function lines(resources)
  local list = {}
  for index, write in ipairs(assert(v2.writes(resources))) do
    list[index] = ("%s: %s %s"):format(write.key, write.file, write.text)
  end
  return list
end

describe("ctr.cgroup.v2_files", function()
  describe("weight", function()
    it("follows OCI's curve from shares to weights", function()
      assert.equal(1, v2.weight(1))
      assert.equal(1, v2.weight(2))
      assert.equal(100, v2.weight(1024))
      assert.equal(10000, v2.weight(262144))
      assert.equal(10000, v2.weight(300000))
    end)

    it("never falls as shares rise", function()
      local last = 0
      for shares = 2, 262144, 997 do
        local weight = v2.weight(shares)
        assert.is_true(weight >= last and weight <= 10000)
        last = weight
      end
    end)
  end)

  describe("writes", function()
    it("writes nothing for what is unset", function()
      assert.same({}, lines({}))
      assert.same({}, lines({ memory = 0, memory_swap = 0, cpu_shares = 0, cpu_quota = 0,
        cpu_period = 0, cpuset_cpus = "", cpuset_mems = "", pids_limit = 0 }))
    end)

    it("writes each limit to its file", function()
      assert.same({
        "memory_swap: memory.swap.max 1048576",
        "memory: memory.max 4294967296",
        "memory_reservation: memory.low 65536",
        "cpu_shares: cpu.weight 100",
        "cpu_quota: cpu.max 50000 100000",
        "cpuset_cpus: cpuset.cpus 0-1",
        "cpuset_mems: cpuset.mems 0",
        "pids_limit: pids.max 64",
      }, lines({ memory = 4294967296, memory_swap = 4296015872, memory_reservation = 65536,
        cpu_shares = 1024, cpu_quota = 50000, cpu_period = 100000, cpuset_cpus = "0-1",
        cpuset_mems = "0", pids_limit = 64 }))
    end)

    it("writes what v1 has no words for", function()
      assert.same({
        "memory_high: memory.high 1048576",
        "memory_low: memory.low max",
        "memory_min: memory.min 65536",
        "memory_oom_group: memory.oom.group 0",
        "cpu_idle: cpu.idle 0",
        "cpu_weight: cpu.weight 200",
        "cpu_quota: cpu.max 50000 100000",
        "cpu_burst: cpu.max.burst 20000",
        "unified: memory.high 2097152",
        "unified: misc.max res_a 1",
        "unified: misc.max res_b 2",
      }, lines({ memory_high = 1048576, memory_low = -1, memory_min = 65536,
        memory_oom_group = false, cpu_weight = 200, cpu_quota = 50000, cpu_burst = 20000,
        cpu_idle = 0, unified = { ["memory.high"] = "2097152",
          ["misc.max"] = "res_a 1\nres_b 2\n" } }))
    end)

    it("tells the kernel no weight of what is idle", function()
      assert.same({ "cpu_idle: cpu.idle 1" },
        lines({ cpu_idle = 1, cpu_weight = 200, cpu_shares = 512 }))
    end)

    it("turns v1's block device limits into v2's", function()
      assert.same({
        "blkio_weight: io.bfq.weight 500",
        "blkio_weight_device: io.bfq.weight 8:0 100",
        "blkio_throttle_read_bps_device: io.max 8:0 rbps=1048576",
        "blkio_throttle_write_bps_device: io.max 8:0 wbps=max",
        "blkio_throttle_read_iops_device: io.max 8:0 riops=100",
        "blkio_throttle_write_iops_device: io.max 8:0 wiops=200",
        "hugetlb_limit: hugetlb.1GB.max 0",
        "hugetlb_limit: hugetlb.1GB.rsvd.max 0",
        "rdma: rdma.max mlx hca_object=5",
      }, lines({
        blkio_weight = 500, blkio_weight_device = { { major = 8, minor = 0, weight = 100 } },
        blkio_throttle_read_bps_device = { { major = 8, minor = 0, rate = 1048576 } },
        blkio_throttle_write_bps_device = { { major = 8, minor = 0, rate = 0 } },
        blkio_throttle_read_iops_device = { { major = 8, minor = 0, rate = 100 } },
        blkio_throttle_write_iops_device = { { major = 8, minor = 0, rate = 200 } },
        hugetlb_limit = { { page_size = "1GB", limit = 0 } }, rdma = { mlx = { hca_objects = 5 } },
      }))
      local weight = assert(v2.writes({ blkio_weight = 500 }))[1]
      assert.same({ "io.weight", "default 4950" }, { weight.other, weight.other_text })
      assert.equal(1, v2.io_weight(10))
      assert.equal(10000, v2.io_weight(1000))
    end)

    it("refuses what only v1 can do, by its path", function()
      for key, value in pairs({ kernel_memory = 4096, kernel_memory_tcp = 4096,
        memory_swappiness = 60, oom_kill_disable = true, cpu_rt_quota = 1, cpu_rt_period = 1,
        net_cls_classid_u = 1, blkio_leaf_weight = 10,
        net_prio_ifpriomap = { { interface = "lo", priority = 1 } } }) do
        local writes, err = v2.writes({ [key] = value })
        assert.is_nil(writes)
        assert.equal("cgroups." .. key, err.path)
      end
    end)

    it("fills in the half of cpu.max that is not given", function()
      assert.same({ "cpu_quota: cpu.max 20000 100000" }, lines({ cpu_quota = 20000 }))
      assert.same({ "cpu_quota: cpu.max max 100000" }, lines({ cpu_quota = -1 }))
      assert.same({ "cpu_period: cpu.max max 50000" }, lines({ cpu_period = 50000 }))
    end)

    it("takes the limit off swap together with that of memory", function()
      assert.same({ "memory_swap: memory.swap.max max", "memory: memory.max max" },
        lines({ memory = -1 }))
      assert.same({ "pids_limit: pids.max max" }, lines({ pids_limit = -1 }))
    end)

    it("forbids swap where memory and swap are the same", function()
      assert.same({ "memory_swap: memory.swap.max 0", "memory: memory.max 1048576" },
        lines({ memory = 1048576, memory_swap = 1048576 }))
    end)

    it("may do without memory.swap.max only where that changes nothing", function()
      assert.is_true(v2.writes({ memory_swap = -1 })[1].optional)
      assert.is_true(v2.writes({ memory = 4096, memory_swap = 4096 })[1].optional)
      assert.is_nil(v2.writes({ memory = 4096, memory_swap = 8192 })[1].optional)
    end)

    it("refuses swap without memory, and less than memory", function()
      local wrong = { { memory_swap = 4096 }, { memory = 8192, memory_swap = 4096 } }
      for _, resources in ipairs(wrong) do
        local writes, err = v2.writes(resources)
        assert.is_nil(writes)
        assert.equal("ConfigInvalid", err.code)
        assert.equal("cgroups.memory_swap", err.path)
      end
    end)
  end)
end)

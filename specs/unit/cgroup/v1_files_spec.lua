local v1 = require("ctr.cgroup.v1_files")

local function lines(resources)
  local list = {}
  for index, write in ipairs(v1.writes(resources)) do
    list[index] = ("%s: %s %s"):format(write.key, write.file, write.text)
  end
  return list
end

describe("ctr.cgroup.v1_files", function()
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

    it("writes what few ask for", function()
      assert.same({
        "kernel_memory: memory.kmem.limit_in_bytes 1048576",
        "kernel_memory_tcp: memory.kmem.tcp.limit_in_bytes 65536",
        "oom_kill_disable: memory.oom_control 1",
        "memory_swappiness: memory.swappiness 0",
        "cpu_idle: cpu.idle 1",
        "cpu_burst: cpu.cfs_burst_us 0",
        "cpu_rt_period: cpu.rt_period_us 1000000",
        "cpu_rt_quota: cpu.rt_runtime_us 1000",
        "blkio_weight: blkio.bfq.weight 500",
        "blkio_leaf_weight: blkio.leaf_weight 300",
        "net_cls_classid_u: net_cls.classid 1048577",
      }, lines({ kernel_memory = 1048576, kernel_memory_tcp = 65536, oom_kill_disable = true,
        memory_swappiness = 0, cpu_burst = 0, cpu_rt_period = 1000000, cpu_rt_quota = 1000,
        cpu_idle = 1, blkio_weight = 500, blkio_leaf_weight = 300,
        net_cls_classid_u = 1048577 }))
      assert.same({}, lines({ oom_kill_disable = false }))
    end)

    it("tells the kernel no share of what is idle, and one after that", function()
      assert.same({ "cpu_idle: cpu.idle 1" }, lines({ cpu_idle = 1, cpu_shares = 512 }))
      assert.same({ "cpu_idle: cpu.idle 0", "cpu_shares: cpu.shares 512" },
        lines({ cpu_idle = 0, cpu_shares = 512 }))
    end)

    it("writes a line for each device", function()
      local device = { major = 8, minor = 16 }
      local function with(fields)
        for key, value in pairs(device) do
          fields[key] = value
        end
        return fields
      end
      assert.same({
        "blkio_weight_device: blkio.bfq.weight_device 8:16 200",
        "blkio_weight_device: blkio.leaf_weight_device 8:16 100",
        "blkio_throttle_read_bps_device: blkio.throttle.read_bps_device 8:16 1048576",
        "blkio_throttle_write_iops_device: blkio.throttle.write_iops_device 8:16 "
          .. "18446744073709551615",
        "hugetlb_limit: hugetlb.2MB.limit_in_bytes 4194304",
        "hugetlb_limit: hugetlb.2MB.rsvd.limit_in_bytes 4194304",
        "net_prio_ifpriomap: net_prio.ifpriomap eth0 5",
        "rdma: rdma.max mlx4_0 hca_handle=2 hca_object=2000",
      }, lines({
        blkio_weight_device = { with({ weight = 200, leaf_weight = 100 }) },
        blkio_throttle_read_bps_device = { with({ rate = 1048576 }) },
        blkio_throttle_write_iops_device = { with({ rate = "18446744073709551615" }) },
        hugetlb_limit = { { page_size = "2MB", limit = 4194304 } },
        net_prio_ifpriomap = { { interface = "eth0", priority = 5 } },
        rdma = { mlx4_0 = { hca_handles = 2, hca_objects = 2000 } },
      }))
    end)

    it("refuses what only v2 can do, by its path", function()
      for key, value in pairs({ cpu_weight = 100, memory_high = 4096, memory_low = 4096,
        memory_min = 4096, memory_oom_group = true, unified = { ["memory.high"] = "1" } }) do
        local writes, err = v1.writes({ [key] = value })
        assert.is_nil(writes)
        assert.equal("ConfigInvalid", err.code)
        assert.equal("cgroups." .. key, err.path)
      end
      assert.same({}, lines({ unified = {} }))
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
end)

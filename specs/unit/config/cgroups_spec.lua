local schema = require("ctr.config.schema")

local function parse(cgroups)
  local config, err = schema.parse({ rootfs = "/", namespaces = { "NEWNS" }, cgroups = cgroups })
  return config and config.cgroups, err
end

describe("the configuration's cgroups", function()
  it("take each resource, in libcontainer's spelling or OCI's", function()
    local cgroups = assert(parse({
      memory_high = "1G", memory_swappiness = 0, memory_oom_group = true, cpu_rt_runtime = 5000,
      blkio_weight_device = { { major = 8, minor = 0, weight = 100, leafWeight = 20 } },
      blkio_throttle_read_bps_device = { { major = 8, minor = 0, rate = "18446744073709551615" } },
      hugetlb_limit = { { pageSize = "2MB", limit = 4096 } },
      rdma = { mlx4_0 = { hcaHandles = 3 } }, unified = { ["memory.high"] = "max" },
      systemd_properties = { TimeoutStopUSec = "uint64 5" },
    }))
    assert.equal(1073741824, cgroups.memory_high)
    assert.equal(0, cgroups.memory_swappiness)
    assert.equal(5000, cgroups.cpu_rt_quota)
    assert.equal(20, cgroups.blkio_weight_device[1].leaf_weight)
    assert.equal("18446744073709551615", cgroups.blkio_throttle_read_bps_device[1].rate)
    assert.equal("2MB", cgroups.hugetlb_limit[1].page_size)
    assert.equal(3, cgroups.rdma.mlx4_0.hca_handles)
    assert.same({ TimeoutStopUSec = "uint64 5" }, cgroups.systemd_properties)
  end)

  -- runc#4103: a page size that is a path wrote to another cgroup's file.
  for path, cgroups in pairs({
    ["cgroups.hugetlb_limit[1].page_size"] = { hugetlb_limit = { { page_size = "../x/2MB",
      limit = 1 } } },
    ['cgroups.unified["../memory.max"]'] = { unified = { ["../memory.max"] = "1" } },
    ['cgroups.unified["memory..max"]'] = { unified = { ["memory..max"] = "1" } },
    ['cgroups.unified["cgroup.procs"]'] = { unified = { ["cgroup.procs"] = "1" } },
    ['cgroups.unified["cgroup.kill"]'] = { unified = { ["cgroup.kill"] = "1" } },
    ["cgroups.net_prio_ifpriomap[1].interface"] = { net_prio_ifpriomap = {
      { interface = "eth0 9\nlo", priority = 1 } } },
    ['cgroups.rdma["a b"]'] = { rdma = { ["a b"] = { hca_handles = 1 } } },
    ["cgroups.rdma.mlx"] = { rdma = { mlx = {} } },
    ["cgroups.blkio_weight_device[1]"] = { blkio_weight_device = { { major = 8, minor = 0 } } },
    ["cgroups.blkio_weight"] = { blkio_weight = 9 },
    ["cgroups.memory_swappiness"] = { memory_swappiness = 101 },
    ["cgroups.cpu_idle"] = { cpu_idle = 2 },
    ["cgroups.cpu_burst"] = { cpu_burst = 1000 },
    ["cgroups.cpu_weight"] = { cpu_weight = 100, cpu_shares = 2 },
    ["cgroups.memory_low"] = { memory_low = 4096, memory_reservation = 4096 },
    ["cgroups.systemd_properties.Delegate"] = { systemd_properties = { Delegate = "maybe" } },
    ['cgroups.systemd_properties["a-b"]'] = { systemd_properties = { ["a-b"] = "true" } },
  }) do
    it("refuse what is wrong: " .. path, function()
      local parsed, err = parse(cgroups)
      assert.is_nil(parsed)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(path, err.path)
    end)
  end
end)

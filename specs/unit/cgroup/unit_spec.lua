local unit = require("ctr.cgroup.unit")

local function properties(resources, unified)
  local list = {}
  for index, row in ipairs(assert(unit.properties(resources, unified))) do
    list[index] = ("%s %s %s"):format(row[1], row[2], row[3])
  end
  return list
end

describe("ctr.cgroup.unit", function()
  describe("slice_path", function()
    it("nests a slice in those that its name names", function()
      assert.equal("a.slice/a-b.slice/a-b-c.slice", unit.slice_path("a-b-c.slice"))
      assert.equal("system.slice", unit.slice_path("system.slice"))
      assert.equal("", unit.slice_path("-.slice"))
    end)

    it("refuses what is no slice", function()
      for _, name in ipairs({ "a", ".slice", "a/b.slice", "a--b.slice", "-a.slice", "a-.slice" }) do
        local path, reason = unit.slice_path(name)
        assert.is_nil(path)
        assert.is_string(reason)
      end
    end)
  end)

  describe("of", function()
    it("names a scope by prefix and name, the container's id without one", function()
      assert.same({ name = "ctr-web.scope", slice = "system.slice", is_slice = false,
        path = "system.slice/ctr-web.scope" }, unit.of({}, "web", false))
      assert.equal("user.slice/ctr-web.scope", unit.of({}, "web", true).path)
      assert.equal("a.slice/a-b.slice/podman-x.scope",
        unit.of({ parent = "a-b.slice", scope_prefix = "podman", name = "x" }, "web").path)
    end)

    it("takes a slice for what it is", function()
      local found = unit.of({ name = "pod.slice" }, "web", false)
      assert.is_true(found.is_slice)
      assert.equal("system.slice/pod.slice", found.path)
    end)

    it("takes a scope's whole name where it has no prefix", function()
      assert.equal("system.slice/web.scope", unit.of({ name = "web.scope" }, "web", false).path)
      assert.is_false(unit.of({ name = "web.scope" }, "web", false).is_slice)
      assert.equal("a-web.scope.scope",
        unit.of({ name = "web.scope", scope_prefix = "a" }, "web", false).name)
      assert.equal("ctr-web.scope.scope", unit.of({}, "web.scope", false).name)
    end)

    it("escapes what a unit's name may not hold", function()
      assert.equal("ctr-a\\x2bb.scope", unit.of({}, "a+b", false).name)
    end)

    it("refuses by the path of the key", function()
      for key, config in pairs({ path = { path = "/x" }, parent = { parent = "x" },
        name = { name = ("n"):rep(300) } }) do
        local found, err = unit.of(config, "web", false)
        assert.is_nil(found)
        assert.equal("ConfigInvalid", err.code)
        assert.equal("cgroups." .. key, err.path)
      end
    end)
  end)

  describe("given_properties", function()
    it("are what the configuration names, in the order of the names", function()
      assert.same({ { "CollectMode", "s", "inactive-or-failed" },
        { "TimeoutStopUSec", "t", "5000000" } }, unit.given_properties({ systemd_properties = {
          TimeoutStopSec = "uint64 5", CollectMode = "'inactive-or-failed'" } }))
      assert.same({}, unit.given_properties({}))
    end)
  end)

  describe("properties", function()
    it("says what systemd has words for", function()
      assert.same({
        "MemoryMax t 67108864", "MemoryHigh t 33554432", "MemoryLow t 1048576",
        "TasksMax t 18446744073709551615", "MemorySwapMax t 33554432",
        "CPUQuotaPeriodUSec t 50000", "CPUQuotaPerSecUSec t 510000", "CPUWeight t 100",
      }, properties({ memory = 67108864, memory_high = 33554432, memory_reservation = 1048576,
        pids_limit = -1, memory_swap = 100663296, cpu_quota = 25250, cpu_period = 50000,
        cpu_shares = 1024 }, true))
    end)

    it("makes masks of lists of processors", function()
      local list = assert(unit.properties({ cpuset_cpus = "0-3,9", cpuset_mems = "0" }, true))
      assert.same({ { "AllowedCPUs", "ay", "\15\2" }, { "AllowedMemoryNodes", "ay", "\1" } }, list)
    end)

    it("takes files of `unified` that systemd would write again", function()
      assert.same({ "MemoryHigh t 18446744073709551615", "TasksMax t 5" },
        properties({ unified = { ["memory.high"] = "max", ["pids.max"] = "5",
          ["misc.max"] = "x 1" } }, true))
      assert.same({ "CPUQuotaPeriodUSec t 50000", "CPUQuotaPerSecUSec t 100000", "CPUWeight t 42" },
        properties({ unified = { ["cpu.max"] = "5000 50000", ["cpu.weight"] = "42" } }, true))
      assert.same({ "CPUWeight t 0", "CPUQuotaPeriodUSec t 100000",
        "CPUQuotaPerSecUSec t 18446744073709551615" },
        properties({ unified = { ["cpu.max"] = "max", ["cpu.idle"] = "1",
          ["cpu.weight"] = "42" } }, true))
      assert.same({ { "AllowedCPUs", "ay", "\15\2" }, { "AllowedMemoryNodes", "ay", "\1" } },
        assert(unit.properties({ unified = { ["cpuset.cpus"] = "0-3, 9",
          ["cpuset.mems"] = "0" } }, true)))
    end)

    it("rounds a quota up as systemd does", function()
      local function quota(resources)
        return unit.rounded(resources).cpu_quota
      end
      assert.equal(504000, quota({ cpu_quota = 500000, cpu_period = 900000 }))
      assert.equal(1000, quota({ cpu_quota = 1 }))
      assert.equal(50000, quota({ cpu_quota = 50000, cpu_period = 100000 }))
      assert.equal(-1, quota({ cpu_quota = -1, cpu_period = 5000 }))
      assert.equal(7, unit.rounded({ cpu_quota = 1, pids_limit = 7 }).pids_limit)
    end)

    it("leaves to the kernel what has another form in `unified`", function()
      assert.same({}, properties({ unified = { ["cpu.max"] = "much", ["cpuset.cpus"] = "all",
        ["cpu.idle"] = "0", ["pids.max"] = "few" } }, true))
    end)

    it("has v1's names there", function()
      assert.same({ "MemoryLimit t 67108864", "CPUShares t 512", "TasksMax t 7" },
        properties({ memory = 67108864, cpu_shares = 512, pids_limit = 7 }, false))
    end)

    it("are taken back to what they were, or to nothing", function()
      local old = assert(unit.properties({ memory = 67108864 }, true))
      local changed = assert(unit.properties({ memory = 1048576, memory_min = 4096,
        cpuset_cpus = "0", pids_limit = 7 }, true))
      assert.same({
        { "MemoryMax", "t", "67108864" }, { "MemoryMin", "t", "0" },
        { "TasksMax", "t", "18446744073709551615" }, { "AllowedCPUs", "ay", "" },
      }, unit.inverse(changed, old))
    end)
  end)
end)

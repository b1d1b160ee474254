local resources = require("ctr.cli.resources")

local NULL = newproxy()

describe("ctr.cli.resources", function()
  describe("changing", function()
    it("asks for nothing where nothing is said", function()
      for _, object in ipairs({
        {}, { memory = {} }, { memory = NULL, cpu = NULL, pids = NULL },
        { memory = { limit = 0, swap = NULL, reservation = 0 } },
        { cpu = { shares = 0, quota = 0, period = 0, cpus = "", mems = "" } },
        { pids = { limit = 0 } }, { blockIO = { weight = 0, weightDevice = {} } },
        { hugepageLimits = {}, unified = {} },
        { devices = { { allow = false } } },
        { memory = { swappiness = 10, disableOOMKiller = true }, network = { classID = 1 } },
      }) do
        assert.same({}, resources.changing(object))
      end
    end)

    it("keeps what asks for a change", function()
      local object = {
        memory = { limit = 1, reservation = 2, swap = 3, checkBeforeUpdate = false },
        cpu = { shares = 4, quota = -1, period = 5, burst = 6, cpus = "0", mems = "1",
          realtimePeriod = 7, realtimeRuntime = 8, idle = 0 },
        pids = { limit = -1 },
        blockIO = { weight = 10, throttleReadBpsDevice = { { major = 8, minor = 0, rate = 1 } } },
        hugepageLimits = { { pageSize = "2MB", limit = 0 } },
        unified = { ["memory.high"] = "1" },
      }
      assert.same(object, resources.changing(object))
    end)

    it("lifts the limit of swap with that of memory", function()
      assert.same({ memory = { limit = -1, swap = -1 } },
        resources.changing({ memory = { limit = -1 } }))
      assert.same({ memory = { limit = -1, swap = 5 } },
        resources.changing({ memory = { limit = -1, swap = 5 } }))
    end)

    it("leaves a wrong type to whoever checks", function()
      assert.same({ memory = 7 }, resources.changing({ memory = 7 }))
    end)

    it("leaves its argument as it was", function()
      local object = { memory = { limit = -1 } }
      resources.changing(object)
      assert.same({ memory = { limit = -1 } }, object)
    end)
  end)

  describe("of_options", function()
    it("says nothing without options", function()
      local object, rdt = resources.of_options({})
      assert.same({}, object)
      assert.is_nil(rdt)
    end)

    for text, value in pairs({
      ["-1"] = -1, ["1024"] = 1024, ["1b"] = 1, ["2k"] = 2048, ["3K"] = 3072, ["64m"] = 67108864,
      ["64MB"] = 67108864, ["64MiB"] = 67108864, ["1.5g"] = 1610612736, ["1t"] = 2 ^ 40,
    }) do
      it("reads " .. text .. " as bytes", function()
        assert.same({ memory = { limit = value } }, resources.of_options({ memory = text }))
      end)
    end

    it("puts each option in its place", function()
      local object, rdt = resources.of_options({
        ["memory-reservation"] = "1", ["memory-swap"] = "-1", ["cpu-quota"] = "-1",
        ["cpu-period"] = "2", ["cpu-burst"] = "3", ["cpu-share"] = "4", ["cpu-rt-period"] = "5",
        ["cpu-rt-runtime"] = "6", ["cpu-idle"] = "0", ["cpuset-cpus"] = "0-1",
        ["cpuset-mems"] = "0", ["pids-limit"] = "7", ["blkio-weight"] = "8",
        ["l3-cache-schema"] = "L3:0=f", ["mem-bw-schema"] = "MB:0=20", ["kernel-memory"] = "9",
      })
      assert.same({
        memory = { reservation = 1, swap = -1 },
        cpu = { quota = -1, period = 2, burst = 3, shares = 4, realtimePeriod = 5,
          realtimeRuntime = 6, idle = 0, cpus = "0-1", mems = "0" },
        pids = { limit = 7 }, blockIO = { weight = 8 },
      }, object)
      assert.same({ l3_cache_schema = "L3:0=f", mem_bw_schema = "MB:0=20" }, rdt)
    end)

    it("takes an empty value for none", function()
      assert.same({}, resources.of_options({ memory = "", ["pids-limit"] = "" }))
    end)

    for _, case in ipairs({
      { "memory", "much", "a number of bytes" }, { "memory", "-2", "a number of bytes" },
      { "memory", "1x", "a number of bytes" }, { "memory", "99999999t", "a number of bytes" },
      { "pids-limit", "1.5", "a whole number" }, { "cpu-quota", "1e3", "a whole number" },
    }) do
      it(("refuses --%s %s"):format(case[1], case[2]), function()
        local object, problem = resources.of_options({ [case[1]] = case[2] })
        assert.is_nil(object)
        assert.equal(("--%s: %q is not %s"):format(unpack(case)), problem)
      end)
    end
  end)
end)

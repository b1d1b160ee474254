local core = require("ctr.core")
local oci = require("ctr.oci")
local schema = require("ctr.config.schema")

local function refused(convert, value, path)
  local fields, err = convert(value)
  assert.is_nil(fields)
  assert.equal("ConfigInvalid", err.code)
  assert.equal(path, err.path)
end

describe("ctr.oci", function()
  describe("process", function()
    it("takes all that an object says", function()
      local ids = { uid = 5, gid = 6, additionalGids = { 7 }, umask = 63 }
      local fields, ignored = oci.process({
        terminal = true, consoleSize = { height = 25, width = 80 }, user = ids,
        args = { "sh", "-c", "true" }, env = { "A=b" }, cwd = "/home",
        capabilities = { bounding = { "CAP_KILL" } },
        rlimits = { { type = "RLIMIT_CORE", soft = 1, hard = "18446744073709551615" } },
        noNewPrivileges = true, apparmorProfile = "web", selinuxLabel = "a:b:c:s0",
        oomScoreAdj = 100, scheduler = { policy = "SCHED_BATCH", nice = 5 },
        ioPriority = { class = "IOPRIO_CLASS_BE", priority = 3 },
        execCPUAffinity = { initial = "0", final = "1" },
      })
      assert.same({}, ignored)
      local none = {}
      assert.same({
        terminal = true, console_height = 25, console_width = 80, user = "5:6",
        additional_groups = { "7" }, umask = 63, args = { "sh", "-c", "true" }, env = { "A=b" },
        cwd = "/home", no_new_privileges = true, apparmor_profile = "web", label = "a:b:c:s0",
        capabilities = { bounding = { "CAP_KILL" }, permitted = none, effective = none,
          inheritable = none, ambient = none },
        rlimits = { { type = "RLIMIT_CORE", soft = 1, hard = "18446744073709551615" } },
        oom_score_adj = 100, scheduler = { policy = "SCHED_BATCH", nice = 5 },
        io_priority = { class = "IOPRIO_CLASS_BE", priority = 3 },
        cpu_affinity = { initial = "0", final = "1" },
      }, fields)
      assert(schema.parse_process(fields))
    end)

    it("grants nothing that it does not say", function()
      local fields = assert(oci.process({ args = { "sh" }, cwd = "/" }))
      assert.same({}, fields.capabilities.bounding)
      assert.same({}, fields.capabilities.effective)
      assert.is_false(fields.no_new_privileges)
      assert.equal("0:0", fields.user)
      assert.is_false(fields.terminal)
      assert(schema.parse_process(fields))
    end)

    it("takes null for what is not there", function()
      local fields = assert(oci.process({ args = { "sh" }, cwd = "/", env = core.json.null,
        capabilities = core.json.null }))
      assert.is_nil(fields.env)
    end)

    it("says what has no effect", function()
      local _, ignored = oci.process({ args = { "sh" }, cwd = "/",
        capabilities = { ambient = { "CAP_KILL" } } })
      assert.equal("process.capabilities.ambient[1]", ignored[1].path)
    end)

    it("is refused by its path", function()
      refused(oci.process, { args = { "sh" } }, "process.cwd")
      refused(oci.process, { cwd = "/" }, "process.args")
      refused(oci.process, { args = { "sh", 5 }, cwd = "/" }, "process.args[2]")
      refused(oci.process, { args = {}, cwd = "/" }, "process.args")
      refused(oci.process, { args = { "sh" }, cwd = "/", user = { uid = "root" } },
        "process.user.uid")
      assert.has_error(function() oci.process("x") end)
    end)
  end)

  describe("resources", function()
    it("has what an update changes", function()
      local cgroups, rdt, ignored = oci.resources({
        memory = { limit = 4096, reservation = 2048, swap = 8192, checkBeforeUpdate = false },
        cpu = { shares = 5, quota = -1, period = 50000, burst = 6, cpus = "0", mems = "1",
          realtimePeriod = 7, realtimeRuntime = 8, idle = 0 },
        pids = { limit = -1 },
        blockIO = { weight = 10, weightDevice = { { major = 8, minor = 0, weight = 20 } },
          throttleReadBpsDevice = { { major = 8, minor = 0, rate = 0 } } },
        hugepageLimits = { { pageSize = "2MB", limit = 0 } },
        unified = { ["memory.high"] = "5" },
      })
      assert.is_nil(rdt)
      assert.same({}, ignored)
      assert.same({
        memory = 4096, memory_reservation = 2048, memory_swap = 8192,
        memory_check_before_update = false, cpu_shares = 5, cpu_quota = -1, cpu_period = 50000,
        cpu_burst = 6, cpuset_cpus = "0", cpuset_mems = "1", cpu_rt_period = 7, cpu_rt_quota = 8,
        cpu_idle = 0, pids_limit = -1, blkio_weight = 10,
        blkio_weight_device = { { major = 8, minor = 0, weight = 20 } },
        blkio_throttle_read_bps_device = { { major = 8, minor = 0, rate = 0 } },
        hugetlb_limit = { { page_size = "2MB", limit = 0 } }, unified = { ["memory.high"] = "5" },
      }, cgroups)
    end)

    it("changes nothing by what is not there, null, empty or 0", function()
      assert.same({}, oci.resources({}))
      assert.same({}, oci.resources({ memory = core.json.null, cpu = {}, pids = {} }))
      assert.same({}, oci.resources({ memory = { limit = 0, swap = 0, reservation = 0 },
        cpu = { shares = 0, quota = 0, period = 0, cpus = "", mems = "" },
        blockIO = { weight = 0 } }))
    end)

    it("takes 0 for one task and for no burst", function()
      assert.same({ pids_limit = 1, cpu_burst = 0 },
        oci.resources({ pids = { limit = 0 }, cpu = { burst = 0 } }))
    end)

    it("lifts the limit of swap with that of memory", function()
      assert.same({ memory = -1, memory_swap = -1 }, oci.resources({ memory = { limit = -1 } }))
      assert.same({ memory = -1, memory_swap = 5 }, oci.resources({ memory = { limit = -1,
        swap = 5 } }))
    end)

    it("leaves alone what an update does not change, and says so", function()
      local cgroups, _, ignored = oci.resources({ devices = { { allow = true, access = "r" } },
        memory = { swappiness = 5, disableOOMKiller = true }, network = { classID = 5 },
        rdma = { a = { hcaHandles = 1 } }, blockIO = { leafWeight = 10 } })
      assert.same({}, cgroups)
      local paths = {}
      for index, row in ipairs(ignored) do
        paths[index] = row.path
      end
      table.sort(paths)
      assert.same({ "resources.blockIO.leafWeight", "resources.devices",
        "resources.memory.disableOOMKiller", "resources.memory.swappiness", "resources.network",
        "resources.rdma" }, paths)
    end)

    it("is refused by its path", function()
      refused(oci.resources, { memory = { limit = "1G" } }, "resources.memory.limit")
      refused(oci.resources, { cpu = { idle = 2 } }, "resources.cpu.idle")
      refused(oci.resources, { blockIO = { throttleReadBpsDevice = { {} } } },
        "resources.blockIO.throttleReadBpsDevice[1].major")
      assert.has_error(function() oci.resources(nil) end)
    end)
  end)
end)

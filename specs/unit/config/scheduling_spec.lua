local schema = require("ctr.config.schema")

local function parse(changes)
  local config = { rootfs = "/srv/web", namespaces = { "NEWNS" } }
  for key, value in pairs(changes) do
    config[key] = value
  end
  return schema.parse(config)
end

local function refused(path, text, changes)
  local config, err = parse(changes)
  assert.is_nil(config)
  assert.equal("ConfigInvalid", err.code)
  assert.same({ { path = path, text = text } }, err.problems)
end

-- The message's beginning is enough where it goes on with what is near.
local function refused_at(path, pattern, changes)
  local config, err = parse(changes)
  assert.is_nil(config)
  assert.equal(path, err.problems[1].path)
  assert.matches(pattern, err.problems[1].text)
end

describe("ctr.config.schema.scheduling", function()
  it("is loaded for who needs it alone", function()
    for _, name in ipairs({ "schema.scheduling", "rules.scheduling", "scheduling" }) do
      package.loaded["ctr.config." .. name] = nil
    end
    assert(parse({}))
    assert.is_nil(package.loaded["ctr.config.schema.scheduling"])
    assert(parse({ personality = { domain = "LINUX" } }))
    assert.is_table(package.loaded["ctr.config.schema.scheduling"])
  end)

  describe("scheduler", function()
    it("is nothing unless something is said", function()
      assert.is_nil(assert(parse({})).scheduler)
    end)

    it("keeps the kernel's words, and flags as a number", function()
      assert.same({
        policy = "SCHED_BATCH", nice = -5, priority = 0, flags = 0x21, runtime = 0, deadline = 0,
        period = 0,
      }, assert(parse({ scheduler = { policy = "batch", nice = -5,
        flags = { "SCHED_FLAG_RESET_ON_FORK", "SCHED_FLAG_UTIL_CLAMP_MIN" } } })).scheduler)
    end)

    it("takes what it made for what it is", function()
      local once = assert(parse({ scheduler = { policy = "SCHED_RR", priority = 9, flags = 1 } }))
      assert.same(once, assert(schema.parse(once)))
    end)

    it("is required to have a policy that is known", function()
      refused("scheduler.policy", "is required", { scheduler = {} })
      refused_at("scheduler.policy", 'did you mean "SCHED_IDLE"',
        { scheduler = { policy = "SCHED_IDLES" } })
    end)

    it("has a niceness from -20 to 19", function()
      for _, nice in ipairs({ -21, 20, 1.5 }) do
        refused("scheduler.nice", "must be an integer from -20 to 19",
          { scheduler = { policy = "SCHED_OTHER", nice = nice } })
      end
    end)

    it("has a priority with real-time policies and no others", function()
      refused("scheduler.priority", "must be from 1 to 99 with SCHED_FIFO",
        { scheduler = { policy = "SCHED_FIFO" } })
      refused("scheduler.priority", "must be an integer from 0 to 99",
        { scheduler = { policy = "SCHED_RR", priority = 100 } })
      refused("scheduler.priority",
        "means nothing with SCHED_OTHER: it is for SCHED_FIFO and SCHED_RR",
        { scheduler = { policy = "SCHED_OTHER", priority = 1 } })
    end)

    it("has times with SCHED_DEADLINE and no other", function()
      for _, key in ipairs({ "runtime", "deadline", "period" }) do
        refused("scheduler." .. key, "means nothing with SCHED_IDLE: it is for SCHED_DEADLINE",
          { scheduler = { policy = "SCHED_IDLE", [key] = 5 } })
      end
    end)

    it("has times with SCHED_DEADLINE that can be kept", function()
      local function deadline(runtime, latest, period)
        return { scheduler = { policy = "SCHED_DEADLINE", nice = 19, runtime = runtime,
          deadline = latest, period = period } }
      end
      assert(parse(deadline(1024, 1024, 0)))
      assert(parse(deadline(42000, 1000000, 1000000)))
      refused("scheduler.runtime", "must be at least 1024 nanoseconds with SCHED_DEADLINE",
        deadline(1023, 2000, 2000))
      refused("scheduler.deadline", "must not be less than runtime", deadline(2000, 1999, 3000))
      refused("scheduler.period", "must not be less than deadline", deadline(2000, 3000, 2999))
    end)

    it("has flags of sched_setattr(2)", function()
      refused_at("scheduler.flags[1]", "is not a known flag",
        { scheduler = { policy = "SCHED_OTHER", flags = { "SCHED_FLAG_NONE" } } })
      refused("scheduler.flags", "holds bits that mean nothing here",
        { scheduler = { policy = "SCHED_OTHER", flags = 0x80 } })
    end)
  end)

  describe("io_priority", function()
    it("is a class and a priority from 0 to 7", function()
      assert.same({ class = "IOPRIO_CLASS_BE", priority = 7 },
        assert(parse({ io_priority = { class = "be", priority = 7 } })).io_priority)
      refused("io_priority.priority", "must be an integer from 0 to 7",
        { io_priority = { class = "IOPRIO_CLASS_RT", priority = 8 } })
      refused("io_priority.class", "is required", { io_priority = { priority = 1 } })
      refused_at("io_priority.class", "^must be one of IOPRIO_CLASS_RT, ",
        { io_priority = { class = "IOPRIO_CLASS_NONE" } })
    end)
  end)

  describe("personality", function()
    it("is a word, or libcontainer's number", function()
      for written, kept in pairs({ LINUX = "LINUX", LINUX32 = "LINUX32", PER_LINUX32 = "LINUX32",
        [0] = "LINUX", [8] = "LINUX32" }) do
        assert.same({ domain = kept },
          assert(parse({ personality = { domain = written } })).personality)
      end
      refused_at("personality.domain", "^must be one of LINUX, LINUX32",
        { personality = { domain = "BSD" } })
      refused("personality.domain", "must be one of LINUX, LINUX32",
        { personality = { domain = 7 } })
    end)
  end)

  describe("memory_policy", function()
    local function policy(mode, nodes, flags)
      return { memory_policy = { mode = mode, nodes = nodes, flags = flags } }
    end

    it("is a mode, its nodes and flags", function()
      assert.same({ mode = "MPOL_BIND", nodes = "0-1,3", flags = 0x8000 },
        assert(parse(policy("bind", "0-1,3", { "MPOL_F_STATIC_NODES" }))).memory_policy)
      refused_at("memory_policy.mode", "^must be one of the modes", policy("MPOL_MAX"))
    end)

    it("names nodes where the mode wants some, and none where it does not", function()
      for _, mode in ipairs({ "MPOL_DEFAULT", "MPOL_LOCAL" }) do
        assert(parse(policy(mode)))
        refused("memory_policy.nodes", "must be empty with " .. mode, policy(mode, "0"))
      end
      for _, mode in ipairs({ "MPOL_BIND", "MPOL_INTERLEAVE", "MPOL_WEIGHTED_INTERLEAVE",
        "MPOL_PREFERRED_MANY" }) do
        refused("memory_policy.nodes", "must name a node with " .. mode, policy(mode))
      end
      assert(parse(policy("MPOL_PREFERRED")))
      assert(parse(policy("MPOL_PREFERRED", "0")))
    end)

    it("names nodes that there can be", function()
      assert(parse(policy("MPOL_BIND", "1023")))
      refused("memory_policy.nodes", "names the node 1024: the last one that there can be is 1023",
        policy("MPOL_BIND", "0-1024"))
      refused("memory_policy.nodes", "must be a list of numbers and ranges, as in 0-3,7",
        policy("MPOL_BIND", "3-1"))
    end)

    it("has flags that go together", function()
      refused("memory_policy.flags",
        "must not have both MPOL_F_STATIC_NODES and MPOL_F_RELATIVE_NODES",
        policy("MPOL_BIND", "0", { "MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES" }))
      refused("memory_policy.flags", "say how nodes are counted, and there are none",
        policy("MPOL_PREFERRED", "", { "MPOL_F_STATIC_NODES" }))
      refused("memory_policy.flags",
        "must not have MPOL_F_NUMA_BALANCING but with MPOL_BIND and MPOL_PREFERRED_MANY",
        policy("MPOL_INTERLEAVE", "0", { "MPOL_F_NUMA_BALANCING" }))
    end)
  end)

  describe("exec_cpu_affinity", function()
    it("is two lists of CPUs", function()
      assert.same({ initial = "0-3,7", final = "" },
        assert(parse({ exec_cpu_affinity = { initial = "0-3,7" } })).exec_cpu_affinity)
      refused("exec_cpu_affinity.final", "must be a list of numbers and ranges, as in 0-3,7",
        { exec_cpu_affinity = { final = "0,,1" } })
      refused("exec_cpu_affinity.initial",
        "names the CPU 99999999999: the last one that there can be is 8191",
        { exec_cpu_affinity = { initial = "0-99999999999" } })
    end)
  end)

  describe("of a process", function()
    it("has its own scheduler, io_priority and cpu_affinity", function()
      local process = assert(schema.parse_process({ args = { "a" },
        scheduler = { policy = "SCHED_IDLE" }, io_priority = { class = "idle" },
        cpu_affinity = { final = "1" } }))
      assert.equal("SCHED_IDLE", process.scheduler.policy)
      assert.equal("IOPRIO_CLASS_IDLE", process.io_priority.class)
      assert.same({ initial = "", final = "1" }, process.cpu_affinity)
      local _, err = schema.parse_process({ args = { "a" }, scheduler = { policy = "SCHED_FIFO" } })
      assert.equal("process.scheduler.priority", err.path)
    end)

    it("has cgroups below the container's", function()
      local process = assert(schema.parse_process({ args = { "a" },
        sub_cgroup_paths = { [""] = "a/b", pids = "/" } }))
      assert.same({ [""] = "a/b", pids = "/" }, process.sub_cgroup_paths)
      local _, err = schema.parse_process({ args = { "a" }, sub_cgroup_paths = { pids = "../x" } })
      assert.equal("process.sub_cgroup_paths.pids", err.path)
      _, err = schema.parse_process({ args = { "a" }, sub_cgroup_paths = { ["a b"] = "x" } })
      assert.equal("ConfigInvalid", err.code)
    end)
  end)
end)

describe("ctr.config.schema.first_process", function()
  local preview = require("ctr.preview")

  it("refuses what only a process has that is added", function()
    local config = { rootfs = "/srv/web", namespaces = { "NEWNS" } }
    local plan, err = preview.plan(config, { args = { "a" }, cpu_affinity = { final = "0" },
      sub_cgroup_paths = { [""] = "a" } })
    assert.is_nil(plan)
    local text = "is for processes that are added to a running container"
    assert.same({
      { path = "process.cpu_affinity", text = text },
      { path = "process.sub_cgroup_paths", text = text },
    }, err.problems)
    assert(preview.plan(config, { args = { "a" } }))
  end)
end)

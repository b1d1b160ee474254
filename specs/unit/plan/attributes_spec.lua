local attributes = require("ctr.plan.attributes")
local planner = require("ctr.plan")
local schema = require("ctr.config.schema")

local USER = { uid = 1, gid = 2, groups = {}, home = "/" }

local function config(changes)
  local fields = { rootfs = "/srv/root", namespaces = { "NEWNS", "NEWPID" } }
  for key, value in pairs(changes or {}) do
    fields[key] = value
  end
  return assert(schema.parse(fields))
end

local function steps(make, changes, process, facts)
  local parsed = config(changes)
  local fields = { args = { "/bin/true" } }
  for key, value in pairs(process or {}) do
    fields[key] = value
  end
  local merged = planner.merge(parsed, assert(schema.parse_process(fields)))
  local known = { user = USER, can_setgroups = true, into = 0 }
  for key, value in pairs(facts or {}) do
    known[key] = value
  end
  return make(parsed, merged, known)
end

local function start(...)
  return steps(planner.start, ...)
end

local function exec(...)
  return steps(planner.exec, ...)
end

-- What is left of a plan when only some operations are looked at: "op" or "op text".
local function only(plan, wanted)
  local found = {}
  for _, step in ipairs(plan) do
    if wanted[step.op] then
      found[#found + 1] = step
    end
  end
  return found
end

local function summary(plan, wanted)
  local rows = {}
  for index, step in ipairs(only(plan, wanted)) do
    rows[index] = { step.op, step.nums, step.path }
  end
  return rows
end

local ATTRIBUTES = { scheduler = true, io_priority = true, personality = true,
  memory_policy = true, no_new_privs = true, rlimit = true, set_ids = true }
local AFFINITY = { cpu_affinity = true, cgroup_join = true, cgroup_sync = true }
local ALL = {
  scheduler = { policy = "SCHED_RR", priority = 5, flags = 1 },
  io_priority = { class = "IOPRIO_CLASS_BE", priority = 3 },
  personality = { domain = "LINUX32" },
  memory_policy = { mode = "MPOL_BIND", nodes = "0,33", flags = { "MPOL_F_STATIC_NODES" } },
  no_new_privileges = true,
  rlimits = { { type = "core", soft = 9, hard = 9 } },
}

describe("ctr.plan.attributes", function()
  describe("mask", function()
    it("has a bit for each number, 32 a word", function()
      assert.same({}, attributes.mask(""))
      assert.same({ 1 }, attributes.mask("0"))
      assert.same({ 2 ^ 31, 1 }, attributes.mask("31-32"))
      assert.same({ 0x8f }, attributes.mask("0-3,7"))
      assert.same({ 3, 0, 2 }, attributes.mask("0-1,0,1,65"))
      assert.same({ 2 ^ 32 - 1 }, attributes.mask("0-31"))
      assert.equal(256, #attributes.mask("8191"))
    end)
  end)

  it("come after no_new_privs, before the limits and the user, in libcontainer's order", function()
    local expected = {
      { "no_new_privs", {}, "no_new_privileges" },
      { "scheduler", { 2, 1, 0, 5, 0, 0, 0 }, "scheduler" },
      { "io_priority", { 0x4003 }, "io_priority" },
      { "personality", { 8 }, "personality" },
      { "memory_policy", { 0x8002, 1, 2 }, "memory_policy" },
      { "rlimit", { 4, 9, 9 }, "rlimits[1]" },
      { "set_ids", { 1, 2, 1 }, "process.user" },
    }
    assert.same(expected, summary(start(ALL), ATTRIBUTES))
    assert.same(expected, summary(exec(ALL), ATTRIBUTES))
  end)

  it("of a process stand in place of the configuration's", function()
    local rows = summary(start(ALL, { scheduler = { policy = "SCHED_OTHER", nice = -3 },
      io_priority = { class = "idle" } }), ATTRIBUTES)
    assert.same({ "scheduler", { 0, 0, -3, 0, 0, 0, 0 }, "process.scheduler" }, rows[2])
    assert.same({ "io_priority", { 0x6000 }, "process.io_priority" }, rows[3])
  end)

  it("cost nothing where nothing is said", function()
    package.loaded["ctr.plan.attributes"] = nil
    start()
    exec()
    assert.is_nil(package.loaded["ctr.plan.attributes"])
    package.loaded["ctr.plan.attributes"] = attributes
  end)

  it("read well", function()
    local text = tostring(start({
      scheduler = { policy = "SCHED_DEADLINE", runtime = 2000, deadline = 3000, flags = 4 },
      io_priority = { class = "rt", priority = 1 },
      personality = { domain = "LINUX32" },
      memory_policy = { mode = "MPOL_INTERLEAVE", nodes = "0-1" },
    }, { pidfd_socket = 5 }, { sends_pidfd = true, enters_cgroup = true }))
    for _, line in ipairs({
      "scheduler +SCHED_DEADLINE runtime=2000 deadline=3000 flags=0x4 +config.scheduler\n",
      "io_priority +IOPRIO_CLASS_RT 1 +config.io_priority\n",
      "personality +LINUX32 +config.personality\n",
      "memory_policy +MPOL_INTERLEAVE 0%-1 +config.memory_policy\n",
      "cpu_affinity +all of the cpuset +config.cgroups\n",
      "send_pidfd +standard +process.pidfd_socket\n",
    }) do
      assert.matches(line, text)
    end
  end)

  describe("of the CPUs", function()
    local CPUSET = { "cgroup_join", { "@cgroup:1" }, "cgroups" }
    local MEMORY = { "cgroup_join", { "@cgroup:2" }, "cgroups" }
    local JOINS = { cgroups = { "cpuset", "memory" }, enters_cgroup = true }

    it("gives a container those of its cpuset, once it is in there", function()
      assert.same({
        CPUSET, MEMORY,
        { "cpu_affinity", {}, "cgroups" },
      }, summary(start(nil, nil, JOINS), AFFINITY))
      assert.same({ { "cgroup_sync", {}, "cgroups" }, { "cpu_affinity", {}, "cgroups" } },
        summary(start(nil, nil, { joins_late = true, enters_cgroup = true }), AFFINITY))
      assert.same({}, summary(start(), AFFINITY))
    end)

    it("are not those of exec_cpu_affinity for the first process", function()
      assert.same({ { "cpu_affinity", {}, "cgroups" } },
        summary(start({ exec_cpu_affinity = { initial = "1", final = "1" } }, nil,
          { enters_cgroup = true }), AFFINITY))
    end)

    it("are of two kinds for a process that is added: before it joins, and from then on", function()
      assert.same({
        { "cpu_affinity", { 1 }, "exec_cpu_affinity.initial" },
        CPUSET, MEMORY,
        { "cpu_affinity", { 6 }, "exec_cpu_affinity.final" },
      }, summary(exec({ exec_cpu_affinity = { initial = "0", final = "1-2" } }, nil, JOINS),
        AFFINITY))
      assert.same({
        CPUSET, MEMORY,
        { "cpu_affinity", { 8 }, "process.cpu_affinity.final" },
      }, summary(exec({ exec_cpu_affinity = { initial = "0" } }, { cpu_affinity = { final = "3" } },
        JOINS), AFFINITY))
    end)

    it("are those of the cpuset where nothing is said for it", function()
      for _, changes in ipairs({ {}, { exec_cpu_affinity = {} } }) do
        assert.same({ CPUSET, MEMORY, { "cpu_affinity", {}, "cgroups" } },
          summary(exec(changes, nil, JOINS), AFFINITY))
      end
    end)
  end)

  it("tell whose pidfd it is", function()
    local wanted = { send_pidfd = true }
    local facts = { sends_pidfd = true }
    assert.same({ "standard" }, only(start(nil, nil, facts), wanted)[1].strings)
    assert.same({ "setns" }, only(exec(nil, nil, facts), wanted)[1].strings)
    assert.same({}, only(start(), wanted))
  end)

  it("show the resctrl group that the library puts the first process in", function()
    local rdt = { clos_id = "batch", l3_cache_schema = "L3:0=f", schemata = { "L2:0=1" },
      enable_monitoring = true }
    local steps_of = only(start({ intel_rdt = rdt }), { intel_rdt = true })
    assert.same({ "parent", "intel_rdt" }, { steps_of[1].by, steps_of[1].path })
    assert.matches("intel_rdt +class batch L3:0=f L2:0=1 monitored %(by the parent%) +config",
      tostring(start({ intel_rdt = rdt })))
    assert.matches("intel_rdt +a class of its own %(by the parent%)",
      tostring(start({ intel_rdt = {} })))
  end)

  it("let an added process wait for its resctrl group", function()
    local syncs = only(exec(nil, nil, { intel_rdt = true }), { sync = true })
    assert.same({ "intel_rdt" }, syncs[1].strings)
    assert.same({}, only(exec(), { sync = true }))
  end)
end)

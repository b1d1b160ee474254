local planner = require("ctr.plan")
local schema = require("ctr.config.schema")

local ADMIN = 2 ^ 21
local DENY = { default_action = "SCMP_ACT_ALLOW", flags = { "SECCOMP_FILTER_FLAG_LOG" },
  syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_ERRNO" } } }
local ASK = { default_action = "SCMP_ACT_ALLOW", listener_path = "/run/agent", syscalls = {
  { names = { "mkdir" }, action = "SCMP_ACT_NOTIFY" } } }

local function plan(seccomp, mode, changes)
  local fields = { rootfs = "/srv", namespaces = { "mount" }, seccomp = seccomp }
  for key, value in pairs(changes or {}) do
    fields[key] = value
  end
  local config = assert(schema.parse(fields))
  local process = planner.merge(config, assert(schema.parse_process({ args = { "/bin/true" } })))
  local facts = { mode = mode, user = { uid = 0, gid = 0, groups = {}, home = "/" },
    can_setgroups = true, into = 0 }
  return mode == "exec" and planner.exec(config, process, facts)
    or planner.start(config, process, facts)
end

local function last_operations(steps, count)
  local names = {}
  for index = #steps - count + 1, #steps do
    names[#names + 1] = steps[index].op
  end
  return names
end

local function find(steps, op)
  for _, step in ipairs(steps) do
    if step.op == op then
      return step
    end
  end
  return nil
end

describe("the plan of a seccomp filter", function()
  it("has none without one", function()
    assert.is_nil(find(plan(nil, "run"), "seccomp"))
  end)

  it("loads it as the last, by exec itself", function()
    assert.same({ "find_program", "sync", "seccomp", "exec" },
      last_operations(plan(DENY, "run"), 4))
    assert.same({ "find_program", "seccomp", "exec" }, last_operations(plan(DENY, "exec"), 3))
    local waiting = plan(DENY, "start")
    assert.same({ "seccomp", "wait_fifo", "exec" }, last_operations(waiting, 3))
    assert.same({ "@seccomp", 2, 0 }, find(waiting, "seccomp").nums)
    local step = find(plan(DENY, "run"), "seccomp")
    assert.same({ "@seccomp", 2, 0 }, step.nums)
    assert.equal("seccomp", step.path)
  end)

  it("hands a listener over before the container waits", function()
    local steps = plan(ASK, "start")
    assert.same({ "seccomp", "wait_fifo", "exec" }, last_operations(steps, 3))
    assert.same({ "@seccomp", 12, 1 }, find(steps, "seccomp").nums)
    assert.same({ "@seccomp", 12, 0 }, find(plan(ASK, "run"), "seccomp").nums)
  end)

  it("keeps CAP_SYS_ADMIN for it where no_new_privileges is not there", function()
    local held = { bounding = { "CAP_KILL" }, effective = { "CAP_KILL" },
      permitted = { "CAP_KILL" } }
    local function capset(seccomp, no_new_privileges)
      local steps = plan(seccomp, "run",
        { capabilities = held, no_new_privileges = no_new_privileges })
      assert.same({ 32 }, find(steps, "bounding").nums)
      return find(steps, "capset").nums, tostring(steps)
    end
    local nums, text = capset(DENY, false)
    assert.same({ 32 + ADMIN, 32 + ADMIN, 0, 0 }, nums)
    assert.truthy(text:find("ambient=none (CAP_SYS_ADMIN until execve, for seccomp)", 1, true))
    nums, text = capset(DENY, true)
    assert.same({ 32, 32, 0, 0 }, nums)
    assert.is_nil(text:find("SYS_ADMIN", 1, true))
    assert.same({ 32, 32, 0, 0 }, (capset(nil, false)))
  end)

  it("says it in words", function()
    assert.truthy(tostring(plan(DENY, "run")):find("seccomp         1 call refused, else ALLOW",
      1, true))
  end)
end)

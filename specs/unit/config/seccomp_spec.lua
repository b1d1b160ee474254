local schema = require("ctr.config.schema")

local function parse(seccomp)
  return schema.parse({ rootfs = "/srv", namespaces = { "mount" }, seccomp = seccomp })
end

local function kept(seccomp)
  return assert(parse(seccomp)).seccomp
end

local function problems(seccomp)
  local config, err = parse(seccomp)
  assert.is_nil(config)
  assert.equal("ConfigInvalid", err.code)
  local found = {}
  for index, problem in ipairs(err.problems) do
    found[index] = problem.path .. " " .. problem.text
  end
  return found
end

-- One rule, of a profile that is well but for it.
local function with(rule)
  return { default_action = "SCMP_ACT_ALLOW", syscalls = { rule } }
end

local function only_problem(seccomp)
  local found = problems(seccomp)
  assert.equal(1, #found, table.concat(found, "\n"))
  return found[1]
end

describe("ctr.config.schema, of seccomp", function()
  it("is nothing unless it is said", function()
    assert.is_nil(assert(parse(nil)).seccomp)
  end)

  it("keeps OCI's words, and fills in what was left out", function()
    assert.same({
      default_action = "SCMP_ACT_ERRNO", architectures = {}, syscalls = {
        { names = { "read", "execve" }, action = "SCMP_ACT_ALLOW", args = {
          { index = 0, value = 1, value_two = 0, op = "SCMP_CMP_EQ" } } },
        { names = { "execve" }, action = "SCMP_ACT_ALLOW", args = {} },
      },
    }, kept({ default_action = "SCMP_ACT_ERRNO", syscalls = {
      { names = { "read", "execve" }, action = "SCMP_ACT_ALLOW", args = {
        { index = 0, value = 1, op = "SCMP_CMP_EQ" } } },
      { names = { "execve" }, action = "SCMP_ACT_ALLOW" },
    } }))
  end)

  it("reads OCI's JSON names", function()
    local profile = kept({ defaultAction = "SCMP_ACT_ALLOW", listenerPath = "/run/agent",
      listenerMetadata = "m", syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_ERRNO",
        errnoRet = 5, args = { { index = 0, value = 1, valueTwo = 2, op = "SCMP_CMP_EQ" } } } } })
    assert.equal("/run/agent", profile.listener_path)
    assert.equal("m", profile.listener_metadata)
    assert.equal(5, profile.syscalls[1].errno_ret)
    assert.equal(2, profile.syscalls[1].args[1].value_two)
    assert.equal(5, kept({ default_action = "errno", defaultErrnoRet = 5, syscalls = {
      { names = { "execve" }, action = "allow" } } }).default_errno_ret)
  end)

  it("reads libcontainer's JSON: numbers, short architectures, one name", function()
    local profile = kept({ default_action = 4, architectures = { "amd64", "x86", "arm64" },
      syscalls = {
        { name = "mkdir", action = 2, args = { { index = 1, value = 2, value_two = 3, op = 7 } } },
        { name = "rmdir", action = 9, args = { { index = 1, value = 2, op = 3 } } },
      } })
    assert.equal("SCMP_ACT_ALLOW", profile.default_action)
    assert.same({ "SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_AARCH64" }, profile.architectures)
    assert.same({ "mkdir" }, profile.syscalls[1].names)
    assert.equal("SCMP_ACT_ERRNO", profile.syscalls[1].action)
    assert.equal("SCMP_CMP_MASKED_EQ", profile.syscalls[1].args[1].op)
    assert.equal("SCMP_ACT_KILL_PROCESS", profile.syscalls[2].action)
    assert.equal("SCMP_CMP_GT", profile.syscalls[2].args[1].op)
  end)

  it("reads short words", function()
    local profile = kept({ default_action = "log", flags = { "tsync", "LOG" }, syscalls = {
      { names = { "mkdir" }, action = "KILL", args = { { index = 0, value = 1, op = "ge" } } } } })
    assert.equal("SCMP_ACT_LOG", profile.default_action)
    assert.same({ "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG" }, profile.flags)
    assert.equal("SCMP_ACT_KILL", profile.syscalls[1].action)
    assert.equal("SCMP_CMP_GE", profile.syscalls[1].args[1].op)
  end)

  it("reads values of 64 bits", function()
    local arg = kept(with({ names = { "mkdir" }, action = "errno", args = {
      { index = 0, value = "0xffffffffffffffff", value_two = "4294967296", op = "masked_eq" } },
    })).syscalls[1].args[1]
    assert.equal("18446744073709551615", arg.value)
    assert.equal(4294967296, arg.value_two)
  end)

  it("wants an action, names and comparisons that are known", function()
    assert.equal("seccomp.default_action is required", only_problem({}))
    assert.equal("seccomp.default_action is required", only_problem({ default_action = "" }))
    assert.truthy(only_problem({ default_action = 0 }):find("must be one of", 1, true))
    assert.truthy(only_problem({ default_action = "DENY" }):find("must be one of", 1, true))
    assert.equal("seccomp.syscalls[1].names is required: the names of system calls",
      only_problem(with({ names = {}, action = "errno" })))
    assert.equal("seccomp.syscalls[1].names[1] must not be empty",
      only_problem(with({ names = { "" }, action = "errno" })))
    assert.equal("seccomp.syscalls[1].action is required", only_problem(with({ names = { "a" } })))
    assert.equal("seccomp must be a table, not a string", only_problem("strict"))
    assert.truthy(only_problem({ default_action = "allow", architectures = { "pdp11" } })
      :find("seccomp.architectures[1] must be one of", 1, true))
    assert.truthy(only_problem({ default_action = "allow", flags = { "FAST" } })
      :find("seccomp.flags[1] must be one of", 1, true))
  end)

  it("wants arguments that there are", function()
    local function arg(changes)
      local fields = { index = 0, value = 1, op = "eq" }
      for key, value in pairs(changes) do
        fields[key] = value
      end
      return only_problem(with({ names = { "mkdir" }, action = "errno", args = { fields } }))
    end
    assert.equal("seccomp.syscalls[1].args[1].index must be an integer from 0 to 5",
      arg({ index = 6 }))
    assert.truthy(arg({ value = -1 }):find("args[1].value must be an integer from 0", 1, true))
    assert.truthy(arg({ value = 2 ^ 60 }):find("else a string", 1, true))
    assert.truthy(arg({ value = "18446744073709551616" }):find("must be an integer", 1, true))
    assert.truthy(arg({ op = "SCMP_CMP_LIKE" }):find("args[1].op must be one of", 1, true))
  end)

  it("refuses an errno that has no effect, or that the kernel would change", function()
    assert.truthy(only_problem(with({ names = { "mkdir" }, action = "allow", errno_ret = 1 }))
      :find("seccomp.syscalls[1].errno_ret has no effect", 1, true))
    assert.truthy(only_problem({ default_action = "allow", default_errno_ret = 1 })
      :find("seccomp.default_errno_ret has no effect", 1, true))
    assert.equal("seccomp.syscalls[1].errno_ret must be at most 4095 for SCMP_ACT_ERRNO",
      only_problem(with({ names = { "mkdir" }, action = "errno", errno_ret = 4096 })))
    assert(parse(with({ names = { "mkdir" }, action = "trace", errno_ret = 65535 })))
  end)

  it("refuses to be asked about what the start itself does", function()
    assert.truthy(only_problem({ default_action = "notify" })
      :find("seccomp.default_action must not be SCMP_ACT_NOTIFY", 1, true))
    for _, name in ipairs({ "write", "sendmsg" }) do
      assert.truthy(only_problem(with({ names = { "mkdir", name }, action = "notify" }))
        :find("seccomp.syscalls[1].names[2] must not be " .. name, 1, true))
    end
  end)

  it("refuses what no container could be started with", function()
    assert.equal("seccomp.syscalls must let execve through, not SCMP_ACT_ERRNO: the program is "
      .. "executed by it", only_problem({ default_action = "errno" }))
    assert.truthy(only_problem(with({ names = { "execve" }, action = "kill" }))
      :find("must let execve through", 1, true))
    assert(parse(with({ names = { "execve" }, action = "kill", args = {
      { index = 0, value = 0, op = "eq" } } })))
    local found = problems({ default_action = "errno", syscalls = {
      { names = { "execve" }, action = "allow" }, { names = { "mkdir" }, action = "notify" } } })
    assert.equal(2, #found)
    assert.truthy(found[1]:find("sendmsg", 1, true) and found[2]:find("read", 1, true))
  end)

  it("wants a place for its listener that is one", function()
    assert.equal("seccomp.listener_path must be an absolute path",
      only_problem({ default_action = "allow", listener_path = "agent" }))
    assert.equal("seccomp.listener_metadata needs listener_path",
      only_problem({ default_action = "allow", listener_metadata = "m" }))
  end)
end)

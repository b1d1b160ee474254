local rules = require("ctr.supervisor.rules")

local PROFILE = {
  default_action = "SCMP_ACT_ERRNO", default_errno_ret = 38,
  syscalls = {
    { names = { "socket" }, action = "SCMP_ACT_ALLOW", args = {
      { index = 0, op = "SCMP_CMP_EQ", value = 1, value_two = 0 },
      { index = 0, op = "SCMP_CMP_EQ", value = 2, value_two = 0 },
    } },
    { names = { "clone", "kill" }, action = "SCMP_ACT_NOTIFY", args = {
      { index = 0, op = "SCMP_CMP_MASKED_EQ", value = 0xf0, value_two = 0x10 },
      { index = 1, op = "SCMP_CMP_GT", value = "9223372036854775808", value_two = 0 },
    } },
    { names = { "kill" }, action = "SCMP_ACT_ERRNO", errno_ret = 3, args = {} },
    { names = { "kill" }, action = "SCMP_ACT_ALLOW", args = {} },
  },
}

describe("ctr.supervisor.rules", function()
  local by_name = rules.index(PROFILE)

  local function outcome(name, ...)
    local args = { ... }
    for index = #args + 1, 6 do
      args[index] = 0
    end
    return { rules.outcome(PROFILE, by_name, name, args) }
  end

  it("says the default where no rule is", function()
    assert.same({ "SCMP_ACT_ERRNO", 38 }, outcome("mkdir"))
  end)

  it("takes several conditions on one argument for alternatives", function()
    assert.equal("SCMP_ACT_ALLOW", outcome("socket", 1)[1])
    assert.equal("SCMP_ACT_ALLOW", outcome("socket", 2)[1])
    assert.same({ "SCMP_ACT_ERRNO", 38 }, outcome("socket", 3))
  end)

  it("wants all conditions on several arguments", function()
    assert.equal("SCMP_ACT_NOTIFY", outcome("clone", 0x1f, "18446744073709551615")[1])
    assert.equal("SCMP_ACT_ERRNO", outcome("clone", 0x1f, 5)[1])
    assert.equal("SCMP_ACT_ERRNO", outcome("clone", 0x2f, "18446744073709551615")[1])
  end)

  it("takes the first rule that matches", function()
    assert.same({ "SCMP_ACT_NOTIFY" }, outcome("kill", 0x10, "9223372036854775809"))
    assert.same({ "SCMP_ACT_ERRNO", 3 }, outcome("kill", 0, 0))
  end)
end)

local profiles = require("specs.support.profiles")
local summary = require("ctr.seccomp.summary")

local function text(profile)
  return summary.text(profiles.normalised(profile))
end

describe("ctr.seccomp.summary", function()
  it("counts what is allowed, with conditions, and says what else there is", function()
    assert.equal("3 calls allowed, 1 with conditions, else ENOSYS", text({
      default_action = "errno", default_errno_ret = 38, syscalls = {
        { names = { "read", "write" }, action = "allow" },
        { names = { "socket" }, action = "allow", args = { { index = 0, op = "eq", value = 2 } } },
        { names = { "socket" }, action = "allow", args = { { index = 0, op = "eq", value = 3 } } },
      } }))
  end)

  it("has a word for each action", function()
    assert.equal("1 call logged, 1 traced, 1 notified, 2 refused, 1 trapped, 2 killed for, "
      .. "else ALLOW", text({ default_action = "allow", syscalls = {
        { names = { "a", "b" }, action = "errno" }, { names = { "c" }, action = "trap" },
        { names = { "d" }, action = "kill" }, { names = { "e" }, action = "kill_process" },
        { names = { "f" }, action = "trace" }, { names = { "g" }, action = "log" },
        { names = { "h" }, action = "notify" },
      } }))
  end)

  it("says an error by its number where it has no name for it", function()
    assert.equal("else errno 4000", text({ default_action = "errno", default_errno_ret = 4000 }))
  end)
end)

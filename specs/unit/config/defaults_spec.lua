local defaults = require("ctr.config.defaults")

local function rule_of(rule)
  return ("%s %d:%d %s"):format(rule.type, rule.major, rule.minor, rule.permissions)
end

describe("ctr.config.defaults", function()
  it("creates libcontainer's six nodes", function()
    local nodes = {}
    for _, device in ipairs(defaults.auto_created_devices) do
      nodes[device.path] = rule_of(device)
      assert.equal(tonumber("0666", 8), device.file_mode)
    end
    assert.same({
      ["/dev/null"] = "c 1:3 rwm",
      ["/dev/zero"] = "c 1:5 rwm",
      ["/dev/full"] = "c 1:7 rwm",
      ["/dev/tty"] = "c 5:0 rwm",
      ["/dev/urandom"] = "c 1:9 rwm",
      ["/dev/random"] = "c 1:8 rwm",
    }, nodes)
  end)

  it("allows libcontainer's twelve devices", function()
    local rules = {}
    for i, rule in ipairs(defaults.allowed_devices) do
      rules[i] = rule_of(rule)
    end
    assert.same({
      "c -1:-1 m", "b -1:-1 m", "c 5:1 rwm", "c 136:-1 rwm", "c 5:2 rwm", "c 10:200 rwm",
      "c 1:3 rwm", "c 1:5 rwm", "c 1:7 rwm", "c 5:0 rwm", "c 1:9 rwm", "c 1:8 rwm",
    }, rules)
  end)
end)

local devices = require("ctr.cgroup.devices")

local NULL = { type = "c", major = 1, minor = 3, permissions = "rwm" }
local PTS = { type = "c", major = 136, minor = -1, permissions = "rw" }

local function lines(resources)
  local list = {}
  for index, write in ipairs(assert(devices.writes(resources))) do
    list[index] = write.file .. " " .. write.text
  end
  return list
end

local function rule(fields)
  local copy = { allow = true, type = "c", major = 1, minor = 3, permissions = "r" }
  for key, value in pairs(fields) do
    copy[key] = value
  end
  return copy
end

describe("ctr.cgroup.devices", function()
  describe("writes", function()
    it("writes nothing when nothing is asked for", function()
      assert.same({}, lines({}))
      assert.same({}, lines({ devices = {}, allowed_devices = {}, denied_devices = {} }))
    end)

    it("denies all before a list of rules", function()
      assert.same({
        "devices.deny a",
        "devices.allow c 1:3 rwm",
        "devices.deny c 136:* rw",
      }, lines({ devices = {
        { allow = true, type = "c", major = 1, minor = 3, permissions = "rwm" },
        { allow = false, type = "c", major = 136, minor = -1, permissions = "rw" },
      } }))
    end)

    it("looks at the older keys only without a list of rules", function()
      assert.same({ "devices.deny a", "devices.allow b *:* m" }, lines({
        devices = { { allow = true, type = "b", permissions = "m" } },
        allow_all_devices = true,
      }))
    end)

    it("denies all but the allowed devices", function()
      local expected = { "devices.deny a", "devices.allow c 1:3 rwm", "devices.allow c 136:* rw" }
      assert.same(expected, lines({ allowed_devices = { NULL, PTS } }))
      assert.same(expected, lines({ allow_all_devices = false, allowed_devices = { NULL, PTS } }))
      assert.same({ "devices.deny a" }, lines({ allow_all_devices = false }))
    end)

    it("allows all but the denied devices", function()
      local expected = { "devices.allow a", "devices.deny c 1:3 rwm" }
      assert.same(expected, lines({ denied_devices = { NULL } }))
      assert.same(expected, lines({ allow_all_devices = true, denied_devices = { NULL } }))
    end)

    it("takes the character's code for a type, as libcontainer writes it", function()
      assert.same({ "devices.deny a", "devices.allow c 1:3 rwm", "devices.allow b 8:0 r" },
        lines({ allowed_devices = {
          { type = 99, major = 1, minor = 3, permissions = "rwm" },
          { type = 98, major = 8, minor = 0, permissions = "r" },
        } }))
    end)

    -- The kernel reads no further than the "a": "a 1:3 r" would allow every device there is.
    it("spells out a rule for both types that is not a rule for everything", function()
      assert.same({ "devices.deny a", "devices.allow b 1:3 r", "devices.allow c 1:3 r" },
        lines({ devices = { rule({ type = "a" }) } }))
      assert.same({ "devices.deny a", "devices.allow a" },
        lines({ devices = { { allow = true, type = "a", permissions = "rwm" } } }))
    end)

    for name, case in pairs({
      type = { rule({ type = "x" }), "type" },
      ["negative number"] = { rule({ major = -2 }), "major" },
      ["fraction"] = { rule({ minor = 1.5 }), "minor" },
      ["text for a number"] = { rule({ minor = "3\nc" }), "minor" },
      ["unknown permission"] = { rule({ permissions = "rx" }), "permissions" },
      ["no permission"] = { rule({ permissions = "" }), "permissions" },
    }) do
      it("refuses a wrong rule by its path: " .. name, function()
        local writes, err = devices.writes({ devices = { NULL, case[1] } })
        assert.is_nil(writes)
        assert.equal("ConfigInvalid", err.code)
        assert.equal("cgroups.devices[2]." .. case[2], err.path)
      end)
    end
  end)

  -- v1 keeps exceptions: one that is taken away from a wider one would silently stay.
  it("refuses for v1 what takes a part of a wider rule", function()
    local writes, err = devices.writes({ devices = { rule({ minor = -1, permissions = "rwm" }),
      rule({ allow = false, permissions = "w" }) } })
    assert.is_nil(writes)
    assert.equal("cgroups.devices[2]", err.path)
    assert(devices.writes({ devices = { rule({ permissions = "rwm" }),
      rule({ allow = false, permissions = "w" }) } }))
    assert(devices.program({ devices = { rule({ minor = -1, permissions = "rwm" }),
      rule({ allow = false, permissions = "w" }) } }))
  end)

  describe("transition", function()
    local function steps(text, resources)
      local list = {}
      for index, write in ipairs(devices.transition(text, assert(devices.writes(resources)))) do
        list[index] = write.file .. " " .. write.text
      end
      return list
    end

    it("allows what is new before it denies what is gone, and touches nothing else", function()
      assert.same({ "devices.allow c 1:5 r", "devices.deny c 136:* rw", "devices.deny c 1:3 m" },
        steps("c 1:3 rwm\nc 136:* rw", { devices = { rule({ permissions = "rw" }),
          rule({ minor = 5, permissions = "r" }) } }))
      assert.same({}, steps("c 1:3 rwm", { devices = { rule({ permissions = "rwm" }) } }))
    end)

    it("denies nothing in between where the rules begin with all that is denied", function()
      local nothing = { allow = false, type = "a", major = -1, minor = -1, permissions = "rwm" }
      local kmsg = { allow = false, type = "c", major = 1, minor = 11, permissions = "rwm" }
      assert.same({}, steps("c 1:3 rwm", { devices = { nothing, kmsg,
        rule({ permissions = "rwm" }) } }))
      assert.same({ "devices.deny c 1:11 rw" }, steps("c 1:3 rwm\nc 1:11 rw", { devices = {
        nothing, rule({ permissions = "rwm" }), kmsg } }))
    end)

    it("begins anew where one of the two allows all", function()
      assert.same({ "devices.deny a", "devices.allow c 1:3 r" },
        steps("a *:* rwm", { devices = { rule({}) } }))
      assert.same({ "devices.allow a" }, steps("c 1:3 r", { allow_all_devices = true }))
    end)
  end)

  describe("program", function()
    it("has the rules in their order, and what counts without one", function()
      local program, allow = devices.program({ devices = { rule({ type = "a" }), PTS } })
      assert.is_false(allow)
      assert.same({ allow = true, types = 1, major = 1, minor = 3, access = 2 }, program[1])
      assert.same({ allow = true, types = 2, major = 1, minor = 3, access = 2 }, program[2])
      assert.same({ allow = false, types = 2, major = 136, minor = -1, access = 6 }, program[3])
      program, allow = devices.program({ denied_devices = { NULL } })
      assert.is_true(allow)
      assert.equal(7, program[1].access)
      assert.is_nil((devices.program({})))
    end)
  end)
end)

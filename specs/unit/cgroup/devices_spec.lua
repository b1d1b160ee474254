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
end)

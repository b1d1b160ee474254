--- The shapes of device nodes, and of rules about devices.
-- @module ctr.config.schema.device

local checks = require("ctr.config.checks")
local fields = require("ctr.config.schema.fields")
local shape = require("ctr.config.shape")

local M = {}

local LAST_ID = 2 ^ 32 - 2
local LAST_NUMBER = 2 ^ 32 - 1

local function device_number(most, about)
  return shape.integer({
    default = checks.default_device_number, min = 0, max = most, about = about,
  })
end

local function owner(about)
  return shape.integer({ default = 0, min = 0, max = LAST_ID, about = about })
end

local function file_mode()
  return shape.integer({
    default = 438, -- 0666
    min = 0,
    max = 4095,
    accept = checks.octal,
    about = "Permissions: a number, or octal digits, \"0666\".",
  })
end

local function permissions(default)
  return shape.string({
    default = default,
    normalise = checks.permissions,
    about = "Some of r, w and m (mknod).",
  })
end

--- A node in the container's /dev.
M.device = shape.record({
  type = shape.enum({ "c", "u", "b", "p" }, {
    accept = checks.device_type,
    about = "c or u: character, b: block, p: a named pipe.",
  }),
  path = shape.string({ normalise = checks.path_inside, about = "Where, in the container." }),
  major = device_number(4095, "The driver."),
  minor = device_number(1048575, "The driver's device."),
  permissions = permissions("rwm"),
  file_mode = file_mode(),
  uid = owner("Who owns it, in the container."),
  gid = owner("Its group, in the container."),
  allow = fields.switch("Whether a rule made of it allows."),
})

local function rule_number(about)
  return shape.integer({
    default = -1, min = -1, max = LAST_NUMBER, accept = checks.device_number, about = about,
  })
end

-- A node may stand for a rule, as in libcontainer; what only a node has is checked and left out.
local function rule_normaliser(allow)
  return function(rule)
    if allow ~= nil then
      rule.allow = allow
    end
    rule.path, rule.file_mode, rule.uid, rule.gid = nil, nil, nil, nil
    return rule
  end
end

--- A list of rules of the device cgroup.
-- @tparam ?boolean allow what each of them says, where the list tells
-- @tparam string about
function M.device_rules(allow, about)
  local rule = shape.record({
    type = shape.enum({ "a", "b", "c", "u" }, {
      accept = checks.device_type,
      about = "c: character, b: block, a: all.",
    }),
    major = rule_number("The driver; -1 or * for any."),
    minor = rule_number("The driver's device; -1 or * for any."),
    permissions = permissions(),
    allow = fields.switch("Whether the rule allows."),
    path = shape.string({ default = "", about = "Of a node that stands for a rule: no effect." }),
    file_mode = file_mode(),
    uid = owner("Of a node that stands for a rule: no effect."),
    gid = owner("Of a node that stands for a rule: no effect."),
  }, { normalise = rule_normaliser(allow) })
  return shape.list(rule, { optional = true, about = about })
end

return M

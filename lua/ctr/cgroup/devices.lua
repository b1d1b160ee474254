--- Device rules: the configuration's lists as lines for devices.allow and devices.deny.
-- @module ctr.cgroup.devices

local errors = require("ctr.errors")

local M = {}

local EVERYTHING = "a"

-- libcontainer's JSON has a character's code where people write the character.
local TYPES = {
  a = "a", b = "b", c = "c", u = "c",
  [97] = "a", [98] = "b", [99] = "c", [117] = "c",
}

local function invalid(key, index, field, reason)
  local path = ("cgroups.%s[%d].%s"):format(key, index, field)
  return nil, errors.new("ConfigInvalid", path .. " " .. reason, { path = path })
end

-- What a line has for a device number: the number, or "*".
local function number_word(number)
  if number == nil or number == -1 then
    return "*"
  end
  if type(number) ~= "number" or number < 0 or number ~= math.floor(number) or number >= 2 ^ 32 then
    return nil
  end
  return number
end

local function permissions_text(permissions)
  if type(permissions) ~= "string" or permissions == "" or permissions:find("[^rwm]") then
    return nil
  end
  return permissions
end

local function is_everything(major, minor, permissions)
  return major == "*" and minor == "*" and permissions:find("r") and permissions:find("w")
    and permissions:find("m")
end

-- The lines for a rule. The kernel takes "a" for every device and access, whatever follows; so
-- where a rule says less, there is a line for each of the two types.
local function lines_of(rule, key, index)
  local kind = TYPES[rule.type or "a"]
  if not kind then
    return invalid(key, index, "type", "must be one of a, b, c, u")
  end
  local major, minor = number_word(rule.major), number_word(rule.minor)
  if not major or not minor then
    return invalid(key, index, major and "minor" or "major",
      "must be a device number, or -1 for all")
  end
  local permissions = permissions_text(rule.permissions)
  if not permissions then
    return invalid(key, index, "permissions", "must be some of r, w and m")
  end
  local rest = " " .. major .. ":" .. minor .. " " .. permissions
  if kind ~= "a" then
    return { kind .. rest }
  end
  if is_everything(major, minor, permissions) then
    return { EVERYTHING }
  end
  return { "b" .. rest, "c" .. rest }
end

local function add(writes, rules, key, file_of)
  for index, rule in ipairs(rules or {}) do
    local lines, err = lines_of(rule, key, index)
    if not lines then
      return nil, err
    end
    for _, line in ipairs(lines) do
      writes[#writes + 1] = { file = file_of(rule), text = line, key = key }
    end
  end
  return writes
end

local function allow()
  return "devices.allow"
end

local function deny()
  return "devices.deny"
end

local function by_rule(rule)
  return rule.allow and "devices.allow" or "devices.deny"
end

local function is_list(value)
  return type(value) == "table" and #value > 0
end

--- The key that asks for device rules, or nil when nothing does.
-- @tparam table resources
-- @treturn string|nil
function M.asked(resources)
  for _, key in ipairs({ "devices", "allowed_devices", "denied_devices" }) do
    if is_list(resources[key]) then
      return key
    end
  end
  return resources.allow_all_devices ~= nil and "allow_all_devices" or nil
end

-- `denied_devices` alone takes away from all that is allowed.
local function starts_from_all(resources)
  if resources.allow_all_devices ~= nil then
    return resources.allow_all_devices
  end
  return not is_list(resources.allowed_devices)
end

--- Makes the writes for the device rules, in order. `devices` comes before the older keys, which
-- are then not looked at; the list begins with everything denied.
-- @tparam table resources
-- @treturn[1] table list of `{ file, text, key }`; empty when no rule is asked for
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.writes(resources)
  local key = M.asked(resources)
  if not key then
    return {}
  end
  local from_all = key ~= "devices" and starts_from_all(resources)
  local writes = { { file = from_all and allow() or deny(), text = EVERYTHING, key = key } }
  if key == "devices" then
    return add(writes, resources.devices, key, by_rule)
  end
  local ok, err = true, nil
  if not from_all then
    ok, err = add(writes, resources.allowed_devices, "allowed_devices", allow)
  end
  if not ok then
    return nil, err
  end
  return add(writes, resources.denied_devices, "denied_devices", deny)
end

return M

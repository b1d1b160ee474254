--- Device rules: the configuration's lists as v1's lines for devices.allow and devices.deny, and as
-- rules for v2's program.
-- @module ctr.cgroup.devices

local errors = require("ctr.errors")

local M = {}

local EVERYTHING = "a"
local ANY = -1

-- libcontainer's JSON has a character's code where people write the character.
local TYPES = {
  a = "a", b = "b", c = "c", u = "c",
  [97] = "a", [98] = "b", [99] = "c", [117] = "c",
}

local function invalid(key, index, field, reason)
  local path = ("cgroups.%s[%d].%s"):format(key, index, field)
  return nil, errors.new("ConfigInvalid", path .. " " .. reason, { path = path })
end

-- A device number, -1 for every one; nil when it is none.
local function number_of(number)
  if number == nil or number == -1 then
    return ANY
  end
  if type(number) ~= "number" or number < 0 or number ~= math.floor(number) or number >= 2 ^ 32 then
    return nil
  end
  return number
end

local function is_permissions(permissions)
  return type(permissions) == "string" and permissions ~= "" and not permissions:find("[^rwm]")
end

local function is_everything(rule)
  return rule.major == ANY and rule.minor == ANY and rule.permissions:find("r")
    and rule.permissions:find("w") and rule.permissions:find("m")
end

-- A rule in one form, checked.
local function read_rule(rule, key, index, allow)
  local kind = TYPES[rule.type or "a"]
  if not kind then
    return invalid(key, index, "type", "must be one of a, b, c, u")
  end
  local major, minor = number_of(rule.major), number_of(rule.minor)
  if not major or not minor then
    return invalid(key, index, major and "minor" or "major",
      "must be a device number, or -1 for all")
  end
  if not is_permissions(rule.permissions) then
    return invalid(key, index, "permissions", "must be some of r, w and m")
  end
  return { allow = allow, type = kind, major = major, minor = minor,
    permissions = rule.permissions, key = key, path = ("%s[%d]"):format(key, index) }
end

local function with_type(rule, kind)
  local copy = {}
  for name, value in pairs(rule) do
    copy[name] = value
  end
  copy.type = kind
  return copy
end

-- The kernel takes "a" for every device and access, whatever follows; so where a rule says less,
-- there is one for each of the two types.
local function add_rule(rules, rule)
  if rule.type ~= EVERYTHING or is_everything(rule) then
    rules[#rules + 1] = rule
    return
  end
  rules[#rules + 1] = with_type(rule, "b")
  rules[#rules + 1] = with_type(rule, "c")
end

local function add(rules, list, key, allow)
  for index, entry in ipairs(list or {}) do
    local says = allow
    if allow == nil then
      says = entry.allow == true
    end
    local rule, err = read_rule(entry, key, index, says)
    if not rule then
      return nil, err
    end
    add_rule(rules, rule)
  end
  return true
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

--- Reads the device rules in order. `devices` comes before the older keys, which are then not
-- looked at; the list begins with everything denied.
-- @tparam table resources
-- @treturn[1] table|nil `allow` (what counts where no rule matches), `key`, and the rules: `allow`,
-- `type` ("a", "b", "c"), `major` and `minor` (-1: all), `permissions`, `path`; nil alone where no
-- rule is asked for
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.rules(resources)
  local key = M.asked(resources)
  if not key then
    return nil
  end
  local from_all = key ~= "devices" and starts_from_all(resources)
  local rules = { allow = from_all, key = key }
  local ok, err = true, nil
  if key == "devices" then
    ok, err = add(rules, resources.devices, key, nil)
  elseif not from_all then
    ok, err = add(rules, resources.allowed_devices, "allowed_devices", true)
  end
  if ok and key ~= "devices" then
    ok, err = add(rules, resources.denied_devices, "denied_devices", false)
  end
  if not ok then
    return nil, err
  end
  return rules
end

local function word(number)
  return number == ANY and "*" or ("%.0f"):format(number)
end

local function line_of(rule)
  if rule.type == EVERYTHING then
    return EVERYTHING
  end
  return ("%s %s:%s %s"):format(rule.type, word(rule.major), word(rule.minor), rule.permissions)
end

local function covers(one, other)
  return one.type == other.type and (one.major == ANY or one.major == other.major)
    and (one.minor == ANY or one.minor == other.minor)
end

local function is_same(one, other)
  return one.type == other.type and one.major == other.major and one.minor == other.minor
end

-- The exceptions that v1 keeps beside its default: a rule against the default is one more, a rule
-- like it takes away from those with its numbers. Of a wider one it would silently take nothing.
local function keep_exceptions(rules)
  local default, kept = rules.allow, {}
  for _, rule in ipairs(rules) do
    if rule.type == EVERYTHING then
      default, kept = rule.allow, {}
    elseif rule.allow ~= default then
      kept[#kept + 1] = rule
    else
      for _, other in ipairs(kept) do
        if covers(other, rule) and not is_same(other, rule) then
          local path = "cgroups." .. rule.path
          return nil, errors.new("ConfigInvalid", ("%s takes a part of what cgroups.%s says: "
            .. "cgroup v1 cannot do that"):format(path, other.path), { path = path })
        end
      end
    end
  end
  return kept
end

local function file_of(allow)
  return allow and "devices.allow" or "devices.deny"
end

--- Makes v1's writes for the device rules, in order.
-- @tparam table resources
-- @treturn[1] table list of `{ file, text, key }`; empty when no rule is asked for
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.writes(resources)
  local rules, err = M.rules(resources)
  if not rules then
    return not err and {} or nil, err
  end
  local kept, problem = keep_exceptions(rules)
  if not kept then
    return nil, problem
  end
  local writes = { { file = file_of(rules.allow), text = EVERYTHING, key = rules.key } }
  for _, rule in ipairs(rules) do
    writes[#writes + 1] = { file = file_of(rule.allow), text = line_of(rule), key = rule.key }
  end
  return writes
end

-- The accesses by "c 1:3", as devices.list shows them; nil where all is allowed.
local function parse_list(text)
  local set = {}
  for kind, numbers, permissions in text:gmatch("(%a) (%S+) (%a+)") do
    if kind == EVERYTHING then
      return nil
    end
    set[kind .. " " .. numbers] = permissions
  end
  return set
end

-- What a list of writes comes to where everything is denied that it does not name; nil where that
-- is not so, or would take more than names to tell.
local function set_of(writes)
  local set = {}
  for _, write in ipairs(writes) do
    local device, permissions = write.text:match("^(.*) (%a+)$")
    if not device then
      if write.file ~= file_of(false) then
        return nil
      end
      set = {}
    elseif write.file == file_of(true) then
      set[device] = (set[device] or "") .. permissions
    else
      for other in pairs(set) do
        local same = other == device
        if not same and device:find("*", 1, true) and other:sub(1, 1) == device:sub(1, 1) then
          return nil -- a rule with * may take from several: the long way is the sure one
        end
      end
      set[device] = (set[device] or ""):gsub("[" .. permissions .. "]", "")
    end
  end
  return set
end

local function missing(have, want)
  return ((want or ""):gsub("[" .. (have or "") .. " ]", ""))
end

local function add_difference(writes, from, to, allow, key)
  local devices = {}
  for device in pairs(to) do
    devices[#devices + 1] = device
  end
  table.sort(devices)
  for _, device in ipairs(devices) do
    local permissions = missing(from[device], to[device])
    if permissions ~= "" then
      writes[#writes + 1] = { file = file_of(allow), text = device .. " " .. permissions,
        key = key }
    end
  end
end

--- The writes that lead from what a cgroup has to what is wanted. Where both deny what they do not
-- name, no device that is allowed before and after is denied in between.
-- @tparam string text of devices.list
-- @tparam table writes of `writes`
-- @treturn table
function M.transition(text, writes)
  local have, want = parse_list(text), set_of(writes)
  if #writes == 0 or not have or not want then
    return writes
  end
  local steps = {}
  add_difference(steps, have, want, true, writes[1].key)
  add_difference(steps, want, have, false, writes[1].key)
  return steps
end

local BITS = { m = 1, r = 2, w = 4 }
local KINDS = { b = 1, c = 2, a = 3 }

local function access_of(permissions)
  local sum = 0
  for letter, value in pairs(BITS) do
    if permissions:find(letter) then
      sum = sum + value
    end
  end
  return sum
end

--- Makes the rules of v2's device program (`core.bpf.set_devices`).
-- @tparam table resources
-- @treturn[1] table|nil nil alone where no rule is asked for
-- @treturn[1] boolean what counts where no rule matches
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.program(resources)
  local rules, err = M.rules(resources)
  if not rules then
    return nil, err
  end
  local program = {}
  for index, rule in ipairs(rules) do
    program[index] = { allow = rule.allow, types = KINDS[rule.type], major = rule.major,
      minor = rule.minor, access = access_of(rule.permissions) }
  end
  return program, rules.allow
end

return M

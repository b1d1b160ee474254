--- In which ways a description can say a key of a configuration.
-- @module ctr.describe.said

local defaults = require("ctr.config.defaults")
local literal = require("ctr.describe.literal")
local schema = require("ctr.config.schema")
local shape = require("ctr.config.shape")
local unparse = require("ctr.describe.unparse")
local words = require("ctr.describe.words")

local M = {}

local CPU_PERIOD = 100000
local LEAST_QUOTA = 1000

local function rest_of(list, count)
  return { unpack(list, count + 1) }
end

-- How many items two lists begin with together.
local function common_prefix(one, other)
  local count = 0
  while one[count + 1] ~= nil and unparse.equal(one[count + 1], other[count + 1]) do
    count = count + 1
  end
  return count
end

-- What of a list is missing in another that has its order; nil where it has anything else.
local function missing_in(list, wanted)
  local missing, at = {}, 1
  for _, item in ipairs(list) do
    if unparse.equal(item, wanted[at]) then
      at = at + 1
    elseif type(item) ~= "string" then
      return nil
    else
      missing[#missing + 1] = item
    end
  end
  return at > #wanted and missing or nil
end

-- A list by itself, by what is added, by what is removed, and whole.
local function list_forms(form, wanted, base)
  local written = unparse.value(form, wanted)
  local forms = { written, words.replace(written) }
  local count = common_prefix(base or {}, wanted)
  if base and count == #base and count > 0 then
    forms[#forms + 1] = words.add(rest_of(written, count))
  end
  local missing = base and missing_in(base, wanted)
  if missing and #missing > 0 then
    forms[#forms + 1] = words.remove(missing)
  end
  return forms
end

local function changed_keys(wanted, base)
  local changed = {}
  for key, value in pairs(wanted) do
    if not unparse.equal(value, base[key]) then
      changed[key] = value
    end
  end
  return changed
end

local config_ways, process_ways = {}, {}

local function with_calls(mounts, folder)
  local list = {}
  for index, mount in ipairs(mounts) do
    list[index] = unparse.mount(mount, folder)
  end
  return list
end

local function is_among(item, list)
  for _, other in ipairs(list) do
    if unparse.equal(item, other) then
      return true
    end
  end
  return false
end

-- Those that are not there, or otherwise.
local function other_mounts(wanted, base)
  local list = {}
  for _, mount in ipairs(wanted) do
    list[#list + 1] = not is_among(mount, base) and mount or nil
  end
  return list
end

function config_ways.mounts(wanted, base, state)
  local all = with_calls(wanted, state.folder)
  local gone = {}
  for _, mount in ipairs(other_mounts(base.mounts, wanted)) do
    gone[#gone + 1] = mount.destination
  end
  return { { name = "mounts", forms = {
    with_calls(other_mounts(wanted, base.mounts), state.folder), words.remove(gone),
    words.replace(all),
  } } }
end

-- What is there by default and not wanted is taken away by false.
function config_ways.sysctl(wanted, base)
  local said = changed_keys(wanted, base.sysctl)
  for name in pairs(base.sysctl) do
    if wanted[name] == nil then
      said[name] = false
    end
  end
  return { { name = "sysctl", forms = { said, wanted, next(wanted) and said or false } } }
end

-- An interface's name is a default that its place in the list tells.
local function without_default_name(written, network)
  written.type = nil
  local bare = { type = "veth" }
  for key, value in pairs(written) do
    bare[key] = key ~= "name" and value or nil
  end
  local read = shape.parse(schema.config.fields.networks.item, bare)
  if read and unparse.equal(read, network) then
    written.name = nil
  end
  return written
end

function config_ways.networks(wanted)
  local list = {}
  for index, network in ipairs(wanted) do
    local written = unparse.value(schema.config.fields.networks.item, network)
    list[index] = written
    if network.type == "veth" then
      written = without_default_name(written, network)
      list[index] = literal.call("veth", words.veth(written), written)
    end
  end
  return { { name = "network", forms = { list, words.replace(list), rest_of({}, 0),
    { unpack(list, 1, #list - 1) } } } }
end

function config_ways.namespaces(wanted, base)
  local names = {}
  for index, namespace in ipairs(wanted) do
    names[index] = namespace.path == "" and namespace.type or namespace
  end
  local forms = { names }
  local count = common_prefix(base.namespaces, wanted)
  if count == #base.namespaces and count > 0 then
    forms[2] = words.add(rest_of(names, count))
  end
  local gone = {}
  for _, namespace in ipairs(base.namespaces) do
    if not is_among(namespace, wanted) then
      gone[#gone + 1] = namespace.type
    end
  end
  forms[#forms + 1] = words.remove(gone)
  return { { name = "namespaces", forms = forms } }
end

local function limits_of(cgroups)
  local limits = {}
  if (cgroups.memory or 0) > 0 then
    limits.memory, cgroups.memory = unparse.size(cgroups.memory), nil
  end
  if (cgroups.pids_limit or 0) > 0 then
    limits.pids, cgroups.pids_limit = cgroups.pids_limit, nil
  end
  if cgroups.cpu_period == CPU_PERIOD and (cgroups.cpu_quota or 0) >= LEAST_QUOTA then
    limits.cpus = cgroups.cpu_quota / CPU_PERIOD
    cgroups.cpu_quota, cgroups.cpu_period = nil, nil
  end
  return limits
end

-- By their paths, those of the default nodes that may not be used.
local function denied_nodes(rules)
  local form = schema.config.fields.cgroups.fields.allowed_devices
  local gone = {}
  for _, node in ipairs(defaults.allowed_devices) do
    local rule = shape.parse(form, { node })[1]
    gone[#gone + 1] = not is_among(rule, rules) and node.path or nil
  end
  return words.remove(gone)
end

local function cgroup_forms(cgroups, is_short)
  local form = schema.config.fields.cgroups
  local result = {}
  for key, value in pairs(cgroups) do
    result[key] = unparse.value(form.fields[key], value)
  end
  if is_short and cgroups.allowed_devices then
    result.allowed_devices = denied_nodes(cgroups.allowed_devices)
  end
  return result
end

function config_ways.cgroups(wanted, base)
  local changed = changed_keys(wanted, base.cgroups)
  local limits = limits_of(changed)
  local rest = cgroup_forms(changed)
  local whole = changed_keys(wanted, {})
  local whole_limits = limits_of(whole)
  local short = cgroup_forms(changed, true)
  local extra = next(short) ~= nil and { cgroups = short } or {}
  if next(whole_limits) == nil then
    return { { name = "cgroups", forms = { short, rest, words.replace(cgroup_forms(wanted)) } } }
  end
  return {
    { name = "limits", forms = { limits }, with = extra },
    { name = "limits", forms = { limits }, with = { cgroups = rest } },
    { name = "limits", forms = { limits, words.replace(whole_limits) },
      with = { cgroups = words.replace(cgroup_forms(whole)) } },
    { name = "cgroups", forms = { words.replace(cgroup_forms(wanted)) } },
  }
end

local function nonempty_sets(sets)
  local result = {}
  for set, names in pairs(sets) do
    if #names > 0 then
      result[set] = names
    end
  end
  return result
end

local function names_in(list)
  local names = {}
  for _, name in ipairs(list) do
    names[name] = true
  end
  return names
end

local function without(list, others)
  local names, result = names_in(others), {}
  for _, name in ipairs(list) do
    result[#result + 1] = not names[name] and name or nil
  end
  return result
end

function config_ways.capabilities(wanted, base)
  if not wanted then
    return { { name = "capabilities", forms = { false } } }
  end
  local forms = { nonempty_sets(wanted), { unpack(wanted.bounding) } }
  if base.capabilities then
    forms[#forms + 1] = words.add(without(wanted.bounding, base.capabilities.bounding))
    forms[#forms + 1] = words.remove(without(base.capabilities.bounding, wanted.bounding))
  end
  return { { name = "capabilities", forms = forms } }
end

local function env_map(list)
  local map = {}
  for _, entry in ipairs(list) do
    local name, value = entry:match("^([%a_][%w_]*)=(.*)$")
    if not name or map[name] then
      return nil
    end
    map[name] = value
  end
  return map
end

function process_ways.env(wanted, base)
  local rest = rest_of(wanted, common_prefix(base.env, wanted))
  local forms = { rest, words.replace(wanted) }
  table.insert(forms, 1, env_map(rest))
  return { { name = "env", forms = forms, is_ordered = true } }
end

-- What a configuration has, too, is said of a process in a table of its own.
local function of_process(key, value)
  if schema.config.fields[key] then
    return { { name = "process", forms = { { [key] = value } }, adds = true } }
  end
  return { { name = key, forms = { value } } }
end

local function forms_of(form, wanted, base)
  if wanted == nil then
    return { false }
  end
  if form.kind == "list" then
    return list_forms(form, wanted, base)
  end
  local written = unparse.value(form, wanted)
  if type(written) ~= "table" then
    return { written }
  end
  local forms = { written, words.replace(written) }
  if next(wanted) == nil then
    forms[3] = false -- what other keys bring with them goes, too
  end
  return forms
end

--- Lists the ways, the better ones first.
-- @tparam string part "config" or "process"
-- @tparam string key
-- @tparam table wanted `config` and `process`, as the schema made them
-- @tparam table base the same, where nothing is said
-- @tparam table state `folder`
-- @treturn table each with `name`, the description's key, and `forms`, values of it
function M.ways(part, key, wanted, base, state)
  local value, own = wanted[part][key], base[part]
  local special = (part == "config" and config_ways or process_ways)[key]
  if special then
    return special(value, own, state)
  end
  local form = schema[part].fields[key]
  if part == "process" then
    return of_process(key, value ~= nil and unparse.value(form, value) or false)
  end
  return { { name = key, forms = forms_of(form, value, own[key]) } }
end

return M

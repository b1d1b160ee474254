--- Turns what a description says into a configuration and a process.
-- Its own words (`run`, `limits`, `network`, `on`, `after`, `oci`) are translated; everything else
-- is libcontainer's key under its own name.
-- @module ctr.describe.compose

local checks = require("ctr.config.checks")
local defaults = require("ctr.describe.defaults")
local handlers = require("ctr.describe.handlers")
local schema = require("ctr.config.schema")
local plain = require("ctr.describe.plain")
local spelling = require("ctr.config.spelling")
local units = require("ctr.config.units")
local words = require("ctr.config.words")

local M = {}

local sorted = plain.sorted

local function report(result, path, text)
  result.problems[#result.problems + 1] = { path = path, text = text }
end

-- A configuration's path reads as the description's from now on.
local function rename(result, from, to)
  result.names[from] = to
end

local function wants_table(result, path, value)
  if type(value) == "table" then
    return true
  end
  report(result, path, "must be a table, not a " .. type(value))
  return false
end

local LIMITS = {}

function LIMITS.memory(result, value)
  result.config.cgroups.memory = value
  rename(result, "cgroups.memory", "limits.memory")
end

function LIMITS.pids(result, value)
  result.config.cgroups.pids_limit = value
  rename(result, "cgroups.pids_limit", "limits.pids")
end

function LIMITS.cpus(result, value)
  local quota, period = units.cpus(value)
  if not quota then
    report(result, "limits.cpus", "must be a number of CPUs from 0.01")
    return
  end
  result.config.cgroups.cpu_quota, result.config.cgroups.cpu_period = quota, period
  rename(result, "cgroups.cpu_quota", "limits.cpus")
  rename(result, "cgroups.cpu_period", "limits.cpus")
end

local own = {}

function own.run(result, value)
  result.process.args = value
  rename(result, "process.args", "run")
end

function own.limits(result, value)
  if not wants_table(result, "limits", value) then
    return
  end
  for _, name in ipairs(sorted(value)) do
    local set, limit = LIMITS[name], value[name]
    if set then
      set(result, limit)
    else
      report(result, "limits." .. tostring(name),
        spelling.unknown("is not known here", tostring(name), LIMITS))
    end
  end
end

-- A container with an interface has a loopback, too; one that asks for nothing has nothing.
local function with_loopback(networks)
  local list = {}
  for index, network in ipairs(networks) do
    list[index] = network
    if type(network) ~= "table" or network.type == "loopback" then
      return networks
    end
  end
  list[#list + 1] = #list > 0 and { type = "loopback" } or nil
  return list
end

function own.network(result, value)
  local is_list = type(value) == "table" and #value > 0
  result.config.networks = is_list and with_loopback(value) or value
  rename(result, "networks", "network")
end

function own.on(result, value)
  if wants_table(result, "on", value) then
    result.on = handlers.read(value, function(path, text) report(result, path, text) end)
  end
end

-- Names of other containers; what becomes of them is for `ctr.describe.order`.
function own.after(result, value)
  local list = type(value) == "table" and value or { value }
  for index, name in ipairs(list) do
    if type(name) ~= "string" then
      report(result, ("after[%d]"):format(index), "must be the name of a container")
      return
    end
  end
  result.after = list
end

function own.oci(result, value)
  if wants_table(result, "oci", value) then
    result.oci = value
  end
end

function own.cgroups(result, value)
  if not wants_table(result, "cgroups", value) then
    return
  end
  for key, setting in pairs(value) do
    result.config.cgroups[key] = setting
  end
end

-- Keys that the configuration has, too, and that are meant for the process alone.
function own.process(result, value)
  if not wants_table(result, "process", value) then
    return
  end
  for _, key in ipairs(sorted(value)) do
    if key ~= "init" and schema.process.fields[key] then
      result.process[key] = value[key]
      rename(result, "process." .. key, "process." .. key)
    else
      report(result, "process." .. tostring(key), spelling.unknown("is not known here",
        tostring(key), schema.process.fields))
    end
  end
end

-- What a description has, and is not a key of the configuration under its own name.
local ELSEWHERE = { extends = true, profile = true }

local function known_keys()
  local known = {}
  for _, keys in ipairs({ ELSEWHERE, own, schema.config.fields, schema.process.fields }) do
    for key in pairs(keys) do
      known[key] = true
    end
  end
  known.init = nil
  return known
end

local function set_key(result, key, value)
  if ELSEWHERE[key] then
    return
  end
  if own[key] then
    own[key](result, value)
  elseif schema.config.fields[key] then
    result.config[key] = value
  elseif key ~= "init" and schema.process.fields[key] then
    result.process[key] = value
    rename(result, "process." .. key, key)
  else
    local known, name = known_keys(), tostring(key)
    report(result, plain.path_to("", name), spelling.unknown("is not known here", name, known))
    local near = spelling.nearest(name, known)
    result.meant[near or ""] = true
  end
end

local SPELLINGS = {
  NEWNET = { NEWNET = true, network = true, net = true },
  NEWUTS = { NEWUTS = true, uts = true },
  NEWUSER = { NEWUSER = true, user = true },
}

-- One of the container's own: what is joined is somebody else's.
local function has_namespace(config, kind)
  if type(config.namespaces) ~= "table" then
    return false
  end
  for _, namespace in ipairs(config.namespaces) do
    local name, path = namespace, nil
    if type(namespace) == "table" then
      name, path = namespace.type, namespace.path
    end
    if SPELLINGS[kind][name] and (path == nil or path == "") then
      return true
    end
  end
  return false
end

-- What the profile depends on, in the configuration's words; what is wrong with it is found later.
local function capability_sets(value)
  local sets = {}
  for set, names in pairs(type(value) == "table" and value or {}) do
    local list = {}
    for _, name in ipairs(type(names) == "table" and names or {}) do
      list[#list + 1] = checks.capability(tostring(name))
    end
    sets[tostring(set):lower()] = list
  end
  return sets
end

local function add_sysctls(config, identity)
  if config.sysctl ~= nil and type(config.sysctl) ~= "table" then
    return
  end
  local said = config.sysctl or {}
  config.sysctl = {}
  local is_mapped = has_namespace(config, "NEWUSER")
  for key, value in pairs(defaults.network_sysctls(identity, is_mapped)) do
    config.sysctl[key] = value
  end
  for key, value in pairs(said) do
    local name = type(key) == "string" and words.sysctl_name(key) or key
    config.sysctl[name] = value or nil -- false goes without
  end
end

-- What only makes sense in a namespace of the container's own is a default only there.
local function add_dependent_defaults(config, name, identity)
  if has_namespace(config, "NEWNET") then
    config.networks = config.networks or { { type = "loopback" } }
    add_sysctls(config, identity)
  end
  if config.seccomp == nil then
    local capabilities = capability_sets(config.capabilities)
    config.seccomp = require("ctr.seccomp.default").profile(capabilities)
  end
  if config.hostname == nil and #name <= 64 and has_namespace(config, "NEWUTS") then
    config.hostname = name
  end
end

-- `false` takes a default away: of what may not be false itself.
local function drop_false(part, fields)
  for key, value in pairs(part) do
    local kind = fields[key].kind
    if value == false and kind ~= "boolean" and kind ~= "any" then
      part[key] = nil
    end
  end
end

--- Composes.
-- @tparam string name the container's
-- @tparam table keys what was said, the defaults among it
-- @tparam table how `identity` of the caller; `is_bare`: nothing is added
-- @treturn table `config`, `process`, `on`, `after`, `oci`; `problems`: `{ path, text }`; `names`:
-- what paths of the configuration are called in the description; `meant`: keys that were probably
-- meant by unknown ones
function M.compose(name, keys, how)
  local result = {
    config = { cgroups = {} }, process = {}, on = {}, after = {}, problems = {}, meant = {},
    names = { ["process.args"] = "run" },
  }
  -- cgroups comes before limits, which add to it.
  for _, key in ipairs(sorted(keys)) do
    set_key(result, key, keys[key])
  end
  if not how.is_bare then
    add_dependent_defaults(result.config, name, how.identity)
  end
  drop_false(result.config, schema.config.fields)
  drop_false(result.process, schema.process.fields)
  return result
end

return M

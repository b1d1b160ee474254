--- Turns what a description says into a configuration and a process.
-- Its own words (`run`, `limits`, `network`) are translated; everything else is libcontainer's key
-- under its own name.
-- @module ctr.describe.compose

local checks = require("ctr.config.checks")
local defaults = require("ctr.describe.defaults")
local origin = require("ctr.describe.origin")
local schema = require("ctr.config.schema")
local spelling = require("ctr.config.spelling")
local words = require("ctr.config.words")

local M = {}

local CPU_PERIOD = 100000 -- microseconds, the kernel's default
local LEAST_CPUS = 0.01 -- a millisecond per period, the least that the kernel takes

local HANDLERS = { exit = true }

local function report(result, path, text)
  result.problems[#result.problems + 1] = { path = path, text = text }
end

-- A configuration's path reads as the description's from now on.
local function rename(result, from, to, place)
  result.names[from] = { path = to, place = place }
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
  if type(value) ~= "number" or not (value >= LEAST_CPUS and value < math.huge) then
    report(result, "limits.cpus", "must be a number of CPUs from 0.01")
    return
  end
  result.config.cgroups.cpu_period = CPU_PERIOD
  result.config.cgroups.cpu_quota = math.floor(value * CPU_PERIOD + 0.5)
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
  for name, limit in pairs(value) do
    local set = LIMITS[name]
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
  for index, network in ipairs(is_list and value or {}) do
    rename(result, ("networks[%d]"):format(index), ("network[%d]"):format(index),
      origin.of(network))
  end
end

function own.on(result, value)
  if not wants_table(result, "on", value) then
    return
  end
  for name, handler in pairs(value) do
    if not HANDLERS[name] then
      report(result, "on." .. tostring(name),
        spelling.unknown("is not known here", tostring(name), HANDLERS))
    elseif type(handler) ~= "function" then
      report(result, "on." .. name, "must be a function")
    else
      result.on[name] = handler
    end
  end
end

local function without_slash(path)
  return type(path) == "string" and (path:gsub("(.)/+$", "%1")) or path
end

local function replaced_at(mounts, destination)
  for index, mount in ipairs(mounts) do
    if mount.destination == destination then
      return index
    end
  end
  return #mounts + 1
end

-- A mount on a place that has one by default stands there in its stead.
function own.mounts(result, value)
  if not wants_table(result, "mounts", value) then
    return
  end
  local mounts = result.config.mounts
  for index, mount in ipairs(value) do
    local destination = type(mount) == "table" and without_slash(mount.destination)
    local at = destination and replaced_at(mounts, destination) or #mounts + 1
    mounts[at] = mount
    rename(result, ("mounts[%d]"):format(at), ("mounts[%d]"):format(index), origin.of(mount))
  end
end

function own.env(result, value)
  local env = result.process.env
  if type(value) ~= "table" or (value[1] == nil and next(value) ~= nil) then
    result.process.env = value
    return
  end
  for _, entry in ipairs(value) do
    env[#env + 1] = entry
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

local function known_keys()
  local known = { extends = true }
  for _, keys in ipairs({ own, schema.config.fields, schema.process.fields }) do
    for key in pairs(keys) do
      known[key] = true
    end
  end
  known.env, known.init = true, nil
  return known
end

local function set_key(result, key, value)
  if own[key] then
    own[key](result, value)
  elseif schema.config.fields[key] then
    result.config[key] = value
  elseif key ~= "init" and schema.process.fields[key] then
    result.process[key] = value
    rename(result, "process." .. key, key)
  else
    report(result, tostring(key),
      spelling.unknown("is not known here", tostring(key), known_keys()))
  end
end

local function sorted_keys(keys)
  local names = {}
  for key in pairs(keys) do
    names[#names + 1] = key
  end
  -- cgroups comes before limits, which add to it.
  table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
  return names
end

local SPELLINGS = {
  NEWNET = { NEWNET = true, network = true, net = true },
  NEWUTS = { NEWUTS = true, uts = true },
  NEWUSER = { NEWUSER = true, user = true },
}

local function has_namespace(config, kind)
  if type(config.namespaces) ~= "table" then
    return false
  end
  for _, namespace in ipairs(config.namespaces) do
    local name = type(namespace) == "table" and namespace.type or namespace
    if SPELLINGS[kind][name] then
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
    config.sysctl[type(key) == "string" and words.sysctl_name(key) or key] = value
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
  elseif config.seccomp == false then
    config.seccomp = nil
  end
  if config.hostname == nil and #name <= 64 and has_namespace(config, "NEWUTS") then
    config.hostname = name
  end
end

--- Composes.
-- @tparam string name the container's
-- @tparam table keys what was said
-- @tparam table identity of the caller
-- @treturn table `config`, `process`, `on`; `problems`: `{ path, text }`; `names`: what paths of
-- the configuration are called in the description
function M.compose(name, keys, identity)
  local result = {
    config = defaults.config(identity), process = defaults.process(),
    on = {}, problems = {}, names = { ["process.env"] = { path = "env" } },
  }
  for _, key in ipairs(sorted_keys(keys)) do
    set_key(result, key, keys[key])
  end
  add_dependent_defaults(result.config, name, identity)
  return result
end

return M

--- What a clone has of its own: some keys of a configuration on top of the one that lies beside the
-- images, and the streams of its process. Pure.
-- @module ctr.criu.overrides

local bit = require("bit")
local difference = require("ctr.config.difference")
local errors = require("ctr.errors")
local place = require("ctr.cgroup.place")
local planner = require("ctr.plan")
local record = require("ctr.record")
local schema = require("ctr.config.schema")
local sorted = require("ctr.sorted")
local streams = require("ctr.criu.streams")
local walker = require("ctr.config.walker")
local words = require("ctr.config.words")

local M = {}

local IN_IMAGES = "is in the images: a clone cannot have another"

-- What the images do not hold: all else is as it was.
local OWN = {
  rootfs = true, hostname = true, domainname = true, routes = true, net_devices = true,
  cgroups = true, labels = true, hooks = true, intel_rdt = true, exec_cpu_affinity = true,
  version = true, mounts = true, networks = true, namespaces = true,
}

-- Of these maps what is not given stays; other values are replaced whole.
local MERGED = { cgroups = true, hooks = true, intel_rdt = true }

-- Of the veth pairs, what no two containers have.
local OF_ONE = { "address", "ipv6_address", "mac_address", "host_interface_name" }

local STREAMS = { "stdin", "stdout", "stderr" }
local OF_PROCESS = { stdin = true, stdout = true, stderr = true, console_socket = true }

local function add(problems, path, text, ...)
  problems[#problems + 1] = { path = path, text = text:format(...) }
end

local function network_name(item)
  return item.type == "loopback" and "lo" or item.name or "eth0"
end

-- The lists whose items are known by a name, and what of one may differ.
local LISTS = {
  mounts = {
    key = "destination", name = function(item) return item.destination end,
    may_differ = function(key) return key == "source" or key == "data" end,
  },
  networks = {
    key = "name", name = network_name,
    may_differ = function(key) return key ~= "name" and key ~= "type" end,
  },
  namespaces = {
    key = "type", name = function(item)
      return words.namespaces[item.type] or item.type
    end,
    may_differ = function(key, item) return key == "path" and item.path ~= "" end,
  },
}

local function find(list, kind, name)
  for index, item in ipairs(list) do
    if kind.name(item) == name then
      return index
    end
  end
  return nil
end

-- What of an item is not given stays.
local function merge_list(problems, key, list, given)
  local kind = LISTS[key]
  for index, item in ipairs(given) do
    local path = ("%s[%d]"):format(key, index)
    local problem = walker.table_problem(item)
    local at = not problem and find(list, kind, kind.name(item))
    if problem then
      add(problems, path, "%s", problem)
    elseif not at then
      add(problems, path .. "." .. kind.key, "is none of the checkpoint's: %s",
        tostring(kind.name(item)))
    else
      for name, value in pairs(item) do
        list[at][name] = value
      end
    end
  end
end

local function merge_map(map, given)
  for key, value in pairs(given) do
    map[key] = value
  end
end

local function merge(problems, config, given)
  for key, value in pairs(given) do
    local is_list = LISTS[key] and type(value) == "table" and not walker.table_problem(value)
    if is_list then
      merge_list(problems, key, config[key], value)
    elseif MERGED[key] and type(config[key]) == "table" and not walker.table_problem(value) then
      merge_map(config[key], value)
    else
      config[key] = value
    end
  end
end

-- Beside the cgroup of the checkpoint, under the clone's own id.
local function give_own_cgroup(cgroups, given)
  given = type(given) == "table" and given or {}
  if given.path ~= nil then
    cgroups.name, cgroups.parent = nil, nil
  elseif cgroups.path then
    local above = place.split((cgroups.path:gsub("/+$", "")))
    cgroups.parent = cgroups.path:sub(1, 1) == "/" and above == "" and "/" or above
  end
  cgroups.path, cgroups.name = nil, nil
end

local function drop_own(config, given)
  give_own_cgroup(config.cgroups, given.cgroups)
  config.net_devices = nil
  for _, network in ipairs(config.networks) do
    for _, key in ipairs(network.type == "veth" and OF_ONE or {}) do
      network[key] = nil
    end
  end
end

local function check_networks(problems, recorded, config)
  for index, network in ipairs(config.networks) do
    for _, key in ipairs({ "address", "ipv6_address" }) do
      local was = recorded.networks[index][key]
      if network.type == "veth" and was and network[key] == nil then
        add(problems, ("networks[%d].%s"):format(index, key),
          "is required: the checkpoint's is %s, which is another's", was)
      end
    end
  end
  if next(recorded.net_devices or {}) and config.net_devices == nil then
    add(problems, "net_devices", "is required: those of the checkpoint are in another container")
  end
end

-- Two mounts of an overlay cannot write to the same layer.
local function check_layers(problems, recorded, config)
  for index, mount in ipairs(config.mounts) do
    local was = recorded.mounts[index]
    if mount.device == "overlay" and mount.data == was.data and was.data:find("upperdir=") then
      add(problems, ("mounts[%d].data"):format(index),
        "is required: two containers cannot share the upper layer of an overlay")
    end
  end
end

local function check_cgroups(problems, recorded, config)
  local was, paths = recorded.cgroups.paths, config.cgroups.paths
  for name, path in pairs(was or {}) do
    if type(paths) == "table" and paths[name] == path then
      add(problems, "cgroups.paths", "is required: a clone needs cgroups of its own")
      return
    end
  end
end

local function check_pids(problems, recorded)
  if not planner.namespaces(recorded).new.NEWPID then
    add(problems, "namespaces", "have no pid namespace of the container's own: the processes of a "
      .. "clone have the ids that they had, which are in use")
  end
end

-- In other hands than those of the program that took the checkpoint a function is only a name.
local function forget_functions(problems, recorded, given)
  local hooks = type(recorded.hooks) == "table" and recorded.hooks or {}
  given = type(given) == "table" and given or {}
  for kind, list in pairs(hooks) do
    for index, hook in ipairs(type(list) == "table" and list or {}) do
      if type(hook) == "table" and type(hook.func) == "string" then
        hooks[kind] = {}
        if given[kind] == nil then
          add(problems, ("hooks.%s[%d]"):format(kind, index),
            "is a function, which has to be given anew")
        end
      end
    end
  end
end

local function add_differences(problems, recorded, config)
  difference.add(problems, "", recorded, config, function(key) return OWN[key] end, IN_IMAGES)
  for _, key in ipairs({ "mounts", "namespaces", "networks" }) do
    for index, item in ipairs(recorded[key]) do
      difference.add(problems, ("%s[%d]."):format(key, index), item, config[key][index],
        function(name) return LISTS[key].may_differ(name, item) end, IN_IMAGES)
    end
  end
end

local function problems_or(problems, value)
  if #problems > 0 then
    return nil, errors.invalid(problems)
  end
  return value
end

-- What of it is the clone's own, or missing, before the schema reads the whole.
local function merged(recorded, given)
  local config, problems = record.copy(recorded), {}
  drop_own(config, given)
  merge(problems, config, given)
  if #problems == 0 then
    for _, check in ipairs({ check_pids, check_networks, check_layers, check_cgroups }) do
      check(problems, recorded, config)
    end
  end
  return problems_or(problems, config)
end

local function parse_recorded(recorded, given)
  local copy, problems = record.copy(recorded), {}
  forget_functions(problems, copy, given.hooks)
  if #problems > 0 then
    return nil, errors.invalid(problems)
  end
  local config, err = schema.parse(copy)
  return config, err and errors.wrap(err, "read", "the checkpoint's configuration")
end

--- Makes the configuration of a clone.
-- @tparam table recorded the configuration beside the images
-- @tparam table given keys of a configuration. Maps are merged, mounts by their `destination`,
-- networks by their `name`, namespaces by their `type`; other values are replaced. Cgroup, hardware
-- address and the name of an interface on the host are made anew where they are not given
-- @treturn[1] table normalised
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`: what is missing, or in the images; paths are those of the
-- clone's configuration
function M.apply(recorded, given)
  local normalised, err = parse_recorded(recorded, given)
  local config, parsed
  if normalised then
    config, err = merged(normalised, given)
  end
  if config then
    parsed, err = schema.parse(config)
  end
  if not parsed then
    return nil, err
  end
  local problems = {}
  add_differences(problems, normalised, parsed)
  return problems_or(problems, parsed)
end

--- Says where a clone writes to the files that the checkpoint's container, and other clones, do.
-- @tparam table recorded
-- @tparam table config
-- @treturn ?string a config path; nil where nothing is shared that can be written
function M.shared_place(recorded, config)
  if not config.readonlyfs and config.rootfs == recorded.rootfs then
    return "rootfs"
  end
  for index, mount in ipairs(config.mounts) do
    local can_write = bit.band(mount.flags, words.ms.MS_RDONLY) == 0
    if mount.device == "bind" and can_write and mount.source == recorded.mounts[index].source then
      return ("mounts[%d].source"):format(index)
    end
  end
  return nil
end

-- Which streams led out of the container, by their names.
local function outer_streams(needs)
  local set = {}
  for _, row in ipairs(streams.inherited(needs.descriptors, {})) do
    set[STREAMS[row.fd + 1]] = true
  end
  for _, name in ipairs(needs.null_streams) do
    set[name] = nil
  end
  return set
end

--- Says which streams of a checkpoint are given anew: those that led out of the container, but for
-- the null device.
-- @tparam table needs (`ctr.criu.needs`)
-- @treturn {string,…} sorted
function M.given_streams(needs)
  return sorted(outer_streams(needs))
end

local function check_streams(problems, fields, needs)
  local outer, null = outer_streams(needs), {}
  for _, name in ipairs(needs.null_streams) do
    null[name] = true
  end
  for index, name in ipairs(STREAMS) do
    local value = fields[name]
    if value ~= nil and not outer[name] and not (null[name] and value == "null") then
      add(problems, "process." .. name, "was %s when the checkpoint was taken: it is that again",
        null[name] and "the null device" or tostring(needs.descriptors[index]))
    end
  end
end

--- Checks what is said of a clone's process: its streams alone are not in the images.
-- @tparam table fields of the process
-- @tparam table needs (`ctr.criu.needs`)
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.check_process(fields, needs)
  local problems = {}
  for name in pairs(fields) do
    if not OF_PROCESS[name] then
      add(problems, "process." .. tostring(name), "%s", IN_IMAGES)
    end
  end
  check_streams(problems, fields, needs)
  return problems_or(problems, true)
end

return M

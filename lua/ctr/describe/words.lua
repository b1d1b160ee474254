--- The words of descriptions: mounts, networks, and what is said of what was said before.
-- @module ctr.describe.words

local core = require("ctr.core")
local origin = require("ctr.describe.origin")
local paths = require("ctr.describe.paths")

local M = {}

--- The metatables by which marked tables are known; nobody else gets hold of them.
M.marks = {
  replace = { __metatable = false }, remove = { __metatable = false },
  add = { __metatable = false },
}

local KIND_OF = {}
for kind, metatable in pairs(M.marks) do
  KIND_OF[metatable] = kind
end

--- How a table is marked: "replace", "remove", "add", or nil.
function M.mark_of(value)
  local metatable = type(value) == "table" and debug.getmetatable(value)
  return metatable and KIND_OF[metatable] or nil
end

--- All marks, as keys: for `ctr.describe.plain`.
M.marked = KIND_OF

local function marker(kind)
  return function(value)
    if type(value) ~= "table" then
      error(("bad argument #1 to '%s' (table expected, got %s)"):format(kind, type(value)), 2)
    end
    local result = {}
    for key, item in next, value do
      result[key] = item
    end
    return setmetatable(result, M.marks[kind])
  end
end

--- Says a list or a map anew, whatever was said before: `mounts = replace { … }`.
-- @tparam table value
-- @treturn table
M.replace = marker("replace")

--- Takes items away from a list, or keys from a map: `mask_paths = remove { "/proc/keys" }`.
-- Mounts go by their destination, devices by their path, variables by their name.
-- @tparam table value a list
-- @treturn table
M.remove = marker("remove")

--- Adds to a list, even to one that is a default: `mask_paths = add { "/proc/version" }`.
-- @tparam table value a list
-- @treturn table
M.add = marker("add")

--- JSON's null: in `oci` it takes a member away.
M.null = core.json.null

local function bind_flags(options)
  local flags = { "rbind" }
  for _, word in ipairs(type(options) == "table" and options or { options }) do
    for part in tostring(word):gmatch("[^,]+") do
      flags[#flags + 1] = part
    end
  end
  return flags
end

--- A mount of something of the host's: `bind("./site", "/srv", "ro")`.
-- @tparam string source relative to the file
-- @tparam string destination in the container
-- @param[opt] options words of mount(8): `"ro"`, `"ro,noexec"`, or a list
-- @treturn table a mount
function M.bind(source, destination, options)
  local place = origin.caller(2)
  if type(source) ~= "string" then
    error("bad argument #1 to 'bind' (string expected, got " .. type(source) .. ")", 2)
  end
  return {
    source = paths.absolute(source, paths.folder(place.file)), destination = destination,
    device = "bind", flags = bind_flags(options),
  }
end

local function tmpfs_data(options)
  local names, data = {}, {}
  for name in next, options do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  for index, name in ipairs(names) do
    data[index] = name .. "=" .. tostring(options[name])
  end
  return table.concat(data, ",")
end

--- A file system in memory: `tmpfs("/tmp", { size = "64M" })`.
-- @tparam string destination in the container
-- @tparam[opt] table options tmpfs(5)'s; `mode` is 1777 without it
-- @treturn table a mount
function M.tmpfs(destination, options)
  if options ~= nil and type(options) ~= "table" then
    error("bad argument #2 to 'tmpfs' (table expected, got " .. type(options) .. ")", 2)
  end
  local all = { mode = "1777" }
  for name, value in next, options or {} do
    all[name] = value
  end
  return {
    source = "tmpfs", destination = destination, device = "tmpfs",
    flags = { "nosuid", "nodev" }, data = tmpfs_data(all),
  }
end

--- The network of a container that is alone: `network = { loopback() }`.
-- @treturn table a network
function M.loopback()
  return { type = "loopback" }
end

--- An interface of the container's, and its other end on the host:
-- `network = { veth { bridge = "br0", address = "10.0.0.2/24", gateway = "10.0.0.1" } }`.
-- @tparam table keys of a network (`ctr.config.schema.interfaces`)
-- @treturn table a network
function M.veth(keys)
  if type(keys) ~= "table" then
    error("bad argument #1 to 'veth' (table expected, got " .. type(keys) .. ")", 2)
  end
  local network = { type = "veth" }
  for key, value in next, keys do
    network[key] = value
  end
  return network
end

return M

--- Whether a checkpoint can be restored here: what it needs is compared with the configuration and
-- the machine before anything is made, and all that is missing is said at once.
-- @module ctr.criu.fit

local core = require("ctr.core")
local errors = require("ctr.errors")
local mounts = require("ctr.criu.mounts")
local planner = require("ctr.plan")
local program = require("ctr.criu.program")
local sorted = require("ctr.sorted")

local M = {}

local RELEASE_MAX = 256
local MINOR = 100 -- what of a version CRIU's number has below the minor one
local MAPPINGS = { "uid_mappings", "gid_mappings" }

local NAMESPACE_WORDS = {
  NEWNS = "mount", NEWNET = "network", NEWIPC = "ipc", NEWUTS = "uts", NEWPID = "pid",
  NEWUSER = "user", NEWCGROUP = "cgroup",
}

local WANTED = { bind = "a bind mount on %s", fs = "a file system on %s",
  cgroup = "a cgroup mount on %s", device = "the device %s" }

--- Mappings as text, to be compared.
-- @tparam ?{table,…} maps of a configuration
-- @treturn string
function M.map_text(maps)
  local words = {}
  for _, map in ipairs(maps or {}) do
    words[#words + 1] = ("%s %s %s"):format(map.container_id, map.host_id, map.size)
  end
  return table.concat(words, ", ")
end

--- What this machine is, as a checkpoint notes it.
-- @tparam ctr.Host host
-- @treturn table `kernel` (its release) and `machine` (LuaJIT's word for the processor)
function M.machine(host)
  local release = core.path.read(host:procfs(), "sys/kernel/osrelease", RELEASE_MAX) or ""
  return { kernel = release:match("%S+"), machine = jit.arch }
end

local function add(found, path, text, ...)
  found[#found + 1] = { path = path, text = text:format(...) }
end

local function namespace_problem(kind, has, spaces)
  local joined, new = spaces.joined[kind] ~= nil, spaces.new[kind] == true
  if has == "joined" and not joined then
    return "its %s namespace was another's, whose path has to be given"
  elseif has == "new" and not new and not joined then
    return "it had a %s namespace of its own"
  elseif not has and (new or joined) then
    return "it had no %s namespace of its own"
  end
  return nil
end

-- CRIU gives a container a time namespace that had none: that kind is not looked at.
local function check_namespaces(found, needs, config)
  local had, spaces = {}, planner.namespaces(config)
  for _, namespace in ipairs(needs.namespaces) do
    had[namespace.type] = namespace.is_joined and "joined" or "new"
  end
  for _, kind in ipairs(sorted(NAMESPACE_WORDS)) do
    local problem = namespace_problem(kind, had[kind], spaces)
    if problem then
      add(found, "namespaces", problem, NAMESPACE_WORDS[kind])
    end
  end
  for _, joined in pairs(spaces.joined) do
    local handle, err = core.ns.open(joined.path)
    if handle then
      handle:close()
    else
      add(found, ("namespaces[%d]"):format(joined.index), "namespaces[%d]: %s", joined.index,
        tostring(err))
    end
  end
end

local function check_mappings(found, needs, config)
  for _, name in ipairs(MAPPINGS) do
    if needs[name] ~= M.map_text(config[name]) then
      add(found, name, "it has other %s: %s", name, needs[name] ~= "" and needs[name] or "none")
    end
  end
end

local function has_device(config, path)
  for _, device in ipairs(config.devices) do
    if device.path == path then
      return true
    end
  end
  return false
end

local function check_source(found, config, index)
  local source = config.mounts[index].source
  if type(source) == "string" and source:sub(1, 1) == "/" and not core.path.realpath(source) then
    local path = ("mounts[%d].source"):format(index)
    add(found, path, "%s does not exist: %s", path, source)
  end
end

local function check_mounts(found, needs, config)
  for _, what in ipairs(needs.mounts) do
    local is_device = what.kind == "device"
    local index = not is_device and mounts.find(config, what)
    local is_there = index or is_device and has_device(config, what.destination)
    if WANTED[what.kind] and not is_there then
      add(found, is_device and "devices" or "mounts", "it needs " .. WANTED[what.kind]
        .. ", which the configuration does not have", what.destination .. what.below)
    elseif what.kind == "bind" and what.below == "" then
      check_source(found, config, index)
    end
  end
end

-- 6.18 and 6.9 as numbers.
local function release_number(release)
  local major, minor = tostring(release):match("^(%d+)%.(%d+)")
  return major and tonumber(major) * 1000 + tonumber(minor) or 0
end

local function minor_of(version)
  return math.floor(version / MINOR)
end

local function check_machine(found, needs, here)
  if needs.machine and needs.machine ~= here.machine then
    add(found, "images_directory", "it is of another kind of machine: %s, and this is %s",
      needs.machine, here.machine)
  end
  if here.any_version then
    return
  end
  if release_number(needs.kernel) > release_number(here.kernel) then
    add(found, "any_version", "it is of Linux %s, and this is the older %s (any_version tries it)",
      needs.kernel, here.kernel)
  end
  if type(needs.criu) == "number" and minor_of(needs.criu) > minor_of(here.criu) then
    add(found, "any_version", "it is of CRIU %s, and this is the older %s (any_version tries it)",
      program.version_text(needs.criu), program.version_text(here.criu))
  end
end

--- Checks that a configuration and a machine have what a checkpoint needs.
-- @tparam table needs (`ctr.criu.needs`); what another runtime made says nothing
-- @tparam table config
-- @tparam table here `kernel`, `machine`, `criu` (its version), `any_version`: a newer kernel's or
-- CRIU's checkpoint is taken as well
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `path` is the first problem's, `problems` are all
function M.check(needs, config, here)
  if not needs.format then
    return true
  end
  local found, texts = {}, {}
  check_namespaces(found, needs, config)
  check_mappings(found, needs, config)
  check_mounts(found, needs, config)
  check_machine(found, needs, here)
  if #found == 0 then
    return true
  end
  for index, problem in ipairs(found) do
    texts[index] = problem.text
  end
  local err = errors.new("ConfigInvalid", "the checkpoint cannot be restored here: "
    .. table.concat(texts, "; "), { path = found[1].path })
  err.problems = found
  return nil, err
end

return M

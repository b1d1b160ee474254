--- What is remembered of a container: its state file, and the states that callers see.
-- @module ctr.record

local core = require("ctr.core")
local errors = require("ctr.errors")
local cgroup = require("ctr.cgroup")
local mount_rules = require("ctr.config.mount")

local M = {}

local OCI_VERSION = "1.3.0"
local NAMESPACE_TYPES = { "NEWUSER", "NEWIPC", "NEWUTS", "NEWNET", "NEWPID", "NEWNS", "NEWCGROUP",
  "NEWTIME" }

--- Makes the error of a container that is not in the state that was asked for.
-- @tparam ctr.Container container
-- @tparam string code
-- @tparam string text what the container is, and what helps
-- @tparam[opt] table fields of the error
-- @treturn ctr.Error
function M.refusal(container, code, text, fields)
  return errors.new(code, ("container %s %s"):format(container.store.id, text), fields)
end

--- Copies plain data.
function M.copy(value)
  if type(value) ~= "table" then
    return value
  end
  local copy = {}
  for key, item in pairs(value) do
    copy[key] = M.copy(item)
  end
  return copy
end

local function shows_cgroups(config)
  for _, mount in ipairs(config.mounts) do
    if mount_rules.is_cgroup(mount) then
      return true
    end
  end
  return false
end

-- A configuration may ask for the tolerance of the rootless manager by itself.
local function new_cgroup(container, paths, created)
  local is_tolerant = container.manager == "cgroupfs" and container.configuration.rootless_cgroups
  return cgroup.new({
    is_shown = not paths and shows_cgroups(container.configuration),
    config = container.configuration.cgroups, id = container.store.name,
    manager = is_tolerant and "rootless" or container.manager, paths = paths, created = created,
    user = container.manager == "systemd" and container.host:is_confined(), host = container.host,
  })
end

-- What a state file holds, where it holds it; below a table, what all its values are.
local SHAPE = {
  config = "table", cgroup_manager = "string", init_process_pid = "number",
  init_process_start = "number", created = "string", external_descriptors = "table",
  cgroup_paths = { "string" }, cgroup_created = { "string" }, kept = "table",
  live_mounts = { "table" },
}
local CONFIG_SHAPE = { namespaces = { "table" }, mounts = { "table" }, cgroups = "table" }

local function has_shape(value, kind)
  if type(kind) == "string" then
    return type(value) == kind
  end
  if type(value) ~= "table" then
    return false
  end
  for _, item in pairs(value) do
    if type(item) ~= kind[1] then
      return false
    end
  end
  return true
end

-- The first key whose value is not what it has to be.
local function misshapen(record, shape)
  for key, kind in pairs(shape) do
    if record[key] ~= nil and not has_shape(record[key], kind) then
      return key
    end
  end
  return nil
end

local function check_state(container, state)
  local key = type(state) ~= "table" and "all of it" or misshapen(state, SHAPE)
  if not key and state.config then
    key = misshapen(state.config, CONFIG_SHAPE)
  end
  if key then
    return nil, errors.new("SystemError", ("the state file of container %s is damaged: %s"):format(
      container.store.id, key))
  end
  return true
end

local function rdt_group(container, state)
  local rdt = container.configuration.intel_rdt
  if not rdt then
    return nil
  end
  return require("ctr.intel_rdt").new(rdt, container.store.name, container.host.intel_rdt, state)
end

-- Each of its methods fails for the same reason.
local function broken_cgroup(err)
  return setmetatable({}, { __index = function()
    return function()
      return nil, err
    end
  end })
end

--- Makes the manager of cgroups that are recorded, which many a look at a container does without.
-- @tparam ctr.Container container
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.make_cgroup(container)
  if rawget(container, "cgroup") then
    return true
  end
  local state = container.recorded
  local manager, err = new_cgroup(container, state.cgroup_paths, state.cgroup_created)
  if not manager then
    return nil, err
  end
  container.cgroup = manager
  return true
end

--- The same for who only looks.
-- @tparam ctr.Container container
-- @treturn ctr.CgroupManager one whose methods all fail where it cannot be made
function M.cgroup(container)
  local ok, err = M.make_cgroup(container)
  return ok and container.cgroup or broken_cgroup(err)
end

--- Fills a container's object from what its state file holds. An empty state is that of a container
-- whose creator was killed: all that can be done with it is to destroy it.
-- @tparam ctr.Container container
-- @tparam table state
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`
function M.load(container, state)
  local ok, damage = check_state(container, state)
  if not ok then
    return nil, damage
  end
  container.configuration = state.config or { namespaces = {}, mounts = {} }
  container.is_complete = state.config ~= nil
  container.manager = state.cgroup_manager or "none"
  container.init_pid = (state.init_process_pid or -1) > 0 and state.init_process_pid or nil
  container.init_start_time = state.init_process_start
  container.created_at = state.created
  container.kept_data = state.kept
  container.external_descriptors = state.external_descriptors
  container.live_mounts = state.live_mounts
  container.interfaces, container.moved_devices = state.interfaces, state.moved_devices
  container.cgroup, container.recorded = nil, state
  if not state.cgroup_paths then
    local made, err = M.make_cgroup(container)
    if not made then
      return nil, err
    end
  end
  container.rdt = rdt_group(container, state)
  if container.configuration.hooks then
    require("ctr.hooks").attach(container)
  end
  return true
end

local function timestamp()
  local now = core.proc.time()
  local whole = math.floor(now)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%06dZ"):format((now - whole) * 1e6)
end

local function namespace_paths(host, pid)
  local paths = {}
  for _, kind in ipairs(NAMESPACE_TYPES) do
    if host:has_namespaces(kind) then
      paths[kind] = ("/proc/%d/ns/%s"):format(pid, core.ns.files[kind])
    end
  end
  return paths
end

local function cgroups_created(container)
  return container.intended or container.cgroup:created()
end

local function variable_part(container)
  local pid, config = container.init_pid or -1, container.configuration
  local rdt_path, rdt_mon_path, rdt_created = "", nil, nil
  if container.rdt then
    rdt_path, rdt_mon_path, rdt_created = container.rdt:record()
  end
  return {
    id = container.store.id,
    init_process_pid = pid,
    init_process_start = tonumber(container.init_start_time) or 0,
    created = container.created_at,
    rootless = config.rootless_euid and config.rootless_cgroups or false,
    cgroup_paths = container.cgroup:paths(),
    cgroup_created = core.json.array(cgroups_created(container)),
    cgroup_manager = container.manager,
    namespace_paths = pid > 0 and namespace_paths(container.host, pid) or {},
    external_descriptors = container.external_descriptors,
    live_mounts = container.live_mounts,
    interfaces = container.interfaces,
    moved_devices = container.moved_devices,
    intel_rdt_path = rdt_path,
    intel_rdt_mon_path = rdt_mon_path,
    intel_rdt_created = rdt_created,
  }
end

--- The configuration as it can be stored: functions among the hooks have a token in their place.
-- @tparam ctr.Container container
-- @treturn table which is not to be changed
function M.storable(container)
  local config = container.configuration
  return config.hooks and require("ctr.hooks").storable(container) or config
end

-- The configuration, and what the creator keeps, never change between writes: they are put into
-- words once.
local function put_into_words(container)
  local text, err = core.json.encode(M.storable(container))
  if not text then
    return nil, err
  end
  local kept = ""
  if container.kept_data then
    kept, err = core.json.encode(container.kept_data)
    if not kept then
      return nil, err
    end
    kept = ',"kept":' .. kept
  end
  return '{"config":' .. text .. kept .. ","
end

local function state_text(container)
  local err
  if not container.config_text then
    container.config_text, err = put_into_words(container)
    if not container.config_text then
      return nil, err
    end
  end
  local text
  text, err = core.json.encode(variable_part(container))
  if not text then
    return nil, err
  end
  return container.config_text .. text:sub(2)
end

--- Writes the state file.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.save(container)
  local text, err = state_text(container)
  if not text then
    return nil, err
  end
  local ok, problem = container.store:write(text)
  if not ok then
    return nil, problem
  end
  container.version = container.store:version()
  return true
end

--- Records what a start is about to make beside the cgroup itself, where there is any: directories
-- above it, a resctrl group. So it is found if the caller is killed before it can record more.
function M.intend(container)
  local missing = container.cgroup:missing()
  if #missing == 0 and not container.rdt then
    return true
  end
  container.intended = container.cgroup:created()
  for _, path in ipairs(missing) do
    table.insert(container.intended, path)
  end
  return M.save(container)
end

-- Where the streams of the first process lead, as a checkpoint has to know.
local function descriptors(container, pid)
  local procfs = container.host:readable_proc()
  local folder = procfs and core.path.open(procfs, ("%d/fd"):format(pid), { flags = { "path" } })
  local links = {}
  for number = 0, 2 do
    links[number + 1] = folder and core.path.readlink(folder, tostring(number)) or ""
  end
  if folder then
    folder:close()
  end
  return links
end

--- Records the first process, before its program may run.
-- @tparam ctr.Container container
-- @tparam number pid
-- @tparam string start_time
function M.commit(container, pid, start_time)
  container.init_pid, container.init_start_time = pid, start_time
  container.created_at = timestamp()
  container.external_descriptors, container.live_mounts = descriptors(container, pid), nil
  container.intended = nil
  return M.save(container)
end

--- Takes back what `commit` recorded, after a failed start.
function M.forget_init(container)
  local recorded = container.init_pid or container.intended
  container.intended = nil
  container.init_pid, container.init_start_time = nil, nil
  container.created_at, container.external_descriptors = nil, nil
  if recorded then
    M.save(container)
  end
end

--- The state under libcontainer's names.
function M.state(container)
  local state = variable_part(container)
  state.config = M.storable(container)
  return M.copy(state)
end

local function labels_of(container)
  local bundle, annotations = nil, nil
  for _, label in ipairs(container.configuration.labels or {}) do
    local key, value = label:match("^([^=]*)=(.*)$")
    if key == "bundle" then
      bundle = value
    elseif key then
      annotations = annotations or {}
      annotations[key] = value
    end
  end
  return bundle, annotations
end

--- The state of the OCI runtime specification.
function M.oci_state(container, status)
  local bundle, annotations = labels_of(container)
  local version = container.configuration.version
  return {
    ociVersion = version and version ~= "" and version or OCI_VERSION,
    id = container.store.id,
    status = status,
    pid = status ~= "stopped" and container.init_pid or nil,
    bundle = bundle or "",
    annotations = annotations,
  }
end

return M

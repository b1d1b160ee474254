--- Makes and finds containers below one state root.
-- @module ctr.factory

local cgroup = require("ctr.cgroup")
local container_module = require("ctr.container")
local core = require("ctr.core")
local errors = require("ctr.errors")
local host = require("ctr.host")
local needed = require("ctr.needed")
local networks = require("ctr.config.schema.network")
local probe = require("ctr.probe")
local record = require("ctr.record")
local schema = require("ctr.config.schema")
local state = require("ctr.state")
local validate = require("ctr.config.validate")

local M = {}

local MANAGERS = { cgroupfs = true, systemd = true, rootless = true, none = true }

local factory_methods = {}
local factory_metatable = { __index = factory_methods, __name = "ctr.Factory" }

local OPTIONS = {
  cgroup_manager = "string", criu_path = "string", newuidmap_path = "string",
  newgidmap_path = "string", init_path = "string", init_args = "table", tmpfs_root = "boolean",
  lazy = "boolean", intel_rdt = "string", hook_timeout = "number",
}

local function check_options(opts)
  for name, value in pairs(opts) do
    local wanted = OPTIONS[name]
    if not wanted then
      error(("bad argument #2 to 'new' (unknown option '%s')"):format(tostring(name)), 3)
    end
    if type(value) ~= wanted then
      error(("bad argument #2 to 'new' (%s: %s expected, got %s)"):format(name, wanted,
        type(value)), 3)
    end
  end
  local manager = opts.cgroup_manager
  if manager and not MANAGERS[manager] then
    return nil, errors.new("ConfigInvalid",
      ("cgroup_manager %q is not one of cgroupfs, systemd, rootless, none"):format(manager),
      { path = "cgroup_manager" })
  end
  if opts.hook_timeout and not (opts.hook_timeout > 0 and opts.hook_timeout < math.huge) then
    return nil, errors.new("ConfigInvalid", "hook_timeout must be a number of seconds above 0",
      { path = "hook_timeout" })
  end
  return true
end

local function default_root(rootless)
  if not rootless then
    return "/run/ctr"
  end
  local runtime = os.getenv("XDG_RUNTIME_DIR")
  return runtime and runtime ~= "" and runtime .. "/ctr" or nil
end

local function absolute(path)
  if path:sub(1, 1) == "/" then
    return path
  end
  return (core.path.realpath(".") or "") .. "/" .. path
end

-- argv[0] of a custom init program is made absolute when the option is given, as libcontainer does.
local function init_arguments(opts)
  if not opts.init_args then
    return opts.init_path and { opts.init_path }
  end
  local args = { unpack(opts.init_args) }
  if args[1] then
    args[1] = absolute(args[1])
  end
  return args
end

--- Makes a factory: `ctr.new`.
-- @tparam ?string root
-- @tparam ?table opts
-- @treturn[1] ctr.Factory
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`
function M.new(root, opts)
  opts = opts or {}
  local ok, err = check_options(opts)
  if not ok then
    return nil, err
  end
  local shared = host.new()
  shared.intel_rdt = opts.intel_rdt and absolute(opts.intel_rdt)
  local factory = setmetatable({
    root = root or default_root(shared.rootless), host = shared,
    manager = opts.cgroup_manager or (shared.rootless and "rootless" or "cgroupfs"),
    criu_path = opts.criu_path, newuidmap_path = opts.newuidmap_path,
    newgidmap_path = opts.newgidmap_path, init_path = opts.init_path,
    init_args = init_arguments(opts), tmpfs_root = opts.tmpfs_root, further = {},
    hook_timeout = opts.hook_timeout, hook_functions = {}, in_hooks = {},
  }, factory_metatable)
  if factory.root == "" then
    return factory
  end
  return factory:open(opts.lazy)
end

local function open_root(factory)
  if not factory.root then
    return nil, errors.new("ConfigInvalid", "invalid root: without privilege, XDG_RUNTIME_DIR has "
      .. "to be set, or a root given")
  end
  if factory.root:sub(1, 1) ~= "/" then
    return nil, errors.new("ConfigInvalid", "invalid root: " .. factory.root
      .. " is not an absolute path")
  end
  return state.open_root(factory.root)
end

--- Opens the state root, and what starts need of the host.
-- @local
function factory_methods:open(is_lazy)
  local handle, err = open_root(self)
  if not handle then
    return nil, err
  end
  if self.tmpfs_root then
    handle, err = probe.tmpfs(self.root, handle)
    if not handle then
      return nil, err
    end
  end
  self.root_handle = handle
  if is_lazy then
    return self
  end
  local ok, problem = self.host:prepare()
  if ok and self.manager ~= "none" then
    ok, problem = cgroup.layout()
  end
  if not ok then
    self:close()
    return nil, problem
  end
  return self
end

local function check_root(factory)
  if factory.root == "" then
    return nil, errors.new("ConfigInvalid", "invalid root")
  end
  return true
end

local function check(factory, id, config)
  local ok, err = check_root(factory)
  if not ok then
    return nil, err
  end
  ok, err = state.check_id(id)
  if not ok then
    return nil, err
  end
  local normalised, problem = schema.parse(config)
  if not normalised then
    return nil, problem
  end
  if factory.host.rootless then
    normalised.rootless_euid = true
    normalised.rootless_cgroups = normalised.rootless_cgroups or factory.manager == "rootless"
  end
  local problems = validate.machine(normalised, probe.functions(factory.host))
  if #problems > 0 then
    return nil, errors.invalid(problems)
  end
  return normalised
end

local function reserve_interfaces(config, name)
  if not networks.has_interfaces(config) then
    return nil
  end
  local netlink, err = needed("ctr.core.netlink")
  if not netlink then
    return nil, err
  end
  return require("ctr.network").reserve(config, name)
end

--- Makes a container: its folder, with its state. Nothing is started. It is made whole, or nothing
-- is left.
-- @tparam string id 1 to 1024 of `A-Z a-z 0-9 _ + . -`, neither `.` nor `..`
-- @tparam table config its keys are in `docs/configuration.md`, "A container"
-- @tparam[opt] table kept plain data that the container remembers (`container:kept()`)
-- @treturn[1] ctr.Container
-- @return[2] nil
-- @treturn[2] ctr.Error `IdInUse`, `InvalidIdFormat`, `ConfigInvalid`, `SystemError`
-- @usage
-- local container = assert(factory:create("web", {
--   rootfs = rootfs,
--   namespaces = { "NEWNS", "NEWPID", "NEWUTS", "NEWIPC", "NEWNET" },
--   hostname = "web",
--   cgroups = { memory = "256M", pids_limit = 64 },
-- }))
-- assert(container:destroy())
function factory_methods:create(id, config, kept)
  if kept ~= nil and type(kept) ~= "table" then
    error("bad argument #3 to 'create' (table expected, got " .. type(kept) .. ")", 2)
  end
  local normalised, err = check(self, id, config)
  if not normalised then
    return nil, err
  end
  local interfaces, problem = reserve_interfaces(normalised, state.folder_name(id))
  if problem then
    return nil, problem
  end
  local store
  store, problem = state.claim(self.root_handle, id)
  if not store then
    return nil, problem
  end
  local container
  container, problem = container_module.new(self, store, { config = normalised,
    cgroup_manager = self.manager, interfaces = interfaces, kept = kept })
  local saved
  if container then
    saved, problem = record.save(container)
  end
  if not saved then
    store:remove()
    store:close()
    return nil, problem
  end
  store:unlock()
  return container
end

--- Makes a container of a checkpoint, with all that was in its memory: a program that has warmed up
-- is ready in the time of a restore. Of one checkpoint as many are made as one likes, side by side.
--
-- The configuration is that of the checkpoint. Cgroup, hardware addresses and the names of
-- interfaces on the host are made anew; an `address` has to be given where there was one. The root
-- is the same, unless another is given: containers that write to it see each other's files. A
-- network with more than a loopback is made as at a first start; hooks run as for one. Established
-- TCP connections are closed, unless `criu = { tcp_established = true }` says that both ends are
-- inside. The checkpoint needs a pid namespace, and its folder has to be the caller's own.
-- @tparam string image the `images_directory` of `container:checkpoint`
-- @tparam string id
-- @tparam[opt] table overrides keys of a configuration (`ctr.config.schema`) that the images do not
-- hold: `rootfs`, `hostname`, `domainname`, `cgroups`, `networks`, `routes`, `net_devices`,
-- `labels`, `hooks`, `intel_rdt`, `exec_cpu_affinity`, `version`; of mounts `source` and `data`; of
-- namespaces that are joined `path`. What is not given stays: maps are merged, mounts by their
-- `destination`, networks by their `name`, namespaces by their `type`. And beside these: `process`,
-- a process or the fields of one, whose streams alone are to be said (what was the null device is
-- that again); `criu`, options as for `restore`
-- @treturn[1] ctr.Container running
-- @treturn[1] ctr.Process its first process
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `IdInUse`, `InvalidIdFormat`, `SystemError`: nothing is
-- left of the clone but CRIU's log (`log`), which is `clone-ID.log` in the folder unless
-- `criu.work_directory` says otherwise
-- @usage
-- local second, process = assert(factory:clone("/var/tmp/web", "web2", {
--   hostname = "web2",
--   cgroups = { memory = "64M" },
--   process = { stdout = "null" },
-- }))
function factory_methods:clone(image, id, overrides)
  if type(image) ~= "string" then
    error("bad argument #1 to 'clone' (string expected, got " .. type(image) .. ")", 2)
  end
  if overrides ~= nil and type(overrides) ~= "table" then
    error("bad argument #3 to 'clone' (table expected, got " .. type(overrides) .. ")", 2)
  end
  return require("ctr.criu.clone").clone(self, image, id, overrides or {})
end

--- Finds a container, whoever made it below the same root.
-- @tparam string id
-- @treturn[1] ctr.Container
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists`, `InvalidIdFormat`, `ConfigInvalid`, `SystemError`
-- @usage
-- local container, err = factory:load("nobody")
-- assert(not container and err.code == "ContainerNotExists")
function factory_methods:load(id)
  local ok, err = check_root(self)
  if not ok then
    return nil, err
  end
  ok, err = state.check_id(id)
  if not ok then
    return nil, err
  end
  local store, problem = state.open(self.root_handle, id)
  if not store then
    return nil, problem
  end
  -- Before the reading: what is written between the two is read again.
  local version = store:version()
  local contents
  contents, problem = store:read()
  if not contents then
    store:close()
    return nil, problem
  end
  local container
  container, problem = container_module.new(self, store, contents)
  if not container then
    store:close()
    return nil, problem
  end
  container.version = version
  return container
end

--- Takes up a container that something else started (docker, podman, bwrap, unshare, …), by a
-- process in it: to look at it, enter it, measure and signal it. It is held by a pidfd: a process
-- that gets the same number later is not taken for it.
-- @tparam number pid
-- @treturn[1] ctr.Adopted `id`, `pid`, `status`, `state`, `processes`, `stats`, `signal`, `pause`,
-- `resume`, `run_inside`, `call`, `mount`, `unmount` as a container has them, and `close`; its
-- other methods say why not
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`: errno ESRCH when there is no such process
-- @usage
-- local adopted = assert(factory:adopt(process:pid()))
-- print(adopted:status(), #adopted:processes())
-- adopted:close()
function factory_methods:adopt(pid)
  if type(pid) ~= "number" or pid < 1 or pid % 1 ~= 0 or pid >= 2 ^ 31 then
    error("bad argument #1 to 'adopt' (the number of a process expected)", 2)
  end
  return require("ctr.reach.adopted").new(self, pid)
end

local function id_of(factory, name)
  if not name:find("~", 1, true) then
    return name
  end
  local text = core.path.read(factory.root_handle, name .. "/state.json", 64 * 1024 * 1024)
  local contents = text and core.json.decode(text)
  return contents and contents.id
end

--- The ids of the containers below the root, sorted.
-- @treturn[1] {string,…}
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`
-- @usage
-- for _, id in ipairs(assert(factory:list())) do
--   print(id, assert(assert(factory:load(id)):status()))
-- end
function factory_methods:list()
  local ok, err = check_root(self)
  if not ok then
    return nil, err
  end
  local names, problem = core.path.list(self.root_handle, ".")
  if not names then
    return nil, problem
  end
  local ids = {}
  for _, name in ipairs(names) do
    local stat = core.path.stat(self.root_handle, name, { nofollow = true })
    if stat and stat.type == "directory" then
      ids[#ids + 1] = id_of(self, name)
    end
  end
  table.sort(ids)
  return ids
end

--- The kind of containers that the factory makes.
-- @treturn string "ctr"
-- @usage
-- assert(factory:type() == "ctr")
function factory_methods:type() -- luacheck: ignore 212
  return "ctr"
end

--- Closes what the factory keeps open. Containers that it made can no longer be used by it; they go
-- on.
-- @treturn boolean true
-- @usage
-- local other = assert(ctr.new(factory.root))
-- other:close()
function factory_methods:close()
  if self.root_handle then
    self.root_handle:close()
  end
  self.host:close()
  return true
end

--- Becomes the container's first process, in a program that `init_path` named. It is called before
-- anything else is done with the descriptors; on success it never returns.
-- @return nil
-- @treturn ctr.Error `SystemError`: the program was not started by `ctr`
-- @usage
-- local _, err = assert(ctr.new("")):start_initialization()
-- print("not a container's first process: " .. tostring(err))
function factory_methods:start_initialization()
  local pipe = tonumber(os.getenv("_LIBCONTAINER_INITPIPE"))
  if not pipe then
    return nil, errors.new("SystemError", "unable to convert _LIBCONTAINER_INITPIPE="
      .. tostring(os.getenv("_LIBCONTAINER_INITPIPE")) .. " to int: not started by ctr")
  end
  local image, err = self.host:image()
  if not image then
    return nil, err
  end
  return core.proc.exec({ image = image, argv = { "ctr-init", tostring(pipe) }, env = {} })
end

return M

--- What the global options mean to a command: where state lies, who makes cgroups.
-- @module ctr.cli.context

local core = require("ctr.core")
local errors = require("ctr.errors")
local host = require("ctr.host")

local M = {}

local DEFAULT_ROOT = "/run/ctr"
local STICKY = 960 -- 01700: nobody cleans it up who cleans up what is old below XDG_RUNTIME_DIR

local context_methods = {}
local context_metatable = { __index = context_methods }

--- Makes a command's context.
-- @tparam table values the global options
-- @tparam table log (`ctr.cli.log`)
function M.new(values, log)
  return setmetatable({ values = values, log = log }, context_metatable)
end

--- A path of the command line, absolute: the current directory may change.
-- @tparam string path
-- @treturn string
function M.absolute(path)
  if path:sub(1, 1) == "/" then
    return path
  end
  return (core.path.realpath(".") or "") .. "/" .. path
end

-- Whether nothing can be relied on that root alone may do.
local function is_unprivileged()
  return host.new():is_confined()
end

-- The default root, and whether it is below XDG_RUNTIME_DIR.
local function default_root()
  local runtime = os.getenv("XDG_RUNTIME_DIR")
  if runtime and runtime ~= "" and is_unprivileged() then
    return M.absolute(runtime) .. "/ctr", true
  end
  return DEFAULT_ROOT, false
end

-- A path without ".", ".." and repeated slashes, by its text alone.
local function clean_path(path)
  local names = {}
  for name in path:gmatch("[^/]+") do
    if name == ".." then
      names[#names] = nil
    elseif name ~= "." then
      names[#names + 1] = name
    end
  end
  return "/" .. table.concat(names, "/")
end

-- "/" in any spelling is refused.
local function given_root(path)
  local root = M.absolute(path)
  local real = core.path.realpath(root)
  if not real then
    root = clean_path(root)
  end
  if path == "" or (real or root) == "/" then
    return nil, errors.new("ConfigInvalid", ("invalid root: %q"):format(path), { path = "--root" })
  end
  return root
end

local function root_of(values)
  if values.root then
    return given_root(values.root)
  end
  return default_root()
end

--- Who is asked to make the cgroups: "cgroupfs", "systemd" or "disabled".
-- @tparam table values the global options
-- @treturn string
function M.asked_manager(values)
  return values["cgroup-manager"] or (values["systemd-cgroup"] and "systemd") or "cgroupfs"
end

local function manager_of(values)
  local manager = M.asked_manager(values)
  if manager == "disabled" then
    return "none"
  end
  local rootless = values.rootless or "auto"
  local is_tolerant = rootless == "true" or (rootless == "auto" and is_unprivileged())
  return manager == "cgroupfs" and is_tolerant and "rootless" or manager
end

--- Says whether there is a state root; where there is none there are no containers.
-- @treturn boolean
function context_methods:has_root()
  local root = root_of(self.values)
  if not root then
    return true -- the factory says what is wrong with it
  end
  local real, err = core.path.realpath(root)
  return real ~= nil or err.errno ~= "ENOENT"
end

--- The factory of the state root. Which manager it has matters to new containers only: those that
-- are there remember theirs.
-- @tparam[opt] table opts more options of `ctr.new`
-- @treturn[1] ctr.Factory
-- @return[2] nil
-- @treturn[2] ctr.Error
function context_methods:factory(opts)
  local root, is_runtime = root_of(self.values)
  if not root then
    return nil, is_runtime
  end
  opts = opts or { lazy = true }
  opts.cgroup_manager = manager_of(self.values)
  local factory, err = require("ctr.factory").new(root, opts)
  if factory then
    self.log:debug(("state root: %s, new cgroups: %s"):format(root, opts.cgroup_manager))
  end
  if factory and is_runtime == true then
    core.path.chmod(factory.root_handle, ".", STICKY)
  end
  return factory, err
end

--- Finds a container.
-- @tparam string id
-- @treturn[1] ctr.Container
-- @return[2] nil
-- @treturn[2] ctr.Error
function context_methods:container(id)
  if not self:has_root() then
    local ok, problem = require("ctr.state").check_id(id)
    return nil, ok and errors.new("ContainerNotExists", "container does not exist") or problem
  end
  local factory, err = self:factory()
  if not factory then
    return nil, err
  end
  return factory:load(id)
end

return M

--- What the global options mean to a command: where state lies, who makes cgroups.
-- @module ctr.cli.context

local core = require("ctr.core")
local ctr = require("ctr")

local M = {}

local context_methods = {}
local context_metatable = { __index = context_methods }

--- Makes a command's context.
-- @tparam table values the global options
-- @tparam table log (`ctr.cli.log`)
function M.new(values, log)
  return setmetatable({ values = values, log = log }, context_metatable)
end

--- A path of the command line, absolute: the current directory may change.
function M.absolute(path)
  if path:sub(1, 1) == "/" then
    return path
  end
  return core.path.realpath(".") .. "/" .. path
end

local function root_of(values)
  return values.root and M.absolute(values.root)
end

local function manager_of(values)
  local manager = values["cgroup-manager"]
  if manager == "disabled" then
    return "none"
  end
  return manager or (values["systemd-cgroup"] and "systemd") or nil
end

--- The factory of the state root. Which manager it has matters to new containers only: those that
-- are there remember theirs.
-- @tparam[opt] table opts more options of `ctr.new`
-- @treturn[1] ctr.Factory
-- @return[2] nil
-- @treturn[2] ctr.Error
function context_methods:factory(opts)
  opts = opts or { lazy = true }
  opts.cgroup_manager = manager_of(self.values)
  return ctr.new(root_of(self.values), opts)
end

--- Finds a container.
-- @tparam string id
-- @treturn[1] ctr.Container
-- @return[2] nil
-- @treturn[2] ctr.Error
function context_methods:container(id)
  local factory, err = self:factory()
  if not factory then
    return nil, err
  end
  return factory:load(id)
end

return M

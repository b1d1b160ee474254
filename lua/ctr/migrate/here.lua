--- A receiving end in the same program, as the sending end sees it. The source dumps into the
-- target's folder at once; what the target does is done in its network namespace.
-- @module ctr.migrate.here

local core = require("ctr.core")
local errors = require("ctr.errors")
local targets = require("ctr.migrate.target")

local M = {}

local peer_methods = {}
local peer_metatable = { __index = peer_methods }

local function open_namespace(value)
  if value == nil then
    return nil
  end
  local path = type(value) == "string" and value
    or ("/proc/self/fd/%d"):format(core.fd.number(value))
  local handle, kind = core.ns.open(path)
  if handle and kind == "NEWNET" then
    return handle
  elseif handle then
    handle:close()
    kind = errors.new("ConfigInvalid", "is no network namespace")
  end
  return nil, errors.with_path(kind, "network_namespace")
end

--- Makes it.
-- @tparam table settings parsed (`ctr.migrate.options`)
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.new(settings)
  local namespace, err = open_namespace(settings.network_namespace)
  if err then
    return nil, err
  end
  return setmetatable({ target = targets.new(settings), namespace = namespace }, peer_metatable)
end

-- Does something where the target is; this thread comes back whatever happens.
local function there(self, name, ...)
  local own, err
  if self.namespace then
    own, err = core.ns.open("/proc/thread-self/ns/net")
    local entered = own
    if own then
      entered, err = core.ns.enter(self.namespace)
    end
    if not entered then
      return nil, err
    end
  end
  local returned, value, problem = pcall(self.target[name], self.target, ...)
  if own then
    assert(core.ns.enter(own))
    own:close()
  end
  if not returned then
    error(value, 0)
  end
  return value, problem
end

for _, name in ipairs({ "offer", "begin_round", "restore" }) do
  peer_methods[name] = function(self, ...)
    return there(self, name, ...)
  end
end

--- Where a dump is to put its images.
function peer_methods:place()
  return self.target:place()
end

--- Ends a round.
-- @treturn[1] number bytes that were sent: none
-- @return[2] nil
-- @treturn[2] ctr.Error
function peer_methods:end_round()
  local ok, err = there(self, "end_round")
  return ok and 0, err
end

--- Lets the target run. Here it is always known whether it does.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
-- @treturn[2] boolean true: nothing runs there
function peer_methods:go()
  local ok, err = there(self, "go")
  return ok, err, true
end

--- Waits until all is there.
-- @treturn[1] table `container`, `process`
-- @return[2] nil
-- @treturn[2] ctr.Error
function peer_methods:finish()
  local ok, err = there(self, "finish")
  return ok and { container = self.target.container, process = self.target.process }, err
end

--- Takes back what the target has made, but for the images: the source may be restored of them.
function peer_methods:abort(err)
  there(self, "abort", err)
end

--- Ends it.
-- @tparam ?ctr.Error err why nothing came of it
function peer_methods:close(err)
  if err then
    self.target:give_up(err)
  end
  if self.namespace then
    self.namespace:close()
  end
end

return M

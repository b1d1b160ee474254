--- What a clone has of its own in the namespaces that CRIU makes: a network as a first start makes
-- it, and its names.
-- @module ctr.criu.anew

local core = require("ctr.core")
local errand = require("ctr.launch.errand")
local errors = require("ctr.errors")
local planner = require("ctr.plan")
local sorted = require("ctr.sorted")
local words = require("ctr.config.words")

local M = {}

local anew_methods = {}
local anew_metatable = { __index = anew_methods }

--- Notes what is to be made anew.
-- @tparam ctr.Container container
-- @tparam table what `has_network` (CRIU leaves the network namespace empty), `hostname` and
-- `domainname` where they are not those of the images
-- @treturn table
function M.new(container, what)
  return setmetatable({ container = container, has_network = what.has_network,
    names = { hostname = what.hostname, domainname = what.domainname } }, anew_metatable)
end

-- An errand into one of a process' namespaces.
local function send(host, pid, kind, steps, fds)
  local space, err = core.ns.open(("/proc/%d/ns/%s"):format(pid, core.ns.files[kind]))
  if not space then
    return nil, err
  end
  table.insert(steps, 1, { "join", { errand.FIRST, planner.CLONE[kind] }, {} })
  local ok, problem = errand.run(host, steps, { space, unpack(fds) })
  space:close()
  return ok, problem
end

local function set_up_loopback(config, inside)
  local netlink = require("ctr.core.netlink")
  for index, network in ipairs(config.networks) do
    if network.type == "loopback" then
      local link, err = netlink.link(inside, "lo")
      local ok
      if link then
        ok, err = netlink.set_link(inside, link.index, { up = true })
      end
      return ok, err and errors.with_path(err, ("networks[%d]"):format(index))
    end
  end
  return true
end

-- The kernel's settings of the namespace; those of the others are in the images.
local function set_sysctls(container, pid)
  local config, steps = container.configuration, {}
  for _, key in ipairs(sorted(config.sysctl)) do
    local path = words.sysctl_path(key)
    if path:find("^net/") then
      steps[#steps + 1] = { "sysctl", { errand.FIRST + 1 }, { path, tostring(config.sysctl[key]) },
        ('sysctl["%s"]'):format(key) }
    end
  end
  local procfs, err = container.host:procfs()
  if not procfs then
    return nil, err
  end
  return #steps == 0 or send(container.host, pid, "NEWNET", steps, { procfs })
end

local function open_inside(pid)
  local space, err = core.ns.open(("/proc/%d/ns/net"):format(pid))
  if not space then
    return nil, err
  end
  local socket, problem = require("ctr.core.netlink").open(space)
  space:close()
  return socket, problem
end

--- Makes the network in the namespace of a process.
-- @tparam number pid
-- @treturn[1] true also where it is in the images
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path
function anew_methods:make_network(pid)
  if not self.has_network then
    return true
  end
  local container = self.container
  local inside, err = open_inside(pid)
  if not inside then
    return nil, err
  end
  self.network = require("ctr.network").new(container)
  local ok
  ok, err = self.network:setup(inside, { on_failure = function(_, undo)
    self.undo_network = undo
  end })
  if ok then
    ok, err = set_up_loopback(container.configuration, inside)
  end
  if ok then
    ok, err = set_sysctls(container, pid)
  end
  return ok, err
end

--- Sets the names in the namespace of a process, where they are not those of the images.
-- @tparam number pid
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path
function anew_methods:set_names(pid)
  local steps = {}
  for _, key in ipairs(sorted(self.names)) do
    if self.names[key] ~= "" then
      steps[#steps + 1] = { key, {}, { self.names[key] }, key }
    end
  end
  return #steps == 0 or send(self.container.host, pid, "NEWUTS", steps, {})
end

--- Takes back what was made, of a restore that failed.
function anew_methods:undo()
  if self.undo_network then
    self.undo_network()
  end
end

--- Closes what it was made by.
function anew_methods:close()
  if self.network then
    self.network:close()
  end
end

return M

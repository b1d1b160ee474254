--- Cgroups: the machine's layout, and a manager for one container's cgroup.
-- @module ctr.cgroup

local errors = require("ctr.errors")
local layouts = require("ctr.cgroup.layout")
local manager = require("ctr.cgroup.manager")
local place = require("ctr.cgroup.place")
local sorted = require("ctr.sorted")
local v1 = require("ctr.cgroup.v1")
local v2 = require("ctr.cgroup.v2")

local M = {}

-- One per process: finding the mounts costs more than all else here. It is looked at anew whenever
-- the caller's own cgroups change or the first mount is no longer there.
local cached

local KINDS = { cgroupfs = true, systemd = true, rootless = true, none = true }

--- Finds where the hierarchies are mounted: see `ctr.cgroup.layout`.
-- @treturn[1] table layout
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.layout()
  local own, err = layouts.read_own()
  if not own then
    return nil, err
  end
  if cached and layouts.is_current(cached, own) then
    return cached
  end
  local found, problem = layouts.probe(own)
  if not found then
    return nil, problem
  end
  cached = found
  return found
end

-- Hybrid counts as v1: all controllers that are needed are there, the cgroup2 tree beside them
-- holds none of them and is left alone.
local function driver_of(layout)
  return layout.mode == "v2" and v2 or v1
end

local function hierarchy_of(layout, name)
  if layout.mode == "v2" then
    return name == "" and layout.unified or nil
  end
  if name == "unified" then
    return layout.unified
  end
  return layout.controllers[name]
end

local function invalid_path(name, reason)
  local path = "cgroups.paths" .. (name == "" and "" or "." .. name)
  return nil, errors.new("ConfigInvalid", path .. " " .. reason, { path = path })
end

-- The node of a full path; nil alone where its hierarchy is not mounted.
local function node_at(layout, name, full)
  local hierarchy = hierarchy_of(layout, name)
  if not hierarchy then
    return nil
  end
  local mount = hierarchy.mount
  if full:sub(1, #mount + 1) ~= mount .. "/" then
    return invalid_path(name, "must be below " .. mount)
  end
  local path, reason = place.clean(full:sub(#mount + 2))
  if not path or path == "" then
    return invalid_path(name, reason or "must not be a hierarchy's root")
  end
  return driver_of(layout).node(hierarchy, path)
end

-- A node for each hierarchy of a map from controllers to full paths. One that is not mounted (any
-- more) is an error when the configuration asks to join it; when it is what we stored there is
-- nothing left.
local function nodes_at(layout, paths, is_asked)
  local nodes, seen = {}, {}
  for _, name in ipairs(sorted(paths)) do
    local node, err = node_at(layout, name, paths[name])
    if err then
      return nil, err
    end
    if not node and is_asked then
      return invalid_path(name, "names a controller that is not mounted")
    end
    if node and not seen[node.full] then
      seen[node.full] = true
      nodes[#nodes + 1] = node
    end
  end
  return nodes
end

local function place_nodes(fields, layout, id)
  local where, err = place.of(fields.config, id)
  if not where then
    return nil, err
  end
  fields.explicit = where.explicit
  if not fields.nodes and layout.mode ~= "none" then
    fields.nodes, fields.hidden = fields.driver.nodes(layout, where, fields.is_shown)
  end
  return true
end

local function is_borrowed(config)
  return config.paths ~= nil and next(config.paths) ~= nil
end

-- systemd tells where the cgroup is once it has made it.
local function fill_unit(fields, layout, options)
  local unit, err = require("ctr.cgroup.unit").of(fields.config, options.id, options.user)
  if not unit then
    return nil, err
  end
  local nodes, problem = nodes_at(layout, options.paths or {}, false)
  if not nodes then
    return nil, problem
  end
  fields.unit, fields.layout, fields.id, fields.user = unit, layout, options.id, options.user
  fields.host = options.host
  fields.nodes, fields.explicit = nodes, true
  return true
end

local function fill(fields, layout, options)
  local asked = fields.config.paths
  fields.borrowed = is_borrowed(fields.config)
  local paths = fields.borrowed and asked or options.paths
  if paths then
    local nodes, err = nodes_at(layout, paths, fields.borrowed)
    if not nodes then
      return nil, err
    end
    fields.nodes = nodes
  end
  if fields.borrowed then
    return true
  end
  return place_nodes(fields, layout, options.id)
end

--- Makes a manager for a container's cgroup. Nothing is touched yet.
-- @tparam table options `config` (`cgroups` of the configuration, or nil), `id` of the container,
--   `manager` ("cgroupfs", "systemd", "rootless" or "none"), `paths` and `created` as stored when
--   the cgroup was made, `user` (systemd's manager is the calling user's), `is_shown` (the
--   container has a mount of its cgroups)
-- @treturn[1] ctr.CgroupManager
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`
function M.new(options)
  local kind = options.manager or "cgroupfs"
  if not KINDS[kind] then
    return nil, errors.new("ConfigInvalid",
      ("there is no cgroup manager %q"):format(tostring(kind)))
  end
  local fields = { kind = kind, config = options.config or {}, above = options.created,
    is_shown = options.is_shown }
  if kind == "none" then
    return manager.new(fields)
  end
  local layout, problem = M.layout()
  if not layout then
    return nil, problem
  end
  fields.driver = driver_of(layout)
  local is_systemd = kind == "systemd" and not is_borrowed(fields.config)
  local ok, err = (is_systemd and fill_unit or fill)(fields, layout, options)
  if not ok then
    return nil, err
  end
  return (is_systemd and require("ctr.cgroup.systemd") or manager).new(fields)
end

return M

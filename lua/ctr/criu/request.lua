--- What CRIU is told of a restore.
-- @module ctr.criu.request

local core = require("ctr.core")
local dump = require("ctr.criu.dump")
local errors = require("ctr.errors")
local options_module = require("ctr.criu.options")
local planner = require("ctr.plan")
local streams = require("ctr.criu.streams")

local M = {}

local LOG = "restore.log"
M.LOG = LOG
local CGROUP_MAX = 65536
local READ_WRITE = { flags = { "rdwr" } }

-- How both ends of a pair are called, the one in the container first.
local function veth_pairs(container, options)
  local list = {}
  if options_module.leaves_network_out(options) then
    return list
  end
  for _, reserved in ipairs(container.interfaces or {}) do
    list[#list + 1] = { if_in = reserved.name, if_out = reserved.host_interface_name }
  end
  for _, pair in ipairs(options.veth_pairs) do
    list[#list + 1] = { if_in = pair.container_interface_name,
      if_out = pair.host_interface_name }
  end
  return list
end

local function optional(text)
  return text ~= "" and text or nil
end

--- Makes the request, but for what is known only when all is opened.
-- @tparam ctr.Container container
-- @tparam table options parsed
-- @tparam table needs (`ctr.criu.needs`)
-- @treturn table
function M.new(container, options, needs)
  local request = options_module.common(options)
  request.log_file = LOG
  request.rst_sibling = true
  request.evasive_devices = true
  request.lsm_profile = optional(options.lsm_profile)
  request.lsm_mount_context = optional(options.lsm_mount_context)
  request.inherit_fd = streams.inherited(needs.descriptors, needs.null_files or {})
  request.veths = veth_pairs(container, options)
  return request
end

local JOINED_WORDS = { NEWNS = "mnt", NEWIPC = "ipc", NEWUTS = "uts", NEWUSER = "user",
  NEWTIME = "time" }

--- Adds the namespaces of others: their owners keep them, so they are entered, not made.
-- @tparam table request
-- @tparam table config
-- @tparam number first the number that CRIU has the first descriptor under
-- @tparam {ctr.fd,…} inherited gets descriptors that CRIU is to have, in this order
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.add_namespaces(request, config, first, inherited)
  for kind, joined in pairs(planner.namespaces(config).joined) do
    local path = ("namespaces[%d]"):format(joined.index)
    local handle, found = core.ns.open(joined.path)
    if not handle then
      return nil, errors.with_path(found, path)
    elseif found ~= kind then
      handle:close()
      return nil, errors.new("SystemError", ("%s: %s is a namespace of type %s"):format(path,
        joined.path, found), { path = path })
    end
    inherited[#inherited + 1] = handle
    if dump.OUTER[kind] then
      table.insert(request.inherit_fd,
        { key = dump.OUTER[kind][3], fd = first + #inherited - 1 })
    elseif JOINED_WORDS[kind] then
      request.join_ns = request.join_ns or {}
      table.insert(request.join_ns, { ns = JOINED_WORDS[kind],
        ns_file = ("/proc/self/fd/%d"):format(first + #inherited - 1) })
    else
      return nil, errors.new("SystemError", path .. ": CRIU cannot enter such a namespace",
        { path = path })
    end
  end
  return true
end

--- Has CRIU take the streams by numbers of their own: it closes what it has taken, and with
-- shell_job it looks at its standard input after that.
-- @tparam table request
-- @tparam {ctr.fd,…} fds the streams
-- @tparam number first the number that CRIU has the first of `inherited` under
-- @tparam {ctr.fd,…} inherited gets descriptors that CRIU is to have, in this order
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.add_streams(request, fds, first, inherited)
  for _, row in ipairs(request.inherit_fd) do
    local handle, err
    if row.fd then
      handle, err = core.fd.dup(fds[row.fd + 1])
    else
      handle, err = core.fd.open("/dev/null", READ_WRITE)
    end
    if not handle then
      return nil, err
    end
    inherited[#inherited + 1] = handle
    row.fd = first + #inherited - 1
  end
  return true
end

--- Says where the container's cgroups are: where CRIU itself is.
-- @tparam ctr.Host host
-- @tparam number pid of CRIU
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.cgroup_roots(host, pid)
  local text, err = core.path.read(host:procfs(), pid .. "/cgroup", CGROUP_MAX)
  if not text then
    return nil, err
  end
  local roots = {}
  for names, path in text:gmatch("%d+:([^:\n]*):([^\n]*)") do
    if names == "" then
      roots[#roots + 1] = { ctrl = "", path = path }
    end
    for name in names:gmatch("[^,]+") do
      roots[#roots + 1] = { ctrl = name, path = path }
    end
  end
  return roots
end

return M

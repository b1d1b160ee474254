--- Which mounts of a container come from outside of it: CRIU takes down that they were there, and
-- a restore says where they come from then.
--
-- They are found in the kernel's own list: a path of the configuration may lead elsewhere by a
-- link. Their names in the images are libcontainer's: the mount's place, "/dev/null" for masked
-- files.
-- @module ctr.criu.mounts

local bit = require("bit")
local attributes = require("ctr.plan.mount_attributes")
local core = require("ctr.core")
local errors = require("ctr.errors")
local mount_rules = require("ctr.config.mount")
local plan_mounts = require("ctr.plan.mounts")
local planner = require("ctr.plan")
local view = require("ctr.cgroup.view")

local M = {}

local LIST_MAX = 64 * 1024 * 1024 -- bytes of a list of mounts
M.LIST_MAX = LIST_MAX
local NULL = "/dev/null"
local NOTHING = {}
local ROOT = { flags = { "path", "directory" } }
local HERE = { flags = { "path" } }

-- Blanks, tabs, newlines and backslashes are written in octal.
local function unescape(text)
  return (text:gsub("\\(%d%d%d)", function(digits)
    return string.char(tonumber(digits, 8))
  end))
end

--- Reads a mountinfo file.
-- @tparam string text
-- @treturn table rows by their id: `id`, `parent`, `device`, `root`, `mountpoint`, `options`,
-- `type`, `order`
function M.rows(text)
  local rows, order = {}, 0
  for line in text:gmatch("[^\n]+") do
    local id, parent, device, root, mountpoint, options, kind =
      line:match("^(%d+) (%d+) (%S+) (%S+) (%S+) (%S+) .-%- (%S+)")
    if id then
      order = order + 1
      rows[tonumber(id)] = { id = tonumber(id), parent = tonumber(parent), order = order,
        device = device, root = unescape(root), mountpoint = unescape(mountpoint),
        options = options, type = kind }
    end
  end
  return rows
end

local finder_methods = {}
local finder_metatable = { __index = finder_methods }

--- Makes what looks for mounts in a process' root.
-- @tparam ctr.Host host
-- @tparam number pid
-- @treturn[1] table `rows`, `root` (a descriptor, which the caller closes), `at(path)`,
-- `under(path)`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.finder(host, pid)
  local procfs, err = host:procfs()
  if not procfs then
    return nil, err
  end
  local text
  text, err = core.path.read(procfs, pid .. "/mountinfo", LIST_MAX)
  if not text then
    return nil, err
  end
  local root
  root, err = core.fd.open(("/proc/%d/root"):format(pid), ROOT)
  if not root then
    return nil, err
  end
  return setmetatable({ procfs = procfs, root = root, rows = M.rows(text) }, finder_metatable)
end

local function row_of(finder, handle)
  local text = core.path.read(finder.procfs, ("self/fdinfo/%d"):format(core.fd.number(handle)),
    LIST_MAX)
  return finder.rows[tonumber(text and text:match("mnt_id:%s*(%d+)"))]
end

--- Finds the mount that a path of the container's is in.
-- @treturn ?table its row; nil where there is no such path
function finder_methods:under(path)
  local handle = core.path.open(self.root, path, HERE)
  local row = handle and row_of(self, handle)
  if handle then
    handle:close()
  end
  return row
end

--- Finds the mount at a path of the container's.
-- @treturn ?table its row; nil where the path is only somewhere in a mount
-- @treturn ?string the kind of file that it shows
function finder_methods:at(path)
  local handle = core.path.open(self.root, path, HERE)
  if not handle then
    return nil
  end
  local row, kind = row_of(self, handle), core.fd.type(handle)
  local place = core.path.readlink(self.procfs, ("self/fd/%d"):format(core.fd.number(handle)))
  handle:close()
  return row and place == row.mountpoint and row or nil, kind
end

local function is_below(rows, row, above)
  local parent = rows[row.parent]
  while parent and parent ~= row do
    if parent == above then
      return true
    end
    row, parent = parent, rows[parent.parent]
  end
  return false
end

local function is_new(mount)
  return bit.band(mount.flags, attributes.MS.REMOUNT) == 0
end

local function is_made_outside(mount)
  return mount.device ~= "bind" and is_new(mount) and not mount_rules.is_cgroup(mount)
    and plan_mounts.is_made_by_library(mount, false, false)
end

local function add(found, row, what)
  what.key = what.kind == "null" and NULL or row.mountpoint
  what.mountpoint, what.options = row.mountpoint, row.options
  found.seen[row.id] = true
  found.list[#found.list + 1] = what
end

local function gone(index, mount)
  local path = ("mounts[%d]"):format(index)
  return errors.new("SystemError", ("%s: there is no mount on %s any more"):format(path,
    mount.destination), { path = path })
end

-- A restore would bind what the host has under that name.
local function refuse_inside(index, mount)
  local path = ("mounts[%d].source"):format(index)
  return errors.new("SystemError", ("%s: %s is what the container has mounted itself, which cannot "
    .. "be checkpointed"):format(path, mount.source), { path = path })
end

local function add_binds(found, finder, config)
  local inside = plan_mounts.sources_inside(config, false)
  for index, mount in ipairs(config.mounts) do
    if inside[index] then
      return nil, refuse_inside(index, mount)
    end
    if plan_mounts.is_bind(mount) then
      local row = finder:at(mount.destination)
      if not row then
        return nil, gone(index, mount)
      end
      add(found, row, { kind = "bind", destination = mount.destination, below = "" })
    end
  end
  return true
end

-- File systems of the host's devices, of its folders, of the caller's descriptors.
local function add_file_systems(found, finder, config)
  for index, mount in ipairs(config.mounts) do
    if is_made_outside(mount) then
      local row = finder:at(mount.destination)
      if not row then
        return nil, gone(index, mount)
      end
      add(found, row, { kind = "fs", destination = mount.destination, below = "" })
    end
  end
  return true
end

local function add_cgroups(found, finder, manager, config)
  for index, mount in ipairs(config.mounts) do
    local seen = NOTHING
    if mount_rules.is_cgroup(mount) then
      local err
      seen, err = view.of(manager, mount.device)
      if not seen then
        return nil, errors.with_path(err, ("mounts[%d]"):format(index))
      end
    end
    for _, entry in ipairs(seen) do
      local below = seen.is_tree and "" or "/" .. entry.name
      local row = finder:at(mount.destination .. below)
      if row then
        add(found, row, { kind = "cgroup", destination = mount.destination, below = below })
      end
    end
  end
  return true
end

local function add_devices(found, finder, config)
  if not planner.namespaces(config).user then
    return
  end
  for _, device in ipairs(config.devices) do
    local row = device.path ~= "" and finder:at(device.path)
    if row and not found.seen[row.id] then
      add(found, row, { kind = "device", destination = device.path, below = "" })
    end
  end
end

local function add_masks(found, finder, config)
  for _, path in ipairs(config.mask_paths) do
    local row, kind = finder:at(path)
    if row and kind ~= "directory" and not found.seen[row.id] then
      add(found, row, { kind = "null", destination = path, below = "" })
    end
  end
end

-- Mounts that the configuration makes otherwise, below a bind: they are the container's.
local function mark_own(found, finder, config)
  local own = {}
  for _, mount in ipairs(config.mounts) do
    local row = finder:at(mount.destination)
    if row and not found.seen[row.id] then
      own[row.id] = true
    end
  end
  return own
end

-- What came along with a recursive bind.
local function add_below_binds(found, finder, config)
  local own, rows = mark_own(found, finder, config), {}
  for _, row in pairs(finder.rows) do
    rows[#rows + 1] = row
  end
  table.sort(rows, function(a, b) return a.order < b.order end)
  local binds = {}
  for _, what in ipairs(found.list) do
    if what.kind == "bind" then
      binds[#binds + 1] = { what = what, row = finder:at(what.destination) }
    end
  end
  for _, row in ipairs(rows) do
    for _, bind in ipairs(binds) do
      local prefix = bind.what.mountpoint .. "/"
      if not found.seen[row.id] and not own[row.id] and is_below(finder.rows, row, bind.row)
        and row.mountpoint:sub(1, #prefix) == prefix then
        add(found, row, { kind = "bind", destination = bind.what.destination,
          below = row.mountpoint:sub(#prefix) })
      end
    end
  end
end

--- Finds the mounts of a running container that come from outside.
-- @tparam ctr.Container container
-- @treturn[1] {table,…} `key` (its name in the images), `mountpoint`, `options` (of the mount),
-- `kind` ("bind", "fs", "cgroup", "device" or "null"), `destination` (of the configuration),
-- `below` (a path below that)
-- @treturn[1] table the rows of all its mounts by their id
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.outer(container)
  local finder, err = M.finder(container.host, container.init_pid)
  if not finder then
    return nil, err
  end
  local config, found = container.configuration, { list = {}, seen = {} }
  local ok
  ok, err = add_binds(found, finder, config)
  if ok then
    ok, err = add_file_systems(found, finder, config)
  end
  if ok then
    ok, err = add_cgroups(found, finder, container.cgroup, config)
  end
  if ok then
    add_devices(found, finder, config)
    add_masks(found, finder, config)
    add_below_binds(found, finder, config)
  end
  finder.root:close()
  if not ok then
    return nil, err
  end
  return found.list, finder.rows
end

--- Foretells the same of a container that another runtime has taken down, from its configuration.
-- @tparam ctr.Container container
-- @treturn[1] {table,…}
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.expected(container)
  local config, list = container.configuration, {}
  local function expect(kind, destination, below, key)
    list[#list + 1] = { kind = kind, destination = destination, below = below,
      key = key or destination .. below, mountpoint = destination .. below }
  end
  for index, mount in ipairs(config.mounts) do
    if plan_mounts.is_bind(mount) then
      expect("bind", mount.destination, "")
    elseif mount_rules.is_cgroup(mount) then
      local seen, err = view.of(container.cgroup, mount.device)
      if not seen then
        return nil, errors.with_path(err, ("mounts[%d]"):format(index))
      end
      for _, entry in ipairs(seen) do
        expect("cgroup", mount.destination, seen.is_tree and "" or "/" .. entry.name)
      end
    end
  end
  for _, device in ipairs(config.devices) do
    expect("device", device.path, "")
  end
  if #config.mask_paths > 0 then
    expect("null", NULL, "")
  end
  return list
end

--- Finds the mount of a configuration that one of a checkpoint was made by.
-- @tparam table config
-- @tparam table what
-- @treturn ?number its position
function M.find(config, what)
  local is_wanted = what.kind == "bind" and plan_mounts.is_bind
    or what.kind == "fs" and is_made_outside
    or mount_rules.is_cgroup
  for index, mount in ipairs(config.mounts) do
    if mount.destination == what.destination and is_wanted(mount) then
      return index
    end
  end
  return nil
end

return M

--- Intel's Resource Director Technology: a container's group in the file system resctrl.
-- A group is a class of service (CLOS), a folder with the files `tasks` and `schemata`; one for
-- monitoring lies in its `mon_groups`. Loaded when a configuration has `intel_rdt`.
-- @module ctr.intel_rdt

local core = require("ctr.core")
local errors = require("ctr.errors")
local schemata = require("ctr.intel_rdt.schemata")

local M = {}

local FOLDER_MODE = 493 -- 0755
local FILE_MAX = 1024 * 1024
local NO_FOLLOW = { nofollow = true }
-- In resctrl the files are there: one that is made is that of a tree which imitates it.
local WRITE = { beneath = true, create = 420, append = true }

local group_methods = {}
local group_metatable = { __index = group_methods, __name = "ctr.RdtGroup" }

-- Octal escapes of mountinfo.
local function unescape(path)
  return (path:gsub("\\(%d%d%d)", function(digits)
    return string.char(tonumber(digits, 8))
  end))
end

local function find_mount()
  local file = io.open("/proc/self/mountinfo")
  local mounts = file and file:read("*a") or ""
  if file then
    file:close()
  end
  for line in mounts:gmatch("[^\n]+") do
    local path = line:match("^%S+ %S+ %S+ / (%S+) .* %- resctrl ")
    if path then
      return unescape(path)
    end
  end
  return nil
end

--- Finds resctrl, and opens its root.
-- @tparam ?string given by the factory's option `intel_rdt`
-- @treturn[1] ctr.fd
-- @treturn[1] string its path
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open_root(given)
  local path = given or find_mount()
  if not path then
    return nil, errors.new("SystemError", "no resctrl file system is mounted")
  end
  local root, err = core.path.open_root(path)
  if not root then
    return nil, err
  end
  return root, path
end

local function exists(dir, path)
  return core.path.stat(dir, path, NO_FOLLOW) ~= nil
end

--- Reads a file, without spaces at its end.
-- @tparam ctr.fd dir
-- @tparam string path below it
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read(dir, path)
  local text, err = core.path.read(dir, path, FILE_MAX)
  if not text then
    return nil, err
  end
  return (text:gsub("%s+$", ""))
end

--- Tells what of RDT there is.
-- @tparam ?string given as of `open_root`
-- @treturn[1] table booleans `l3`, `mb`, `monitoring`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.features(given)
  local root, err = M.open_root(given)
  if not root then
    return nil, err
  end
  local found = {
    l3 = exists(root, "info/L3") or exists(root, "info/L3CODE"),
    mb = exists(root, "info/MB"),
    monitoring = exists(root, "info/L3_MON"),
  }
  root:close()
  return found
end

--- Makes the group's object of a container.
-- @tparam table rdt `intel_rdt` of the configuration
-- @tparam string id the container's folder: the group's name where it has none
-- @tparam ?string given as of `open_root`
-- @tparam table state `intel_rdt_path`, `intel_rdt_mon_path`, `intel_rdt_created` as they were
-- recorded
-- @treturn table
function M.new(rdt, id, given, state)
  local path = state.intel_rdt_path
  return setmetatable({
    config = rdt, id = id, given = given, path = path ~= "" and path or nil,
    mon_path = state.intel_rdt_mon_path, is_own = state.intel_rdt_created or false,
  }, group_metatable)
end

-- The group's folder below the root; "." is the root's own group.
local function folder_of(group)
  local name = group.config.clos_id
  if name == "/" then
    return "."
  end
  return name == "" and group.id or name
end

local function join(path, name)
  return name == "." and path or path:gsub("/$", "") .. "/" .. name
end

local function refused(root, err, path, what)
  local text = ("%s: %s: %s"):format(path, what, tostring(err.errno or err))
  local status = M.read(root, "info/last_cmd_status")
  if status and status ~= "" and status ~= "ok" then
    text = text .. ", last_cmd_status: " .. status
  end
  return errors.new("SystemError", text, { path = path, errno = err.errno, cause = err })
end

local function invalid(path, text)
  return errors.new("ConfigInvalid", path .. " " .. text, { path = path })
end

local function check_missing(group, lines)
  if group.config.clos_id ~= "" and #lines == 0 then
    return nil, invalid("intel_rdt.clos_id", ("names the class %q, which does not exist, and there "
      .. "is no schema to make it with"):format(group.config.clos_id))
  end
  return true
end

-- Another's group is joined as it is: its schemata are never changed.
local function check_existing(group, root, folder, lines)
  if group.config.clos_id == "" then
    return nil, errors.new("SystemError", ("intel_rdt: the group %s is there already"):format(
      join(group.root_path, folder)), { path = "intel_rdt", errno = "EEXIST" })
  end
  if #lines == 0 then
    return true
  end
  local text, err = M.read(root, folder .. "/schemata")
  if not text then
    return nil, errors.with_path(err, "intel_rdt.clos_id")
  end
  local other = schemata.mismatch(lines, text)
  if other then
    return nil, invalid(other.path, ("is not what the class %q has, which exists already"):format(
      group.config.clos_id))
  end
  return true
end

local function with_root(group, act, ...)
  local root, path = M.open_root(group.given)
  if not root then
    return nil, errors.with_path(path, "intel_rdt")
  end
  group.root_path = path
  local ok, err = act(group, root, ...)
  root:close()
  return ok, err
end

local function intend(group, root)
  local folder = folder_of(group)
  local lines = schemata.lines(group.config)
  local is_there = exists(root, folder)
  local ok, err
  if is_there then
    ok, err = check_existing(group, root, folder, lines)
  else
    ok, err = check_missing(group, lines)
  end
  if not ok then
    return nil, err
  end
  group.path, group.made, group.has_mon = join(group.root_path, folder), false, false
  group.is_own = group.config.clos_id == ""
  group.mon_path = group.config.enable_monitoring and join(group.path, "mon_groups/" .. group.id)
    or nil
  group.is_new = not is_there
  return true
end

--- Decides where the group lies, and checks what is there; makes nothing. So what `create` makes
-- can be recorded before it is made.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function group_methods:intend()
  return with_root(self, intend)
end

local function write_lines(root, folder, lines)
  for _, line in ipairs(lines) do
    local ok, err = core.path.write(root, folder .. "/schemata", line.text .. "\n", WRITE)
    if not ok then
      return nil, refused(root, err, line.path, ("cannot write %q to schemata"):format(line.text))
    end
  end
  return true
end

local function create_folder(group, root)
  local folder, lines = folder_of(group), schemata.lines(group.config)
  local ok, err = core.path.mkdir(root, folder, FOLDER_MODE)
  if not ok and err.errno == "EEXIST" then
    return check_existing(group, root, folder, lines) -- another container was quicker
  end
  if not ok then
    return nil, refused(root, err, "intel_rdt", "cannot make the group " .. group.path)
  end
  group.made = true
  return write_lines(root, folder, lines)
end

local function create(group, root)
  local ok, err = true, nil
  if group.is_new then
    ok, err = create_folder(group, root)
  end
  if not ok or not group.mon_path then
    return ok, err
  end
  local folder = folder_of(group) .. "/mon_groups/" .. group.id
  ok, err = core.path.mkdir(root, folder, FOLDER_MODE)
  if not ok then
    return nil, refused(root, err, "intel_rdt.enable_monitoring",
      "cannot make the group " .. group.mon_path)
  end
  group.has_mon = true
  return true
end

--- Makes what `intend` found to be missing.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error the caller undoes
function group_methods:create()
  return with_root(self, create)
end

local function split(path)
  local above, name = path:match("^(.*)/([^/]+)$")
  return above == "" and "/" or above, name
end

-- Opens the folder of an absolute path, and hands it to an action; what is gone is nobody's error.
local function at(path, act)
  local above, name = split(path)
  local dir, err = core.path.open_root(above)
  if not dir then
    return err.errno == "ENOENT" or nil, err
  end
  local ok, problem = act(dir, name)
  dir:close()
  return ok, problem
end

local function remove(path)
  return at(path, function(dir, name)
    local ok, err = core.path.rmdir(dir, name)
    if not ok and err.errno == "ENOTEMPTY" then
      ok, err = core.path.remove_tree(dir, name)
    end
    if ok or err.errno == "ENOENT" then
      return true
    end
    return nil, errors.wrap(err, "remove the resctrl group", path)
  end)
end

local function forget(group)
  group.path, group.mon_path, group.is_own = nil, nil, false
  group.made, group.has_mon = false, false
end

--- Takes away what a start that failed has made.
function group_methods:undo()
  if self.has_mon then
    remove(self.mon_path)
  end
  if self.made then
    remove(self.path)
  end
  forget(self)
end

--- Takes away what is the container's own: its monitoring group, and a class that bears its id.
-- @treturn[1] true also when there is nothing
-- @return[2] nil
-- @treturn[2] ctr.Error
function group_methods:destroy()
  local ok, err = true, nil
  if self.mon_path then
    ok, err = remove(self.mon_path)
  end
  if ok and self.path and self.is_own then
    ok, err = remove(self.path)
  end
  if not ok then
    return nil, err
  end
  forget(self)
  return true
end

local function enter(path, pid)
  local dir, err = core.path.open_root(path)
  if not dir then
    return nil, errors.with_path(err, "intel_rdt")
  end
  local ok, problem = core.path.write(dir, "tasks", pid .. "\n", WRITE)
  dir:close()
  if not ok then
    return nil, problem
  end
  return true
end

--- Puts a process in the group; what it forks from then on is in it too.
-- @tparam number pid
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function group_methods:enter(pid)
  for _, path in ipairs({ self.path, self.mon_path }) do
    local ok, err = enter(path, pid)
    if not ok then
      return with_root(self, function(_, root)
        return nil, refused(root, err, "intel_rdt", ("cannot put process %d in %s"):format(pid,
          path))
      end)
    end
  end
  return true
end

--- Tells what the state file has to remember.
-- @treturn string the group, "" where there is none
-- @treturn ?string the monitoring group
-- @treturn ?boolean true where the group goes with the container
function group_methods:record()
  return self.path or "", self.mon_path, self.path and self.is_own or nil
end

local function put_back(dir, text)
  for line in text:gmatch("[^\n]+") do
    core.path.write(dir, "schemata", line:match("^%s*(.*)$") .. "\n", WRITE)
  end
end

--- Writes other schemata to a running container's group. After a failure those from before are put
-- back.
-- @tparam ctr.Container container
-- @tparam table config normalised, with `intel_rdt`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.set(container, config)
  local group, rdt = container.rdt, config.intel_rdt
  local lines = rdt and schemata.lines(rdt) or {}
  if #lines == 0 then
    return true
  end
  if not group or not group.path then
    return nil, errors.new("SystemError", "intel_rdt: the container has no resctrl group",
      { path = "intel_rdt" })
  end
  local dir, err = core.path.open_root(group.path)
  if not dir then
    return nil, errors.with_path(err, "intel_rdt")
  end
  local before = M.read(dir, "schemata")
  local ok, problem = write_lines(dir, ".", lines)
  if not ok and before then
    put_back(dir, before)
  end
  dir:close()
  return ok, problem
end

--- Reads libcontainer's `intel_rdt_stats`.
-- @tparam ctr.Container container
-- @treturn[1] ?table nil where the container has no group
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.stats(container)
  return require("ctr.intel_rdt.stats").read(container.rdt)
end

return M

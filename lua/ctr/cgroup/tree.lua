--- Directories and files of one hierarchy.
--
-- A node is one directory: `{ hierarchy, names, path, full }`, `path` being relative to the
-- hierarchy's mount and `full` absolute; while `dir` is set it is an open descriptor of it.
-- Whatever is opened is opened from the mount's descriptor, beneath it (D10); file names come from
-- tables. A start touches nine hierarchies: what can be opened by its path from a descriptor that
-- is open anyway is not opened in two steps.
-- @module ctr.cgroup.tree

local core = require("ctr.core")
local errors = require("ctr.errors")
local place = require("ctr.cgroup.place")

local M = {}

local DIRECTORY_MODE = 493 -- 0755
local CHUNK = 4096
local PIDS_MAX = 64 * 1024 * 1024
local MAKE_ATTEMPTS = 16

local DIRECTORY = { flags = { "path", "directory" }, beneath = true }
local WRITE_ONLY = { flags = { "wronly" }, beneath = true }
local READ_ONLY = { flags = { "rdonly" }, beneath = true }
local BENEATH = { beneath = true }
local NO_FOLLOW = { nofollow = true }

--- Makes a node.
-- @tparam table hierarchy of a layout
-- @tparam string path relative to its mount
-- @treturn table node
function M.node(hierarchy, path)
  return {
    hierarchy = hierarchy,
    names = hierarchy.names,
    path = path,
    full = (hierarchy.mount == "/" and "" or hierarchy.mount) .. "/" .. path,
  }
end

--- Opens a directory beneath another, or itself for "".
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open(dir, path)
  return core.path.open(dir, path == "" and "." or path, DIRECTORY)
end

--- Opens the directory of a node.
-- @treturn[1] ctr.fd of the caller's
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open_node(node)
  return M.open(node.hierarchy.dir, node.path)
end

--- Opens a file of a directory for reading.
function M.open_to_read(dir, file)
  return core.path.open(dir, file, READ_ONLY)
end

--- Reads a file of the kernel's that comes in one piece: all of it with the first read(2), unless
-- that filled the buffer.
-- @tparam ctr.fd handle
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read_handle(handle)
  local text, err = core.fd.read(handle, CHUNK)
  local more = text
  while more and #more > 0 and #text >= CHUNK do
    more, err = core.fd.read(handle, CHUNK)
    text = text .. (more or "")
  end
  if not more then
    return nil, err
  end
  return text
end

--- Reads a file of a directory, without the newline at its end.
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read(dir, file)
  local handle, err = M.open_to_read(dir, file)
  if not handle then
    return nil, err
  end
  local text, problem = M.read_handle(handle)
  handle:close()
  if not text then
    return nil, problem
  end
  return (text:gsub("%s+$", ""))
end

--- Writes a file of a directory: one write(2).
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.write(dir, file, text)
  return core.path.write(dir, file, text, BENEATH)
end

-- Where a file of a node is opened from: the arguments of `core.path.open` for writing it.
local function locate(node, file)
  if node.dir then
    return node.dir, file, WRITE_ONLY
  end
  return node.hierarchy.dir, node.path .. "/" .. file, WRITE_ONLY
end

--- Calls a function with a node's directory: the open one, or one that is open meanwhile.
-- @tparam table node
-- @tparam function act gets the descriptor; returns at most two values
-- @return what act returns
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.with(node, act, ...)
  if node.dir then
    return act(node.dir, ...)
  end
  local dir, err = M.open_node(node)
  if not dir then
    return nil, err
  end
  local value, problem = act(dir, ...)
  dir:close()
  return value, problem
end

--- Closes a node's descriptor.
function M.close(node)
  if node.dir then
    node.dir:close()
    node.dir = nil
  end
end

--- Opens a file of a node for writing.
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open_file(node, file)
  return core.path.open(locate(node, file))
end

--- Reads a file of a node, without the newline at its end.
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read_file(node, file)
  local dir, path = locate(node, file)
  return M.read(dir, path)
end

--- Writes a file of a node: one write(2).
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.write_file(node, file, text)
  local dir, path = locate(node, file)
  return core.path.write(dir, path, text, BENEATH)
end

-- Makes a directory: true, or false when it is there already.
local function make_directory(parent, name)
  local made, err = core.path.mkdir(parent, name, DIRECTORY_MODE)
  if not made and err.errno ~= "EEXIST" then
    return nil, err
  end
  return made == true
end

-- Goes one component down, and makes it where it is missing.
local function descend(node, parent, path, prepare, journal)
  local _, name = place.split(path)
  local is_new, err = make_directory(parent, name)
  if is_new == nil then
    return nil, err
  end
  if is_new then
    journal[#journal + 1] = M.node(node.hierarchy, path).full
    local ok, problem = prepare(node, parent, name, true, true)
    if not ok then
      return nil, problem
    end
  end
  return M.open(parent, name)
end

-- Walks to a directory from the mount. `journal` gets the full path of each one that had to be
-- made.
local function make_above(node, above, prepare, journal)
  local parent, err = M.open(node.hierarchy.dir, "")
  local path = ""
  for name in above:gmatch("[^/]+") do
    if not parent then
      break
    end
    path = place.join(path, name)
    local dir
    dir, err = descend(node, parent, path, prepare, journal)
    parent:close()
    parent = dir
  end
  return parent, err
end

local function open_above(node, above, prepare, journal)
  if above == "" then
    return node.hierarchy.dir
  end
  local parent, err = M.open(node.hierarchy.dir, above)
  if parent or err.errno ~= "ENOENT" then
    return parent, err
  end
  return make_above(node, above, prepare, journal)
end

-- One that was there already stays open: what is looked at before it is taken is one directory.
local function make_in(node, parent, name, prepare)
  local is_new, err = make_directory(parent, name)
  if is_new == nil then
    return nil, err
  end
  if not is_new then
    node.dir, err = M.open(parent, name)
    if not node.dir then
      return nil, err
    end
  end
  node.is_new = is_new
  return prepare(node, parent, name, is_new, false)
end

--- Makes the directory of a node and those above it. `node.is_new` tells whether it was made; one
-- that was there already is left open in `node.dir`. Also after a failure, what is to be undone is
-- in the node and the journal.
-- @tparam table node
-- @tparam function prepare `(node, parent, name, is_new, is_above)`, for the node and for each new
--   one above: `name` in the descriptor `parent`
-- @tparam table journal gets the full path of each directory that had to be made above
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.make(node, prepare, journal)
  local above, name = place.split(node.path)
  local ok, err
  for _ = 1, MAKE_ATTEMPTS do
    local parent
    parent, err = open_above(node, above, prepare, journal)
    if parent then
      ok, err = make_in(node, parent, name, prepare)
      if parent ~= node.hierarchy.dir then
        parent:close()
      end
    end
    -- ENOENT: another container that ended has just removed the empty directory above.
    if ok or err.errno ~= "ENOENT" or node.is_new ~= nil then
      break
    end
  end
  if not ok then
    return nil, err
  end
  return true
end

--- Lists the directories in one.
-- @tparam ctr.fd dir
-- @tparam string path relative to it
-- @treturn[1] table names
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.directories(dir, path)
  local here, err = M.open(dir, path)
  if not here then
    return nil, err
  end
  local names, problem = core.path.list(here, ".")
  local found = {}
  for _, name in ipairs(names or {}) do
    local stat = core.path.stat(here, name, NO_FOLLOW)
    if stat and stat.type == "directory" then
      found[#found + 1] = name
    end
  end
  here:close()
  if not names then
    return nil, problem
  end
  return found
end

-- All directories below one, those above before those in them. By path, not by descriptor: a
-- container may nest its own cgroups deeper than the caller may have files open.
local function below(dir)
  local all, index = { "" }, 1
  while all[index] do
    local names, err = M.directories(dir, all[index])
    if not names and err.errno ~= "ENOENT" then
      return nil, err
    end
    for _, name in ipairs(names or {}) do
      all[#all + 1] = place.join(all[index], name)
    end
    index = index + 1
  end
  return all
end

local function add_pids(pids, dir, path)
  local text, err = core.path.read(dir, place.join(path, "cgroup.procs"), PIDS_MAX)
  if not text then
    return nil, err
  end
  for digits in text:gmatch("%d+") do
    local pid = tonumber(digits)
    if pid > 0 then -- 0: a process of a pid namespace that the caller does not see
      pids[#pids + 1] = pid
    end
  end
  return true
end

-- One that goes away meanwhile; and a threaded cgroup2 directory, whose processes are listed above
-- it.
local TOLERATED = { ENOENT = true, ENODEV = true, EOPNOTSUPP = true, ENOTSUP = true }

--- Lists the processes in a directory.
-- @tparam ctr.fd dir
-- @tparam boolean recursive also those in the directories below
-- @treturn[1] table numbers
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.pids(dir, recursive)
  local paths, err = { "" }, nil
  if recursive then
    paths, err = below(dir)
  end
  if not paths then
    return nil, err
  end
  local pids = {}
  for _, path in ipairs(paths) do
    local ok, problem = add_pids(pids, dir, path)
    if not ok and not TOLERATED[problem.errno] then
      return nil, problem
    end
  end
  return pids
end

local function remove_at(hierarchy, path)
  local above, name = place.split(path)
  if above == "" then
    return core.path.rmdir(hierarchy.dir, name)
  end
  local parent, err = M.open(hierarchy.dir, above)
  if not parent then
    return nil, err
  end
  local ok, problem = core.path.rmdir(parent, name)
  parent:close()
  return ok, problem
end

--- Removes a directory that has none below it; one that is not there is fine.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.remove(hierarchy, path)
  local ok, err = remove_at(hierarchy, path)
  if ok or err.errno == "ENOENT" or err.errno == "ENODEV" then
    return true
  end
  return nil, err
end

local IN_USE = { EBUSY = true, ENOTEMPTY = true }

--- Removes a directory unless there is something in it.
-- @treturn[1] true also when there is
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.remove_unused(hierarchy, path)
  local ok, err = M.remove(hierarchy, path)
  return ok or IN_USE[err.errno] or nil, err
end

--- Removes a node's directory and all below it, the deepest first, as far as it goes.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error of the first that would not go
function M.remove_all(node)
  -- Mostly there is nothing below: to list a cgroup costs more than to remove it.
  if M.remove(node.hierarchy, node.path) then
    return true
  end
  local paths, err = M.with(node, below)
  if not paths then
    if err.errno == "ENOENT" then
      return true
    end
    return nil, err
  end
  local first
  for index = #paths, 1, -1 do
    local path = paths[index] == "" and node.path or place.join(node.path, paths[index])
    local ok, problem = M.remove(node.hierarchy, path)
    if not ok then
      first = first or problem
    end
  end
  if first then
    return nil, first
  end
  return true
end

--- Makes the error for a file that would not take a value.
-- @tparam table node
-- @tparam string file
-- @tparam string text
-- @tparam string key of the configuration
-- @tparam ctr.Error cause
-- @tparam[opt] string more what else helps
-- @treturn ctr.Error
function M.refused(node, file, text, key, cause, more)
  local path = "cgroups." .. key
  local reason = tostring(cause.errno or cause)
  if cause.errno == "ENOENT" then
    reason = "there is no such file, the controller is not available here"
  end
  return errors.new("SystemError",
    ("%s: cannot write %q to %s: %s%s"):format(path, text, file, reason, more or ""), {
      path = path,
      errno = cause.errno,
      op = "write",
      target = node.full .. "/" .. file,
      cause = cause,
    })
end

return M

--- The folders that a checkpoint lies in and that CRIU works in.
-- @module ctr.criu.folders

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local MODE, MODE_OF_GROUP = 448, 488 -- 0700, 0750
local FOLDER = { flags = { "rdonly", "directory" } }
local BESIDE = { flags = { "rdonly", "directory", "nofollow" } }
local ABOVE, LAST = "/images/", "last"

--- Where CRIU finds the images of a restore, and what lies beside them, below its own folder.
M.IMAGES = ABOVE .. LAST

-- In a user namespace CRIU opens images, and the folders of earlier ones, as the container's root
-- does: its group may go in.
local function let_in(dir, name, group)
  if not group then
    return true
  end
  local ok, err = core.path.chown(dir, name, core.proc.ids().euid, group)
  if ok then
    ok, err = core.path.chmod(dir, name, MODE_OF_GROUP)
  end
  return ok, err
end

-- Makes a folder unless it is there; not what is above it.
local function make(path, option, group)
  local parent, name = path:gsub("/+$", ""):match("^(.*)/([^/]+)$")
  if not name then
    parent, name = ".", path
  end
  local dir, err = core.fd.open(parent == "" and "/" or parent, FOLDER)
  if not dir then
    return nil, errors.with_path(err, option)
  end
  local ok
  ok, err = core.path.mkdir(dir, name, MODE)
  if ok then
    ok, err = let_in(dir, name, group)
  elseif err.errno == "EEXIST" then
    ok = true
  end
  dir:close()
  if not ok then
    return nil, errors.with_path(err, option)
  end
  return true
end

--- Says whether the folder of an earlier checkpoint is there: CRIU says nothing where it is not.
-- @tparam ctr.fd images
-- @tparam string parent relative to it
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.check_parent(images, parent)
  local path = ("/proc/self/fd/%d/%s"):format(core.fd.number(images), parent)
  local handle, err = core.fd.open(path, FOLDER)
  if not handle then
    return nil, errors.new("SystemError", ("parent_image: there is no folder %s beside the images")
      :format(parent), { path = "parent_image", errno = err.errno })
  end
  handle:close()
  return true
end

local function open(path, option, is_made, group)
  local ok, err = true, nil
  if is_made then
    ok, err = make(path, option, group)
  end
  local dir
  if ok then
    dir, err = core.fd.open(path, FOLDER)
  end
  return dir, err and errors.with_path(err, option)
end

local function close_both(self)
  self.images:close()
  self.work:close()
end

--- Opens the same folders as another process sees them: what CRIU mounts in its folder has to be a
-- mount of its own namespace.
-- @tparam table opened
-- @tparam number pid of CRIU
-- @tparam string above where they are there
-- @treturn[1] table as `open` returns it
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of_process(opened, pid, above)
  local root = ("/proc/%d/root%s/"):format(pid, above)
  local images, err = core.fd.open(root .. M.IMAGES:sub(2), FOLDER)
  if not images then
    return nil, err
  end
  local work
  work, err = core.fd.open(root .. "work", FOLDER)
  if not work then
    images:close()
    return nil, err
  end
  return { images = images, work = work, work_path = opened.work_path, close = close_both }
end

local function open_beside(dir, link)
  local name = link:match("^%.%./([^/]+)/*$")
  if not name or name == "." or name == ".." or name == LAST then
    return nil, errors.new("SystemError", ("its parent is %s: it has to lie beside it"):format(
      link), { path = "images_directory" })
  end
  local path = ("/proc/self/fd/%d/../%s"):format(core.fd.number(dir), name)
  local handle, err = core.fd.open(path, BESIDE)
  return handle and { handle = handle, set = 0, clear = 0, place = ABOVE .. name },
    err and errors.new("SystemError", ("its parent %s cannot be opened"):format(link),
      { path = "images_directory", errno = err.errno, cause = err })
end

--- Opens the earlier images that the last ones are only the changes of: each has a link to the one
-- before, which CRIU follows. So they have to be beside the last where CRIU is, too.
-- @tparam ctr.fd images
-- @treturn {table,…} `handle`, `place`, `set`, `clear`, as sources of mounts have them
-- @treturn ?ctr.Error what could not be opened: the list is that of the others
function M.parents(images)
  local list, seen, dir = {}, {}, images
  local link = core.path.readlink(dir, "parent")
  while link and not seen[link] do
    seen[link] = true
    local row, err = open_beside(dir, link)
    if not row then
      return list, err
    end
    list[#list + 1] = row
    dir = row.handle
    link = core.path.readlink(dir, "parent")
  end
  return list
end

--- Opens the folders that options name.
-- @tparam table options parsed
-- @tparam boolean is_made the images' folder is made; that of the work always is
-- @tparam[opt] number group that is let into a new images' folder
-- @treturn[1] table `images`, `work` (both descriptors), `work_path`, `close()`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open(options, is_made, group)
  local images, err = open(options.images_directory, "images_directory", is_made, group)
  if not images then
    return nil, err
  end
  local work, work_path = images, options.images_directory
  if options.work_directory ~= "" then
    work_path = options.work_directory
    work, err = open(work_path, "work_directory", true)
    if not work then
      images:close()
      return nil, err
    end
  end
  return { images = images, work = work, work_path = work_path, close = close_both }
end

return M

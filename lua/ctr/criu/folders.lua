--- The folders that a checkpoint lies in and that CRIU works in.
-- @module ctr.criu.folders

local chain = require("ctr.criu.chain")
local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

--- Below what images are shown to CRIU, in the folder that is made for it.
M.IMAGES = "/images"

local MODE, MODE_OF_GROUP = 448, 456 -- 0700, 0710
local FOLDER = { flags = { "rdonly", "directory" } }

-- In a user namespace CRIU opens images as the container's root does: its group may go in.
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
  for _, parent in ipairs(self.parents or {}) do
    parent.handle:close()
  end
end

-- Where a folder of images is shown to CRIU, whose links to others are relative: as deep as it is.
local function place_of(path)
  return M.IMAGES .. path
end

--- Opens the folders that images build on, to be shown to CRIU beside them.
-- @tparam table opened gets `place`, where the images themselves are shown, and `parents`: sources
-- as of `ctr.criu.sources`, which `close` closes
-- @tparam string path of the images' folder
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open_parents(opened, path)
  local real, err = core.path.realpath(path)
  if not real then
    return nil, errors.with_path(err, "images_directory")
  end
  opened.place, opened.parents = place_of(real), {}
  for _, folder in ipairs(chain.follow(real)) do
    local tree
    tree, err = core.mount.clone(folder)
    if not tree then
      return nil, errors.with_path(err, "images_directory")
    end
    opened.parents[#opened.parents + 1] = { handle = tree, set = 0, clear = 0,
      place = place_of(folder) }
  end
  return true
end

--- Opens the same folders as another process sees them: what CRIU mounts in its folder has to be a
-- mount of its own namespace.
-- @tparam table opened with `place`
-- @tparam number pid of CRIU
-- @tparam string above where they are there
-- @treturn[1] table as `open` returns it
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of_process(opened, pid, above)
  local root = ("/proc/%d/root%s/"):format(pid, above)
  local images, err = core.fd.open(root .. opened.place, FOLDER)
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

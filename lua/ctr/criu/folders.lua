--- The folders that a checkpoint lies in and that CRIU works in.
-- @module ctr.criu.folders

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local MODE = 448 -- 0700
local FOLDER = { flags = { "rdonly", "directory" } }

-- Makes a folder unless it is there; not what is above it.
local function make(path, option)
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
  dir:close()
  if ok or err.errno == "EEXIST" then
    return true
  end
  return nil, errors.with_path(err, option)
end

local function open(path, option, is_made)
  local ok, err = true, nil
  if is_made then
    ok, err = make(path, option)
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

local function reopen(handle, root)
  local procfs, number = "/proc/self/fd/", core.fd.number(handle)
  local path, err = core.path.realpath(procfs .. number)
  if not path then
    return nil, err
  end
  return core.fd.open(root .. path, FOLDER)
end

--- Opens the same folders as another process sees them: what CRIU mounts in its folder has to be a
-- mount of its own namespace.
-- @tparam table opened
-- @tparam number pid of CRIU
-- @treturn[1] table as `open` returns it
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of_process(opened, pid)
  local root = ("/proc/%d/root"):format(pid)
  local images, err = reopen(opened.images, root)
  if not images then
    return nil, err
  end
  local work
  work, err = reopen(opened.work, root)
  if not work then
    images:close()
    return nil, err
  end
  return { images = images, work = work, work_path = opened.work_path, close = close_both }
end

--- Opens the folders that options name.
-- @tparam table options parsed
-- @tparam boolean is_made the images' folder is made; that of the work always is
-- @treturn[1] table `images`, `work` (both descriptors), `work_path`, `close()`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open(options, is_made)
  local images, err = open(options.images_directory, "images_directory", is_made)
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

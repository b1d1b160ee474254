--- Finds the bootstrap, `ctr-init`: inside lctr, or beside the module `ctr.core`.
-- Nothing that the environment says at the time of a start has a part in it.
-- @module ctr.locate

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

-- Where the core was found, remembered when this module is loaded: a later change of package.cpath
-- does not move the bootstrap.
local core_path = package.searchpath("ctr.core", package.cpath)

-- One image serves the whole process: it is sealed, so nobody can change it.
local cached

--- The path of the bootstrap that was installed beside `ctr.core`.
-- @treturn[1] string absolute
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.bootstrap()
  if not core_path then
    return nil, errors.new("SystemError",
      "ctr-init stands beside ctr.core, which is not on package.cpath",
      { op = "locate", errno = "ENOENT" })
  end
  local folder = core_path:match("^(.*/)[^/]*$") or "./"
  return core.path.realpath(folder .. "ctr-init")
end

local function make_image()
  -- lctr carries the bootstrap in itself, and hands over a sealed copy of it.
  local make = package.preload["ctr.image"]
  if make then
    local number, err = make()
    if not number then
      return nil, errors.new("SystemError", "the bootstrap's image cannot be made: " .. err,
        { op = "memfd_create", target = "ctr-init" })
    end
    return core.fd.wrap(number)
  end
  local path, err = M.bootstrap()
  if not path then
    return nil, err
  end
  return core.fd.seal(path)
end

--- The bootstrap as a sealed, executable memory file. It stays open as long as the process.
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.image()
  if cached and cached:is_open() then
    return cached
  end
  local image, err = make_image()
  if not image then
    return nil, err
  end
  cached = image
  return image
end

return M

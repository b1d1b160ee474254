--- How a container is migrated: what is wished, and what this machine can do.
-- @module ctr.migrate.method

local core = require("ctr.core")
local errors = require("ctr.errors")
local program = require("ctr.criu.program")

local M = {}

local PIPE_MAX = "sys/fs/pipe-max-size"
local PIPE_WANTED = 4 * 1024 * 1024 -- what the kernel makes of CRIU's 819 pages

local function may_exceed()
  for _, name in ipairs((core.caps.of() or { effective = {} }).effective) do
    if name == "CAP_SYS_RESOURCE" then
      return true
    end
  end
  return false
end

-- CRIU serves pages through a pipe. Without one that is large enough it fails when the first page
-- is asked for, and does not say why.
local function check_pipes(host)
  local allowed = tonumber((core.path.read(host:procfs(), PIPE_MAX, 64) or ""):match("%d+"))
  if not allowed or allowed >= PIPE_WANTED or may_exceed() then
    return true
  end
  return nil, errors.new("SystemError", ("method: CRIU cannot serve pages here: it wants a pipe of "
    .. "%d bytes, and fs.pipe-max-size is %d (without CAP_SYS_RESOURCE)"):format(PIPE_WANTED,
    allowed), { path = "method", errno = "EPERM" })
end

--- Chooses the method.
-- @tparam ctr.Container container
-- @tparam ?string wanted
-- @treturn[1] string
-- @treturn[1] number the version of CRIU
-- @treturn[1] ?string why it is none that takes memory ahead, where nothing was wished
-- @return[2] nil
-- @treturn[2] ctr.Error whose path is "method"
function M.choose(container, wanted)
  local version, path = program.version(container.factory)
  if not version then
    return nil, path
  elseif wanted == "stop-and-copy" then
    return wanted, version
  end
  local is_lazy = wanted == "post-copy"
  local ok, err = program.check_feature(path, version, is_lazy and "lazy_pages" or "mem_track",
    "method")
  if ok and is_lazy then
    ok, err = check_pipes(container.host)
  end
  if ok then
    return wanted or "pre-copy", version
  elseif not wanted then
    return "stop-and-copy", version, tostring(err)
  end
  return nil, err
end

return M

--- The pipes that CRIU serves pages through after a dump. Without one that is large enough it fails
-- when the first page is asked for, and does not say why.
-- @module ctr.criu.pipes

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local LIMIT = "sys/fs/pipe-max-size"
local TEXT_MAX = 64
local WANTED = 4 * 1024 * 1024 -- what the kernel makes of CRIU's 819 pages

local function may_exceed()
  for _, name in ipairs((core.caps.of() or { effective = {} }).effective) do
    if name == "CAP_SYS_RESOURCE" then
      return true
    end
  end
  return false
end

--- Checks that CRIU can serve pages on this machine.
-- @tparam ctr.Host host
-- @tparam string option that asks for it
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error errno `EPERM`, whose path is the option
function M.check(host, option)
  local allowed = tonumber((core.path.read(host:procfs(), LIMIT, TEXT_MAX) or ""):match("%d+"))
  if not allowed or allowed >= WANTED or may_exceed() then
    return true
  end
  return nil, errors.new("SystemError", ("%s: CRIU cannot serve pages here: it wants a pipe of %d "
    .. "bytes, and fs.pipe-max-size is %d (without CAP_SYS_RESOURCE)"):format(option, WANTED,
    allowed), { path = option, errno = "EPERM" })
end

return M

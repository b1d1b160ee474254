--- Points in time as the standards write them.
-- @module ctr.cli.times

local M = {}

--- A point in time by RFC 3339, in UTC.
-- @tparam number seconds since 1970
-- @treturn string "2026-01-31T09:15:02.123456Z"
function M.rfc3339(seconds)
  local micros = math.floor(seconds * 1e6 + 0.5)
  local whole = math.floor(micros / 1e6)
  return os.date("!%Y-%m-%dT%H:%M:%S", whole) .. (".%06dZ"):format(micros - whole * 1e6)
end

return M

--- Durations as Go writes them: "5s", "100ms", "1m30s", "1.5h". Pure.
-- @module ctr.cli.duration

local M = {}

local SECONDS = {
  ns = 1e-9, us = 1e-6, ["µs"] = 1e-6, ["μs"] = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600,
}

--- Reads one.
-- @tparam string text
-- @treturn[1] number seconds
-- @return[2] nil it is none, or negative
function M.seconds(text)
  if text == "0" then
    return 0
  end
  local at, total = 1, 0
  while at <= #text do
    local number, unit, next_at = text:match("^(%d*%.?%d*)([^%d%.]+)()", at)
    local value = number and tonumber(number)
    if not value or not SECONDS[unit] then
      return nil
    end
    total, at = total + value * SECONDS[unit], next_at
  end
  return at > 1 and total or nil
end

return M

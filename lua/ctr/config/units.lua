--- Units that people write: sizes, durations, processors.
-- Each function returns a number, or nil and a text that completes the sentence "memory …".
-- @module ctr.config.units

local M = {}

local KIB = 1024

--- The largest number up to which every integer is exact.
M.MAX_INTEGER = 2 ^ 53

-- Powers of 1024 by unit, in lower case.
local POWERS = {
  [""] = 0, b = 0,
  k = 1, kib = 1,
  m = 2, mib = 2,
  g = 3, gib = 3,
  t = 4, tib = 4,
  p = 5, pib = 5,
}

local SECONDS = { us = 1e-6, ms = 1e-3, s = 1, m = 60, h = 3600, d = 86400 }

local SIZE_HELP = "must be a size: bytes, or a number with K, M, G, T or P, as in 512M"
local DURATION_HELP =
  "must be a duration: seconds, or a number with us, ms, s, m, h or d, as in 30s"

--- Tells whether a value is an integer that a Lua number holds exactly.
-- @param value anything
-- @treturn boolean false for NaN, infinities and what is not a number
function M.is_integer(value)
  return type(value) == "number" and value % 1 == 0
    and value >= -M.MAX_INTEGER and value <= M.MAX_INTEGER
end

--- Compares decimal numbers without leading zeros, of any length.
-- @tparam string a
-- @tparam string b
-- @treturn boolean a < b
function M.decimal_less(a, b)
  if #a ~= #b then
    return #a < #b
  end
  return a < b
end

local function size_of_number(value, unlimited)
  if value == -1 and unlimited then
    return -1
  end
  if value < 0 then
    return nil, "must not be negative"
  end
  if value > M.MAX_INTEGER then
    return nil, "must not be more than 2^53 bytes"
  end
  if value % 1 ~= 0 then -- NaN too
    return nil, "must be a whole number of bytes"
  end
  return value + 0 -- -0 becomes 0
end

-- Of a unit that people write and nobody knows, the one that was meant: its first letters tell.
local function suggested(help, digits, unit, known)
  for _, near in ipairs(known) do
    if unit ~= "" and unit:lower():sub(1, #near[1]) == near[1] then
      return ('%s; did you mean "%s%s"?'):format(help, digits, near[2])
    end
  end
  return help
end

-- A letter more than the unit has: a single one may be anything.
local LIKE_SIZES = {
  { "kb", "K" }, { "ki", "K" }, { "mb", "M" }, { "me", "M" }, { "mi", "M" }, { "gb", "G" },
  { "gi", "G" }, { "tb", "T" }, { "te", "T" }, { "ti", "T" }, { "pb", "P" }, { "pe", "P" },
  { "by", "" },
}
local LIKE_SECONDS = {
  { "usec", "us" }, { "mic", "us" }, { "msec", "ms" }, { "mil", "ms" }, { "sec", "s" },
  { "min", "m" }, { "h", "h" }, { "da", "d" },
}

local function size_of_text(text, unlimited)
  if unlimited and (text == "-1" or text == "unlimited") then
    return -1
  end
  local digits, fraction, unit = text:match("^(%d+)(%.?%d*)%s?(%a*)$")
  local power = digits and POWERS[unit:lower()]
  if digits and not power then
    return nil, suggested(SIZE_HELP, digits .. fraction, unit, LIKE_SIZES)
  end
  if not power or fraction == "." or (power == 0 and fraction ~= "") then
    return nil, SIZE_HELP
  end
  return size_of_number(math.floor(tonumber(digits .. fraction) * KIB ^ power))
end

--- Reads a size in bytes: a number, or text such as `512M`, `65536k`, `1.5G`, `2GiB`.
-- Units are powers of 1024; what a fraction leaves below one byte is dropped.
-- @tparam number|string value
-- @tparam[opt] boolean unlimited accept -1 and `unlimited`, as -1
-- @treturn[1] number bytes, an exact integer
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.size(value, unlimited)
  if type(value) == "number" then
    return size_of_number(value, unlimited)
  end
  if type(value) == "string" then
    return size_of_text(value, unlimited)
  end
  return nil, SIZE_HELP
end

local function duration_of_text(text)
  local total, rest = 0, text
  while rest ~= "" do
    local digits, unit, after = rest:match("^(%d+%.?%d*)(%a+)(.*)$")
    if not digits or not SECONDS[unit] then
      return nil
    end
    total = total + tonumber(digits) * SECONDS[unit]
    rest = after
  end
  return text ~= "" and total or nil
end

--- Reads a duration in seconds: a number, or text such as `30s`, `500ms`, `1m30s`.
-- @tparam number|string value
-- @treturn[1] number seconds
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.duration(value)
  local seconds = value
  if type(value) == "string" then
    seconds = tonumber(value:match("^%d+%.?%d*$")) or duration_of_text(value)
  end
  if type(seconds) ~= "number" then
    local digits, unit
    if type(value) == "string" then
      digits, unit = value:match("^(%d+%.?%d*)%s*(%a+)$")
    end
    return nil, suggested(DURATION_HELP, digits, unit or "", LIKE_SECONDS)
  end
  if not (seconds >= 0 and seconds <= M.MAX_INTEGER) then
    return nil, "must be neither negative nor endless"
  end
  return seconds
end

--- The scheduler's period, in microseconds, for a share given in processors.
M.CPU_PERIOD = 100000

--- Reads a number of processors: 0.5 is half of one.
-- @tparam number|string value
-- @treturn[1] number the quota, in microseconds
-- @treturn[1] number its period
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.cpus(value)
  local cpus = value
  if type(value) == "string" then
    cpus = tonumber(value:match("^%d+%.?%d*$"))
  end
  if type(cpus) ~= "number" then
    return nil, "must be a number of processors, as in 0.5"
  end
  -- The kernel refuses a quota of less than one millisecond.
  if not (cpus >= 0.01 and cpus <= 65536) then
    return nil, "must be from 0.01 to 65536 processors"
  end
  return math.floor(cpus * M.CPU_PERIOD + 0.5), M.CPU_PERIOD
end

return M

--- Reads the kernel's counters from the text of cgroup files.
-- Pure. A counter is a number where a Lua number holds it exactly, else decimal text.
-- @module ctr.cgroup.counters

local M = {}

local EXACT_DIGITS = 15 -- every number of so many digits is exact

--- What "max" stands for: 64 bits all set.
M.MAX = "18446744073709551615"

--- A counter of decimal text; "max" is 64 bits all set.
-- @tparam ?string text
-- @treturn number|string|nil
function M.value(text)
  if not text then
    return nil
  end
  if text == "max" then
    return M.MAX
  end
  local digits = text:match("^%s*(%d+)%s*$")
  if not digits then
    return nil
  end
  if #digits <= EXACT_DIGITS or tonumber(digits) < 2 ^ 53 then
    return tonumber(digits)
  end
  return digits
end

--- The counters of "key value" lines.
-- @tparam ?string text
-- @treturn table
function M.pairs(text)
  local result = {}
  for key, value in (text or ""):gmatch("([^%s]+) (%d+)") do
    result[key] = M.value(value)
  end
  return result
end

--- The counters of a line of numbers.
-- @treturn table
function M.list(text)
  local result = {}
  for value in (text or ""):gmatch("%d+") do
    result[#result + 1] = M.value(value)
  end
  return result
end

--- The numbers of a list such as 0-3,7.
-- @treturn table
function M.set(text)
  local result = {}
  for first, last in (text or ""):gmatch("(%d+)%-?(%d*)") do
    for number = tonumber(first), tonumber(last ~= "" and last or first) do
      result[#result + 1] = number
    end
  end
  return result
end

--- "a=1 b=2" as a table.
-- @treturn table
function M.fields(text)
  local result = {}
  for key, value in text:gmatch("(%S+)=(%S+)") do
    result[key] = value
  end
  return result
end

local function pressure_line(line)
  local fields = M.fields(line)
  return {
    avg10 = tonumber(fields.avg10), avg60 = tonumber(fields.avg60),
    avg300 = tonumber(fields.avg300), total = M.value(fields.total),
  }
end

--- Pressure stall information (Documentation/accounting/psi.rst): how long some or all processes
-- waited; the averages in percent, `total` in microseconds.
-- @tparam ?string text
-- @treturn ?table `some`, `full`
function M.pressure(text)
  if not text then
    return nil
  end
  local result = {}
  for kind, rest in text:gmatch("(%a+) ([^\n]+)") do
    result[kind] = pressure_line(rest)
  end
  return next(result) and result or nil
end

--- The limits or the use of RDMA devices.
-- @tparam ?string text "mlx4_0 hca_handle=2 hca_object=2000"
-- @treturn table a list of `device`, `hca_handles`, `hca_objects`
function M.rdma(text)
  local result = {}
  for device, rest in (text or ""):gmatch("(%S+) ([^\n]+)") do
    local fields = M.fields(rest)
    result[#result + 1] = { device = device, hca_handles = M.value(fields.hca_handle),
      hca_objects = M.value(fields.hca_object) }
  end
  return result
end

return M

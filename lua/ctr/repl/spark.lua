--- Small drawings of numbers: a line of bars, a chart of several rows.
-- @module ctr.repl.spark

local M = {}

local BARS = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" }
local LETTERS = { "_", ".", "-", "=", "+", "*", "#", "@" }
local STEPS = #BARS

local function greatest(values)
  local most = 0
  for _, value in ipairs(values) do
    most = math.max(most, value)
  end
  return most
end

local function last_of(values, count)
  return { unpack(values, math.max(1, #values - count + 1)) }
end

--- A line of bars, the newest to the right.
-- @tparam {number,…} values not below 0
-- @tparam number width how many at most; blanks stand before fewer
-- @tparam[opt] table opts `most`: what the highest bar stands for; `is_ascii`
-- @treturn string
function M.line(values, width, opts)
  opts = opts or {}
  local shown, bars = last_of(values, width), opts.is_ascii and LETTERS or BARS
  local most = opts.most or greatest(shown)
  local parts = { (" "):rep(width - #shown) }
  for index, value in ipairs(shown) do
    local step = most > 0 and math.ceil(value / most * STEPS) or 1
    parts[index + 1] = bars[math.max(1, math.min(STEPS, step))]
  end
  return table.concat(parts)
end

-- What a column has in a row: nothing, a part of a bar, or all of it.
local function cell(value, most, row, height, is_ascii)
  local filled = most > 0 and value / most * height - (row - 1) or 0
  if filled >= 1 then
    return is_ascii and "#" or BARS[STEPS]
  end
  local step = math.ceil(filled * STEPS)
  if step <= 0 then
    return " "
  end
  return (is_ascii and LETTERS or BARS)[step]
end

--- A chart, the newest to the right.
-- @tparam {number,…} values not below 0
-- @tparam number width columns
-- @tparam number height rows
-- @tparam[opt] table opts `is_ascii`
-- @treturn {string,…} its rows from above
-- @treturn number what its top stands for
function M.chart(values, width, height, opts)
  local shown, lines = last_of(values, width), {}
  local most = greatest(shown)
  for row = height, 1, -1 do
    local parts = { (" "):rep(width - #shown) }
    for index, value in ipairs(shown) do
      parts[index + 1] = cell(value, most, row, height, opts and opts.is_ascii)
    end
    lines[#lines + 1] = table.concat(parts)
  end
  return lines, most
end

return M

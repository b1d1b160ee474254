--- Tables for people, as wide as the terminal at most.
-- @module ctr.repl.grid

local text = require("ctr.repl.text")

local M = {}

local GAP = "  "
local LEAST = 6 -- columns of a cell that had to be cut

local function widths_of(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for index, cell in ipairs(row) do
      widths[index] = math.max(widths[index] or 0, text.width(cell))
    end
  end
  return widths
end

local function widest(widths)
  local at = 1
  for index, width in ipairs(widths) do
    if width > widths[at] then
      at = index
    end
  end
  return at
end

-- The widest column gives way first.
local function fit(widths, room)
  local total = (#widths - 1) * #GAP
  for _, width in ipairs(widths) do
    total = total + width
  end
  while total > room do
    local at = widest(widths)
    if widths[at] <= LEAST then
      return
    end
    widths[at] = widths[at] - 1
    total = total - 1
  end
end

local function is_number(cell)
  return cell:find("^%-?[%d.]+$") ~= nil or cell:find("^%-?[%d.]+ %a+$") ~= nil
end

-- Columns of numbers stand to the right.
local function alignments(rows)
  local to_right = {}
  for index = 1, #rows[1] do
    local all, any = true, false
    for at = 2, #rows do
      local cell = rows[at][index]
      all = all and (cell == "" or is_number(cell))
      any = any or cell ~= ""
    end
    to_right[index] = all and any
  end
  return to_right
end

--- Makes the lines of a table.
-- @tparam {{string,…},…} rows of as many cells each, the header first
-- @tparam number room columns
-- @treturn {string,…}
function M.lines(rows, room)
  local widths, to_right = widths_of(rows), alignments(rows)
  fit(widths, room)
  local lines = {}
  for at, row in ipairs(rows) do
    local cells = {}
    for index, cell in ipairs(row) do
      cells[index] = text.pad(text.cut(cell, widths[index]), widths[index], to_right[index])
    end
    lines[at] = table.concat(cells, GAP):gsub("%s+$", "")
  end
  return lines
end

return M

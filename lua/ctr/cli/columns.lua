--- Tables for people: columns padded with spaces.
-- @module ctr.cli.columns

local M = {}

local GAP = 3

local function widths_of(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for index, cell in ipairs(row) do
      widths[index] = math.max(widths[index] or 0, #cell)
    end
  end
  return widths
end

--- The text of a table.
-- @tparam {{string,…},…} rows the header first
-- @treturn string lines
function M.text(rows)
  local widths, lines = widths_of(rows), {}
  for at, row in ipairs(rows) do
    local cells = {}
    for index, cell in ipairs(row) do
      local is_last = index == #row
      cells[index] = is_last and cell or cell .. (" "):rep(widths[index] - #cell + GAP)
    end
    lines[at] = table.concat(cells) .. "\n"
  end
  return table.concat(lines)
end

return M

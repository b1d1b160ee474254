--- Medians, and tables of them.
-- @module bench.stats

local M = {}

--- The value at a fraction of the sorted values.
function M.quantile(values, fraction)
  local sorted = { unpack(values) }
  table.sort(sorted)
  return sorted[math.max(1, math.ceil(#sorted * fraction))]
end

--- The median.
function M.median(values)
  return M.quantile(values, 0.5)
end

--- Prints rows as columns; numbers are already text.
function M.print_table(head, rows)
  local widths = {}
  for _, row in ipairs({ head, unpack(rows) }) do
    for column, cell in ipairs(row) do
      widths[column] = math.max(widths[column] or 0, #cell)
    end
  end
  for _, row in ipairs({ head, unpack(rows) }) do
    local cells = {}
    for column, cell in ipairs(row) do
      cells[column] = cell .. (" "):rep(widths[column] - #cell)
    end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
end

return M

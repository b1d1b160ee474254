--- Rules on id mappings.
-- @module ctr.config.rules.ids

local M = {}

local function overlap(a, b, key)
  return a[key] < b[key] + b.size and b[key] < a[key] + a.size
end

--- Finds ranges that overlap.
-- @tparam table problems
-- @tparam {table,…} mappings
-- @tparam string path the list's
function M.check_overlaps(problems, mappings, path)
  for i = 2, #mappings do
    for j = 1, i - 1 do
      local both = overlap(mappings[i], mappings[j], "container_id") and "in the container"
        or overlap(mappings[i], mappings[j], "host_id") and "on the host"
      if both then
        problems[#problems + 1] = { path = ("%s[%d]"):format(path, i),
          text = ("overlaps %s[%d] %s"):format(path, j, both) }
      end
    end
  end
end

return M

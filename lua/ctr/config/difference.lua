--- What differs between two configurations that should be alike. Pure.
-- @module ctr.config.difference

local sorted = require("ctr.sorted")

local M = {}

local function is_same(one, other)
  if type(one) ~= "table" or type(other) ~= "table" then
    return one == other
  end
  for key, value in pairs(one) do
    if not is_same(value, other[key]) then
      return false
    end
  end
  for key in pairs(other) do
    if one[key] == nil then
      return false
    end
  end
  return true
end

--- Adds a problem for each key whose value is not the same.
-- @tparam {table,…} problems gets `path` and `text`, by the keys in their order
-- @tparam string prefix of the paths: "cgroups."
-- @tparam table old
-- @tparam table new
-- @tparam func may_change is given a key: whether it may differ
-- @tparam string text
function M.add(problems, prefix, old, new, may_change, text)
  local keys = {}
  for _, map in ipairs({ old, new }) do
    for key in pairs(map) do
      keys[key] = true
    end
  end
  for _, key in ipairs(sorted(keys)) do
    if not may_change(key) and not is_same(old[key], new[key]) then
      problems[#problems + 1] = { path = prefix .. key, text = text }
    end
  end
end

return M

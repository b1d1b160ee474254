--- A table as a list of paths and values: `mounts[2].flags[1]`.
-- @module ctr.repl.flat

local inline = require("ctr.repl.inline")

local M = {}

local DEPTH_MAX = 16

local function joined(path, key)
  local name = inline.key(key)
  if name:sub(1, 1) == "[" or path == "" then
    return path .. name
  end
  return path .. "." .. name
end

local function add(list, path, value, depth)
  if type(value) ~= "table" or next(value) == nil or depth == 0 then
    list[#list + 1] = { path = path, value = value }
    return
  end
  for _, key in ipairs(inline.keys(value)) do
    add(list, joined(path, key), value[key], depth - 1)
  end
end

--- Lists what a table holds, in the order of its keys. An empty table is a value.
-- @tparam table value
-- @treturn {table,…} `path` and `value` of each
function M.of(value)
  local list = {}
  add(list, "", value, DEPTH_MAX)
  return list
end

return M

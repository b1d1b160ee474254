--- Plain copies of what a description says: no metamethod of it runs, and nothing of it changes
-- afterwards.
-- @module ctr.describe.plain

local core = require("ctr.core")

local M = {}

local MAX_DEPTH = 48
local MAX_VALUES = 200000

local SIMPLE = { string = true, number = true, boolean = true, ["nil"] = true }

local copy

local function report(state, path, text)
  state.problems[#state.problems + 1] = { path = path, text = text }
  return nil
end

--- A path with one more step: `mounts[2].flags`.
-- @tparam string path
-- @param key
-- @treturn string
function M.path_to(path, key)
  if type(key) == "number" then
    return ("%s[%.14g]"):format(path, key)
  end
  local name = tostring(key)
  if not name:find("^[%a_][%w_]*$") then
    return ("%s[%q]"):format(path, name)
  end
  return path == "" and name or path .. "." .. name
end

--- The keys of a table in an order that is the same each time, of whatever kind they are.
-- @tparam table map
-- @treturn table
function M.sorted(map)
  local keys = {}
  for key in next, map do
    keys[#keys + 1] = key
  end
  table.sort(keys, function(one, other)
    if type(one) == type(other) and type(one) == "number" then
      return one < other
    end
    return tostring(one) < tostring(other)
  end)
  return keys
end

local function copy_fields(state, value, path, depth)
  local result = {}
  for key, item in next, value do
    local kind = type(key)
    if kind ~= "string" and kind ~= "number" then
      return report(state, path, "must not have a " .. kind .. " as a key")
    end
    result[key] = copy(state, item, M.path_to(path, key), depth + 1)
  end
  return result
end

local function copy_table(state, value, path, depth)
  if state.count == math.huge then
    return nil
  end
  local metatable = debug.getmetatable(value)
  if metatable and state.opaque[metatable] then
    return value
  end
  if metatable and not state.kept[metatable] then
    if state.is_trusted then
      return value -- the check of the configuration says what it thinks of it
    end
    return report(state, path,
      "must be a plain table, without a metatable that stands in for its content")
  end
  state.count = state.count + 1
  if depth > MAX_DEPTH or state.count > MAX_VALUES then
    state.count = math.huge -- told once
    return report(state, state.path, depth > MAX_DEPTH and "is nested too deeply" or "is too large")
  end
  local result = copy_fields(state, value, path, depth)
  return result and setmetatable(result, metatable)
end

function copy(state, value, path, depth)
  local kind = type(value)
  if SIMPLE[kind] or value == core.json.null then
    return value
  end
  if kind == "table" then
    return copy_table(state, value, path, depth)
  end
  if kind == "function" and state.on_function then
    return state.on_function(value)
  end
  if state.is_trusted or kind == "function" then
    return value
  end
  return report(state, path, "must not be a " .. kind)
end

--- Copies a value.
-- @param value
-- @tparam string path of the value, for problems
-- @tparam table options `kept`: metatables that copies get, too; `opaque`: those of tables that are
--   taken as they are; `is_trusted`: anything goes; `on_function`: makes what stands for a function
-- @return the copy
-- @treturn table problems: `{ path, text }`
function M.copy(value, path, options)
  local state = {
    path = path, kept = options.kept or {}, opaque = options.opaque or {}, problems = {}, count = 0,
    is_trusted = options.is_trusted, on_function = options.on_function,
  }
  return copy(state, value, path, 0), state.problems
end

return M

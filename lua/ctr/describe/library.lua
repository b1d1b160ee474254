--- As much of Lua's library as touches nothing outside, and takes no longer than a hook may wait.
-- @module ctr.describe.library

local patterns = require("ctr.describe.patterns")

-- A compiled loop would run past the hook that limits a description.
jit.off(true, true)

local M = {}

local FUNCTIONS = {
  "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select",
  "tonumber", "tostring", "type", "unpack", "xpcall",
}
local TABLE = { "concat", "maxn" }

local function copy(library)
  local result = {}
  for name, value in pairs(library) do
    result[name] = value
  end
  return result
end

-- Nothing from here goes on to others: neither bytecode, nor patterns that take for ever.
local function strings()
  local result = copy(string)
  result.dump, result.gfind = nil, nil
  for name, replacement in pairs(patterns) do
    result[name] = replacement
  end
  return result
end

--- The methods of strings while something is guarded. No description gets hold of this table.
M.methods = strings()

-- Without a function the order is compared in C, for as long as the worst case takes.
local function less(one, other)
  return one < other
end

local function check_table(value, name)
  if type(value) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)"):format(name, type(value)), 3)
  end
  return #value
end

local function check_position(at, last, name)
  if type(at) ~= "number" or at < 1 or at > last then
    error(("bad argument #2 to '%s' (position out of bounds)"):format(name), 3)
  end
end

local function insert(list, ...)
  local count = check_table(list, "insert")
  if select("#", ...) ~= 2 then
    return table.insert(list, ...)
  end
  check_position((...), count + 1, "insert")
  return table.insert(list, ...)
end

local function remove(list, at)
  local count = check_table(list, "remove")
  if at == nil then
    return table.remove(list)
  end
  check_position(at, math.max(count, 1), "remove")
  return table.remove(list, at)
end

local function tables()
  local result = {
    insert = insert, remove = remove,
    sort = function(list, order) return table.sort(list, order or less) end,
  }
  for _, name in ipairs(TABLE) do
    result[name] = table[name]
  end
  return result
end

-- Metatables of this library's own objects, and of strings, stay out of reach.
local function metatables()
  local own = setmetatable({}, { __mode = "k" })
  local function get(value)
    local metatable = type(value) == "table" and getmetatable(value) or nil
    return (type(metatable) ~= "table" or own[metatable]) and metatable or nil
  end
  local function set(value, metatable)
    if type(metatable) == "table" then
      own[metatable] = true
    end
    return setmetatable(value, metatable)
  end
  return get, set
end

local MAX_LINES = 1000

-- Only what is printable: a terminal obeys other things.
local function printable(value)
  return (tostring(value):gsub("[%c\127]", function(char)
    return char == "\t" and char or ("\\%d"):format(char:byte())
  end))
end

local function log_writer(level, state)
  return function(...)
    local words = { "lctr: " .. level .. ":" }
    for index = 1, select("#", ...) do
      words[#words + 1] = printable((select(index, ...)))
    end
    state.lines = state.lines + 1
    if state.lines <= MAX_LINES then
      io.stderr:write(table.concat(words, " "), "\n")
    end
  end
end

--- Makes an environment, which whoever gets it may change.
-- @treturn table
function M.new()
  local env = { _VERSION = _VERSION, string = strings(), table = tables() }
  for _, name in ipairs(FUNCTIONS) do
    env[name] = _G[name]
  end
  for _, name in ipairs({ "bit", "coroutine", "math" }) do
    env[name] = copy(_G[name] or require(name))
  end
  env.math.randomseed = nil -- everybody's
  env.getmetatable, env.setmetatable = metatables()
  local state = { lines = 0 }
  env.log = {
    info = log_writer("info", state), warn = log_writer("warning", state),
    error = log_writer("error", state),
  }
  return env
end

return M

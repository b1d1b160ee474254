--- Puts descriptions on top of each other: maps merge, lists are appended, the rest is replaced.
-- @module ctr.describe.merge

local origin = require("ctr.describe.origin")

local M = {}

-- A command line is one thing: half of one before half of another is none.
local REPLACED = { run = true, args = true }

local function is_list(value)
  return type(value) == "table" and (value[1] ~= nil or next(value) == nil)
end

local function appended(base, own)
  local list = { unpack(base) }
  for _, item in ipairs(own) do
    list[#list + 1] = item
  end
  return list
end

local function merged_value(base, own)
  if type(base) ~= "table" or type(own) ~= "table" then
    return own
  end
  if is_list(base) and is_list(own) then
    return appended(base, own)
  end
  if is_list(base) ~= is_list(own) and next(own) ~= nil and next(base) ~= nil then
    return own
  end
  local map = {}
  for key, value in pairs(base) do
    map[key] = value
  end
  for key, value in pairs(own) do
    map[key] = merged_value(map[key], value)
  end
  return map
end

-- Either form of an environment, as a list: so that both can be put together.
local function env_list(env)
  if type(env) ~= "table" or is_list(env) then
    return env
  end
  local list = {}
  for name, value in pairs(env) do
    local kind = type(value)
    if type(name) ~= "string" or (kind ~= "string" and kind ~= "number") then
      return env
    end
    list[#list + 1] = name .. "=" .. tostring(value)
  end
  table.sort(list)
  return list
end

--- Merges what one description says onto another.
-- @tparam table base `keys`, and `places`: where each was said
-- @tparam table own the same
-- @treturn table the same; both are left as they were
function M.onto(base, own)
  local keys, places = {}, {}
  for key, value in pairs(base.keys) do
    keys[key], places[key] = value, base.places[key]
  end
  for key, value in pairs(own.keys) do
    if key == "env" then
      value = env_list(value)
    end
    keys[key] = REPLACED[key] and value or merged_value(keys[key], value)
    places[key] = own.places[key]
  end
  return { keys = keys, places = places }
end

--- What one table of a description says, and where.
-- @tparam table keys
-- @tparam table place
-- @treturn table `keys` and `places`
function M.layer(keys, place)
  local own, places = {}, {}
  for key, value in pairs(keys) do
    if key ~= "extends" then
      own[key] = value
      places[key] = origin.of(value) or place
    end
  end
  return { keys = own, places = places }
end

return M

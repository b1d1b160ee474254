--- Values in a line: an object by its kind, a table as Lua has it, as deep as it is worth.
-- @module ctr.repl.inline

local cards = require("ctr.repl.cards")
local errors = require("ctr.errors")
local text = require("ctr.repl.text")

local M = {}

local INLINE_MAX = 60
local DEPTH = 2

local function compare(a, b)
  local one, other = type(a), type(b)
  if one == other and (one == "number" or one == "string") then
    return a < b
  end
  if one == other then
    return tostring(a) < tostring(b)
  end
  return one < other
end

--- The keys of a table: numbers first, each kind in its order.
-- @tparam table value
-- @treturn table
function M.keys(value)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, compare)
  return keys
end

--- Says whether a table of so many keys is a list of as many items.
function M.is_list(value, count)
  return #value == count and count > 0
end

--- Says whether a key needs no brackets.
function M.is_identifier(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

--- A string in quotes, without what would command a terminal.
-- @tparam string value
-- @treturn string
function M.quoted(value)
  local escaped = value:gsub('[\\"]', "\\%0")
  return '"' .. text.printable(escaped) .. '"'
end

--- A key as a table's constructor has it.
-- @treturn string
function M.key(key)
  if M.is_identifier(key) then
    return key
  end
  return "[" .. (type(key) == "string" and M.quoted(key) or tostring(key)) .. "]"
end

--- A number; an integer has all its digits.
-- @tparam number value
-- @treturn string
function M.number(value)
  if value == math.floor(value) and math.abs(value) < 2 ^ 53 then
    return ("%d"):format(value)
  end
  return ("%.14g"):format(value)
end

local inline

local function inline_table(value, depth)
  local keys, parts, length = M.keys(value), {}, 0
  local list = M.is_list(value, #keys)
  for index, key in ipairs(keys) do
    local item = inline(value[key], depth - 1)
    parts[index] = list and item or M.key(key) .. " = " .. item
    length = length + #parts[index] + 2
    if length > INLINE_MAX and index < #keys then
      parts[index + 1] = ("… %d more"):format(#keys - index)
      break
    end
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

function inline(value, depth)
  local kind = type(value)
  if kind == "string" then
    return M.quoted(value)
  elseif kind == "number" then
    return M.number(value)
  elseif kind ~= "table" then
    return tostring(value)
  end
  if errors.is(value) then
    return "error: " .. text.printable(tostring(value))
  elseif cards.kind(value) then
    local title = cards.of(value)
    return title and "<" .. text.printable(title) .. ">" or "<" .. cards.kind(value) .. ">"
  elseif depth <= 0 then
    return next(value) == nil and "{}" or "{ … }"
  end
  return inline_table(value, depth)
end

--- A value in a line.
-- @param value
-- @tparam[opt=2] number depth of tables that are written out
-- @treturn string
function M.of(value, depth)
  return inline(value, depth or DEPTH)
end

return M

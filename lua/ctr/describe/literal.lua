--- Values as Lua source, as a person would write them.
-- @module ctr.describe.literal

local plain = require("ctr.describe.plain")
local words = require("ctr.describe.words")

local M = {}

local WIDTH = 96

local CALL = {}

-- Which keys of the tables in a description come first.
local FIRST = {}
for index, key in ipairs({ "name", "names", "type", "path", "source", "destination", "device",
  "flags", "action", "major", "minor", "memory", "cpus" }) do
  FIRST[key] = index
end

local RESERVED = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat
  return then true until while]]):gmatch("%a+") do
  RESERVED[word] = true
end

--- A call in place of a value: `tmpfs("/tmp", { size = "64M" })`.
-- @tparam string name
-- @param value what it returns
-- @param ... its arguments
-- @treturn table
function M.call(name, value, ...)
  return setmetatable({ name = name, value = value, args = { ... } }, CALL)
end

--- A copy with what calls return in their places.
-- @param value
-- @return plain, but for marks
function M.values(value)
  if type(value) ~= "table" then
    return value
  end
  local metatable = debug.getmetatable(value)
  if metatable == CALL then
    return value.value
  end
  local result = {}
  for key, item in next, value do
    result[key] = M.values(item)
  end
  return setmetatable(result, words.mark_of(value) and metatable or nil)
end

local function string_text(text)
  return '"' .. text:gsub('[%c"\\\127]', function(char)
    if char == "\n" then
      return "\\n"
    end
    return (char == '"' or char == "\\") and "\\" .. char or ("\\%03d"):format(char:byte())
  end) .. '"'
end

local function number_text(value)
  if value ~= value or value == math.huge or value == -math.huge then
    return value ~= value and "0/0" or value > 0 and "1/0" or "-1/0"
  end
  return (value % 1 == 0 and "%.0f" or "%.17g"):format(value)
end

local simple = {
  string = string_text, number = number_text, boolean = tostring,
  ["function"] = function() return "a function" end,
}

local function key_text(key)
  if type(key) == "string" and key:find("^[%a_][%w_]*$") and not RESERVED[key] then
    return key
  end
  return "[" .. simple[type(key)](key) .. "]"
end

-- The parts of a table in their order: `key`, nil in a list, and `value`.
local function parts_of(value, order)
  order = order or FIRST
  local parts, count = {}, #value
  for index = 1, count do
    parts[index] = { value = value[index] }
  end
  local keys = plain.sorted(value)
  table.sort(keys, function(one, other)
    local first, second = order[one] or 1e3, order[other] or 1e3
    return first < second or (first == second and tostring(one) < tostring(other))
  end)
  for _, key in ipairs(keys) do
    if not (type(key) == "number" and key >= 1 and key <= count and key % 1 == 0) then
      parts[#parts + 1] = { key = key, value = value[key] }
    end
  end
  return parts
end

local inline

local function inline_table(value)
  local texts = {}
  for index, part in ipairs(parts_of(value)) do
    texts[index] = (part.key ~= nil and key_text(part.key) .. " = " or "") .. inline(part.value)
  end
  return #texts > 0 and "{ " .. table.concat(texts, ", ") .. " }" or "{}"
end

local function inline_call(call)
  local args = {}
  for index, arg in ipairs(call.args) do
    args[index] = inline(arg)
  end
  return call.name .. "(" .. table.concat(args, ", ") .. ")"
end

function inline(value)
  if value == words.null then
    return "null"
  end
  local write = simple[type(value)]
  if write then
    return write(value)
  end
  if type(value) ~= "table" then
    return "a " .. type(value)
  end
  if debug.getmetatable(value) == CALL then
    return inline_call(value)
  end
  local mark = words.mark_of(value)
  return (mark and mark .. " " or "") .. inline_table(value)
end

--- Writes a value on one line.
-- @param value plain; what has no literal is told by its kind
-- @treturn string
M.inline = inline

--- Writes a value, on several lines where one would be too long.
-- @param value
-- @tparam[opt=""] string indent of the lines
-- @tparam[opt=0] number used how much of the first line is
-- @tparam[opt] table order numbers by key: which come first
-- @treturn string
function M.block(value, indent, used, order)
  indent = indent or ""
  local line = inline(value)
  local is_table = type(value) == "table" and debug.getmetatable(value) ~= CALL
  if (not order and #line + #indent + (used or 0) <= WIDTH) or not is_table then
    return line
  end
  local mark = words.mark_of(value)
  local lines = { (mark and mark .. " " or "") .. "{" }
  local inner = indent .. "  "
  for _, part in ipairs(parts_of(value, order)) do
    local key = part.key ~= nil and key_text(part.key) .. " = " or ""
    lines[#lines + 1] = inner .. key .. M.block(part.value, inner, #key + 1) .. ","
  end
  lines[#lines + 1] = indent .. "}"
  return table.concat(lines, "\n")
end

return M

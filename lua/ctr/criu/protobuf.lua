--- Protocol buffers, as much of them as CRIU's messages need: messages to bytes and back.
--
-- A message is described by a list of rows `{ number, name, kind, is_list }`; a kind is "bool",
-- "number" (a varint: int32, uint32, uint64, an enum), "string", or the rows of a message in it.
-- Pure.
-- @module ctr.criu.protobuf

local bit = require("bit")
local errors = require("ctr.errors")

local M = {}

local VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
local VARINT_MAX = 10 -- bytes

-- Seven bits a byte, the lowest first; the top bit says that more follow.
local function varint(value)
  local left, out = 0LL + value, {}
  repeat
    local low = tonumber(bit.band(left, 127LL))
    left = bit.rshift(left, 7)
    out[#out + 1] = string.char(left == 0LL and low or low + 128)
  until left == 0LL
  return table.concat(out)
end

local function delimited(number, text)
  return varint(number * 8 + BYTES) .. varint(#text) .. text
end

local function field(row, value)
  local number, kind = row[1], row[3]
  if kind == "string" then
    return delimited(number, value)
  elseif type(kind) == "table" then
    return delimited(number, M.encode(kind, value))
  elseif kind == "bool" then
    value = value and 1 or 0
  end
  return varint(number * 8 + VARINT) .. varint(value)
end

--- Makes the bytes of a message.
-- @tparam table rows
-- @tparam table message name → value; of a list a table of values
-- @treturn string
function M.encode(rows, message)
  local out = {}
  for _, row in ipairs(rows) do
    local value = message[row[2]]
    if value ~= nil then
      for _, item in ipairs(row[4] and value or { value }) do
        out[#out + 1] = field(row, item)
      end
    end
  end
  return table.concat(out)
end

local function damaged()
  return nil, errors.new("SystemError", "a message of CRIU's is damaged", { op = "decode" })
end

-- The number, and where what follows begins; nil where there is none.
local function read_varint(text, at)
  local value = 0LL
  for index = 0, VARINT_MAX - 1 do
    local byte = text:byte(at + index)
    if not byte then
      return nil
    end
    value = bit.bor(value, bit.lshift(0LL + bit.band(byte, 127), 7 * index))
    if byte < 128 then
      return tonumber(value), at + index + 1
    end
  end
  return nil
end

local function read_bytes(text, at)
  local length, first = read_varint(text, at)
  if not length or length < 0 or first + length - 1 > #text then
    return nil
  end
  return text:sub(first, first + length - 1), first + length
end

local function read_value(text, at, wire)
  if wire == VARINT then
    return read_varint(text, at)
  elseif wire == BYTES then
    return read_bytes(text, at)
  end
  local size = wire == FIXED64 and 8 or wire == FIXED32 and 4
  if not size or at + size - 1 > #text then
    return nil
  end
  return text:sub(at, at + size - 1), at + size
end

local function convert(kind, value)
  if type(kind) == "table" then
    return type(value) == "string" and M.decode(kind, value) or nil
  elseif kind == "string" then
    return type(value) == "string" and value or nil
  elseif type(value) ~= "number" then
    return nil
  elseif kind == "bool" then
    return value ~= 0
  end
  return value
end

local function by_number(rows)
  local found = {}
  for _, row in ipairs(rows) do
    found[row[1]] = row
  end
  return found
end

local function keep(message, row, value)
  if not row[4] then
    message[row[2]] = value
    return
  end
  message[row[2]] = message[row[2]] or {}
  table.insert(message[row[2]], value)
end

--- Reads a message. What the rows do not have is passed over.
-- @tparam table rows
-- @tparam string text
-- @treturn[1] table name → value
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.decode(rows, text)
  local known, message, at = by_number(rows), {}, 1
  while at <= #text do
    local key, value
    key, at = read_varint(text, at)
    if not key or key < 0 then
      return damaged()
    end
    value, at = read_value(text, at, key % 8)
    if value == nil then
      return damaged()
    end
    local row = known[math.floor(key / 8)]
    if row then
      value = convert(row[3], value)
      if value == nil then
        return damaged()
      end
      keep(message, row, value)
    end
  end
  return message
end

return M

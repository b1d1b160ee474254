--- Values of D-Bus properties in GVariant's text form: `uint64 5`, `true`, `'text'`,
-- `["a.service", "b.service"]`, `@as []`; annotations have them so.
-- Pure. Facts: GLib's description of the text format. Of containers, arrays of strings are read.
-- @module ctr.cgroup.gvariant

local units = require("ctr.config.units")

local M = {}

local INT64 = { "9223372036854775808", "9223372036854775807" }

-- By D-Bus signature: the most that is below zero, and above.
local RANGES = {
  y = { "0", "255" }, n = { "32768", "32767" }, q = { "0", "65535" },
  i = { "2147483648", "2147483647" }, u = { "0", "4294967295" }, x = INT64,
  t = { "0", "18446744073709551615" },
}

local TYPES = {
  boolean = "b", byte = "y", int16 = "n", uint16 = "q", int32 = "i", uint32 = "u", int64 = "x",
  uint64 = "t", double = "d", string = "s",
}

local ESCAPES = {
  a = "\a", b = "\b", f = "\f", n = "\n", r = "\r", t = "\t", v = "\v",
}

local function utf8(code)
  if code < 0x80 then
    return string.char(code)
  end
  local bytes, first = {}, 0x3f
  while code > first do
    table.insert(bytes, 1, string.char(0x80 + code % 64))
    code, first = math.floor(code / 64), math.floor(first / 2)
  end
  return string.char(256 - 2 * (first + 1) + code) .. table.concat(bytes)
end

local LAST_CHARACTER = 0x10ffff

-- What stands behind a backslash at a position, and where it ends.
local function read_escape(text, at)
  local char = text:sub(at, at)
  local digits = char == "u" and 4 or char == "U" and 8
  if not digits then
    return ESCAPES[char] or char, at
  end
  local code = text:sub(at + 1, at + digits)
  local number = #code == digits and code:find("^%x+$") and tonumber(code, 16)
  if not number or number == 0 or number > LAST_CHARACTER then
    return nil
  end
  return utf8(number), at + digits
end

-- A quoted text that begins at a position: its value, and what is behind it.
local function read_string(text, at)
  local quote, parts = text:sub(at, at), {}
  at = at + 1
  while at <= #text do
    local char = text:sub(at, at)
    if char == quote then
      return table.concat(parts), at + 1
    end
    if char == "\\" then
      char, at = read_escape(text, at + 1)
      if not char then
        return nil
      end
    end
    parts[#parts + 1] = char
    at = at + 1
  end
  return nil
end

local function skip_space(text, at)
  return text:match("^%s*()", at)
end

local function read_items(text, at)
  local items = {}
  at = skip_space(text, at + 1)
  while text:sub(at, at) ~= "]" do
    if not text:find("^[\"']", at) then
      return nil
    end
    local item
    item, at = read_string(text, at)
    if not item then
      return nil
    end
    items[#items + 1] = item
    at = skip_space(text, at)
    local separator = text:match("^[],]", at)
    if not separator then
      return nil
    end
    at = separator == "," and skip_space(text, at + 1) or at
  end
  return items, at + 1
end

-- Decimal digits without zeros in front.
local function digits_of(text)
  if text:find("^0[xX]%x+$") and #text <= 15 then
    return ("%.0f"):format(tonumber(text))
  end
  if text:find("^0[0-7]+$") and #text <= 17 then
    return ("%.0f"):format(tonumber(text, 8))
  end
  return text:match("^0*(%d+)$")
end

local function read_integer(text, signature)
  local sign, rest = text:match("^([-+]?)(.*)$")
  local digits, range = digits_of(rest), RANGES[signature]
  if not digits or units.decimal_less(range[sign == "-" and 1 or 2], digits) then
    return nil
  end
  return (sign == "-" and digits ~= "0") and "-" .. digits or digits
end

local function read_number(word, signature)
  if RANGES[signature] then
    return read_integer(word, signature)
  end
  local is_decimal = word:find("^[-+]?%d*%.?%d*[eE]?[-+]?%d*$") and word:find("%d")
  return signature == "d" and is_decimal and tonumber(word) or nil
end

local function default_signature(word)
  if word == "true" or word == "false" then
    return "b"
  end
  return word:find("^[-+]?0[xX]") and "i" or word:find("[.eE]") and "d" or "i"
end

local function read_word(word, signature)
  signature = signature or default_signature(word)
  if signature == "b" then
    if word ~= "true" and word ~= "false" then
      return nil
    end
    return word == "true", signature
  end
  return read_number(word, signature), signature
end

-- A value of a wanted type, or of the one that it looks like; nil and the end where it is none.
local function read_value(text, at, wanted)
  local first = text:sub(at, at)
  if first == "'" or first == '"' then
    local value, rest = read_string(text, at)
    return value, "s", rest
  end
  if first == "[" then
    local value, rest = read_items(text, at)
    if value and #value == 0 and not wanted then
      return nil -- of what, nobody knows
    end
    return value, "as", rest
  end
  local word, rest = text:match("^([%w.+-]+)()", at)
  if not word then
    return nil
  end
  local value, signature = read_word(word, wanted)
  return value, signature, rest
end

-- The type that stands in front of a value, and where that begins.
local function read_type(text)
  local signature, at = text:match("^%s*@(%S+)%s+()")
  if signature then
    return signature, at
  end
  local name
  name, at = text:match("^%s*(%l%w+)%s+()")
  if name and TYPES[name] then
    return TYPES[name], at
  end
  return nil, skip_space(text, 1)
end

local HELP = "is not a value in GVariant's text form, as in uint64 5, true, 'text' or ['a', 'b']"

--- Reads a value.
-- @tparam string text
-- @treturn[1] string its D-Bus signature: one of `b y n q i u x t d s as`
-- @return[1] boolean, string, list of strings, number, or the decimal digits of an integer
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.parse(text)
  local wanted, at = read_type(text)
  local value, signature, rest = read_value(text, at, wanted)
  if value == nil or (wanted and wanted ~= signature) or text:find("%S", rest) then
    return nil, HELP
  end
  return signature, value
end

local SECONDS = 1000000

-- Some properties have names in seconds for people, and in microseconds for D-Bus.
local function to_microseconds(signature, value)
  if signature == "d" then
    return value >= 0 and value < 2 ^ 32 and ("%.0f"):format(value * SECONDS) or nil
  end
  local is_natural = RANGES[signature] and not value:find("^-")
  return is_natural and #value <= 10 and ("%.0f"):format(tonumber(value) * SECONDS) or nil
end

--- Reads a property of a unit: `TimeoutStopSec` of five is `TimeoutStopUSec` of five million.
-- @tparam string name
-- @tparam string text its value
-- @treturn[1] table `{ name, signature, value }`, as `core.systemd` takes it
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.property(name, text)
  local signature, value = M.parse(text)
  if not signature then
    return nil, value
  end
  local stem = name:match("^(.*%l)Sec$")
  if not stem then
    return { name, signature, value }
  end
  local microseconds = to_microseconds(signature, value)
  if not microseconds then
    return nil, "is not a number of seconds, as in uint64 5"
  end
  return { stem .. "USec", "t", microseconds }
end

return M

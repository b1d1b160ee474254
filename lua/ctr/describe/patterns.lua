--- Lua's patterns, in Lua: for text that nobody vouches for.
--
-- `string.find` and its family run in C, where no hook stops them, and a pattern with many
-- repetitions may go back over its text for hours. These do the same, step by step, as code that
-- can be interrupted.
-- @module ctr.describe.patterns

-- A compiled loop would run past the hook.
jit.off(true, true)

local byte, find, sub = string.byte, string.find, string.sub

local M = {}

local MAX_CAPTURES = 32
local SEARCH_MAX = 1e8 -- bytes that are compared, at worst, in one plain search

local SPECIALS = "[%^%$%*%+%?%.%(%[%%%-]"

local function check_text(value, position, name)
  if type(value) == "number" then
    return tostring(value)
  end
  if type(value) ~= "string" then
    error(("bad argument #%d to '%s' (string expected, got %s)"):format(position, name,
      value == nil and "no value" or type(value)), 3)
  end
  return value
end

-- Where a set ends that begins at a position: behind its bracket.
local function set_end(pattern, at)
  at = at + 1
  if sub(pattern, at, at) == "^" then
    at = at + 1
  end
  repeat
    if at > #pattern then
      error("malformed pattern (missing ']')", 0)
    end
    at = at + (sub(pattern, at, at) == "%" and 2 or 1)
  until sub(pattern, at, at) == "]"
  return at + 1
end

local function single_end(pattern, at)
  local char = sub(pattern, at, at)
  if char == "%" then
    if at == #pattern then
      error("malformed pattern (ends with '%')", 0)
    end
    return at + 2
  end
  return char == "[" and set_end(pattern, at) or at + 1
end

local QUANTIFIERS = { ["*"] = true, ["+"] = true, ["-"] = true, ["?"] = true }

-- A character, or one of a class, and how often.
local function read_single(pattern, at)
  local stop = single_end(pattern, at)
  local text, quantifier = sub(pattern, at, stop - 1), sub(pattern, stop, stop)
  if text == "^" or text == "$" then
    text = "%" .. text -- in the middle it stands for itself
  end
  local item = { kind = "single", class = "^" .. text }
  if QUANTIFIERS[quantifier] then
    item.quantifier, stop = quantifier, stop + 1
  end
  return item, stop
end

local function read_escape(pattern, at)
  local char = sub(pattern, at + 1, at + 1)
  if char == "b" then
    if at + 3 > #pattern then
      error("unbalanced pattern", 0)
    end
    local open, close = byte(pattern, at + 2, at + 3)
    return { kind = "balance", open = open, close = close }, at + 4
  end
  if char == "f" then
    if sub(pattern, at + 2, at + 2) ~= "[" then
      error("missing '[' after '%f' in pattern", 0)
    end
    local stop = set_end(pattern, at + 2)
    return { kind = "frontier", class = "^" .. sub(pattern, at + 2, stop - 1) }, stop
  end
  if find(char, "^%d") then
    return { kind = "back", index = tonumber(char) }, at + 2
  end
  return read_single(pattern, at)
end

local function read_item(pattern, at)
  local char = sub(pattern, at, at)
  if char == "(" then
    if sub(pattern, at + 1, at + 1) == ")" then
      return { kind = "position" }, at + 2
    end
    return { kind = "open" }, at + 1
  end
  if char == ")" then
    return { kind = "close" }, at + 1
  end
  if char == "$" and at == #pattern then
    return { kind = "stop" }, at + 1
  end
  if char == "%" then
    return read_escape(pattern, at)
  end
  return read_single(pattern, at)
end

-- Malformed patterns are found at once, not where the matching gets to them. As in LuaJIT a NUL
-- ends a pattern.
local function compile(pattern, is_iterated)
  pattern = sub(pattern, 1, (find(pattern, "\0", 1, true) or 0) - 1)
  local items, at = {}, 1
  if sub(pattern, 1, 1) == "^" and not is_iterated then
    items.is_anchored, at = true, 2
  end
  while at <= #pattern do
    items[#items + 1], at = read_item(pattern, at)
  end
  return items
end

local steps = {}

local function match(state, index, at)
  local item = state.items[index]
  while item and item.kind == "single" and not item.quantifier do
    if at > #state.text or not find(state.text, item.class, at) then
      return nil
    end
    index, at = index + 1, at + 1
    item = state.items[index]
  end
  if not item then
    return at
  end
  return steps[item.kind](state, item, index, at)
end

local function push_capture(state, capture, index, at)
  local captures = state.captures
  if #captures >= MAX_CAPTURES then
    error("too many captures", 0)
  end
  captures[#captures + 1] = capture
  local stop = match(state, index + 1, at)
  if not stop then
    captures[#captures] = nil
  end
  return stop
end

function steps.open(state, _, index, at)
  return push_capture(state, { at = at }, index, at)
end

function steps.position(state, _, index, at)
  return push_capture(state, { at = at, is_position = true }, index, at)
end

function steps.close(state, _, index, at)
  for number = #state.captures, 1, -1 do
    local capture = state.captures[number]
    if not capture.last and not capture.is_position then
      capture.last = at - 1
      local stop = match(state, index + 1, at)
      if not stop then
        capture.last = nil
      end
      return stop
    end
  end
  error("invalid pattern capture", 0)
end

function steps.stop(state, _, _, at)
  return at == #state.text + 1 and at or nil
end

function steps.back(state, item, index, at)
  local capture = state.captures[item.index]
  if not capture or not (capture.last or capture.is_position) then
    error("invalid capture index", 0)
  end
  if capture.is_position then
    return nil
  end
  local said = sub(state.text, capture.at, capture.last)
  if sub(state.text, at, at + #said - 1) ~= said then
    return nil
  end
  return match(state, index + 1, at + #said)
end

function steps.balance(state, item, index, at)
  local text = state.text
  if byte(text, at) ~= item.open then
    return nil
  end
  local depth, place = 1, at + 1
  while place <= #text do
    local char = byte(text, place)
    if char == item.close then
      depth = depth - 1
      if depth == 0 then
        return match(state, index + 1, place + 1)
      end
    elseif char == item.open then
      depth = depth + 1
    end
    place = place + 1
  end
  return nil
end

-- Beyond both ends of a text stands a NUL.
local function is_in(text, class, at)
  if at < 1 or at > #text then
    return find("\0", class) ~= nil
  end
  return find(text, class, at) ~= nil
end

function steps.frontier(state, item, index, at)
  if is_in(state.text, item.class, at - 1) or not is_in(state.text, item.class, at) then
    return nil
  end
  return match(state, index + 1, at)
end

local repeats = {}

local function count_of(state, item, at)
  local text, class, count = state.text, item.class, 0
  while at + count <= #text and find(text, class, at + count) do
    count = count + 1
  end
  return count
end

local function as_many(state, item, index, at, least)
  for count = count_of(state, item, at), least, -1 do
    local stop = match(state, index + 1, at + count)
    if stop then
      return stop
    end
  end
  return nil
end

repeats["*"] = function(state, item, index, at)
  return as_many(state, item, index, at, 0)
end

repeats["+"] = function(state, item, index, at)
  return as_many(state, item, index, at, 1)
end

repeats["?"] = function(state, item, index, at)
  local is_there = at <= #state.text and find(state.text, item.class, at)
  return is_there and match(state, index + 1, at + 1) or match(state, index + 1, at)
end

repeats["-"] = function(state, item, index, at)
  while true do
    local stop = match(state, index + 1, at)
    if stop then
      return stop
    end
    if at > #state.text or not find(state.text, item.class, at) then
      return nil
    end
    at = at + 1
  end
end

function steps.single(state, item, index, at)
  return repeats[item.quantifier](state, item, index, at)
end

local function capture_of(state, index, first, last)
  local capture = state.captures[index]
  if not capture then
    if index == 1 then
      return sub(state.text, first, last)
    end
    error("invalid capture index", 0)
  end
  if capture.is_position then
    return capture.at
  end
  if not capture.last then
    error("unfinished capture", 0)
  end
  return sub(state.text, capture.at, capture.last)
end

-- All captures; where there are none, the whole of what was found unless told otherwise.
local function captures_of(state, first, last, is_bare)
  local values = {}
  local count = #state.captures
  if count == 0 and not is_bare then
    count = 1
  end
  for index = 1, count do
    values[index] = capture_of(state, index, first, last)
  end
  return values
end

-- Looks for a match from a position on; returns where it is.
local function search(state, at)
  while at <= #state.text + 1 do
    state.captures = {}
    local stop = match(state, 1, at)
    if stop then
      return at, stop - 1
    end
    if state.items.is_anchored then
      return nil
    end
    at = at + 1
  end
  return nil
end

-- LuaJIT takes a beginning behind the end for the end.
local function start_of(text, init)
  init = init or 1
  if init < 0 then
    init = math.max(1, #text + init + 1)
  end
  return math.min(math.max(1, init), #text + 1)
end

local function find_plain(text, wanted, init)
  if #text * #wanted > SEARCH_MAX then
    error("the text is too long to look for such a long one in it", 3)
  end
  return find(text, wanted, init, true)
end

--- As `string.find`.
function M.find(text, pattern, init, plain)
  text, pattern = check_text(text, 1, "find"), check_text(pattern, 2, "find")
  if plain or not find(pattern, SPECIALS) then
    return find_plain(text, pattern, init)
  end
  local state = { text = text, items = compile(pattern) }
  local first, last = search(state, start_of(text, init))
  if not first then
    return nil
  end
  return first, last, unpack(captures_of(state, first, last, true))
end

--- As `string.match`.
function M.match(text, pattern, init)
  text, pattern = check_text(text, 1, "match"), check_text(pattern, 2, "match")
  local state = { text = text, items = compile(pattern) }
  local first, last = search(state, start_of(text, init))
  if not first then
    return nil
  end
  return unpack(captures_of(state, first, last))
end

--- As `string.gmatch`.
function M.gmatch(text, pattern)
  text, pattern = check_text(text, 1, "gmatch"), check_text(pattern, 2, "gmatch")
  local state, at = { text = text, items = compile(pattern, true) }, 1
  return function()
    local first, last = search(state, at)
    if not first then
      at = #text + 2
      return nil
    end
    at = last < first and last + 2 or last + 1
    return unpack(captures_of(state, first, last))
  end
end

local function expand(state, template, first, last)
  local parts, at = {}, 1
  while true do
    local percent = find(template, "%", at, true)
    if not percent then
      parts[#parts + 1] = sub(template, at)
      return table.concat(parts)
    end
    parts[#parts + 1] = sub(template, at, percent - 1)
    local char = sub(template, percent + 1, percent + 1)
    if char == "0" then
      char = sub(state.text, first, last)
    elseif find(char, "^%d") then
      char = capture_of(state, tonumber(char), first, last)
    end
    parts[#parts + 1] = char
    at = percent + 2
  end
end

local function replacement(state, by, first, last)
  local kind = type(by)
  if kind == "string" or kind == "number" then
    return expand(state, tostring(by), first, last)
  end
  local value
  if kind == "table" then
    value = by[capture_of(state, 1, first, last)]
  else
    value = by(unpack(captures_of(state, first, last)))
  end
  if not value then
    return sub(state.text, first, last)
  end
  if type(value) ~= "string" and type(value) ~= "number" then
    error("invalid replacement value (a " .. type(value) .. ")", 0)
  end
  return value
end

local REPLACING = { string = true, number = true, table = true, ["function"] = true }

--- As `string.gsub`.
function M.gsub(text, pattern, by, max)
  text, pattern = check_text(text, 1, "gsub"), check_text(pattern, 2, "gsub")
  if not REPLACING[type(by)] then
    error("bad argument #3 to 'gsub' (string/function/table expected)", 2)
  end
  local state, parts = { text = text, items = compile(pattern) }, {}
  local at, count = 1, 0
  while count < (max or math.huge) do
    state.captures = {}
    local stop = match(state, 1, at)
    if stop then
      count = count + 1
      parts[#parts + 1] = replacement(state, by, at, stop - 1)
    end
    if stop and stop > at then
      at = stop
    elseif at <= #text then
      parts[#parts + 1] = sub(text, at, at)
      at = at + 1
    else
      break
    end
    if state.items.is_anchored then
      break
    end
  end
  parts[#parts + 1] = sub(text, at)
  return table.concat(parts), count
end

return M

--- Plain data as bytes, and back: what a function that ran in a container returned.
--
-- Whoever wrote the bytes may be an enemy, so the reading is strict: each length is checked against
-- what is there, depth and number of values have a bound, nothing may trail. Pure.
-- @module ctr.reach.values

local M = {}

M.DEPTH_MAX = 64
M.COUNT_MAX = 1000000 -- values in all
local KINDS = { ["nil"] = true, boolean = true, number = true, string = true, table = true }

local put = {}

local function put_value(state, value, depth)
  local kind = type(value)
  if not KINDS[kind] then
    return nil, "a " .. kind .. " cannot leave the container: only nil, booleans, numbers, strings "
      .. "and tables of them can"
  end
  state.count = state.count + 1
  if state.count > M.COUNT_MAX then
    return nil, "too many values"
  end
  return put[kind](state, value, depth)
end

local function emit(state, text)
  state.size = state.size + #text
  if state.size > state.max then
    return nil, "more than " .. state.max .. " bytes"
  end
  state[#state + 1] = text
  return true
end

put["nil"] = function(state)
  return emit(state, "n")
end

function put.boolean(state, value)
  return emit(state, value and "t" or "f")
end

-- %.17g is exact for every number, and has words for the others.
function put.number(state, value)
  return emit(state, ("d%.17g;"):format(value))
end

function put.string(state, value)
  local ok, problem = emit(state, ("s%d:"):format(#value))
  if not ok then
    return nil, problem
  end
  return emit(state, value)
end

function put.table(state, value, depth)
  if depth >= M.DEPTH_MAX then
    return nil, "tables in tables are too deep, or go round in a circle"
  end
  local ok, problem = emit(state, "T")
  for key, item in next, value do
    if ok then
      ok, problem = put_value(state, key, depth + 1)
    end
    if ok then
      ok, problem = put_value(state, item, depth + 1)
    end
  end
  if not ok then
    return nil, problem
  end
  return emit(state, "E")
end

--- Writes values.
-- @tparam table values a list with its length in `n`
-- @tparam number max bytes
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.encode(values, max)
  local state = { size = 0, count = 0, max = max }
  for index = 1, values.n do
    local ok, problem = put_value(state, values[index], 0)
    if not ok then
      return nil, problem
    end
  end
  return table.concat(state)
end

local get = {}

-- Reads the value at a place; returns whether there is one, where the next begins, and the value.
local function get_value(state, at, depth)
  local read = get[state.text:sub(at, at)]
  state.count = state.count + 1
  if not read or state.count > M.COUNT_MAX then
    return false
  end
  return read(state, at + 1, depth)
end

function get.n(_, at)
  return true, at, nil
end

function get.t(_, at)
  return true, at, true
end

function get.f(_, at)
  return true, at, false
end

local WORDS = {
  inf = math.huge, ["-inf"] = -math.huge, nan = 0 / 0, ["-nan"] = 0 / 0,
}

function get.d(state, at)
  local word, next_at = state.text:match("^([%-+%.%dein%a]+);()", at)
  if not word or #word > 32 then
    return false
  end
  local value = WORDS[word]
  if value == nil then
    value = word:match("^%-?%d[%d%.e+%-]*$") and tonumber(word)
  end
  if not value then
    return false
  end
  return true, next_at, value
end

function get.s(state, at)
  local digits, start = state.text:match("^(%d+):()", at)
  local length = digits and #digits <= 10 and tonumber(digits)
  if not length or start + length - 1 > #state.text then
    return false
  end
  return true, start + length, state.text:sub(start, start + length - 1)
end

local function is_key(key)
  return key ~= nil and key == key -- a NaN is none
end

function get.T(state, at, depth)
  if depth >= M.DEPTH_MAX then
    return false
  end
  local result = {}
  while state.text:sub(at, at) ~= "E" do
    local ok, key, value
    ok, at, key = get_value(state, at, depth + 1)
    if not ok or not is_key(key) then
      return false
    end
    ok, at, value = get_value(state, at, depth + 1)
    if not ok or value == nil or rawget(result, key) ~= nil then
      return false
    end
    result[key] = value
  end
  return true, at + 1, result
end

--- Reads values.
-- @tparam string text
-- @treturn[1] table a list with its length in `n`
-- @return[2] nil it is not what `encode` writes
function M.decode(text)
  local state, values, at = { text = text, count = 0 }, { n = 0 }, 1
  while at <= #text do
    local ok, next_at, value = get_value(state, at, 0)
    if not ok then
      return nil
    end
    values.n = values.n + 1
    values[values.n], at = value, next_at
  end
  return values
end

return M

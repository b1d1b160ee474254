--- The keys that detach. Pure.
-- @module ctr.reach.keys

local M = {}

M.DEFAULT = "ctrl-p,ctrl-q"

local function byte_of(name)
  local letter = name:lower():match("^ctrl%-([%l@%[%]\\^_])$")
  if letter then
    return string.char(letter:upper():byte() - 64)
  end
  return #name == 1 and name or nil
end

--- Reads a sequence of keys: characters and `ctrl-` with a letter or one of `@[\]^_`, with commas
-- between them. "" is none: then nothing detaches.
-- @tparam string text
-- @treturn[1] string the bytes
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.parse(text)
  local bytes = {}
  for name in (text ~= "" and text .. "," or ""):gmatch("([^,]*),") do
    local byte = byte_of(name)
    if not byte then
      return nil, "must be characters or ctrl-a … ctrl-z, ctrl-@ [ \\ ] ^ _, with commas between"
    end
    bytes[#bytes + 1] = byte
  end
  return table.concat(bytes)
end

local filter_methods = {}
local filter_metatable = { __index = filter_methods }

--- Makes a filter of what is typed.
-- @tparam string sequence as `parse` returned it
function M.filter(sequence)
  return setmetatable({ sequence = sequence, held = "" }, filter_metatable)
end

local function is_start(sequence, text)
  return sequence:sub(1, #text) == text
end

--- Takes what was typed.
-- @tparam string data
-- @treturn string what is to be passed on: what may become the sequence is held until it does not
-- @treturn boolean whether the sequence was typed; what came behind it is dropped
function filter_methods:take(data)
  if self.sequence == "" then
    return data, false
  end
  local passed = {}
  for index = 1, #data do
    local held = self.held .. data:sub(index, index)
    if held == self.sequence then
      return table.concat(passed), true
    end
    while held ~= "" and not is_start(self.sequence, held) do
      passed[#passed + 1], held = held:sub(1, 1), held:sub(2)
    end
    self.held = held
  end
  return table.concat(passed), false
end

return M

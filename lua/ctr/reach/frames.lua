--- What a keeper and those who are attached say to each other: a letter, eight hexadecimal digits
-- of length, the data. Pure; the reading is strict, for who is attached may be anybody's program.
--
-- To the keeper: `i` input, `w` the window ("80x24"). From it: `h` what it keeps (`t` a terminal,
-- `p` pipes), `o` and `e` output and errors, `l` how many bytes of them were left out, `x` how the
-- process ended.
-- @module ctr.reach.frames

local M = {}

--- The most that one frame holds.
M.DATA_MAX = 65536

local HEAD_SIZE = 9

--- Makes a frame.
-- @tparam string kind a letter
-- @tparam string data
-- @treturn string
function M.pack(kind, data)
  return ("%s%08x%s"):format(kind, #data, data)
end

local reader_methods = {}
local reader_metatable = { __index = reader_methods }

--- Makes a reader.
-- @tparam string kinds the letters that may come
-- @treturn table `feed(data)`, `next()`
function M.reader(kinds)
  return setmetatable({ kinds = kinds, text = "" }, reader_metatable)
end

--- Adds what was read.
function reader_methods:feed(data)
  self.text = self.text .. data
end

--- Takes the next frame.
-- @treturn[1] string its kind
-- @treturn[1] string its data
-- @treturn[2] boolean false: more has to be read
-- @return[3] nil it is no frame
function reader_methods:next()
  if #self.text < HEAD_SIZE then
    return false
  end
  local kind, digits = self.text:match("^(%l)(%x%x%x%x%x%x%x%x)")
  local length = digits and tonumber(digits, 16)
  if not length or length > M.DATA_MAX or not self.kinds:find(kind, 1, true) then
    return nil
  end
  if #self.text < HEAD_SIZE + length then
    return false
  end
  local data = self.text:sub(HEAD_SIZE + 1, HEAD_SIZE + length)
  self.text = self.text:sub(HEAD_SIZE + length + 1)
  return kind, data
end

--- How a process ended, as text.
-- @tparam ?table result of `process:wait`
function M.ending(result)
  if not result then
    return "unknown"
  end
  return result.signal and "signal " .. result.signal or "code " .. tostring(result.code)
end

--- The same, back.
-- @tparam string text
-- @treturn table `code` or `signal`; empty where nobody knows
function M.parse_ending(text)
  local code = text:match("^code (%d+)$")
  return { code = code and #code <= 3 and tonumber(code) or nil,
    signal = text:match("^signal (SIG[%w+-]+)$") }
end

return M

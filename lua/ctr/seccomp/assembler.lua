--- An assembler of classic BPF that writes a program from its end.
--
-- BPF jumps only forward: from the end, the target of each jump is there when the jump is written.
-- A label is the place of an instruction, counted from the end of the program.
-- @module ctr.seccomp.assembler

local M = {}

local LOAD, RETURN, JUMP = 0x20, 0x06, 0x05 -- BPF_LD|BPF_W|BPF_ABS, BPF_RET|BPF_K, BPF_JMP|BPF_JA
local AND = 0x54 -- BPF_ALU|BPF_AND|BPF_K

--- Conditional jumps by the comparison with a constant, without sign.
M.EQ, M.GT, M.GE = 0x15, 0x25, 0x35

-- A conditional jump reaches 255 instructions; up to two more may come in between.
local REACH = 252

local methods = {}
local metatable = { __index = methods }

--- Begins a program.
function M.new()
  return setmetatable({ count = 0, codes = {}, yes = {}, no = {}, values = {}, returns = {} },
    metatable)
end

local function put(self, code, yes, no, value)
  local at = self.count + 1
  self.count = at
  self.codes[at], self.yes[at], self.no[at], self.values[at] = code, yes, no, value
  return at
end

--- The program returns a value here; one that does so nearby is taken.
-- @treturn number a label
function methods:ret(value)
  local label = self.returns[value]
  if label and self.count - label < REACH then
    return label
  end
  label = put(self, RETURN, 0, 0, value)
  self.returns[value] = label
  return label
end

-- A label that a conditional jump from here reaches, and that leads to the same.
local function near(self, label)
  if self.count - label < REACH then
    return label
  end
  if self.codes[label] == RETURN then
    return self:ret(self.values[label])
  end
  return put(self, JUMP, 0, 0, self.count - label)
end

--- Compares, and goes on at one label or the other.
function methods:branch(comparison, value, yes, no)
  yes = near(self, yes)
  no = near(self, no)
  return put(self, comparison, self.count - yes, self.count - no, value)
end

-- What is written next goes on at the label.
local function lead_to(self, label)
  if label ~= self.count then
    put(self, JUMP, 0, 0, self.count - label)
  end
end

--- Loads 32 bits of struct seccomp_data, and goes on at the label.
function methods:load(offset, label)
  lead_to(self, label)
  return put(self, LOAD, 0, 0, offset)
end

--- Masks what was loaded, and goes on at the label.
function methods:mask(value, label)
  lead_to(self, label)
  return put(self, AND, 0, 0, value)
end

local function byte_order(is_big)
  if is_big then
    return function(value)
      local low = value % 65536
      local high = (value - low) / 65536
      return (high - high % 256) / 256, high % 256, (low - low % 256) / 256, low % 256
    end
  end
  return function(value)
    local low = value % 65536
    local high = (value - low) / 65536
    return low % 256, (low - low % 256) / 256, high % 256, (high - high % 256) / 256
  end
end

--- The program's bytes: struct sock_filter, one after the other.
-- @tparam number entry the label where it begins, the one that was written last
-- @tparam boolean is_big the machine's byte order
-- @treturn string
function methods:bytes(entry, is_big)
  lead_to(self, entry)
  local order, char = byte_order(is_big), string.char
  local parts, count = {}, self.count
  for at = count, 1, -1 do
    local code = char(self.codes[at])
    parts[#parts + 1] = is_big and "\0" .. code or code .. "\0"
    parts[#parts + 1] = char(self.yes[at], self.no[at], order(self.values[at]))
  end
  return table.concat(parts)
end

return M

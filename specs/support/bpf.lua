--- An interpreter of classic BPF as seccomp runs it: struct seccomp_data in, a value out.
-- @module specs.support.bpf

local bit = require("bit")

local M = {}

local INSTRUCTION = 8

--- Takes a program of the machine's byte order (little-endian) apart.
-- @tparam string bytes
-- @treturn table instructions: `code`, `yes`, `no`, `value`
function M.decode(bytes)
  assert(#bytes % INSTRUCTION == 0 and #bytes > 0, "no whole number of instructions")
  local program = {}
  for at = 1, #bytes, INSTRUCTION do
    local a, b, yes, no, k1, k2, k3, k4 = bytes:byte(at, at + 7)
    program[#program + 1] = { code = a + 256 * b, yes = yes, no = no,
      value = k1 + 256 * k2 + 65536 * k3 + 16777216 * k4 }
  end
  return program
end

local function word(data, offset)
  if offset == 0 then
    return data.nr
  elseif offset == 4 then
    return data.arch
  end
  assert(offset >= 16 and offset < 64 and offset % 4 == 0, "a load of no argument")
  local arg = data.args[math.floor((offset - 16) / 8)] or 0ULL
  return tonumber((offset % 8 == 0) and arg % 0x100000000 or arg / 0x100000000)
end

local COMPARE = {
  [0x15] = function(a, k) return a == k end,
  [0x25] = function(a, k) return a > k end,
  [0x35] = function(a, k) return a >= k end,
}

--- Runs a program.
-- @tparam table program decoded
-- @tparam table data `nr`, `arch`, `args` (64 bits each, by index from 0)
-- @treturn number what it returns
-- @treturn number how many instructions it took
function M.run(program, data)
  local accumulator, at, steps = 0, 1, 0
  while true do
    local step = assert(program[at], "it runs over its end")
    steps = steps + 1
    at = at + 1
    if step.code == 0x06 then
      return step.value, steps
    elseif step.code == 0x20 then
      accumulator = word(data, step.value)
    elseif step.code == 0x54 then
      accumulator = bit.band(accumulator, step.value) % 0x100000000
    elseif step.code == 0x05 then
      at = at + step.value
    else
      local is_so = assert(COMPARE[step.code], "no instruction of ours")(accumulator, step.value)
      at = at + (is_so and step.yes or step.no)
    end
  end
end

return M

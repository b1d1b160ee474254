local assembler = require("ctr.seccomp.assembler")
local bpf = require("specs.support.bpf")

local function run(program, entry, number)
  return (bpf.run(bpf.decode(program:bytes(entry, false)), { nr = number, arch = 0, args = {} }))
end

describe("ctr.seccomp.assembler", function()
  it("writes instructions in the machine's byte order", function()
    local program = assembler.new()
    local label = program:ret(0x01020304)
    assert.equal("\6\0\0\0\4\3\2\1", program:bytes(label, false))
    assert.equal("\0\6\0\0\1\2\3\4", program:bytes(label, true))
  end)

  it("takes a return that is there already", function()
    local program = assembler.new()
    assert.equal(program:ret(7), program:ret(7))
    assert.equal(1, program.count)
  end)

  it("goes to one of two labels", function()
    local program = assembler.new()
    local yes, no = program:ret(1), program:ret(2)
    local entry = program:load(0, program:branch(assembler.GE, 10, yes, no))
    assert.equal(2, run(program, entry, 9))
    assert.equal(1, run(program, entry, 10))
    assert.equal(1, run(program, entry, 0xffffffff))
  end)

  -- A conditional jump has eight bits: each distance around that is tried, on both sides.
  it("reaches labels however far they are", function()
    for distance = 1, 600 do
      local program = assembler.new()
      local far = program:mask(0, program:ret(5)) -- no return, which could be copied
      local other = program:ret(6)
      for filler = 1, distance do
        program:load(0, filler % 2 == 0 and other or program.count)
      end
      for _, sides in ipairs({ { far, other, 5, 6 }, { other, far, 6, 5 }, { far, far, 5, 5 } }) do
        local compared = program:branch(assembler.EQ, 1, sides[1], sides[2])
        local entry = program:load(0, compared)
        assert.equal(sides[3], run(program, entry, 1))
        assert.equal(sides[4], run(program, entry, 2))
      end
    end
  end)

  it("repeats a return that is too far away", function()
    local program = assembler.new()
    program:ret(5)
    for _ = 1, 400 do
      program:load(0, program.count)
    end
    local entry = program:load(0, program:branch(assembler.EQ, 1, program:ret(5), program:ret(6)))
    assert.equal(5, run(program, entry, 1))
    assert.equal(6, run(program, entry, 2))
  end)
end)

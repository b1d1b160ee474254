local bpf = require("specs.support.bpf")
local compile = require("ctr.seccomp.compile")
local profiles = require("specs.support.profiles")

local ALLOW, ERRNO, KILL = 0x7fff0000, 0x00050000, 0x80000000
local FUTURE = { name = "future", token = 77, numbers = { read = 0, write = 1, last = 9 } }

local function program_of(profile, ...)
  local target = { archs = { FUTURE, ... }, is_big = false }
  local program, rest = compile.compile(profiles.normalised(profile), target)
  return bpf.decode(assert(program)), rest
end

local function answer(program, number, token, args)
  return (bpf.run(program, { nr = number, arch = token or FUTURE.token, args = args or {} }))
end

describe("ctr.seccomp.compile", function()
  it("answers ENOSYS to calls that are newer than those of the profile", function()
    local program = program_of({ default_action = "errno", default_errno_ret = 13, syscalls = {
      { names = { "execve", "read", "write" }, action = "allow" } } })
    assert.equal(ALLOW, answer(program, 1))
    assert.equal(ERRNO + 38, answer(program, 2))
    assert.equal(ERRNO + 38, answer(program, 0xffffffff))
  end)

  it("answers the default to those that are older", function()
    local program = program_of({ default_action = "errno", default_errno_ret = 13, syscalls = {
      { names = { "execve", "last" }, action = "allow" } } })
    assert.equal(ERRNO + 13, answer(program, 1))
    assert.equal(ALLOW, answer(program, 9))
    assert.equal(ERRNO + 38, answer(program, 10))
  end)

  it("lets newer calls through where the default does", function()
    for _, default in ipairs({ "allow", "log", "trace" }) do
      local program = program_of({ default_action = default, syscalls = {
        { names = { "read" }, action = "errno" } } })
      assert.is_true(answer(program, 5) >= 0x7ff00000)
    end
  end)

  it("kills for newer calls where nothing is named at all", function()
    assert.equal(0, answer(program_of({ default_action = "kill", syscalls = {
      { names = { "execve" }, action = "allow" } } }), 5))
  end)

  it("ends the process of an architecture that the profile does not have", function()
    assert.equal(KILL, answer(program_of({ default_action = "allow" }), 0, 78))
  end)

  it("gives each architecture its own numbers", function()
    local other = { name = "other", token = 78, numbers = { read = 5 } }
    local program = program_of({ default_action = "allow", syscalls = {
      { names = { "read" }, action = "errno" } } }, other)
    assert.equal(ERRNO + 1, answer(program, 0))
    assert.equal(ALLOW, answer(program, 5))
    assert.equal(ERRNO + 1, answer(program, 5, 78))
    assert.equal(ALLOW, answer(program, 0, 78))
  end)

  it("tries rules in their order", function()
    local rules = {
      { names = { "read" }, action = "errno", errno_ret = 5,
        args = { { index = 0, op = "eq", value = 3 } } },
      { names = { "read" }, action = "errno", errno_ret = 6,
        args = { { index = 0, op = "ge", value = 3 } } },
      { names = { "read" }, action = "allow" },
    }
    local program = program_of({ default_action = "kill", syscalls = rules })
    assert.equal(ERRNO + 5, answer(program, 0, nil, { [0] = 3ULL }))
    assert.equal(ERRNO + 6, answer(program, 0, nil, { [0] = 4ULL }))
    assert.equal(ALLOW, answer(program, 0, nil, { [0] = 2ULL }))
  end)

  it("merges calls with the same answer into one range", function()
    local numbers = {}
    for number = 0, 99 do
      numbers["call" .. number] = number
    end
    local names = {}
    for number = 0, 99 do
      names[#names + 1] = "call" .. number
    end
    local target = { archs = { { name = "a", token = 1, numbers = numbers } }, is_big = false }
    local program = compile.compile(profiles.normalised({ default_action = "errno", syscalls = {
      { names = names, action = "allow" } } }), target)
    assert.is_true(#program / 8 <= 8, #program / 8)
  end)

  it("names the calls that it did not find", function()
    local _, rest = program_of({ default_action = "allow", syscalls = {
      { names = { "nonesuch", "read", "neither" }, action = "errno" } } })
    assert.same({ "nonesuch", "neither" }, rest)
  end)
end)

-- The proof of the filters: each program is executed, for every number of a call and arguments on
-- both sides of every boundary, and says what the profile means.
local bpf = require("specs.support.bpf")
local calls = require("ctr.core.seccomp")
local compile = require("ctr.seccomp.compile")
local libseccomp = require("specs.support.libseccomp")
local machine = require("ctr.seccomp.machine")
local profiles = require("specs.support.profiles")
local reference = require("specs.support.seccomp_reference")
local words = require("ctr.seccomp.words")

local X32_BIT = 0x40000000
local LAST = 600 -- beyond every table
local ALL_ARCHS = { "x86_64", "x86", "x32" }

local function by_number(numbers)
  local names = {}
  for name, number in pairs(numbers) do
    names[number] = name
  end
  return names
end

-- The values around each boundary of a profile, and around those of 32 and 64 bits.
local function boundaries(profile)
  local values = { [0] = 0ULL }
  local function add(value)
    values[#values + 1] = value
  end
  for _, value in ipairs({ 1ULL, 2ULL, 38ULL, 0x7fffffffULL, 0x80000000ULL, 0xffffffffULL,
    0x100000000ULL, 0x100000026ULL, 0x7fffffffffffffffULL, 0xffffffffffffffffULL }) do
    add(value)
  end
  for _, rule in ipairs(profile.syscalls) do
    for _, condition in ipairs(rule.args) do
      local high, low = words.halves(condition.value)
      local value = high * 0x100000000ULL + low
      add(value - 1)
      add(value)
      add(value + 1)
      add(value + 0x100000000ULL)
    end
  end
  return values
end

-- Argument lists: all arguments the same, and each different from its neighbours.
local function argument_lists(profile)
  local values, lists, seen = boundaries(profile), {}, {}
  for index = 0, #values do
    local value = values[index]
    local key = tostring(value)
    if not seen[key] then
      seen[key] = true
      local same, turned = {}, {}
      for arg = 0, 5 do
        same[arg] = value
        turned[arg] = values[(index + arg) % (#values + 1)]
      end
      lists[#lists + 1] = same
      lists[#lists + 1] = turned
    end
  end
  return lists
end

local function has_conditions(profile, name)
  for _, rule in ipairs(profile.syscalls) do
    for _, named in ipairs(#rule.args > 0 and rule.names or {}) do
      if named == name then
        return true
      end
    end
  end
  return false
end

local MULTIPLEXERS = { socketcall = true, ipc = true }
local NO_ARGS = { { [0] = 0ULL, 0ULL, 0ULL, 0ULL, 0ULL, 0ULL } }

local function check_arch(program, profile, arch, lists)
  local names, base = by_number(arch.numbers), arch.name == "x32" and X32_BIT or 0
  local newest = reference.newest(profile, arch.numbers)
  local count = 0
  for number = base, base + LAST do
    local name = names[number]
    for _, args in ipairs(name and has_conditions(profile, name) and lists or NO_ARGS) do
      local data = { nr = number, arch = arch.token, args = args }
      local is_many = MULTIPLEXERS[name] and arch.name == "x86"
      if not is_many then
        local wanted = reference.by_number(profile, names, newest, number, args)
        local found = bpf.run(program, data)
        if wanted ~= found then
          error(("%s %s (%d): %x in place of %x"):format(arch.name, name or "?", number, found,
            wanted))
        end
        count = count + 1
      end
    end
  end
  return count
end

local X86_64 = calls.native() == "x86_64" and it or pending

describe("a program of", function()
  for title, profile in pairs(profiles.all) do
    X86_64(("a profile (%s) says what the profile means, to every call"):format(title), function()
      local normalised = profiles.normalised(profile)
      local target = assert(machine.new(normalised))
      local program = bpf.decode(assert(compile.compile(normalised, target)))
      local lists = argument_lists(normalised)
      local count = 0
      for _, arch in ipairs(target.archs) do
        count = count + check_arch(program, normalised, arch, lists)
      end
      assert.is_true(count > LAST)
    end)

    X86_64(("a profile (%s) ends who calls in another way"):format(title), function()
      local normalised = profiles.normalised(profile)
      local target = assert(machine.new(normalised))
      local program = bpf.decode(assert(compile.compile(normalised, target)))
      local token = {}
      for _, arch in ipairs(target.archs) do
        token[arch.name] = arch.token
      end
      for _, name in ipairs(calls.archs()) do
        local arch = calls.arch(name)
        local is_there = token[name] or (name == "x32" and token.x32)
        if not is_there and name ~= "x32" then
          local data = { nr = 1, arch = arch, args = {} }
          assert.equal(reference.KILL_PROCESS, (bpf.run(program, data)))
        end
      end
      if not token.x32 then
        for _, number in ipairs({ X32_BIT, X32_BIT + 1, X32_BIT + 520, 0xfffffffe, 0x80000000 }) do
          assert.equal(reference.KILL_PROCESS, (bpf.run(program, { nr = number,
            arch = token.x86_64, args = {} })))
        end
      end
      local default = words.return_value(normalised.default_action, normalised.default_errno_ret)
      assert.equal(default, (bpf.run(program, { nr = 0xffffffff, arch = token.x86_64, args = {} })))
    end)
  end
end)

-- Profiles by chance, the same in each run: rules that overlap, in any order, of any action.
describe("a program of a random profile", function()
  local CALLS = { "read", "write", "open", "close", "mmap", "ioctl", "clone", "kill", "mkdir",
    "chmod", "ptrace", "openat", "unshare", "bpf", "execve", "futex", "personality", "getrandom" }
  local VALUES = { 0, 1, 2, 7, 0x80000000, "0xffffffff", 0x100000000, "0x7fffffffffffffff",
    "0x8000000000000000", "0xfffffffffffffffe", "0xffffffffffffffff", "0x00000001ffffffff" }
  local state

  -- A generator of its own: math.random is everybody's.
  local function pick(list)
    state = (state * 16807) % 2147483647
    return list[state % #list + 1]
  end

  local COUNTS = { 0, 0, 1, 1, 2, 3 }
  local SIX = { 0, 1, 2, 3, 4, 5 }

  local function random_rule()
    local names, args = {}, {}
    for index = 1, pick(SIX) + 1 do
      names[index] = pick(CALLS)
    end
    for index = 1, pick(COUNTS) do
      args[index] = { index = pick(SIX), op = pick(words.operator_list), value = pick(VALUES),
        value_two = pick(VALUES) }
    end
    local action = pick(words.by_strictness)
    return { names = names, args = args, action = action,
      errno_ret = words.data[action] and pick({ 0, 1, 38, 4095 }) }
  end

  local function random_profile(seed)
    state = seed
    local action = pick(words.by_strictness)
    local rules = {}
    for index = 1, pick(SIX) * 3 do
      rules[index] = random_rule()
    end
    return { default_action = action, architectures = pick({ {}, ALL_ARCHS }), syscalls = rules }
  end

  X86_64("says what the profile means", function()
    for seed = 1, 150 do
      local normalised = profiles.normalised(random_profile(seed * 7919))
      local target = assert(machine.new(normalised))
      local program = bpf.decode(assert(compile.compile(normalised, target)))
      local lists = argument_lists(normalised)
      for _, arch in ipairs(target.archs) do
        check_arch(program, normalised, arch, lists)
      end
    end
  end)
end)

-- What libseccomp makes of the same profile, on the machine's own architecture: on 32-bit ones it
-- looks at half of a value, and profiles whose rules overlap mean something else to it.
local COMPARED = {
  compares = {}, ["refuses what it compares not"] = {}, ["kills by default"] = {}, empty = {},
  ["the default of descriptions"] = { ioctl = true },
}

local function compare_call(programs, data, what)
  local theirs, ours = bpf.run(programs.theirs, data), bpf.run(programs.ours, data)
  if theirs ~= ours then
    error(("%s %d: %x to libseccomp, %x to us"):format(what, data.nr, theirs, ours))
  end
end

describe("libseccomp's program of", function()
  for title, passed_over in pairs(COMPARED) do
    X86_64(("a profile (%s) says the same as ours"):format(title), function()
      local normalised = profiles.normalised(profiles.all[title])
      local target = assert(machine.new(normalised))
      local native = target.archs[1]
      local programs = {
        ours = bpf.decode(assert(compile.compile(normalised, target))),
        theirs = bpf.decode(libseccomp.compile(normalised)),
      }
      local known = calls.syscalls(native.name)
      local names = by_number(known)
      for number = 0, reference.newest(normalised, known) or LAST do
        for _, args in ipairs(passed_over[names[number]] and {} or argument_lists(normalised)) do
          compare_call(programs, { nr = number, arch = native.token, args = args }, title)
        end
      end
    end)
  end
end)

describe("a program", function()
  local function program_of(profile)
    local normalised = profiles.normalised(profile)
    local target = assert(machine.new(normalised))
    return bpf.decode(assert(compile.compile(normalised, target))), target, normalised
  end

  local function socketcall(program, target, part, number)
    local x86 = target.archs[2]
    return (bpf.run(program, { arch = x86.token, nr = x86.numbers[number or "socketcall"],
      args = { [0] = part } }))
  end

  X86_64("gives the parts of socketcall what their names have", function()
    local program, target = program_of({ default_action = "errno", architectures = { "x86" },
      syscalls = { { names = { "connect" }, action = "allow" },
        { names = { "bind" }, action = "trap" } } })
    assert.equal(0x7fff0000, socketcall(program, target, 3ULL))
    assert.equal(0x00030000, socketcall(program, target, 2ULL))
    assert.equal(0x00050001, socketcall(program, target, 1ULL))
    assert.equal(0x00050001, socketcall(program, target, 99ULL))
  end)

  X86_64("takes the strictest where a part's arguments cannot be seen", function()
    local rules = { { names = { "socket" }, action = "errno", errno_ret = 97,
      args = { { index = 0, op = "EQ", value = 38 } } } }
    local program, target = program_of({ default_action = "allow", architectures = { "x86" },
      syscalls = rules })
    assert.equal(0x00050000 + 97, socketcall(program, target, 1ULL))
    assert.equal(0x7fff0000, socketcall(program, target, 2ULL))
    rules[1].action, rules[1].errno_ret = "allow", nil
    program, target = program_of({ default_action = "kill", architectures = { "x86" },
      syscalls = rules })
    assert.equal(0, socketcall(program, target, 1ULL))
  end)

  X86_64("sees the call in ipc's number behind its version", function()
    local program, target = program_of({ default_action = "allow", architectures = { "x86" },
      syscalls = { { names = { "shmget" }, action = "errno" } } })
    assert.equal(0x00050001, socketcall(program, target, 23ULL, "ipc"))
    assert.equal(0x00050001, socketcall(program, target, 0x10017ULL, "ipc"))
    assert.equal(0x7fff0000, socketcall(program, target, 24ULL, "ipc"))
  end)

  X86_64("takes a multiplexer that is named as it is", function()
    local program, target = program_of({ default_action = "errno", architectures = { "x86" },
      syscalls = { { names = { "socketcall" }, action = "allow" },
        { names = { "bind" }, action = "trap" } } })
    assert.equal(0x7fff0000, socketcall(program, target, 2ULL))
  end)

  X86_64("finds any call of the default profile in few steps", function()
    local program, target = program_of(profiles.all["the default of descriptions"])
    local native = target.archs[1]
    for _, number in pairs(native.numbers) do
      local _, steps = bpf.run(program, { arch = native.token, nr = number, args = {} })
      assert.is_true(steps <= 40, number .. ": " .. steps)
    end
    assert.is_true(#program < 600, #program)
  end)

  it("that would be too long is refused", function()
    local rules = {}
    for value = 1, 3000 do
      rules[value] = { names = { "read" }, action = "errno",
        args = { { index = 0, op = "EQ", value = value } } }
    end
    local normalised = profiles.normalised({ default_action = "allow", syscalls = rules })
    local program, text = compile.compile(normalised, assert(machine.new(normalised)))
    assert.is_nil(program)
    assert.truthy(text:find("the kernel takes 4096", 1, true), text)
  end)

  it("names the calls that no architecture of its has", function()
    local normalised = profiles.normalised({ default_action = "allow", syscalls = {
      { names = { "read", "nonesuch", "cachestat" }, action = "errno" } } })
    local _, unresolved = compile.compile(normalised, assert(machine.new(normalised)))
    assert.same({ "nonesuch" }, unresolved)
  end)
end)

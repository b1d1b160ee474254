--- Turns a seccomp profile into a program for the kernel.
--
-- The rules of a system call are tried in the order of the profile, and the first that matches
-- says what happens; the default where none does. For each architecture the calls become ranges of
-- numbers with the same answer, which a binary search finds: a few comparisons for each call, and a
-- short program, which the kernel checks, and tries out for its cache of allowed calls, when it is
-- loaded.
--
-- Beside the profile's rules:
--
-- * A call that is newer than the newest that the profile names gets ENOSYS, unless the default
--   lets calls through: who wrote the profile did not know the call, and programs know from ENOSYS
--   that they have to do without it.
-- * An architecture that the profile does not have ends the process. So do calls of x32, which on
--   x86-64 are told by a bit of their number alone.
-- * socketcall(2) and ipc(2) are several calls in one. Where the profile does not name them, each
--   of their parts gets what its own name has. A part's arguments lie in memory that no filter
--   sees: where they matter, the strictest that could apply applies.
-- @module ctr.seccomp.compile

local assembler = require("ctr.seccomp.assembler")
local words = require("ctr.seccomp.words")

local M = {}

local INSTRUCTIONS_MAX = 4096 -- BPF_MAXINSNS
local NUMBER_AT, ARCH_AT, ARGS_AT = 0, 4, 16 -- in struct seccomp_data
local X32_BIT, MINUS_ONE = 0x40000000, 0xffffffff
local FOREIGN = words.returns.SCMP_ACT_KILL_PROCESS
local ENOSYS = 38

-- Where an architecture's ENOSYS is another number.
local OTHER_ENOSYS = { mips = 89, mipsel = 89, mips64 = 89, mipsel64 = 89, mips64n32 = 89,
  mipsel64n32 = 89, parisc = 251, parisc64 = 251 }

local LENIENT = { SCMP_ACT_ALLOW = true, SCMP_ACT_LOG = true, SCMP_ACT_TRACE = true,
  SCMP_ACT_NOTIFY = true } -- the library's own default, of reports

-- The parts of socketcall(2) and ipc(2), by the number that is their first argument.
local SOCKETCALL = { "socket", "bind", "connect", "listen", "accept", "getsockname", "getpeername",
  "socketpair", "send", "recv", "sendto", "recvfrom", "shutdown", "setsockopt", "getsockopt",
  "sendmsg", "recvmsg", "accept4", "recvmmsg", "sendmmsg" }
local IPC = { "semop", "semget", "semctl", "semtimedop", [11] = "msgsnd", [12] = "msgrcv",
  [13] = "msgget", [14] = "msgctl", [21] = "shmat", [22] = "shmdt", [23] = "shmget",
  [24] = "shmctl" }
local MULTIPLEXERS = {
  { name = "socketcall", parts = SOCKETCALL, last = 20, mask = 0xffffffff },
  { name = "ipc", parts = IPC, last = 24, mask = 0xffff }, -- a version is in the high half
}

local STRICTNESS = {}
for rank, action in ipairs(words.by_strictness) do
  STRICTNESS[words.returns[action]] = STRICTNESS[words.returns[action]] or rank
end

local function rank_of(value)
  return STRICTNESS[value] or STRICTNESS[value - value % 65536]
end

local function is_same_index_twice(args)
  local seen = {}
  for _, arg in ipairs(args) do
    if seen[arg.index] then
      return true
    end
    seen[arg.index] = true
  end
  return false
end

-- As in libcontainer: several conditions on one argument are alternatives, else all must hold.
local function add_rules(rules, rule)
  local value = words.return_value(rule.action, rule.errno_ret)
  if not is_same_index_twice(rule.args) then
    rules[#rules + 1] = { value = value, conditions = rule.args }
    return
  end
  for _, arg in ipairs(rule.args) do
    rules[#rules + 1] = { value = value, conditions = { arg } }
  end
end

--- The rules of a profile by the names of calls.
-- @tparam table profile normalised
-- @treturn table lists of `{ value =, conditions = }`
-- @treturn {string,…} the names in the order of the profile
function M.rules_by_name(profile)
  local by_name, names = {}, {}
  for _, rule in ipairs(profile.syscalls) do
    for _, name in ipairs(rule.names) do
      if not by_name[name] then
        by_name[name] = {}
        names[#names + 1] = name
      end
      add_rules(by_name[name], rule)
    end
  end
  return by_name, names
end

-- What decides: rules up to the first that always matches. One of these alone is just its value.
local function answer_of(rules, default)
  local list = {}
  for _, rule in ipairs(rules) do
    if #rule.conditions == 0 then
      if #list == 0 then
        return rule.value
      end
      list.otherwise = rule.value
      return list
    end
    list[#list + 1] = rule
  end
  list.otherwise = default
  return #list == 0 and default or list
end

-- The strictest of what could happen, for who does not see the arguments.
local function strictest(answer)
  if type(answer) == "number" then
    return answer
  end
  local value = answer.otherwise
  for _, rule in ipairs(answer) do
    if rank_of(rule.value) < rank_of(value) then
      value = rule.value
    end
  end
  return value
end

local function multiplexed(multiplexer, by_name, default)
  local rules = {}
  for part = 1, multiplexer.last do
    local named = by_name[multiplexer.parts[part] or ""]
    local value = named and strictest(answer_of(named, default)) or default
    if value ~= default then
      rules[#rules + 1] = { value = value, conditions = { { index = 0, op = "SCMP_CMP_MASKED_EQ",
        value = multiplexer.mask, value_two = part } } }
    end
  end
  return answer_of(rules, default)
end

-- Answers by number, and the newest number that the profile names.
local function answers_of(by_name, names, arch, default)
  local answers, newest = {}, nil
  for _, name in ipairs(names) do
    local number = arch.numbers[name]
    if number then
      answers[number] = answer_of(by_name[name], default)
      newest = math.max(newest or number, number)
    end
  end
  for _, multiplexer in ipairs(MULTIPLEXERS) do
    local number = arch.numbers[multiplexer.name]
    if number and not by_name[multiplexer.name] then
      answers[number] = multiplexed(multiplexer, by_name, default)
    end
  end
  return answers, newest
end

local function add_range(ranges, first, answer)
  local last = ranges[#ranges]
  if last and last.first == first then
    last.answer = answer
    local before = ranges[#ranges - 1]
    if before and before.answer == answer then
      ranges[#ranges] = nil
    end
  elseif not last or last.answer ~= answer then
    ranges[#ranges + 1] = { first = first, answer = answer }
  end
end

-- The ranges of numbers from base to the end, as one architecture has them.
local function add_ranges(ranges, base, answers, newest, default, beyond)
  local numbers = {}
  for number in pairs(answers) do
    numbers[#numbers + 1] = number
  end
  table.sort(numbers)
  add_range(ranges, base, default)
  for _, number in ipairs(numbers) do
    add_range(ranges, number, answers[number])
    local is_last = newest ~= nil and number >= newest
    add_range(ranges, number + 1, is_last and beyond or default)
  end
end

local function section_ranges(section, by_name, names, default, beyond)
  local ranges = {}
  for _, base in ipairs({ 0, X32_BIT }) do
    local arch = section[base]
    if arch then
      local answers, newest = answers_of(by_name, names, arch, default)
      add_ranges(ranges, base, answers, newest, default, newest and beyond or default)
    elseif base == 0 or section.has_x32 then
      add_range(ranges, base, FOREIGN)
    end
  end
  if section.has_x32 then
    add_range(ranges, MINUS_ONE, default) -- a call that a tracer took away
  end
  return ranges
end

local emit = {}

function emit.equal(program, at, high, low, yes, no)
  local label = program:branch(assembler.EQ, low, yes, no)
  label = program:load(at.low, label)
  label = program:branch(assembler.EQ, high, label, no)
  return program:load(at.high, label)
end

function emit.above(comparison)
  return function(program, at, high, low, yes, no)
    local label = program:branch(comparison, low, yes, no)
    label = program:load(at.low, label)
    label = program:branch(assembler.EQ, high, label, no)
    label = program:branch(assembler.GT, high, yes, label)
    return program:load(at.high, label)
  end
end

function emit.swapped(how)
  return function(program, at, high, low, yes, no)
    return how(program, at, high, low, no, yes)
  end
end

local COMPARE = {
  SCMP_CMP_EQ = emit.equal,
  SCMP_CMP_NE = emit.swapped(emit.equal),
  SCMP_CMP_GT = emit.above(assembler.GT),
  SCMP_CMP_GE = emit.above(assembler.GE),
  SCMP_CMP_LE = emit.swapped(emit.above(assembler.GT)),
  SCMP_CMP_LT = emit.swapped(emit.above(assembler.GE)),
}

-- (argument & value) == value_two, a half at a time; most masks have but one.
local function masked_equal(program, at, condition, yes, no)
  local high_mask, low_mask = words.halves(condition.value)
  local high, low = words.halves(condition.value_two)
  local label = program:branch(assembler.EQ, low, yes, no)
  label = program:load(at.low, program:mask(low_mask, label))
  if high_mask == 0 then
    return high == 0 and label or no
  end
  label = program:branch(assembler.EQ, high, label, no)
  return program:load(at.high, program:mask(high_mask, label))
end

local function emit_condition(program, condition, is_big, yes, no)
  local offset = ARGS_AT + 8 * condition.index
  local at = { low = offset + (is_big and 4 or 0), high = offset + (is_big and 0 or 4) }
  if condition.op == "SCMP_CMP_MASKED_EQ" then
    return masked_equal(program, at, condition, yes, no)
  end
  local high, low = words.halves(condition.value)
  return COMPARE[condition.op](program, at, high, low, yes, no)
end

local function emit_answer(program, answer, is_big)
  if type(answer) == "number" then
    return program:ret(answer)
  end
  local label = program:ret(answer.otherwise)
  for index = #answer, 1, -1 do
    local rule, otherwise = answer[index], label
    label = program:ret(rule.value)
    for at = #rule.conditions, 1, -1 do
      label = emit_condition(program, rule.conditions[at], is_big, label, otherwise)
    end
  end
  return label
end

-- One call among others that all get the same: told by one comparison.
local function is_single(ranges, first, last)
  return last == first + 2 and ranges[first].answer == ranges[last].answer
    and ranges[last].first == ranges[first + 1].first + 1
end

local function emit_search(program, ranges, first, last, is_big)
  if first == last then
    return emit_answer(program, ranges[first].answer, is_big)
  end
  if is_single(ranges, first, last) then
    local others = emit_answer(program, ranges[first].answer, is_big)
    local one = emit_answer(program, ranges[first + 1].answer, is_big)
    return program:branch(assembler.EQ, ranges[first + 1].first, one, others)
  end
  local middle = math.floor((first + last + 1) / 2)
  local above = emit_search(program, ranges, middle, last, is_big)
  local below = emit_search(program, ranges, first, middle - 1, is_big)
  return program:branch(assembler.GE, ranges[middle].first, above, below)
end

-- x86-64 and x32 share the kernel's number of their architecture.
local function sections_of(archs)
  local sections = {}
  for _, arch in ipairs(archs) do
    local section
    for _, other in ipairs(sections) do
      section = other.token == arch.token and other or section
    end
    if not section then
      section = { token = arch.token }
      sections[#sections + 1] = section
    end
    local is_x32 = arch.name == "x32"
    section.has_x32 = section.has_x32 or is_x32 or arch.name == "x86_64"
    section[is_x32 and X32_BIT or 0] = arch
  end
  return sections
end

local function unresolved(names, archs)
  local list = {}
  for _, name in ipairs(names) do
    local is_found = false
    for _, arch in ipairs(archs) do
      is_found = is_found or arch.numbers[name] ~= nil
    end
    if not is_found then
      list[#list + 1] = name
    end
  end
  return list
end

--- Compiles a profile.
-- @tparam table profile normalised (`ctr.config.schema.seccomp`)
-- @tparam table machine `archs`, the native one first: `name` (libseccomp's), `token` (the
-- kernel's), `numbers` (of calls by name); `is_big`
-- @treturn[1] string the program: struct sock_filter, one after the other
-- @treturn[1] {string,…} names of calls that none of the architectures has
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.compile(profile, machine)
  local by_name, names = M.rules_by_name(profile)
  local default = words.return_value(profile.default_action, profile.default_errno_ret)
  local missing = words.returns.SCMP_ACT_ERRNO
    + (OTHER_ENOSYS[machine.archs[1].name] or ENOSYS)
  local beyond = LENIENT[profile.default_action] and default or missing
  local program = assembler.new()
  local entry = program:ret(FOREIGN)
  local sections = sections_of(machine.archs)
  for index = #sections, 1, -1 do
    local section = sections[index]
    local ranges = section_ranges(section, by_name, names, default, beyond)
    local search = emit_search(program, ranges, 1, #ranges, machine.is_big)
    local inside = program:load(NUMBER_AT, search)
    entry = program:branch(assembler.EQ, section.token, inside, entry)
  end
  local bytes = program:bytes(program:load(ARCH_AT, entry), machine.is_big)
  if #bytes > 8 * INSTRUCTIONS_MAX then
    return nil, ("makes a program of %d instructions; the kernel takes %d"):format(#bytes / 8,
      INSTRUCTIONS_MAX)
  end
  return bytes, unresolved(names, machine.archs)
end

return M

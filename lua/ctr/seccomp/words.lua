--- The words of a seccomp profile, and the kernel's numbers for them.
-- @module ctr.seccomp.words

local M = {}

local TWO_32 = 4294967296
local EXACT = 9007199254740992 -- 2^53

-- Each may be written in full, without its prefix, and in small letters.
local function spellings(prefix, names)
  local words = {}
  for _, name in ipairs(names) do
    local short = name:sub(#prefix + 1)
    words[name], words[short], words[short:lower()] = name, name, name
  end
  return words
end

--- What a filter returns for each action; of those in `M.data`, the low half is a number of the
-- profile's.
M.returns = {
  SCMP_ACT_KILL_PROCESS = 0x80000000, SCMP_ACT_KILL_THREAD = 0, SCMP_ACT_KILL = 0,
  SCMP_ACT_TRAP = 0x00030000, SCMP_ACT_ERRNO = 0x00050000, SCMP_ACT_NOTIFY = 0x7fc00000,
  SCMP_ACT_TRACE = 0x7ff00000, SCMP_ACT_LOG = 0x7ffc0000, SCMP_ACT_ALLOW = 0x7fff0000,
}

--- Actions that take a number, and the largest that the kernel keeps.
M.data = { SCMP_ACT_ERRNO = 4095, SCMP_ACT_TRACE = 65535 }

--- Actions from the strictest to the most lenient, as the kernel ranks what filters say.
M.by_strictness = {
  "SCMP_ACT_KILL_PROCESS", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL", "SCMP_ACT_TRAP",
  "SCMP_ACT_ERRNO", "SCMP_ACT_NOTIFY", "SCMP_ACT_TRACE", "SCMP_ACT_LOG", "SCMP_ACT_ALLOW",
}

--- Actions by what may be written.
M.actions = spellings("SCMP_ACT_", M.by_strictness)

--- libcontainer's numbers of actions, the first being 1.
M.numbered_actions = {
  "SCMP_ACT_KILL", "SCMP_ACT_ERRNO", "SCMP_ACT_TRAP", "SCMP_ACT_ALLOW", "SCMP_ACT_TRACE",
  "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY", "SCMP_ACT_KILL_THREAD", "SCMP_ACT_KILL_PROCESS",
}

--- Comparisons.
M.operator_list = {
  "SCMP_CMP_NE", "SCMP_CMP_LT", "SCMP_CMP_LE", "SCMP_CMP_EQ", "SCMP_CMP_GE", "SCMP_CMP_GT",
  "SCMP_CMP_MASKED_EQ",
}

--- Comparisons by what may be written.
M.operators = spellings("SCMP_CMP_", M.operator_list)

--- libcontainer's numbers of comparisons, the first being 1.
M.numbered_operators = {
  "SCMP_CMP_EQ", "SCMP_CMP_NE", "SCMP_CMP_GT", "SCMP_CMP_GE", "SCMP_CMP_LT", "SCMP_CMP_LE",
  "SCMP_CMP_MASKED_EQ",
}

--- Architectures: OCI's name by libseccomp's.
M.arch_names = {
  x86 = "SCMP_ARCH_X86", x86_64 = "SCMP_ARCH_X86_64", x32 = "SCMP_ARCH_X32", arm = "SCMP_ARCH_ARM",
  aarch64 = "SCMP_ARCH_AARCH64", loongarch64 = "SCMP_ARCH_LOONGARCH64", m68k = "SCMP_ARCH_M68K",
  mips = "SCMP_ARCH_MIPS", mips64 = "SCMP_ARCH_MIPS64", mips64n32 = "SCMP_ARCH_MIPS64N32",
  mipsel = "SCMP_ARCH_MIPSEL", mipsel64 = "SCMP_ARCH_MIPSEL64",
  mipsel64n32 = "SCMP_ARCH_MIPSEL64N32", parisc = "SCMP_ARCH_PARISC",
  parisc64 = "SCMP_ARCH_PARISC64", ppc = "SCMP_ARCH_PPC", ppc64 = "SCMP_ARCH_PPC64",
  ppc64le = "SCMP_ARCH_PPC64LE", riscv64 = "SCMP_ARCH_RISCV64", s390 = "SCMP_ARCH_S390",
  s390x = "SCMP_ARCH_S390X", sh = "SCMP_ARCH_SH", sheb = "SCMP_ARCH_SHEB",
}

--- Architectures by what may be written: OCI's name, libseccomp's, libcontainer's (amd64, arm64).
M.archs = {}

--- libseccomp's names by OCI's.
M.short_archs = {}

for short, name in pairs(M.arch_names) do
  M.archs[short], M.archs[name] = name, name
  M.short_archs[name] = short
end
M.archs.amd64, M.archs.arm64 = "SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"
M.archs.SCMP_ARCH_NATIVE, M.archs.native = "SCMP_ARCH_NATIVE", "SCMP_ARCH_NATIVE"

--- Flags of seccomp(2). A bootstrap has one thread: TSYNC has nothing to do there.
M.flags = {
  SECCOMP_FILTER_FLAG_TSYNC = 0x01, SECCOMP_FILTER_FLAG_LOG = 0x02,
  SECCOMP_FILTER_FLAG_SPEC_ALLOW = 0x04, SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV = 0x20,
}

--- Asks for a listener.
M.NEW_LISTENER = 0x08

--- Flags by what may be written.
M.flag_words = {}
for name in pairs(M.flags) do
  local short = name:match("^SECCOMP_FILTER_FLAG_(.*)$")
  M.flag_words[name], M.flag_words[short], M.flag_words[short:lower()] = name, name, name
end

local function parse_digits(digits, base)
  local value = 0ULL
  local limit = 0xffffffffffffffffULL
  for index = 1, #digits do
    local digit = tonumber(digits:sub(index, index), base)
    if not digit or value > (limit - digit) / base then
      return nil
    end
    value = value * base + digit
  end
  return value
end

local function parse(value)
  if type(value) == "number" then
    return value >= 0 and value <= EXACT and value == math.floor(value) and value + 0ULL or nil
  end
  if type(value) ~= "string" then
    return nil
  end
  local hex = value:match("^0[xX](%x+)$")
  if hex then
    return parse_digits(hex, 16)
  end
  local digits = value:match("^%d+$")
  return digits and parse_digits(digits, 10)
end

--- Reads a value of 64 bits: a number, decimal digits, or 0x and hexadecimal ones.
-- @return[1] a number where that is exact, else decimal digits
-- @return[2] nil
function M.unsigned(value)
  if type(value) == "number" and value >= 0 and value <= EXACT and value % 1 == 0 then
    return value
  end
  local bits = parse(value)
  if not bits then
    return nil
  end
  if bits <= EXACT + 0ULL then
    return tonumber(bits)
  end
  return (tostring(bits):gsub("ULL$", ""))
end

--- The halves of a value that `unsigned` read.
-- @treturn number the high 32 bits
-- @treturn number the low 32 bits
function M.halves(value)
  if type(value) == "number" then
    return math.floor(value / TWO_32), value % TWO_32
  end
  local bits = parse(value)
  return tonumber(bits / TWO_32), tonumber(bits % TWO_32)
end

--- What the filter returns for an action.
-- @tparam string action
-- @tparam ?number data of an errno or a tracer; EPERM without it
-- @treturn number
function M.return_value(action, data)
  local value = M.returns[action]
  return M.data[action] and value + (data or 1) or value
end

--- Says whether a profile asks for a listener.
function M.has_listener(profile)
  if profile.default_action == "SCMP_ACT_NOTIFY" then
    return true -- the library's own: a user's profile cannot have it
  end
  for _, rule in ipairs(profile.syscalls) do
    if rule.action == "SCMP_ACT_NOTIFY" then
      return true
    end
  end
  return false
end

--- The flags of seccomp(2) for a profile.
-- @treturn number
function M.flag_mask(profile)
  local mask = 0
  local listens = M.has_listener(profile)
  for _, name in ipairs(profile.flags or { "SECCOMP_FILTER_FLAG_SPEC_ALLOW" }) do
    local is_idle = name == "SECCOMP_FILTER_FLAG_TSYNC"
      or (name == "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" and not listens)
    if not is_idle then
      mask = mask + M.flags[name]
    end
  end
  return listens and mask + M.NEW_LISTENER or mask
end

return M

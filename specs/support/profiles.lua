--- Seccomp profiles for specs, in the words of a configuration.
-- @module specs.support.profiles

local ctr = require("ctr")
local schema = require("ctr.config.schema.seccomp")
local shape = require("ctr.config.shape")

local M = {}

--- A profile as a normalised configuration has it.
function M.normalised(profile)
  return assert(shape.parse(schema.seccomp, profile))
end

local function condition(index, op, value, value_two)
  return { index = index, op = op, value = value, value_two = value_two }
end

local function rule(names, action, args, errno)
  return { names = names, action = action, args = args, errno_ret = errno }
end

local ALL = { "x86_64", "x86", "x32" }

-- Each comparison with values on both sides of 32 and 64 bits.
local function comparisons()
  local calls = { "read", "write", "open", "close", "mkdir", "rmdir", "unlink", "rename", "link",
    "chmod", "fchmod", "lseek", "access", "pipe", "dup", "getpid", "fcntl", "flock", "fsync",
    "chdir", "kill", "uname", "umask", "getuid", "getgid", "setuid", "setgid", "sync", "mount" }
  local values = { 0, 1, 0x7fffffff, "0xffffffff", 0x100000000, "0x7fffffffffffffff",
    "0xffffffffffffffff", "0x8000000100000002" }
  local ops = { "EQ", "NE", "GT", "GE", "LT", "LE", "MASKED_EQ" }
  local rules = {}
  for number, name in ipairs(calls) do
    local value = values[number % #values + 1]
    rules[#rules + 1] = rule({ name }, "errno", {
      condition(number % 6, ops[number % #ops + 1], value, value),
    }, number)
  end
  return rules
end

--- Profiles by name, each with something of its own.
M.all = {
  empty = { default_action = "allow" },
  ["refuses all but some"] = {
    default_action = "errno", architectures = ALL,
    syscalls = { rule({ "read", "write", "exit", "execve", "openat2" }, "allow") },
  },
  ["kills by default"] = {
    default_action = "kill", architectures = { "x86_64" },
    syscalls = { rule({ "execve", "exit_group", "read" }, "allow"), rule({ "mkdir" }, "trap") },
  },
  ["compares"] = { default_action = "allow", architectures = ALL, syscalls = comparisons() },
  ["refuses what it compares not"] = {
    default_action = "kill_process", architectures = ALL, syscalls = comparisons(),
  },
  ["all conditions of a rule"] = {
    default_action = "allow", architectures = ALL, syscalls = {
      rule({ "write" }, "errno", { condition(0, "EQ", 1), condition(2, "GT", 10),
        condition(5, "MASKED_EQ", "0xff00000000", "0x0100000000") }, 5),
      rule({ "write" }, "trace", { condition(1, "LE", 3), condition(2, "NE", 0) }, 65535),
      rule({ "write" }, "log"),
    },
  },
  ["alternatives on one argument"] = {
    default_action = "errno", default_errno_ret = 7, syscalls = {
      rule({ "write" }, "allow", { condition(0, "EQ", 1), condition(0, "EQ", 2) }),
      rule({ "personality" }, "notify", { condition(0, "EQ", 0), condition(0, "GT", 8),
        condition(1, "EQ", 5) }),
    },
  },
  ["the first that matches"] = {
    default_action = "allow", syscalls = {
      rule({ "open" }, "errno", { condition(1, "MASKED_EQ", 3, 1) }, 1),
      rule({ "open" }, "allow"),
      rule({ "open" }, "kill"),
      rule({ "close" }, "allow"),
      rule({ "close" }, "errno", { condition(0, "EQ", 3) }, 9),
    },
  },
  ["every action"] = {
    default_action = "log", architectures = { "x86" }, syscalls = {
      rule({ "read" }, "kill"), rule({ "write" }, "kill_thread"), rule({ "open" }, "kill_process"),
      rule({ "close" }, "trap"), rule({ "mkdir" }, "errno", nil, 4095),
      rule({ "rmdir" }, "trace", nil, 12), rule({ "unlink" }, "allow"), rule({ "link" }, "log"),
      rule({ "chmod" }, "notify"), rule({ "nonesuch_call" }, "kill"),
    },
  },
  ["the default of descriptions"] = ctr.default_seccomp(ctr.default_capabilities),
  ["the default with everything held"] = ctr.default_seccomp({
    bounding = require("ctr.config.words").capability_list }),
}

return M

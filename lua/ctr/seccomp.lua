--- Seccomp filters: the program of a profile.
--
-- Compiling takes milliseconds, so a program is remembered: by the factory for its next containers,
-- and on disk for the next command (`ctr.seccomp.cache`). libseccomp is loaded only to compile.
-- @module ctr.seccomp

local errors = require("ctr.errors")

local M = {}

local REMEMBERED_MAX = 32

-- Goes into the key: a program that another compiler made is none of ours.
local COMPILER = 1

local function compile(profile)
  local machine, text, index = require("ctr.seccomp.machine").new(profile)
  local program, unresolved
  if machine then
    program, unresolved = require("ctr.seccomp.compile").compile(profile, machine)
    text = unresolved
  end
  if not program then
    local path = index and ("seccomp.architectures[%d]"):format(index) or "seccomp"
    return nil, errors.invalid({ { path = path, text = text } })
  end
  return program, unresolved
end

local function unknown_in(unresolved)
  local is_known = require("ctr.seccomp.machine").is_known
  local names = {}
  for _, name in ipairs(unresolved) do
    if not is_known(name) then
      names[#names + 1] = name
    end
  end
  return names
end

local function version()
  return require("ctr.core.seccomp").version()
end

-- A name that nobody has heard of may be known to the next libseccomp: until then it holds.
local function load_stored(root, key)
  local entry = require("ctr.seccomp.cache").load(root, key)
  if entry and (entry.needs == "" or entry.needs == version()) then
    return entry.program
  end
  return nil
end

local function compile_and_store(root, key, profile)
  local program, unresolved = compile(profile)
  if not program then
    return nil, unresolved
  end
  local needs = #unknown_in(unresolved) > 0 and version() or ""
  require("ctr.seccomp.cache").store(root, key, program, needs)
  return program
end

-- Programs by their profile, which nobody changes, and by what the profile says.
local function memory_of(factory)
  factory.filters = factory.filters
    or { by_profile = setmetatable({}, { __mode = "k" }), by_key = {}, count = 0 }
  return factory.filters
end

local function remember(memory, profile, key, program)
  if not memory.by_key[key] then
    if memory.count >= REMEMBERED_MAX then
      memory.by_key, memory.count = {}, 0
    end
    memory.by_key[key], memory.count = program, memory.count + 1
  end
  memory.by_profile[profile] = program
  return program
end

local function digits(value)
  return type(value) == "number" and ("%.0f"):format(value) or value
end

local function add_list(parts, list)
  parts[#parts + 1] = #list
  for _, item in ipairs(list) do
    parts[#parts + 1] = item
  end
end

-- All that a program depends on, and nothing else. No part holds a NUL, and lists are counted: so
-- no two profiles have the same key.
local function key_of(profile)
  local parts = { COMPILER, require("ctr").version, jit.arch, profile.default_action,
    profile.default_errno_ret or "-" }
  add_list(parts, profile.architectures)
  for _, rule in ipairs(profile.syscalls) do
    add_list(parts, rule.names)
    parts[#parts + 1] = rule.action
    parts[#parts + 1] = rule.errno_ret or "-"
    parts[#parts + 1] = #rule.args
    for _, arg in ipairs(rule.args) do
      parts[#parts + 1] = arg.index
      parts[#parts + 1] = arg.op
      parts[#parts + 1] = digits(arg.value)
      parts[#parts + 1] = digits(arg.value_two)
    end
  end
  return table.concat(parts, "\0")
end

--- The program of a profile.
-- @tparam ctr.Factory factory
-- @tparam table profile normalised (`ctr.config.schema.seccomp`); nobody changes it any more
-- @treturn[1] string struct sock_filter, one after the other
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.program(factory, profile)
  if profile.program then
    return profile.program() -- one that stands for no rules (`ctr.supervisor.everything`)
  end
  local memory = memory_of(factory)
  local program = memory.by_profile[profile]
  if program then
    return program
  end
  local key, err = key_of(profile), nil
  program = memory.by_key[key] or load_stored(factory.root_handle, key)
  if not program then
    program, err = compile_and_store(factory.root_handle, key, profile)
  end
  if not program then
    return nil, err
  end
  return remember(memory, profile, key, program)
end

--- The system calls of a profile that nobody has heard of: they have no effect.
-- @tparam table profile normalised
-- @treturn[1] {string,…} in the order of the profile
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.unknown_calls(profile)
  local program, unresolved = compile(profile)
  if not program then
    return nil, unresolved
  end
  return unknown_in(unresolved)
end

return M

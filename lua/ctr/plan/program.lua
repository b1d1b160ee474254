--- The operations that turn the bootstrap into the program: limits, credentials, the execution.
-- @module ctr.plan.program

local words = require("ctr.config.words")
local namespaces = require("ctr.plan.namespaces")

local M = {}

-- Where programs are looked for without a PATH.
M.DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
local DEFAULT_UMASK = 18 -- 0022
local CHDIR_TRY, CHDIR_AGAIN = 1, 0

local FIRST_FILE = 3 -- the descriptor after the standard streams

-- What steps without numbers or strings share; nobody changes a step's lists.
local NONE = {}

local RLIMIT_NUMBER = {}
for index, name in ipairs(words.rlimit_list) do
  RLIMIT_NUMBER[name] = index - 1
end

-- The message's numbers are signed: "unlimited", 64 bits all set, travels as -1.
local function unsigned(value)
  return value == words.UNLIMITED and -1 or value
end

--- The number of a resource and a limit's values as a message has them.
-- @tparam table limit normalised
-- @treturn number resource
-- @treturn number soft
-- @treturn number hard
function M.rlimit(limit)
  return RLIMIT_NUMBER[limit.type], unsigned(limit.soft), unsigned(limit.hard)
end

local ADMIN = 2 ^ 21 -- CAP_SYS_ADMIN

local CAP_BIT = {}
for number, name in ipairs(words.capability_list) do
  CAP_BIT[name] = 2 ^ (number - 1)
end

--- The mask of a list of capability names.
-- @treturn number exact, for there are 41 capabilities
function M.capability_mask(names)
  local mask = 0
  for _, name in ipairs(names or NONE) do
    local value = CAP_BIT[name]
    if math.floor(mask / value) % 2 == 0 then
      mask = mask + value
    end
  end
  return mask
end

local function add_user(add, process, facts)
  local user = facts.user
  if not user then
    local who = process.user == "" and "root" or process.user
    add("set_ids", NONE, NONE, "process.user", ("user=%s groups=%s"):format(who,
      table.concat(process.additional_groups, ",")))
    return
  end
  local nums = { user.uid, user.gid, facts.can_setgroups and 1 or 0 }
  if facts.can_setgroups then
    for _, group in ipairs(user.groups) do
      nums[#nums + 1] = group
    end
  end
  add("set_ids", nums, NONE, "process.user")
end

-- Without no_new_privs a filter is loaded by leave of CAP_SYS_ADMIN. The program does not get it:
-- what is only permitted or effective does not last through execve(2).
local function keeps_admin(config, process)
  return config.seccomp ~= nil and not process.no_new_privileges
end

local function with_admin(mask)
  return math.floor(mask / ADMIN) % 2 == 0 and mask + ADMIN or mask
end

local function add_capset(add, config, process, caps)
  local mask, path = M.capability_mask, process.capabilities_path
  local effective, permitted, label = mask(caps.effective), mask(caps.permitted), caps
  if keeps_admin(config, process) then
    effective, permitted = with_admin(effective), with_admin(permitted)
    label = setmetatable({ keeps_admin = true }, { __index = caps })
  end
  add("capset", { effective, permitted, mask(caps.inheritable), mask(caps.ambient) }, NONE, path,
    label)
end

local function add_credentials(add, config, process, facts)
  local caps = process.capabilities or NONE
  local path = process.capabilities_path
  add("bounding", { M.capability_mask(caps.bounding) }, NONE, path, caps)
  add("chown_stdio", { facts.user and facts.user.uid or 0 }, NONE, "process.user", "to the user")
  add("keep_caps", { 1 }, NONE, path)
  add_user(add, process, facts)
  add("keep_caps", { 0 }, NONE, path)
  add_capset(add, config, process, caps)
end

local function path_of(env)
  for index = #env, 1, -1 do
    local value = env[index]:match("^PATH=(.*)$")
    if value then
      return value
    end
  end
  return M.DEFAULT_PATH
end

--- Where a program may lie: the words of the search in order.
-- @tparam string program args[1]
-- @tparam {string,…} env
-- @treturn {string,…}
function M.candidates(program, env)
  if program:find("/", 1, true) then
    return { program }
  end
  local candidates = {}
  for directory in path_of(env):gmatch("[^:]+") do
    candidates[#candidates + 1] = directory:gsub("/+$", "") .. "/" .. program
  end
  if #candidates == 0 then
    candidates[1] = program
  end
  return candidates
end

-- The last of several values wins, at the place of the first, as setenv(3) in a loop has it.
local function merged_env(env, home)
  local merged, at = {}, {}
  for _, pair in ipairs(env) do
    local key = pair:match("^[^=]+")
    if not at[key] then
      at[key] = #merged + 1
    end
    merged[at[key]] = pair
  end
  if not at.HOME or merged[at.HOME] == "HOME=" then
    merged[at.HOME or #merged + 1] = "HOME=" .. home
  end
  return merged
end

local function env_of(process, facts)
  return merged_env(process.env, facts.user and facts.user.home or "/")
end

local function add_exec(add, process, facts)
  local env = env_of(process, facts)
  local strings = {}
  for index, arg in ipairs(process.args) do
    strings[index] = arg
  end
  local count = #strings
  for index, pair in ipairs(env) do
    strings[count + index] = pair
  end
  add("exec", { count, #env }, strings, "process.args")
end

--- Says whether a process has a filter, so that it has to be settled who answers what that hands
-- over (`ctr.supervisor.choice`).
-- @tparam table config
-- @tparam table process
function M.has_filter(config, process)
  return config.seccomp ~= nil or process.seccomp_notify ~= nil or process.seccomp_report
    or process.seccomp_learn
end

--- Settles who answers the calls that a process' filter hands over, where it has one.
-- @tparam table config
-- @tparam table process merged
-- @treturn[1] table process, with `configuration`, what it is started with, and `judge`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.settle(config, process)
  process.configuration = config
  if not M.has_filter(config, process) then
    return process
  end
  local settled, judge = require("ctr.supervisor.choice").make(config, process)
  if not settled then
    return nil, judge
  end
  process.configuration, process.judge = settled, judge
  return process
end

--- The config path to blame when execve(2) itself fails: its lists may be too long, all else is the
-- program's.
-- @tparam ctr.Error err
-- @treturn string
function M.blamed(err)
  return err.errno == "E2BIG" and "process.args" or "process.args[1]"
end

local function add_labels(add, process)
  if process.apparmor_profile ~= "" or process.label ~= "" then
    require("ctr.plan.labels").add_program(add, process)
  end
end

local function add_attributes(add, config, process)
  if process.scheduler or process.io_priority or config.personality or config.memory_policy then
    require("ctr.plan.attributes").add(add, config, process)
  end
end

-- The numbers that were left out: something is open there until the program is executed.
local function add_holes(add, files)
  local numbers = {}
  for index, file in ipairs(files or NONE) do
    if file == false then
      numbers[#numbers + 1] = FIRST_FILE + index - 1
    end
  end
  if #numbers > 0 then
    add("cloexec", numbers, NONE, "process.extra_files", "not " .. table.concat(numbers, ", "))
  end
end

local function add_rlimits(add, process, are_files)
  for index, limit in ipairs(process.rlimits) do
    if (limit.type == "RLIMIT_NOFILE") == are_files then
      add("rlimit", { M.rlimit(limit) }, NONE,
        process.rlimits_path .. "[" .. index .. "]", limit)
    end
  end
end

local function add_program(add, config, process, facts)
  if process.no_new_privileges then
    add("no_new_privs", NONE, NONE, process.no_new_privileges_path)
  end
  add_attributes(add, config, process)
  add_labels(add, process)
  add_rlimits(add, process, false)
  -- Root may enter what the user may not ("/root"), and the user what root may not (NFS).
  if process.cwd ~= "" then
    add("chdir", { CHDIR_TRY }, { process.cwd }, "process.cwd")
  end
  add_credentials(add, config, process, facts)
  if process.cwd ~= "" then
    add("chdir", { CHDIR_AGAIN }, { process.cwd }, "process.cwd")
  end
  add("umask", { process.umask or DEFAULT_UMASK }, NONE, process.umask_path)
  add("find_program", NONE, M.candidates(process.args[1], process.env), "process.args[1]")
  -- After what opens something beside the descriptors that the start has open until the end.
  add_rlimits(add, process, true)
  add_holes(add, process.extra_files)
end

local LOADED_BY_EXEC, LOADED_NOW = 0, 1

-- A filter is loaded as the last before execve(2), so that it need let nothing through but that. A
-- container that waits to be executed hands over its listener before, to who creates it; and one
-- with commands that run inside, which are under the filter too.
local function add_filter(add, config, facts, are_inside)
  local seccomp = config.seccomp
  if not seccomp then
    return
  end
  local filters = require("ctr.seccomp.words")
  local flags, listens = filters.flag_mask(seccomp), filters.has_listener(seccomp)
  local is_now = listens and (facts.mode == "start" or are_inside)
  add("seccomp", { "@seccomp", flags, is_now and LOADED_NOW or LOADED_BY_EXEC }, NONE, "seccomp",
    seccomp)
end

--- Adds the last part of a plan.
-- @tparam function add `add(op, nums, strings, config_path, label)`
-- @tparam table config
-- @tparam table process merged
-- @tparam table facts as `ctr.plan` has them
function M.add(add, config, process, facts)
  add_program(add, config, process, facts)
  if config.parent_death_signal > 0 and facts.mode ~= "exec" then
    add("pdeathsig", { config.parent_death_signal }, NONE, "parent_death_signal")
  end
  local hooks = config.hooks and facts.mode ~= "exec" and require("ctr.plan.hooks")
  if hooks then
    hooks.add_state(add, config)
  end
  local are_inside = hooks and hooks.are_inside(config)
  if facts.mode == "start" or are_inside then
    add_filter(add, config, facts, are_inside)
  end
  if facts.mode == "start" then
    local is_open = namespaces.is_open(config, facts)
    add("wait_fifo", { "@fifo", "@report", is_open and 1 or 0 }, NONE, nil,
      "until the container is told to execute")
  end
  if hooks then
    hooks.add_late(add, config, facts, env_of(process, facts))
  end
  if facts.mode == "run" then
    add("sync", { 0 }, { "start" }, nil)
  end
  if facts.mode ~= "start" and not are_inside then
    add_filter(add, config, facts)
  end
  add_exec(add, process, facts)
end

return M

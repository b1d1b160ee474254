--- A Lua function that runs in a container.
--
-- The calling program is forked. The copy has all of its memory and nothing of its descriptors; it
-- joins the container's cgroups and namespaces, becomes who a process of the container would be,
-- and calls the function. What that returns comes back as bytes, which are taken for an enemy's: in
-- the container others may stop the copy or kill it, but not look into it: it is never dumpable.
-- @module ctr.reach.call

local account = require("ctr.launch.account")
local common = require("ctr.start.common")
local core = require("ctr.core")
local errors = require("ctr.errors")
local forks = require("ctr.reach.fork")
local planner = require("ctr.plan")
local program = require("ctr.plan.program")
local record = require("ctr.record")
local statuses = require("ctr.status")
local units = require("ctr.config.units")
local values = require("ctr.reach.values")

local M = {}

local TIMEOUT = 30 -- seconds, unless it is said
local ANSWER_MAX = 16 * 1024 * 1024
local FILE_MAX = 1024 * 1024
local LENGTH_SIZE = 10 -- digits in front of an answer
local PTRACE = 2 ^ 19 -- CAP_SYS_PTRACE

local OPTIONS = { timeout = true, user = true, trust = true }

-- What the copy says: whether the function returned, and what.
local function answer_of(returned, ...)
  local list = { n = select("#", ...) + 1, returned, ... }
  local text, problem = values.encode(list, ANSWER_MAX)
  if text then
    return text
  end
  if not returned then
    return values.encode({ n = 2, false, tostring((...)) }, ANSWER_MAX)
  end
  return values.encode({ n = 2, false, "what the function returned: " .. problem }, ANSWER_MAX)
end

-- An error of the library's, or with a text of its own, is told by that.
local function plain_error(err)
  if type(err) == "table" and (errors.is(err) or (getmetatable(err) or {}).__tostring) then
    return tostring(err)
  end
  return err
end

local function body_of(fn, ...)
  local arguments, count = { ... }, select("#", ...)
  return function(channel)
    local thread = coroutine.create(function()
      return answer_of(xpcall(function() return fn(unpack(arguments, 1, count)) end, plain_error))
    end)
    local ok, text = coroutine.resume(thread)
    if not ok or coroutine.status(thread) ~= "dead" then
      text = values.encode({ n = 2, false, ok and "the function yields" or tostring(text) },
        ANSWER_MAX)
    end
    core.fd.write_all(channel, ("%010d"):format(#text) .. text)
  end
end

local function read_options(opts)
  local options = { timeout = TIMEOUT, user = opts.user, trust = opts.trust }
  for key in pairs(opts) do
    if not OPTIONS[key] then
      error(("bad argument #1 to 'call' (unknown option '%s')"):format(tostring(key)), 3)
    end
  end
  if opts.timeout ~= nil then
    local problem
    options.timeout, problem = units.duration(opts.timeout)
    if not options.timeout then
      return nil, errors.invalid({ { path = "timeout", text = problem } })
    end
  end
  return options
end

local function mask_of(hexadecimal)
  return tonumber(hexadecimal, 16)
end

local function has(mask, bit_value)
  return math.floor(mask / bit_value) % 2 == 1
end

-- Whoever may trace any process of this user namespace can read the copy's memory, and the file of
-- this very program.
local function check_watchers(container, options, is_mapped)
  if is_mapped or options.trust then
    return true
  end
  local path = container.init_pid .. "/status"
  local text, err = core.path.read(container.host:procfs(), path, FILE_MAX)
  local bounding = text and mask_of(text:match("\nCapBnd:%s*(%x+)") or "")
  if not bounding then
    return nil, err or errors.new("SystemError", "what the container may do cannot be told")
  end
  if not has(bounding, PTRACE) then
    return true
  end
  return nil, record.refusal(container, "SystemError", "has CAP_SYS_PTRACE, and could look into "
    .. "this program: a call needs trust = true", { errno = "EPERM" })
end

-- Without an execve(2) there is nothing that would put these in force.
local function check_confinement(container, config)
  for _, key in ipairs({ "apparmor_profile", "process_label" }) do
    if config[key] and config[key] ~= "" then
      return nil, record.refusal(container, "SystemError", "has a label, which only a program that "
        .. "is executed gets: a function cannot be called in it", { path = key })
    end
  end
  if config.seccomp and require("ctr.seccomp.words").has_listener(config.seccomp) then
    return nil, record.refusal(container, "SystemError", "has a filter that asks somebody about "
      .. "calls: a function cannot be called in it", { path = "seccomp" })
  end
  return true
end

-- Another user than root has what is ambient, and root what its programs would get.
local function user_of(found, config, can_setgroups)
  local caps = config.capabilities or {}
  local ambient = program.capability_mask(caps.ambient)
  local own, bounding = {}, {}
  for _, name in ipairs(caps.bounding or {}) do
    bounding[name] = true
  end
  for _, name in ipairs(caps.permitted or {}) do
    own[#own + 1] = bounding[name] and name or nil
  end
  return {
    uid = found.uid, gid = found.gid, sets_groups = can_setgroups,
    groups = can_setgroups and found.groups or nil,
    bounding = program.capability_mask(caps.bounding), ambient = ambient,
    caps = found.uid == 0 and program.capability_mask(own) or ambient,
  }
end

local function look_up(container, options, facts)
  local root, err = core.fd.open(("/proc/%d/root"):format(container.init_pid),
    { flags = { "path", "directory" } })
  if not root then
    return nil, err
  end
  local passwd = core.path.read(root, "etc/passwd", FILE_MAX)
  local group = core.path.read(root, "etc/group", FILE_MAX)
  root:close()
  return account.resolve(container.configuration, { user = tostring(options.user or ""),
    additional_groups = {} }, facts, passwd, group)
end

local function filter_of(container, config)
  if not config.seccomp then
    return nil
  end
  local filter, err = require("ctr.seccomp").program(container.factory, config.seccomp)
  if not filter then
    return nil, err
  end
  return filter, require("ctr.seccomp.words").flag_mask(config.seccomp)
end

local function namespaces_of(config)
  local mask = 0
  for _, namespace in ipairs(config.namespaces) do
    mask = mask + planner.CLONE[namespace.type]
  end
  return mask
end

-- Opens what the copy needs, for a function that is given it; closes it then.
local function with_cgroups(container, action)
  if container.cgroup:joins_by_pid() then
    return action({})
  end
  local handles, directory = container.cgroup:join({ by_file = true })
  if not handles then
    return nil, directory
  end
  local result, err = action(handles)
  common.close_handles(handles, directory)
  return result, err
end

local function fork_options(container, options, init)
  local config = container.configuration
  local spaces = planner.namespaces(config)
  local facts = common.base_facts(container, {}, spaces)
  facts.maps = spaces.user and #config.uid_mappings > 0
  local ok, err = check_watchers(container, options, spaces.user)
  if ok then
    ok, err = check_confinement(container, config)
  end
  if not ok then
    return nil, err
  end
  local found
  found, err = look_up(container, options, facts)
  if not found then
    return nil, err
  end
  local filter, flags = filter_of(container, config)
  if flags and not filter then
    return nil, flags
  end
  return {
    target = init, namespaces = namespaces_of(config), is_mapped = spaces.user,
    sets_groups = facts.can_setgroups, user = user_of(found, config, facts.can_setgroups),
    filter = filter, filter_flags = filter and flags, follows = true, root = container.root_handle,
  }
end

-- The container may have had a hand in it.
local function no_answer(child)
  core.poll.wait({ { fd = child.pidfd, events = "r" } }, 1)
  return nil, errors.new("SystemError", "the function gave no answer: its process "
    .. child:ending(), { op = "call" })
end

local function read_answer(child, deadline)
  local digits, err = child:receive_all(LENGTH_SIZE, deadline)
  if not digits then
    return nil, err
  end
  local length = digits:match("^%d+$") and #digits == LENGTH_SIZE and tonumber(digits)
  if not length or length > ANSWER_MAX then
    return no_answer(child)
  end
  local text
  text, err = child:receive_all(length, deadline)
  if not text then
    return nil, err
  end
  local list = #text == length and values.decode(text)
  if not list or type(list[1]) ~= "boolean" then
    return no_answer(child)
  end
  return list
end

local function converse(container, child, options)
  local deadline = core.proc.clock() + options.timeout
  local ok, err = true, nil
  if container.cgroup:joins_by_pid() then
    ok, err = container.cgroup:join({ pid = child.pid })
  end
  if ok then
    ok, err = child:go()
  end
  if ok then
    ok, err = child:await(deadline)
  end
  if not ok then
    return nil, err
  end
  return read_answer(child, deadline)
end

local function call_in(container, init, options, fn, ...)
  local settings, err = fork_options(container, options, init)
  if not settings then
    return nil, err
  end
  local body = body_of(fn, ...)
  local child
  child, err = with_cgroups(container, function(handles)
    settings.cgroups = handles
    return forks.fork(container.host, settings, body)
  end)
  if not child then
    return nil, err
  end
  local answer, problem = converse(container, child, options)
  child:finish()
  if not answer and problem.errno == "ETIMEDOUT" then
    problem = errors.new("SystemError", ("the function did not return within %g seconds"):format(
      options.timeout), { op = "call", errno = "ETIMEDOUT" })
  end
  return answer, problem
end

local function results(answer, err)
  if not answer then
    return nil, err
  end
  if answer[1] then
    return unpack(answer, 2, answer.n)
  end
  local text = type(answer[2]) == "string" and answer[2] or "an error that is no text"
  return nil, errors.new("SystemError", text, { op = "call", raised = answer[2] })
end

local function check_status(container)
  local status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  if status == "paused" or status == "pausing" then
    return nil, record.refusal(container, "ContainerPaused",
      "is paused: it has to be resumed first")
  end
  if status == "stopped" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: it is stopped")
  end
  return statuses.open_init(container)
end

--- Calls a function in a container whose state is fresh.
-- @tparam ctr.Container container
-- @tparam table opts `timeout`, `user`, `trust`
-- @tparam function fn
-- @return[1] what the function returns
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.call(container, opts, fn, ...)
  local options, err = read_options(opts)
  if not options then
    return nil, err
  end
  local init
  init, err = check_status(container)
  if not init then
    return nil, err
  end
  local answer, problem = call_in(container, init, options, fn, ...)
  init:close()
  return results(answer, problem)
end

return M

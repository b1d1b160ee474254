--- Where hooks stand in a plan. Those of the host are run by the library while the bootstrap waits,
-- the others by the bootstrap; functions always by the program that gave them.
-- The label of a step is `{ kind =, index =, hook = }`.
-- @module ctr.plan.hooks

local namespaces = require("ctr.plan.namespaces")

local M = {}

local LONGEST = 2 ^ 53 -- milliseconds, exact in a message

-- What steps without numbers or strings share; nobody changes a step's lists.
local NONE = {}

--- The path of a hook in the configuration.
-- @treturn string `hooks.createRuntime[1]`
function M.path(kind, index)
  return ("hooks.%s[%d]"):format(kind, index)
end

--- Says whether any hook runs before the root is entered: such look at the host, the container's
-- tree and its cgroups at once.
function M.are_early(config)
  local hooks = config.hooks
  return #hooks.prestart + #hooks.createRuntime + #hooks.createContainer > 0
end

local function has(list, of_functions)
  for _, hook in ipairs(list) do
    if (hook.func ~= nil) == of_functions then
      return true
    end
  end
  return false
end

--- Says whether functions have to be asked for when the container is told to execute.
function M.are_asked(config)
  return has(config.hooks.startContainer, true)
end

--- Says whether commands of the container's run before its program.
function M.are_inside(config)
  return has(config.hooks.startContainer, false)
end

--- The numbers and strings of a command's operation.
-- @tparam table hook
-- @tparam number index
-- @tparam table fds `input`, `program`, `procfs`
-- @tparam ?number timeout seconds, where the hook has none of its own
-- @tparam ?{string,…} env what the hook has that says nothing of its own; empty without it
-- @treturn {number,…}
-- @treturn {string,…}
function M.operation(hook, index, fds, timeout, env)
  local seconds = hook.timeout or timeout
  local strings = { hook.dir ~= "" and hook.dir or "/", hook.path }
  env = hook.env or env or NONE
  for _, list in ipairs({ hook.args, env }) do
    for _, text in ipairs(list) do
      strings[#strings + 1] = text
    end
  end
  local milliseconds = seconds and math.min(math.max(1, math.floor(seconds * 1000)), LONGEST) or -1
  return { index, fds.input, fds.program, fds.procfs, milliseconds, #hook.args, #env }, strings
end

local function add_asked(add, kind, index, hook, is_open)
  add("sync", { is_open and 1 or 0 }, { "hook" }, M.path(kind, index),
    { kind = kind, index = index, hook = hook })
end

local function add_command(add, kind, index, hook, fds, facts, env)
  local nums, strings = M.operation(hook, index, fds, facts.hook_timeout, env)
  add("hook", nums, strings, M.path(kind, index), { kind = kind, index = index, hook = hook })
end

local function add_state(add, kind, list)
  if has(list, false) then
    add("hook_state", NONE, NONE, "hooks." .. kind, { kind = kind })
  end
end

--- Adds those that run when the container's tree is finished and not entered yet.
function M.add_early(add, config, facts)
  local hooks = config.hooks
  local is_open = namespaces.is_open(config, facts)
  for _, kind in ipairs({ "prestart", "createRuntime" }) do
    for index, hook in ipairs(hooks[kind]) do
      add_asked(add, kind, index, hook, is_open)
    end
  end
  add_state(add, "createContainer", hooks.createContainer)
  for index, hook in ipairs(hooks.createContainer) do
    if hook.func then
      add_asked(add, "createContainer", index, hook, is_open)
    else
      add_command(add, "createContainer", index, hook,
        { input = "@none", program = "@hook_program:" .. index, procfs = "@procfs" }, facts)
    end
  end
end

--- Adds what those in the container are told: before it waits to execute, for then nobody is there.
function M.add_state(add, config)
  add_state(add, "startContainer", config.hooks.startContainer)
end

-- No descriptor of the host's is open where names of the container's are looked up.
local INSIDE = { input = "@none", program = "@none", procfs = "@none" }

--- Adds those that run in the container just before its program.
-- @tparam {string,…} env what the program will have
function M.add_late(add, config, facts, env)
  for index, hook in ipairs(config.hooks.startContainer) do
    if not hook.func then
      add_command(add, "startContainer", index, hook, INSIDE, facts, env)
    elseif facts.mode == "start" then
      add("hook_ask", { "@fifo", "@answers", index }, NONE, M.path("startContainer", index),
        { kind = "startContainer", index = index, hook = hook })
    else
      add_asked(add, "startContainer", index, hook)
    end
  end
end

--- Adds those that the library runs when the program runs, and when the container is gone.
function M.add_after(add, config)
  for _, kind in ipairs({ "poststart", "poststop" }) do
    for index, hook in ipairs(config.hooks[kind]) do
      add("hook", NONE, NONE, M.path(kind, index),
        { kind = kind, index = index, hook = hook }).by = "parent"
    end
  end
end

return M

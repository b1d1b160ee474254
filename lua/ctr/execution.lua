--- How a created container is told to execute its program, and what is run around that.
-- @module ctr.execution

local conversation = require("ctr.launch.conversation")
local core = require("ctr.core")
local ending = require("ctr.ending")
local errors = require("ctr.errors")
local program = require("ctr.plan.program")
local record = require("ctr.record")
local statuses = require("ctr.status")

local M = {}

local SIGKILL = 9
local LOOK_SECONDS = 0.5
local BEGIN, GO_ON = "0", "y"

-- Says why the program was not executed; true where nothing says so.
local function read_report(container, hooks)
  local report, said = container.store:read_report(), {}
  local size = core.wire.FRAME_SIZE
  for at = 1, #report - size + 1, size do
    local frame, err = core.wire.parse_frame(report:sub(at, at + size - 1))
    if not frame then
      return nil, err
    end
    if frame.kind == "OUTPUT" then
      conversation.keep_output(said, frame)
    elseif frame.value > 0 then
      return nil, hooks:failure_inside(frame, said)
    else
      return nil, errors.with_path(frame.err, program.blamed(frame.err))
    end
  end
  return true
end

-- Runs the hook that the container asks for, which is a function of this program.
local function answer(asked)
  local text = core.fd.read(asked.questions, core.wire.FRAME_SIZE)
  local frame = text and core.wire.parse_frame(text)
  if not frame then
    return true -- another program's question, or none
  end
  local hook = asked.hooks.config.hooks.startContainer[frame.value]
  local ok, err = asked.hooks:run({ kind = "startContainer", index = frame.value, hook = hook })
  if not ok then
    return nil, err
  end
  return core.fd.write(asked.fifo, GO_ON)
end

-- What is waited for: its questions, and the calls that its filter hands over, like its execve(2).
local function watched(asked)
  local set = { { fd = asked.fifo, events = "" }, { fd = asked.init, events = "r" } }
  local questions_at, calls_at
  if asked.questions then
    set[#set + 1] = { fd = asked.questions, events = "r" }
    questions_at = #set
  end
  if asked.object and asked.object:is_supervised() then
    set[#set + 1] = { fd = asked.object.supervisor.listener, events = "r" }
    calls_at = #set
  end
  return set, questions_at, calls_at
end

-- Waits until the program runs, or its process is gone.
local function await_execution(asked)
  while true do
    local set, questions_at, calls_at = watched(asked)
    local ready, err = core.poll.wait(set, LOOK_SECONDS)
    if not ready then
      return nil, err
    end
    if ready[1] or ready[2] then
      return true
    end
    if calls_at and ready[calls_at] then
      asked.object:serve_calls()
    end
    local ok, problem = true, nil
    if questions_at and ready[questions_at] then
      ok, problem = answer(asked)
    elseif next(ready) == nil
      and asked.container.host:is_stopped(asked.container.init_pid) then
      -- In a pid namespace that it shares, others may stop it.
      ok, problem = nil, errors.new("SystemError",
        "the container's init is stopped by another process", { op = "exec" })
    end
    if not ok then
      return nil, problem
    end
  end
end

-- What a killed program asked for and did not do is asked for again.
local function open_questions(container, hooks)
  if not hooks or not hooks:are_asked() then
    return nil
  end
  local questions, err = container.store:open_questions()
  while questions and core.fd.read(questions, core.wire.FRAME_SIZE) do -- luacheck: ignore 542
  end
  return questions, err
end

local function tell_to_execute(container, fifo, hooks)
  local init, err = statuses.open_init(container, "has ended before it executed")
  if not init then
    return nil, err
  end
  local questions, ok
  questions, err = open_questions(container, hooks)
  if err then
    init:close()
    return nil, err
  end
  ok, err = core.fd.write(fifo, BEGIN)
  if ok then
    ok, err = await_execution({ container = container, fifo = fifo, init = init,
      questions = questions, hooks = hooks, object = container.init_process })
  end
  init:close()
  if questions then
    questions:close()
  end
  return ok and true or nil, err
end

-- A hook that fails ends the container, and whom it left there.
local function end_container(container)
  ending.kill_init(container)
  for _, namespace in ipairs(container.configuration.namespaces) do
    if namespace.type == "NEWPID" and namespace.path == "" then
      return
    end
  end
  container.cgroup:signal(SIGKILL)
end

local function execute_with(container, fifo, hooks)
  local ok, err = tell_to_execute(container, fifo, hooks)
  if ok then
    ok, err = read_report(container, hooks)
  end
  container.store:remove_fifo()
  if ok and hooks then
    ok, err = hooks:run_all("poststart")
  end
  if not ok and hooks then
    end_container(container)
  end
  return ok, err
end

local NOT_CREATED = {
  running = { "SystemError", "is running already" },
  stopped = { "ContainerNotRunning", "is stopped: a process has to be started first" },
  paused = { "ContainerPaused", "is paused: it has to be resumed first" },
  pausing = { "ContainerPaused", "is paused: it has to be resumed first" },
}

-- Functions live in the program that gave them.
local function hooks_of(container)
  if not container.configuration.hooks then
    return nil
  end
  local hooks = require("ctr.hooks").new(container)
  local ok, err = hooks:check_present({ "startContainer", "poststart" })
  return ok and hooks, err
end

--- Lets the first process of a created container, whose lock is held, execute its program.
-- @tparam ctr.Container container
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.execute(container)
  local status, err = statuses.of(container)
  if not status then
    return nil, err
  end
  local refusal = NOT_CREATED[status]
  if refusal then
    return nil, record.refusal(container, refusal[1], refusal[2])
  end
  local hooks
  hooks, err = hooks_of(container)
  if err then
    return nil, err
  end
  local fifo
  fifo, err = container.store:open_fifo()
  if not fifo then
    return nil, errors.wrap(err, "open", "exec.fifo")
  end
  local ok, problem = execute_with(container, fifo, hooks)
  fifo:close()
  return ok, problem
end

return M

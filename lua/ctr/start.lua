--- How a process of a container is started.
-- @module ctr.start

local core = require("ctr.core")
local errors = require("ctr.errors")
local first = require("ctr.start.first")
local further = require("ctr.start.further")
local planner = require("ctr.plan")
local probe = require("ctr.probe")
local process_module = require("ctr.process")
local program = require("ctr.plan.program")
local record = require("ctr.record")
local schema = require("ctr.config.schema")
local validate = require("ctr.config.validate")

local M = {}

local function parse_process(container, process, kind)
  local normalised, err = schema.parse_process(process:streams())
  if normalised and kind == "first" then
    normalised, err = schema.first_process(normalised)
  end
  if not normalised then
    return nil, err
  end
  if normalised.apparmor_profile ~= "" or normalised.label ~= "" then
    local problems = validate.process_labels(normalised, probe.functions(container.host))
    if #problems > 0 then
      return nil, errors.invalid(problems)
    end
  end
  local config = container.configuration
  return program.settle(config, planner.merge(config, normalised))
end

-- A first process whose streams are kept by somebody (`ctr.reach.keeping`).
local function start_kept(container, object, process, mode)
  local keeping, err = require("ctr.reach.keeping").prepare(container, process)
  if not keeping then
    return nil, err
  end
  local started
  started, err = first.start(container, object, process, mode)
  local kept = started
  if started then
    kept, err = keeping:begin(started)
  end
  keeping:close()
  if not kept and started then
    core.proc.send_signal(started.pidfd, core.proc.signals.SIGKILL)
    object:attach(started)
    object:wait()
  end
  return kept and started or nil, err
end

local function start_kind(container, object, process, mode, kind)
  if kind == "first" and process.attachable then
    return start_kept(container, object, process, mode)
  elseif kind == "first" then
    return first.start(container, object, process, mode)
  elseif process.attachable then
    return nil, errors.invalid({ { path = "process.attachable",
      text = "is for a container's first process" } })
  end
  return further.start(container, process)
end

-- The further processes of a container that this program is the parent of.
local function others_of(container)
  local known = container.factory.further
  local name = container.store.name
  known[name] = known[name] or {}
  return known[name]
end
M.others_of = others_of

local function is_first(container, object, status)
  local wanted = rawget(object.spec, "init")
  if wanted == nil then
    wanted = status == "stopped"
  end
  if wanted and status ~= "stopped" then
    return nil, record.refusal(container, "ContainerNotStopped",
      "has a first process already: it is " .. status, { path = "process.init" })
  end
  if not wanted and status == "stopped" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: it is stopped")
  end
  local is_paused = status == "paused" or status == "pausing"
  if is_paused and not rawget(object.spec, "ignore_paused") then
    return nil, record.refusal(container, "ContainerPaused",
      "is paused: it has to be resumed first")
  end
  return wanted and "first" or "further"
end

--- Starts a process of a container whose lock is held.
-- @tparam ctr.Container container
-- @tparam ctr.Process object
-- @tparam string mode "start": a first process waits for `exec`; "run": it does not
-- @tparam string status the container's
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.process(container, object, mode, status)
  local kind, err = is_first(container, object, status)
  if not kind then
    return nil, err
  end
  local process
  process, err = parse_process(container, object, kind)
  if not process then
    return nil, err
  end
  local started
  started, err = start_kind(container, object, process, mode, kind)
  object:release_streams()
  if not started then
    return nil, err
  end
  local others = others_of(container)
  if kind == "first" then
    started.others = others
    object:attach(started)
    return true
  end
  object:attach(started)
  process_module.reap(others)
  process_module.add_other(others, object)
  return true
end

return M

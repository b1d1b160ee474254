--- `lctr events`: shows statistics, and when memory ran out, as lines of JSON.
-- @module ctr.cli.events

local core = require("ctr.core")
local duration = require("ctr.cli.duration")
local stats = require("ctr.cli.stats")

local DEFAULT_INTERVAL = "5s"
local NET_DEV_MAX = 1024 * 1024

-- False where nobody reads any more.
local function write(line)
  local ok, err = core.fd.write_all(1, line)
  if ok or err.errno == "EPIPE" then
    return ok and true or false
  end
  return nil, err
end

local function has_own_network(container)
  for _, namespace in ipairs(container.configuration.namespaces) do
    if namespace.type == "NEWNET" then
      return true
    end
  end
  return false
end

-- Engines give a container its interfaces: they are seen where its first process is.
local function read_interfaces(container)
  local procfs = has_own_network(container) and container.host:procfs()
  if not procfs then
    return {}
  end
  local path = ("%d/net/dev"):format(container.init_pid)
  return stats.interfaces((core.path.read(procfs, path, NET_DEV_MAX)))
end

local function stats_line(container)
  local found, err = container:stats()
  if not found then
    return nil, err
  end
  if #found.interfaces == 0 then
    found.interfaces = read_interfaces(container)
  end
  local rdt = found.intel_rdt_stats and core.json.encode(found.intel_rdt_stats)
  return stats.line("stats", container:id(), stats.data(found, rdt))
end

local function write_stats(container)
  local line, err = stats_line(container)
  if not line then
    return nil, err
  end
  return write(line)
end

-- False when the container, or whoever reads, is gone.
local function serve(container, watched, ready)
  if ready[2] then
    return false
  end
  if watched.oom and ready[3] then
    local happened, err = watched.oom:wait(0)
    if happened == nil and err.errno ~= "ETIMEDOUT" then
      return nil, err
    end
    if happened then
      return write(stats.line("oom", container:id()))
    end
    return happened ~= false
  end
  return not ready[1]
end

local function watch(container, watched, interval)
  local set = { { fd = watched.init, events = "r" }, { fd = 1, events = "" },
    watched.oom and { fd = watched.oom:fd(), events = "r" } or nil }
  local due = core.proc.clock() + interval
  while true do
    local ready, err = core.poll.wait(set, math.max(0, due - core.proc.clock()))
    if not ready then
      return nil, err
    end
    local goes_on
    if next(ready) ~= nil then
      goes_on, err = serve(container, watched, ready)
    else
      due = due + interval
      goes_on, err = write_stats(container)
    end
    if not goes_on then
      return goes_on == false and 0 or nil, err
    end
  end
end

local function follow(container, interval)
  local init, err = container.host:open_process(container.init_pid, container.init_start_time)
  if not init then
    return err.errno == "ESRCH" and 0 or nil, err
  end
  -- Without a memory cgroup there is nothing to tell of.
  local oom = container:notify_oom()
  local status
  status, err = watch(container, { init = init, oom = oom }, interval)
  if oom then
    oom:close()
  end
  init:close()
  return status, err
end

return function(args, values, context)
  local text = values.interval or DEFAULT_INTERVAL
  local interval = duration.seconds(text)
  if not interval or interval <= 0 then
    return nil, ("--interval must be a duration above 0, such as 5s: %q"):format(text)
  end
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local status
  status, err = container:status()
  if not status then
    return nil, err
  end
  if status == "stopped" then
    return nil, ("container with id %s is not running"):format(container:id())
  end
  if not values.stats then
    return follow(container, interval)
  end
  local written
  written, err = write_stats(container)
  return written ~= nil and 0 or nil, err
end

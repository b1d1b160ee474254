--- One call for most needs: a program is run in a container of its own, or in one that runs, and
-- what it wrote, how it ended and what it used come back. Nothing of it is left afterwards.
-- @module ctr.run

local core = require("ctr.core")
local errors = require("ctr.errors")
local process_module = require("ctr.process")
local units = require("ctr.config.units")

local M = {}

local OUTPUT_LIMIT = 16 * 1024 * 1024 -- bytes of each stream, unless it is said
local KILL_SECONDS = 10
local ID_BYTES, ID_ATTEMPTS = 8, 8
local SIGKILL = 9

-- What is said to this module, and not to the container.
local OWN = { factory = true, stdin = true, timeout = true, output_limit = true }

-- What a container would be left with, or nobody would look at.
local REFUSED = {
  terminal = "has no meaning here: what is run by one call has no terminal",
  console_socket = "has no meaning here: what is run by one call has no terminal",
  attachable = "has no meaning here: the call ends with the program",
  on = "has no meaning here: the call returns how the program ended",
}

local function invalid(path, text)
  return nil, errors.invalid({ { path = path, text = text } })
end

-- The options of this module, in numbers.
local function read_options(fields)
  for key, text in pairs(REFUSED) do
    if fields[key] ~= nil then
      return invalid(key, text)
    end
  end
  local options = { output_limit = OUTPUT_LIMIT }
  local problem
  if fields.timeout ~= nil then
    options.timeout, problem = units.duration(fields.timeout)
    if not options.timeout then
      return invalid("timeout", problem)
    end
  end
  if fields.output_limit ~= nil then
    options.output_limit, problem = units.size(fields.output_limit)
    if not options.output_limit then
      return invalid("output_limit", problem)
    end
  end
  return options
end

-- Keeps what is written up to the limit; the rest is read and dropped, so that nobody waits.
local function collector(limit)
  local kept = { size = 0 }
  return kept, function(data)
    local room = limit - kept.size
    if #data > room then
      kept.is_truncated = true
      data = data:sub(1, room)
    end
    if data ~= "" then
      kept[#kept + 1] = data
      kept.size = kept.size + #data
    end
  end
end

-- A string is what the program reads, whatever is in it: it may be somebody's who is not trusted,
-- and is never taken for a path.
local function open_input(value)
  if type(value) ~= "string" then
    return value
  end
  return core.fd.memfd("stdin", value)
end

-- The process' fields with streams that are collected here.
local function with_streams(fields, source, options)
  local kept = {}
  for _, name in ipairs({ "stdout", "stderr" }) do
    if fields[name] == nil then
      kept[name], fields[name] = collector(options.output_limit)
    end
  end
  if source.stdin ~= nil then
    local input, problem = open_input(source.stdin)
    fields.stdin = input
    if problem then
      return nil, problem
    end
    options.input = type(source.stdin) == "string" and fields.stdin or nil
  end
  return kept
end

local function close_input(options)
  if options.input then
    options.input:close()
    options.input = nil
  end
end

local function result_of(ended, kept, timed_out, oom)
  local result = {
    code = ended.code, signal = ended.signal, core = ended.core, usage = ended.usage,
    refused = ended.refused, calls = ended.calls, notify_errors = ended.notify_errors,
    timed_out = timed_out, oom = oom or ended.oom_killed, truncated = false,
  }
  for name, list in pairs(kept) do
    result[name] = table.concat(list)
    result.truncated = result.truncated or list.is_truncated == true
  end
  return result
end

-- How many in the container the kernel has killed for want of memory.
local function oom_kills(container)
  return container.cgroup and container.cgroup:oom_kills() or 0
end

-- Waits until the process has ended; when the time is over it is made to.
local function wait(process, timeout, kill)
  local ended, err = process:wait(timeout)
  local timed_out = not ended and err.errno == "ETIMEDOUT"
  if timed_out then
    kill()
    ended, err = process:wait(KILL_SECONDS)
  end
  if not ended then
    return nil, err
  end
  return ended, timed_out
end

-- Those that the process started, and those that these started, in the host's numbers.
local function descendants(container, pid)
  local parents, found = {}, {}
  for _, other in ipairs(container:processes() or {}) do
    local stat = container.host:process_stat(other)
    parents[other] = stat and stat.ppid
  end
  for other in pairs(parents) do
    local above = parents[other]
    while above and above ~= pid do
      above = parents[above]
    end
    if above == pid then
      found[#found + 1] = other
    end
  end
  return found
end

local function send(container, pid, number)
  local stat = container.host:process_stat(pid)
  local pidfd = stat and container.host:open_process(pid, stat.start_time)
  if pidfd then
    core.proc.send_signal(pidfd, number)
    pidfd:close()
  end
end

local function kill_added(container, process)
  process:signal("SIGSTOP") -- or it would go on making more of them
  for _, pid in ipairs(descendants(container, process:pid())) do
    send(container, pid, SIGKILL)
  end
  process:signal("SIGKILL")
end

-- What is not the call's own.
local function others(fields)
  local rest = {}
  for key, value in pairs(fields) do
    if not OWN[key] then
      rest[key] = value
    end
  end
  return rest
end

-- Runs a process and waits for it; when its time is over `kill` ends it.
-- @return how it ended, what was kept of its output, whether its time was over; nil and an error
local function follow(container, spec, fields, options, kill)
  local kept, err = with_streams(spec, fields, options)
  if not kept then
    return nil, err
  end
  local process = process_module.new(spec)
  local ok
  ok, err = container:run(process)
  close_input(options)
  if not ok then
    return nil, err
  end
  local ended, timed_out = wait(process, options.timeout, function()
    kill(container, process)
  end)
  if not ended then
    return nil, timed_out
  end
  return ended, kept, timed_out
end

--- Runs a further process in a container that runs, and waits for it.
-- @tparam ctr.Container container
-- @tparam table fields as `container:run_inside` has them
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.inside(container, fields)
  local options, err = read_options(fields)
  if not options then
    return nil, err
  end
  local spec, before = others(fields), oom_kills(container)
  spec.init = false
  local ended, kept, timed_out = follow(container, spec, fields, options, kill_added)
  if not ended then
    return nil, kept
  end
  return result_of(ended, kept, timed_out, oom_kills(container) > before)
end

local function random_id()
  local file, err = core.fd.open("/dev/urandom", { flags = { "rdonly" } })
  if not file then
    return nil, err
  end
  local bytes, problem = core.fd.read(file, ID_BYTES)
  file:close()
  if not bytes or #bytes < ID_BYTES then
    return nil, problem or errors.new("SystemError", "/dev/urandom ends")
  end
  return "run-" .. (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

-- What is described, under an id that nobody has: it is the container's host name, too.
local function create(factory, fields, place)
  local describe = require("ctr.describe")
  for _ = 1, ID_ATTEMPTS do
    local id, description, container, err
    id, err = random_id()
    if not id then
      return nil, err
    end
    description, err = describe.build(id, fields, place)
    if not description then
      return nil, err
    end
    -- Whoever is killed while he waits leaves no program that runs on.
    local config = description.config
    config.parent_death_signal = config.parent_death_signal or SIGKILL
    container, err = factory:create(id, config)
    if container or err.code ~= "IdInUse" then
      return container, container and description.process or err
    end
  end
  return nil, errors.new("SystemError", "no id is left")
end

local function measure(container, ended)
  local stats = container:stats()
  local cpu = stats and stats.cgroup_stats and stats.cgroup_stats.cpu_stats
  local used = cpu and cpu.cpu_usage and tonumber(cpu.cpu_usage.total_usage)
  if used then
    ended.usage.cpu = math.max(ended.usage.cpu, used / 1e9)
  end
end

local function kill_all(container)
  container:resume()
  container:signal("SIGKILL", true)
end

local function run_created(container, spec, fields, options)
  local ended, kept, timed_out = follow(container, spec, fields, options, kill_all)
  if not ended then
    return nil, kept
  end
  measure(container, ended)
  return result_of(ended, kept, timed_out, oom_kills(container) > 0)
end

-- A function that is given output may raise an error: the container is gone all the same.
local function run_in(factory, described, fields, options, place)
  local container, spec = create(factory, described, place)
  if not container then
    return nil, spec
  end
  local returned, result, err = pcall(run_created, container, spec, fields, options)
  close_input(options)
  if not returned or not result then
    kill_all(container)
    if container.init_process then
      container.init_process:wait(KILL_SECONDS)
    end
  end
  local gone, problem = container:destroy()
  if not returned then
    error(result, 0)
  end
  if not result then
    return nil, err
  end
  return gone and result or nil, problem
end

--- Runs a program in a container of its own, waits for it, and takes the container away.
-- @tparam table fields as `ctr.run` has them
-- @tparam table place where they were written: `file` and `line`
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.run(fields, place)
  local options, err = read_options(fields)
  if not options then
    return nil, err
  end
  local described = others(fields)
  if fields.factory then
    return run_in(fields.factory, described, fields, options, place)
  end
  local factory
  factory, err = require("ctr.factory").new(nil, { lazy = true })
  if not factory then
    return nil, err
  end
  local returned, result, problem = pcall(run_in, factory, described, fields, options, place)
  factory:close()
  if not returned then
    error(result, 0)
  end
  return result, problem
end

return M

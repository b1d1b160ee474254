--- A process as an event source: one descriptor for its end, its output and its system calls.
-- @module ctr.process.source

local core = require("ctr.core")

local M = {}

local source_methods = {}
local source_metatable = { __index = source_methods, __name = "ctr.ProcessSource" }

-- A descriptor that is always ready stands for a process that had ended before.
local function add_ended(source)
  local handle, err = core.event.timer()
  if not handle then
    return nil, err
  end
  source.ended = handle
  local ok
  ok, err = core.event.set_timer(handle, 0)
  if not ok then
    return nil, err
  end
  return core.event.add(source.set, handle, "r", 0)
end

-- Brings the set in line with who has to be reaped: one who was is ready for ever.
local function update_others(source)
  local current = {}
  for _, other in ipairs(source.process.others) do
    current[other] = true
    if not source.others[other] then
      local ok, err = core.event.add(source.set, other.pidfd, "r", 0)
      if not ok then
        return nil, err
      end
      source.others[other] = other.pidfd
    end
  end
  for other, handle in pairs(source.others) do
    if not current[other] then
      source.others[other] = nil
      if handle:is_open() then
        core.event.remove(source.set, handle)
      end
    end
  end
  return true
end

-- All but the others only becomes less: what is closed leaves the set by itself.
local function fill(source)
  if not source.process.pidfd then
    return add_ended(source)
  end
  local own = source.process:watched({}, true)
  for _, entry in ipairs(own) do
    local ok, err = core.event.add(source.set, entry.fd, entry.events, 0)
    if not ok then
      return nil, err
    end
  end
  return update_others(source)
end

--- Makes the source of a process that was started.
-- @tparam ctr.Process process
-- @treturn[1] ctr.ProcessSource
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
function M.new(process)
  local set, err = core.event.set()
  if not set then
    return nil, err
  end
  local source = setmetatable({ process = process, set = set, others = {} }, source_metatable)
  local ok
  ok, err = fill(source)
  if not ok then
    source:close()
    return nil, err
  end
  process.others.sources = process.others.sources or {}
  process.others.sources[source] = update_others
  return source
end

--- A descriptor that is readable when there is something to do.
-- @treturn number
-- @local
function source_methods:fd()
  return self.set:fd()
end

--- Does what there is to do for a process, without waiting (the source of `process:source`).
-- @treturn[1] table|boolean what `process:wait()` returns when the process has ended; else false
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local source = assert(process:source())
-- assert(source:serve() == false)
-- source:close()
function source_methods:serve()
  local result, err = self.process:poll()
  if result == false then
    local ok, problem = update_others(self)
    if not ok then
      return nil, problem
    end
  end
  return result, err
end

--- Serves until the process has ended: `process:wait`.
-- @local
function source_methods:wait(timeout)
  return self.process:wait(timeout)
end

--- Closes the source; the process is left as it is.
-- @treturn boolean true
-- @local
function source_methods:close()
  if self.process.others.sources then
    self.process.others.sources[self] = nil
  end
  if self.ended then
    self.ended:close()
  end
  self.set:close()
  return true
end

return M

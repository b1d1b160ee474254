--- What a description may be told of a container: `on = { exit = function(c, status) … end }`.
-- @module ctr.describe.handlers

local sorted = require("ctr.describe.plain").sorted
local spelling = require("ctr.config.spelling")

local M = {}

--- The turns of a container, and what their functions are for.
M.about = {
  start = "its program runs: `function(container)`",
  exit = "its program has ended: `function(container, status)`",
  oom = "the kernel killed in it for want of memory: `function(container)`",
  pressure = "memory is short: `function(container, level)`, or a table of these by level",
}

--- How short memory may be (`container:notify_memory_pressure`).
M.LEVELS = { low = true, medium = true, critical = true }

local function read_levels(value, report)
  if type(value) == "function" then
    return { medium = value }
  end
  if type(value) ~= "table" then
    report("on.pressure", "must be a function, or a table of functions")
    return nil
  end
  local result = {}
  for _, level in ipairs(sorted(value)) do
    local path = "on.pressure." .. tostring(level)
    if not M.LEVELS[level] then
      report(path, spelling.unknown("is not known here", tostring(level), M.LEVELS))
    elseif type(value[level]) ~= "function" then
      report(path, "must be a function")
    else
      result[level] = value[level]
    end
  end
  return result
end

--- Reads what `on` says.
-- @tparam table value
-- @tparam func report is told a path and what is wrong there
-- @treturn table functions by name; `pressure` is a table of them
function M.read(value, report)
  local result = {}
  for _, name in ipairs(sorted(value)) do
    if not M.about[name] then
      report("on." .. tostring(name),
        spelling.unknown("is not known here", tostring(name), M.about))
    elseif name == "pressure" then
      result.pressure = read_levels(value.pressure, report)
    elseif type(value[name]) ~= "function" then
      report("on." .. name, "must be a function")
    else
      result[name] = value[name]
    end
  end
  return result
end

return M

--- Objects of the library as cards: a title, and lines of a name and a value.
-- @module ctr.repl.cards

local text = require("ctr.repl.text")

local M = {}

local makers = {}

local function bounded(value, limit, show)
  if not value then
    return nil
  end
  return limit and ("%s of %s"):format(show(value), show(limit)) or show(value)
end

local function whole(value)
  return ("%d"):format(value)
end

local function words(list)
  return list and table.concat(list, " ") or nil
end

makers["ctr.Container"] = function(container)
  local sample = require("ctr.repl.measure").of(container)
  local memory = bounded(sample.memory, sample.memory_limit, text.size)
  if memory and sample.memory_peak then
    memory = ("%s, at most %s until now"):format(memory, text.size(sample.memory_peak))
  end
  local config = container.configuration or {}
  return "container " .. container:id(), {
    { "status", sample.status },
    { "pid", sample.pid and whole(sample.pid) },
    { "rootfs", config.rootfs },
    { "hostname", config.hostname ~= "" and config.hostname or nil },
    { "memory", memory },
    { "cpu time", sample.cpu_seconds and text.duration(sample.cpu_seconds) },
    { "processes", bounded(sample.processes, sample.processes_limit, whole) },
  }
end

makers["ctr.Process"] = function(process)
  local spec = rawget(process, "spec") or {}
  local pid = process:pid()
  return "process", {
    { "args", type(spec.args) == "table" and words(spec.args) or nil },
    { "pid", pid and whole(pid) or "not started" },
    { "user", type(spec.user) == "string" and spec.user ~= "" and spec.user or nil },
    { "cwd", spec.cwd },
  }
end

makers["ctr.Factory"] = function(factory)
  local ids = factory.root ~= "" and factory:list() or {}
  return "factory", {
    { "root", factory.root },
    { "cgroups", factory.manager },
    { "containers", whole(#ids) },
  }
end

makers["ctr.Description"] = function(description)
  local config, process = description.config or {}, description.process or {}
  local resources = config.cgroups or {}
  return "description " .. tostring(description.name), {
    { "rootfs", config.rootfs },
    { "run", words(process.args) },
    { "user", process.user },
    { "memory", resources.memory and tostring(resources.memory) },
    { "mounts", config.mounts and whole(#config.mounts) },
    { "namespaces", config.namespaces and whole(#config.namespaces) },
  }
end

--- The kind of an object: its metatable's `__name`.
-- @return ?string
function M.kind(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and rawget(metatable, "__name") or nil
end

--- Makes the card of an object.
-- @param value
-- @treturn[1] string its title
-- @treturn[1] {{string,?string},…} its lines; those without a value are left out
-- @return[2] nil where it has none
function M.of(value)
  local maker = makers[M.kind(value)]
  if not maker then
    return nil
  end
  return maker(value)
end

return M

--- What most configurations leave out of how a process runs: its shapes are loaded when they are
-- needed.
-- @module ctr.config.schema.attributes

local shape = require("ctr.config.shape")

local M = {}

local function scheduling(name, about)
  return shape.lazy(function()
    return require("ctr.config.schema.scheduling")[name]
  end, { optional = true, about = about })
end

--- `scheduler`, for a configuration or a process.
function M.scheduler(about)
  return scheduling("scheduler", about)
end

--- `io_priority`.
function M.io_priority(about)
  return scheduling("io_priority", about)
end

--- `memory_policy`.
function M.memory_policy(about)
  return scheduling("memory_policy", about)
end

--- `personality`.
function M.personality(about)
  return scheduling("personality", about)
end

--- `exec_cpu_affinity`, and a process' `cpu_affinity`.
function M.cpu_affinity(about)
  return scheduling("cpu_affinity", about)
end

--- `intel_rdt`.
function M.intel_rdt(about)
  return shape.lazy(function()
    return require("ctr.config.schema.intel_rdt").intel_rdt
  end, { optional = true, about = about })
end

return M

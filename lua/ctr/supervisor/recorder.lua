--- Records which system calls are made, and lets all of them through.
-- @module ctr.supervisor.recorder

local bit = require("bit")
local names = require("ctr.supervisor.names")

local M = {}

-- CLONE_NEW*: what an ordinary program does not ask for.
local NAMESPACES = 0x7e020000

local recorder_methods = {}
local recorder_metatable = { __index = recorder_methods }

--- Makes a judge.
function M.new()
  return setmetatable({ counts = {}, list = {}, families = {} }, recorder_metatable)
end

local details = {}

function details.socket(entry, args)
  entry.families = entry.families or {}
  entry.families[args[1]] = true
end

details.socketpair = details.socket

function details.clone(entry, args)
  local flags = type(args[1]) == "number" and args[1] or 0
  entry.namespaces = entry.namespaces or bit.band(flags, NAMESPACES) ~= 0
end

local function entry_of(recorder, call)
  local key = call.arch_token * 65536 + call.number
  local entry = recorder.counts[key]
  if not entry then
    entry = {
      syscall = names.syscall(call.number, call.arch_token), arch = names.arch(call.arch_token),
      count = 0,
    }
    recorder.counts[key] = entry
    table.insert(recorder.list, entry)
  end
  return entry
end

--- Answers a call. Of what `ctr` itself does at the end of the start, the program's own `execve` is
-- recorded.
-- @tparam ctr.Request request
function recorder_methods:answer(request)
  local entry = entry_of(self, request.call)
  if not request.setup or entry.syscall == "execve" then
    entry.count = entry.count + 1
    local detail = details[entry.syscall]
    if detail then
      detail(entry, request.args)
    end
  end
  request:allow()
end

local function by_name(a, b)
  if a.syscall == b.syscall then
    return a.arch < b.arch
  end
  return a.syscall < b.syscall
end

--- Adds the calls to a process' result.
function recorder_methods:finish(result)
  local calls = {}
  for _, entry in ipairs(self.list) do
    if entry.count > 0 then
      calls[#calls + 1] = entry
    end
  end
  table.sort(calls, by_name)
  result.calls = calls
end

return M

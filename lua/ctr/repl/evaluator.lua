--- Runs what is typed: Ctrl-C ends it, and its results have names.
-- @module ctr.repl.evaluator

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

-- How many results are kept under a name.
local KEPT = 100

local evaluator_methods = {}
local evaluator_metatable = { __index = evaluator_methods }

-- What the names of the library's own sources begin with: Ctrl-C lets its functions undo what they
-- did.
local function library_sources()
  return debug.getinfo(1, "S").source:match("^(.*ctr/)repl/[^/]*$")
end

-- The stack, from what raised the error up to the chunk, which core.interrupt called.
local function frames_of(level)
  local lines = {}
  for line in debug.traceback("", level + 1):gmatch("\n([^\n]+)") do
    if line:find("^%s*%[C%]: in function 'call'") then
      break
    end
    lines[#lines + 1] = not line:find("^stack traceback") and line or nil
  end
  return lines
end

-- One of the library's errors is a sentence; where a program failed is worth its frames, where more
-- than the chunk itself was at work.
local function explain(err)
  if errors.is(err) then
    return err
  end
  local text = tostring(err)
  local frames = frames_of(2)
  if #frames > 2 and not text:find("interrupted$") then
    return text .. "\n" .. table.concat(frames, "\n")
  end
  return text
end

--- Makes an evaluator.
-- @tparam table env the chunks' environment, which gets `_`, `_1`, …
-- @treturn table
function M.new(env)
  return setmetatable({ env = env, count = 0, spared = library_sources() }, evaluator_metatable)
end

-- Only what is something gets a name.
function evaluator_methods:keep(value)
  self.count = self.count + 1
  rawset(self.env, "_", value)
  rawset(self.env, "_" .. self.count, value)
  rawset(self.env, "_" .. (self.count - KEPT), nil)
  return self.count
end

local function pack(ok, was_interrupted, ...)
  return { ok = ok, was_interrupted = was_interrupted, count = select("#", ...), ... }
end

local function is_interruption(err)
  return errors.is(err) and err.errno == "EINTR"
end

--- Runs a chunk.
-- @tparam function chunk
-- @tparam[opt] boolean is_nameless its results are no results of the person's
-- @treturn table `count` values by number; or `err`: what was raised, or what a call of the library
-- returned behind nil; `was_interrupted`; `index`: the number under which the first value is kept
function evaluator_methods:run(chunk, is_nameless)
  local result = pack(core.interrupt.call(self.spared, explain, chunk))
  local first, second = result[1], result[2]
  if not result.ok then
    result.err, result.count = first, 0
  elseif first == nil and errors.is(second) then
    result.err, result.count = second, 0
  elseif first ~= nil and not is_nameless then
    result.index = self:keep(first)
  end
  if result.was_interrupted and (not result.ok or is_interruption(result.err)) then
    result.err, result.count = "interrupted", 0
  end
  return result
end

return M

--- Runs functions that nobody vouches for: for so many instructions, so long, in so much memory.
--
-- Instructions are counted by a hook. What runs in C is not, so nothing there may take long: the
-- methods of strings are exchanged meanwhile (`ctr.describe.library`), and what allocates much at
-- once meets the kernel's limit. Nothing that is guarded is compiled: no hook runs in a trace.
-- @module ctr.describe.guard

local core = require("ctr.core")
local errors = require("ctr.errors")
local library = require("ctr.describe.library")

local M = {}

local STEP = 100 -- instructions between two looks at the clock and the heap
local INSTRUCTIONS = 2e7
local SECONDS = 5 -- of CPU time
local HEAP = 128 * 1024 -- KiB more than before
local ADDRESSES = 1024 * 2 ^ 20 -- bytes more than before, for what is allocated at once
local PAGE = 4096

local function problem_of(budget)
  if budget.steps > INSTRUCTIONS then
    return ("takes more than %d million instructions"):format(INSTRUCTIONS / 1e6)
  end
  if os.clock() - budget.began > SECONDS then
    return ("takes more than %d seconds"):format(SECONDS)
  end
  if collectgarbage("count") - budget.heap > HEAP then
    -- Garbage is no use of memory, and what is guarded cannot have it collected.
    collectgarbage()
    if collectgarbage("count") - budget.heap > HEAP then
      return ("takes more than %d MiB of memory"):format(HEAP / 1024)
    end
  end
  return nil
end

-- Once the budget is spent, every instruction outside the caller's own coroutine is one too many:
-- whoever catches the error gets the next.
local function new_hook(budget)
  local function hook()
    if coroutine.running() == budget.home then
      return
    end
    budget.steps = budget.steps + STEP
    budget.problem = budget.problem or problem_of(budget)
    if budget.problem then
      debug.sethook(hook, "", 1)
      error(budget.problem, 0)
    end
  end
  return hook
end

local function size_of_program()
  local file = io.open("/proc/self/statm", "r")
  local pages = file and tonumber(file:read("*l"):match("^%d+"))
  if file then
    file:close()
  end
  return pages and pages * PAGE
end

-- Lowers the limit of the program's memory; returns a function that puts it back.
local function limit_addresses()
  local soft, hard = core.proc.getrlimit("RLIMIT_AS")
  local size = soft and size_of_program()
  local wanted = size and size + ADDRESSES
  if not wanted or tonumber(soft) < wanted then
    return function() end
  end
  core.proc.prlimit(0, "RLIMIT_AS", wanted, hard)
  return function()
    core.proc.prlimit(0, "RLIMIT_AS", soft, hard)
  end
end

local function pack(...)
  return { n = select("#", ...), ... }
end

-- In a coroutine of its own: a yield leads to here, and no further.
local function run(budget, fn, ...)
  local thread = coroutine.create(fn)
  local results = pack(coroutine.resume(thread, ...))
  if results[1] and coroutine.status(thread) ~= "dead" then
    return { n = 2, false, "yields outside a coroutine" }
  end
  if budget.problem then
    return { n = 2, false, budget.problem }
  end
  return results
end

--- Calls a function.
-- @tparam table options `is_short`: it starts no process, so the kernel may limit memory, too
-- @tparam func fn
-- @param ... what it is given
-- @treturn[1] boolean true
-- @return[1] what it returned
-- @treturn[2] boolean false
-- @return[2] its error, or a text that says which limit it reached
function M.call(options, fn, ...)
  local strings = debug.getmetatable("")
  if strings.__index == library.methods then
    return pcall(fn, ...) -- guarded already
  end
  local budget = {
    steps = 0, began = os.clock(), heap = collectgarbage("count"), home = coroutine.running(),
  }
  local hook, mask, count = debug.gethook()
  local index, was_compiling = strings.__index, jit.status()
  local free = options.is_short and limit_addresses() or function() end
  jit.off()
  strings.__index = library.methods
  debug.sethook(new_hook(budget), "", STEP)
  local results = run(budget, fn, ...)
  debug.sethook(hook, mask, count)
  strings.__index = index
  free()
  if was_compiling then
    jit.on()
  end
  return unpack(results, 1, results.n)
end

--- The text of an error: no metamethod of it runs.
-- @param err
-- @treturn string
function M.text_of_error(err)
  if type(err) == "string" then
    return err
  end
  return errors.is(err) and tostring(err) or ("fails with an error that is a %s"):format(type(err))
end

--- Makes a function that calls another one within the limits.
-- An error of it is an error, and a text.
-- @tparam func fn
-- @treturn func
function M.wrap(fn)
  return function(...)
    local results = pack(M.call({}, fn, ...))
    if not results[1] then
      error(M.text_of_error(results[2]), 0)
    end
    return unpack(results, 2, results.n)
  end
end

return M

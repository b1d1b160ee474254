--- `watch(seconds, expression)`: a value again and again, until Ctrl-C.
-- @module ctr.repl.watch

local chunk = require("ctr.repl.chunk")
local core = require("ctr.core")
local screens = require("ctr.repl.screen")

local M = {}

local LEAST = 0.1 -- seconds
local CLEAR = "\27[H\27[2J"

local function callback_of(session, expression)
  if type(expression) == "function" then
    return expression
  elseif type(expression) ~= "string" then
    error("bad argument #2 to 'watch' (a text or a function expected, got " .. type(expression)
      .. ")", 3)
  end
  local code, problem = chunk.compile(expression, session.env)
  if not code then
    error("watch: " .. problem, 3)
  end
  return code
end

local function pack(...)
  return { count = select("#", ...), ... }
end

-- The keys are the terminal's own meanwhile: Ctrl-C has to end the expression as well.
local function show(session, seconds, callback, title)
  local result = pack(callback())
  local has_screen = screens.is_there(session)
  local heading = session.display.style:paint("dim", title)
  io.stdout:write(has_screen and CLEAR or "", heading, "\n", session.display:values(result))
  io.stdout:flush()
  return core.poll.wait({}, seconds)
end

--- The word.
-- @tparam table session
-- @tparam number seconds between two looks
-- @param expression a text, or a function
function M.word(session, seconds, expression)
  if type(seconds) ~= "number" or not (seconds >= LEAST and seconds < math.huge) then
    error("bad argument #1 to 'watch' (a number of seconds from 0.1 expected)", 2)
  end
  local callback = callback_of(session, expression)
  local title = ("every %g s: %s"):format(seconds, type(expression) == "string" and expression
    or "a function")
  while show(session, seconds, callback, title) do end
end

return M

--- `lctr` without a command: a prompt at a terminal, and else what comes through a pipe or from a
-- file is run. Programs that only look whether it is there get the help: they give it nothing.
-- @module ctr.cli.repl

local core = require("ctr.core")

local M = {}

local STDIN, STDOUT = 0, 1
local IS_SCRIPT = { file = true, fifo = true, socket = true }

local function show_help()
  io.stdout:write(require("ctr.cli.help").overview(), "\n")
  return 0
end

-- Reads lines from standard input, the first of which is there already.
local function lines_from(first)
  local next_line = io.stdin:lines()
  return function()
    local line = first
    if not line then
      return next_line()
    end
    first = nil
    return line
  end
end

--- Says whether there may be something to run.
-- @treturn boolean
function M.is_wanted()
  if core.tty.is_tty(STDIN) then
    return core.tty.is_tty(STDOUT)
  end
  return IS_SCRIPT[core.fd.type(STDIN)] == true
end

--- Runs it.
function M.run(_, _, context)
  if core.tty.is_tty(STDIN) then
    return require("ctr.repl.prompt").run(context)
  end
  local first = io.stdin:read("*l")
  if not first then
    return show_help()
  end
  return require("ctr.repl.plain").run(context, lines_from(first))
end

return setmetatable(M, { __call = function(_, ...) return M.run(...) end })

--- The prompt: reads, runs, shows, until Ctrl-D.
-- @module ctr.repl.prompt

local core = require("ctr.core")
local displays = require("ctr.repl.display")
local editors = require("ctr.repl.editor")
local histories = require("ctr.repl.history")
local loops = require("ctr.loop")
local sessions = require("ctr.repl.session")
local styles = require("ctr.repl.style")

local M = {}

local STDIN = 0

-- A chunk that is compiled could not be stopped.
local function refuse_compiler()
  jit.off()
  jit.on = function() -- luacheck: ignore 122
    error("nothing is compiled at the prompt, so that Ctrl-C can end it; lctr FILE compiles", 2)
  end
end

local function events_of(session)
  return {
    fd = session.loop:fd(),
    ready = function()
      session.loop:step(0)
      return nil, session:take_notices()
    end,
    complete = function(before, after)
      return require("ctr.repl.completion").complete(session, before, after)
    end,
  }
end

local function prompts_of(style)
  return style:prompt("bold", "lctr>") .. " ", style:prompt("dim", "   ..") .. " "
end

-- The terminal may have got another size since.
local function fit_display(session)
  local columns, rows = session:size()
  session.display.size = { columns = columns, rows = rows }
end

local function tell(session)
  local text = session:take_notices()
  if text then
    io.stdout:write(text)
  end
  io.stdout:flush()
end

local function remember(session, text)
  if session.history:add(text) then
    session.editor:remember(text)
  end
end

-- What runs has the terminal: it may leave it in any state.
local function run(session, text)
  local saved = core.tty.save(STDIN)
  local ok = session:run(text)
  if saved then
    core.tty.restore(STDIN, saved)
  end
  return ok
end

-- Reads until a chunk is complete, and runs it. False at the end of the input.
local function serve_chunk(session, first, further)
  local text
  session.pending = nil
  while true do
    local line, reason = session.editor:read(text and further or first)
    if not line then
      return reason == "interrupted"
    end
    text = text and text .. "\n" .. line or line
    session.pending = text
    fit_display(session)
    if run(session, text) ~= nil then
      remember(session, text)
      return true
    end
  end
end

local function serve(session)
  local first, further = prompts_of(session.display.style)
  repeat
    tell(session)
  until not serve_chunk(session, first, further)
end

local function greet(session)
  local version = require("ctr").version
  io.stdout:write(session.display.style:paint("dim", ("ctr %s; help() tells what there is, Ctrl-D "
    .. "ends"):format(version)), "\n")
end

local function open(context)
  local getenv = core.proc.getenv
  local style = styles.new(styles.wants_colours(getenv))
  local session = sessions.new(context, displays.new(style))
  session.loop = assert(loops.new())
  session.loop.on_error = function(text) session:notify(session.display:error(text)) end
  session.history = histories.open(getenv)
  local term = getenv("TERM")
  session.is_dumb = term == nil or term == "" or term == "dumb"
  session.editor = editors.open(events_of(session),
    { is_dumb = session.is_dumb, entries = session.history.entries })
  return session
end

local function close(session)
  session.editor:close()
  session.history:close()
  session.loop:close()
end

--- Runs the prompt at the terminal that standard input and output are.
-- @tparam table context (`ctr.cli.context`)
-- @treturn number the exit status
function M.run(context)
  refuse_compiler()
  local session = open(context)
  greet(session)
  require("ctr.repl.events").watch(session)
  local ok, err = pcall(serve, session)
  close(session)
  if not ok then
    error(err, 0)
  end
  return 0
end

return M

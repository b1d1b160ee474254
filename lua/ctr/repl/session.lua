--- One run of the prompt, or of what comes through a pipe: its words, results and looks.
-- @module ctr.repl.session

local chunk = require("ctr.repl.chunk")
local core = require("ctr.core")
local environment = require("ctr.repl.environment")
local evaluator = require("ctr.repl.evaluator")

local M = {}

local session_methods = {}
local session_metatable = { __index = session_methods }

--- Makes a session.
-- @tparam table context (`ctr.cli.context`)
-- @tparam table display (`ctr.repl.display`)
-- @treturn table
function M.new(context, display)
  local session = setmetatable({ context = context, display = display, notices = {} },
    session_metatable)
  session.env = environment.new(session)
  session.evaluator = evaluator.new(session.env)
  return session
end

--- The factory, made when it is first asked for. Raises its error.
function session_methods:factory()
  if not self.made_factory then
    local factory, err = self.context:factory()
    if not factory then
      error(err, 0)
    end
    self.made_factory = factory
  end
  return self.made_factory
end

--- The factory, where there may be containers.
-- @treturn ?ctr.Factory
function session_methods:factory_if_any()
  if self.made_factory or self.context:has_root() then
    local ok, factory = pcall(self.factory, self)
    return ok and factory or nil
  end
  return nil
end

local function complain(session, err)
  io.stderr:write(session.display:error(err), "\n")
  return false
end

-- What shows a value may be the value's own code: Ctrl-C ends that as well.
local function show(session, result)
  local shown = session.evaluator:run(function() return session.display:values(result) end, true)
  if shown.err then
    return complain(session, shown.err)
  end
  io.stdout:write(shown[1] or "")
  return true
end

--- Runs a text, where it is complete, and shows what it gives.
-- @tparam string text
-- @treturn ?boolean whether all went well; nil when more lines are wanted
function session_methods:run(text)
  if chunk.is_blank(text) then
    return true
  end
  local code, problem, is_unfinished = chunk.compile(text, self.env)
  if is_unfinished then
    return nil
  end
  if not code then
    return complain(self, problem)
  end
  local result = self.evaluator:run(code)
  if result.was_interrupted and self.editor then
    io.stdout:write("\n") -- the terminal shows ^C where the cursor stands
  end
  io.stdout:flush()
  if result.err then
    return complain(self, result.err)
  end
  return show(self, result)
end

--- Keeps a text for the person at the prompt: it is shown above the line that is edited.
-- @tparam string text a line
function session_methods:notify(text)
  self.notices[#self.notices + 1] = text .. "\n"
end

--- Takes what is to be told.
-- @treturn ?string lines
function session_methods:take_notices()
  if #self.notices == 0 then
    return nil
  end
  local text = table.concat(self.notices)
  self.notices = {}
  return text
end

--- The size of the terminal.
-- @treturn number columns
-- @treturn number rows
function session_methods:size() -- luacheck: ignore 212
  local columns, rows = core.tty.size(1)
  if not columns or columns == 0 or rows == 0 then
    return 80, 24
  end
  return columns, rows
end

return M

--- Lines from a person: edited by libedit, or as the terminal itself has it where that can do
-- nothing.
-- @module ctr.repl.editor

local core = require("ctr.core")

local M = {}

local STDIN, STDOUT = 0, 1
local PIECE = 4096

local rich_methods = {}
local rich_metatable = { __index = rich_methods }
local plain_methods = {}
local plain_metatable = { __index = plain_methods }

local function open_rich(events, history)
  local editor, err = require("ctr.core.edit").open("lctr", STDIN, STDOUT, history.MAX)
  if not editor then
    return nil, err
  end
  return setmetatable({ editor = editor, events = events }, rich_metatable)
end

--- Opens an editor for standard input and output.
-- @tparam table events `fd`, `ready()`, `complete(before, after)` as for `ctr.core.edit`
-- @tparam table opts `is_dumb`: the terminal only shows what is written; `entries` of the history
-- @treturn table `read(prompt)`, `remember(text)`, `close()`
function M.open(events, opts)
  local editor = not opts.is_dumb and open_rich(events, require("ctr.repl.history"))
  if not editor then
    return setmetatable({ events = events, buffer = "" }, plain_metatable)
  end
  for _, entry in ipairs(opts.entries) do
    editor:remember(entry)
  end
  return editor
end

--- Reads a line.
-- @tparam string prompt
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] string "end" or "interrupted"
function rich_methods:read(prompt)
  return self.editor:read(prompt, self.events)
end

--- Adds to what the arrow keys and Ctrl-R find.
function rich_methods:remember(text)
  self.editor:remember(text)
end

--- Closes the editor, and puts the terminal back.
function rich_methods:close()
  self.editor:close()
end

local function take_line(editor)
  local line, rest = editor.buffer:match("^([^\n]*)\n(.*)$")
  if line then
    editor.buffer = rest
  end
  return line
end

local function write(text)
  io.stdout:write(text)
  io.stdout:flush()
end

-- Waits for a key, and tells meanwhile what there is to tell.
local function wait(editor, prompt)
  local set = { { fd = STDIN, events = "r" }, { fd = editor.events.fd, events = "r" } }
  while true do
    local ready, err = core.poll.wait(set)
    if not ready then
      return nil, err
    end
    if ready[2] then
      local _, text = editor.events.ready()
      if text then
        write("\n" .. text .. prompt)
      end
    end
    if ready[1] then
      return true
    end
  end
end

local function read_line(editor, prompt)
  local line = take_line(editor)
  while not line do
    local ok, err = wait(editor, prompt)
    local data
    if ok then
      data, err = core.fd.read(STDIN, PIECE)
    end
    if not data then
      return nil, err.errno == "EINTR" and "interrupted" or "end"
    end
    if data == "" then
      return nil, "end"
    end
    editor.buffer = editor.buffer .. data
    line = take_line(editor)
  end
  return line
end

function plain_methods:read(prompt)
  write(prompt)
  local ok, was_interrupted, line, reason = core.interrupt.call("", tostring, read_line, self,
    prompt)
  if not ok then
    error(line, 0)
  end
  if not line then
    reason = was_interrupted and "interrupted" or reason
    write("\n")
  end
  return line, reason
end

function plain_methods:remember() -- luacheck: ignore 212
end

function plain_methods:close() -- luacheck: ignore 212
end

return M

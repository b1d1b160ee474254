--- What comes through a pipe or from a file: no prompt, results as plain text, and the first error
-- ends it.
-- @module ctr.repl.plain

local displays = require("ctr.repl.display")
local sessions = require("ctr.repl.session")
local styles = require("ctr.repl.style")

local M = {}

local FAILED = 1

-- The next line of a chunk, with those before it.
local function longer(text, line)
  return text and text .. "\n" .. line or line
end

--- Reads chunks, and runs each when it is complete.
-- @tparam table context (`ctr.cli.context`)
-- @tparam function read returns the next line, or nil
-- @treturn number the exit status
function M.run(context, read)
  local session = sessions.new(context, displays.new(styles.new(false), nil, true))
  local text
  for line in read do
    text = longer(text, line)
    local ok = session:run(text)
    io.stdout:flush()
    if ok == false then
      return FAILED
    elseif ok then
      text = nil
    end
  end
  if text then
    io.stderr:write("error: the input ends within a chunk: ", text:match("^[^\n]*"), "\n")
    return FAILED
  end
  return 0
end

return M

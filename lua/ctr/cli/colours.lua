--- Colours: on a terminal alone, and never where NO_COLOR says so (no-color.org). A word is told by
-- itself; its colour only helps to find it.
-- @module ctr.cli.colours

local core = require("ctr.core")

local M = {}

local CODES = { red = "31", green = "32", yellow = "33", bold = "1" }

local function wants(fd)
  local refused, terminal = core.proc.getenv("NO_COLOR"), core.proc.getenv("TERM")
  return core.tty.is_tty(fd) and (refused == nil or refused == "")
    and terminal ~= nil and terminal ~= "dumb"
end

--- Makes a function that colours text for a descriptor.
-- @tparam number fd
-- @treturn function takes the text and "red", "green", "yellow" or "bold"; returns text
function M.painter(fd)
  if not wants(fd) then
    return function(text)
      return text
    end
  end
  return function(text, colour)
    return ("\27[%sm%s\27[0m"):format(CODES[colour], text)
  end
end

return M

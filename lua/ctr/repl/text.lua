--- Texts for a terminal: how wide they are, cut to a width, without what would command it.
-- @module ctr.repl.text

local M = {}

local ELLIPSIS = "…"
local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"

--- Counts characters; of those that take two columns nothing is known.
-- @tparam string text UTF-8
-- @treturn number
function M.width(text)
  local _, count = text:gsub(CHARACTER, "")
  return count
end

--- Cuts a text to a width; what was cut is told by an ellipsis.
-- @tparam string text
-- @tparam number width
-- @treturn string
function M.cut(text, width)
  if M.width(text) <= width then
    return text
  end
  local parts = {}
  for character in text:gmatch(CHARACTER) do
    if #parts >= width - 1 then
      break
    end
    parts[#parts + 1] = character
  end
  return table.concat(parts) .. ELLIPSIS
end

--- Fills a text up with blanks.
-- @tparam string text
-- @tparam number width
-- @tparam[opt] boolean to_right the blanks stand before it
-- @treturn string
function M.pad(text, width, to_right)
  local blanks = (" "):rep(width - M.width(text))
  return to_right and blanks .. text or text .. blanks
end

local ESCAPES = { ["\n"] = "\\n", ["\t"] = "\\t", ["\r"] = "\\r", ["\27"] = "\\e" }

local function escape(character)
  return ESCAPES[character] or ("\\%d"):format(character:byte())
end

--- Writes out what a terminal would take for a command: names and outputs come from containers.
-- @tparam string text
-- @tparam[opt] string kept a set of characters that stay, as in a pattern
-- @treturn string
function M.printable(text, kept)
  local spelling = require("ctr.config.spelling")
  text = text:gsub("%c", function(character)
    return not (kept and kept:find(character, 1, true)) and escape(character) or nil
  end)
  if not spelling.is_utf8(text) then
    return (text:gsub("[\128-\255]", escape))
  end
  return (text:gsub("\194[\128-\159]", function(pair) -- C1: commands, too
    return ("\\%d"):format(pair:byte(2))
  end))
end

local UNITS = { "B", "KiB", "MiB", "GiB", "TiB", "PiB" }

--- A count of bytes for people: "12.3 MiB".
-- @tparam number bytes
-- @treturn string
function M.size(bytes)
  local unit = 1
  while bytes >= 1024 and unit < #UNITS do
    bytes, unit = bytes / 1024, unit + 1
  end
  return (unit == 1 and "%d %s" or "%.1f %s"):format(bytes, UNITS[unit])
end

--- A time for people: "340 ms", "12.3 s", "2 h 5 min".
-- @tparam number seconds
-- @treturn string
function M.duration(seconds)
  if seconds < 1 then
    return ("%.0f ms"):format(seconds * 1000)
  elseif seconds < 60 then
    return ("%.1f s"):format(seconds)
  elseif seconds < 3600 then
    return ("%d min %d s"):format(math.floor(seconds / 60), seconds % 60)
  end
  return ("%d h %d min"):format(math.floor(seconds / 3600), math.floor(seconds % 3600 / 60))
end

return M

--- Colours, where they are wanted. They are never alone: without them nothing is missing.
-- @module ctr.repl.style

local M = {}

local CODES = {
  bold = "1", dim = "2", red = "31", green = "32", yellow = "33", blue = "34", magenta = "35",
  cyan = "36",
}

local style_methods = {}
local style_metatable = { __index = style_methods }

--- Makes a style.
-- @tparam boolean has_colours
-- @treturn table
function M.new(has_colours)
  return setmetatable({ has_colours = has_colours }, style_metatable)
end

--- Says whether a terminal is to get colours: not a dumb one, and not where `NO_COLOR` is set.
-- @tparam function getenv
-- @treturn boolean
function M.wants_colours(getenv)
  local refusal, term = getenv("NO_COLOR"), getenv("TERM")
  return (refusal == nil or refusal == "") and term ~= nil and term ~= "" and term ~= "dumb"
end

--- Colours a text.
-- @tparam string name
-- @tparam string text
-- @treturn string
function style_methods:paint(name, text)
  if not self.has_colours or text == "" then
    return text
  end
  return ("\27[%sm%s\27[0m"):format(CODES[name], text)
end

--- The same in a prompt, where what takes no room has to be marked.
function style_methods:prompt(name, text)
  if not self.has_colours then
    return text
  end
  return ("\1\27[%sm\1%s\1\27[0m\1"):format(CODES[name], text)
end

return M

--- What lctr says when something fails: engines look for some of these words.
-- @module ctr.cli.words

local errors = require("ctr.errors")

local M = {}

local MESSAGE_MAX = 8000 -- one write(2) that no other's comes between

local BY_CODE = {
  ContainerNotExists = "container does not exist",
  IdInUse = "container with given ID already exists",
}

--- The one line for an error.
-- @param err an error of the library, or text
-- @treturn string without a newline
function M.line(err)
  local text = errors.is(err) and BY_CODE[err.code] or tostring(err)
  text = text:gsub("%s*\n%s*", "; ")
  if #text > MESSAGE_MAX then
    text = text:sub(1, MESSAGE_MAX) .. "…"
  end
  return text
end

return M

--- Answers as JSON, for programs.
-- @module ctr.cli.json

local core = require("ctr.core")

local M = {}

--- Makes an array of a list: one that is empty has to say so.
-- @tparam table list
-- @treturn table
M.array = core.json.array

--- Prints a value.
-- @param value
function M.print(value)
  io.stdout:write(core.json.encode(value, { indent = 2 }), "\n")
end

return M

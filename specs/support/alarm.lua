--- Ends the specs of a file that hang: what blocks in a call cannot be ended from inside.
-- @module specs.support.alarm

local ffi = require("ffi")

local M = {}

ffi.cdef([[
unsigned alarm(unsigned seconds);
]])

--- Kills this process after some seconds; 0 takes that back.
function M.set(seconds)
  ffi.C.alarm(seconds)
end

return M

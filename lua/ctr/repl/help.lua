local M = {}
function M.signature() end
return M

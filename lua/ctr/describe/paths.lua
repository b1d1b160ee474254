--- Paths in a description: relative to the file that says them.
-- @module ctr.describe.paths

local core = require("ctr.core")

local M = {}

--- The folder of a file, as it was named.
-- @tparam ?string file
-- @treturn string
function M.folder(file)
  return file and file:match("^(.*)/[^/]*$") or "."
end

--- Makes a path of the host absolute. One that exists is freed of symbolic links, too.
-- @tparam string path
-- @tparam string folder
-- @treturn string
function M.absolute(path, folder)
  if path:sub(1, 1) ~= "/" then
    path = folder .. "/" .. path:gsub("^%./+", "")
  end
  local real = core.path.realpath(path)
  if real then
    return real
  end
  if path:sub(1, 1) == "/" then
    return path
  end
  return (core.path.realpath(".") or "") .. "/" .. path
end

return M

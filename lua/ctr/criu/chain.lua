--- The images that images build on: a dump that takes only what has changed notes where the rest is
-- by a link called `parent`, which is relative to its folder.
-- @module ctr.criu.chain

local core = require("ctr.core")

local M = {}

local FOLDER = { flags = { "path", "directory" } }
local LINK = "parent"

local function link_in(folder)
  local handle = core.fd.open(folder, FOLDER)
  local link = handle and core.path.readlink(handle, LINK)
  if handle then
    handle:close()
  end
  return link
end

--- Follows the links.
-- @tparam string folder of the images
-- @tparam[opt] string link of a folder that has none yet
-- @treturn {string,…} the real paths of the other folders, the next one first; it ends where a link
-- leads nowhere, or to one of them again
function M.follow(folder, link)
  local found, seen = {}, {}
  link = link or link_in(folder)
  while link do
    folder = core.path.realpath(folder .. "/" .. link)
    if not folder or seen[folder] then
      break
    end
    seen[folder] = true
    found[#found + 1] = folder
    link = link_in(folder)
  end
  return found
end

return M

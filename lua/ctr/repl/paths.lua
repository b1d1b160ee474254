--- Paths that are typed: the host's, or those inside a container.
-- @module ctr.repl.paths

local core = require("ctr.core")
local text = require("ctr.repl.text")

local M = {}

local FOLDER = { flags = { "directory", "rdonly", "nonblock" } }

-- The root as the container's first process has it. Nothing that is looked up below it leads out.
local function root_of(container)
  local status = container:status()
  if status == nil or status == "stopped" then
    local rootfs = (container.configuration or {}).rootfs
    return rootfs and core.path.open_root(rootfs)
  end
  return core.path.open_root(("/proc/%d/root"):format(container.init_pid))
end

-- A name that a terminal would take for a command is not offered.
local function is_plain(name)
  return text.printable(name) == name and not name:find('["\\]')
end

local function entries(root, folder, prefix)
  local names = {}
  local handle = core.path.open(root, folder == "" and "." or folder, FOLDER)
  for _, name in ipairs(handle and core.path.list(handle, ".") or {}) do
    local is_wanted = name:sub(1, #prefix) == prefix and (prefix ~= "" or name:sub(1, 1) ~= ".")
    if is_wanted and is_plain(name) then
      local stat = core.path.stat(handle, name)
      names[#names + 1] = name .. (stat and stat.type == "directory" and "/" or "")
    end
  end
  if handle then
    handle:close()
  end
  table.sort(names)
  return names
end

--- Lists what a path that is typed may become.
-- @tparam string typed
-- @tparam ?ctr.Container container whose files are meant; the host's without it
-- @treturn {string,…} whole paths; a folder's ends in "/"
function M.complete(typed, container)
  local folder, prefix = typed:match("^(.*/)([^/]*)$")
  folder, prefix = folder or "", prefix or typed
  local root
  if container then
    root = root_of(container)
  else
    root = core.path.open_root(typed:sub(1, 1) == "/" and "/" or ".")
  end
  if not root then
    return {}
  end
  local found = entries(root, (folder:gsub("^/+", "")), prefix)
  root:close()
  for index, name in ipairs(found) do
    found[index] = folder .. name
  end
  return found
end

return M

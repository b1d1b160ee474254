--- The options of the cgroup2 hierarchy. CRIU mounts it for itself without any, and what the
-- initial cgroup namespace mounts decides for all: `nsdelegate` would be gone on the host.
-- @module ctr.criu.hierarchy

local core = require("ctr.core")

local M = {}

local OF_MOUNT = { rw = true, ro = true }

--- The options that the hierarchy has.
-- @treturn ?string nil where none is mounted
function M.options()
  local file = io.open("/proc/self/mountinfo", "r")
  local text = file and file:read("*a") or ""
  if file then
    file:close()
  end
  return text:match(" %- cgroup2 %S+ (%S+)")
end

--- Puts them back, unless they are what they were: a mount that is made decides, although it is
-- attached nowhere.
-- @tparam ?string options what they were
function M.put_back(options)
  if not options or M.options() == options then
    return
  end
  local words = {}
  for word in options:gmatch("[^,]+") do
    if not OF_MOUNT[word] then
      words[#words + 1] = word
    end
  end
  local mount = core.mount.new("cgroup2", "cgroup2", words, {})
  if mount then
    mount:close()
  end
end

return M

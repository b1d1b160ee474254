--- What specs of the core share: a scratch folder, and how many descriptors are open.
-- @module specs.support.host

local core = require("ctr.core")

local M = {}

local counter = 0

--- Makes an empty folder below /tmp.
-- @treturn ctr.fd its descriptor
-- @treturn string its path
-- @treturn function removes it and closes the descriptor
function M.folder()
  local tmp = assert(core.path.open_root("/tmp"))
  counter = counter + 1
  local name = ("ctr-spec-%d-%d"):format(core.proc.getpid(), counter)
  assert(core.path.mkdir(tmp, name, 493)) -- 0755
  local dir = assert(core.path.open(tmp, name, { flags = { "path", "directory" } }))
  return dir, "/tmp/" .. name, function()
    dir:close()
    assert(core.path.remove_tree(tmp, name))
    tmp:close()
  end
end

--- The numbers of the open descriptors, in words to compare.
-- Handles that nobody holds any more are closed first.
-- @treturn string
function M.open_fds()
  collectgarbage()
  collectgarbage()
  local dir = assert(core.path.open_root("/proc/self/fd"))
  local names = assert(core.path.list(dir, ""))
  dir:close()
  for index = #names, 1, -1 do
    -- The descriptors that the listing itself needed are gone by now.
    local probe = core.fd.dup(tonumber(names[index]))
    if probe then
      probe:close()
    else
      table.remove(names, index)
    end
  end
  return table.concat(names, " ")
end

--- Runs a shell command of the host.
-- @tparam string text
-- @tparam[opt=60] number timeout seconds
-- @treturn table what `proc.run` returns
function M.sh(text, timeout)
  return assert(core.proc.run({
    path = "/bin/sh", args = { "sh", "-c", text }, timeout = timeout or 60,
    env = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
  }))
end

return M

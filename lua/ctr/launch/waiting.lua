--- A process that only waits: a bootstrap for which no plan ever comes. What it is in can be looked
-- at or used by its number.
-- @module ctr.launch.waiting

local core = require("ctr.core")

local M = {}

local CONTROL = 3

--- Spawns one.
-- @tparam ctr.Host host
-- @tparam number flags CLONE_NEW* of namespaces of its own
-- @treturn[1] table `pid`, `pidfd`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.spawn(host, flags)
  local image, err = host:image()
  if not image then
    return nil, err
  end
  local ours, theirs = core.fd.socketpair("stream")
  if not ours then
    return nil, theirs
  end
  local child
  child, err = core.proc.spawn({ image = image, argv = { "ctr-init", tostring(CONTROL) }, env = {},
    fds = { theirs, theirs, theirs, theirs }, flags = flags })
  theirs:close()
  if not child then
    ours:close()
    return nil, err
  end
  child.socket = ours
  return child
end

--- Ends it: the end of its socket is its own.
-- @tparam table child
function M.finish(child)
  child.socket:close()
  core.proc.wait(child.pidfd, {})
  child.pidfd:close()
end

return M

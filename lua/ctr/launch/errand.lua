--- A bootstrap that is sent into namespaces to do a few operations there, and goes.
-- @module ctr.launch.errand

local conversation = require("ctr.launch.conversation")
local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local CONTROL = 3
M.FIRST = CONTROL + 1

local function listen(session, paths)
  while true do
    local frame, err = conversation.read_frame(session)
    if not frame then
      return nil, err or errors.new("SystemError", "the bootstrap went away")
    elseif frame.kind == "FAIL" then
      local path = paths[frame.step + 1]
      return nil, path and errors.with_path(frame.err, path) or frame.err
    elseif frame.kind == "READY" then
      return true
    end
  end
end

local function spawn(host, theirs, fds)
  local image, err = host:image()
  if not image then
    return nil, err
  end
  return core.proc.spawn({ image = image, argv = { "ctr-init", tostring(CONTROL) }, env = {},
    fds = { theirs, theirs, theirs, theirs, unpack(fds) } })
end

local function send_out(host, message, fds, paths)
  local ours, theirs = core.fd.socketpair("stream")
  if not ours then
    return nil, theirs
  end
  local child, err = spawn(host, theirs, fds)
  theirs:close()
  local ok = child
  if child then
    ok, err = core.fd.send(ours, message, nil, true)
  end
  if ok then
    ok, err = listen({ socket = ours }, paths)
  end
  ours:close() -- which ends it
  if child then
    core.proc.wait(child.pidfd, {})
    child.pidfd:close()
  end
  return ok, err
end

--- Has operations done, and waits until they are.
-- @tparam ctr.Host host
-- @tparam {table,…} steps operations: name, numbers, strings, config path
-- @tparam {ctr.fd,…} fds what the operations name, from `FIRST` on
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with the config path of the step that failed
function M.run(host, steps, fds)
  local list, paths = {}, {}
  for index, step in ipairs(steps) do
    list[index], paths[index] = { step[1], step[2], step[3] }, step[4]
  end
  list[#list + 1] = { "leave", {}, {} }
  local message, err = core.wire.encode(list, CONTROL)
  if not message then
    return nil, err
  end
  return send_out(host, message, fds, paths)
end

return M

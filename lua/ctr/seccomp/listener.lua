--- Who gets the listener of a filter that asks (SCMP_ACT_NOTIFY).
-- @module ctr.seccomp.listener

local core = require("ctr.core")
local errors = require("ctr.errors")
local record = require("ctr.record")

local M = {}

local PATH = "seccomp.listener_path"

-- OCI's ContainerProcessState.
local function process_state(container, status, pid)
  local state = record.oci_state(container, status)
  if status == "creating" then
    state.pid = pid
  end
  return {
    ociVersion = state.ociVersion, fds = core.json.array({ "seccompFd" }), pid = pid,
    metadata = container.configuration.seccomp.listener_metadata, state = state,
  }
end

-- One message on a connection of its own.
local function send_state(path, state, listener)
  local text, err = core.json.encode(state)
  if not text then
    return nil, err
  end
  local socket
  socket, err = core.fd.connect_unix(path)
  if not socket then
    return nil, err
  end
  local sent
  sent, err = core.fd.send(socket, text, { listener }, true)
  socket:close()
  return sent and true or nil, err
end

--- What a start does with the listener: sends it to the configuration's socket.
-- @tparam ctr.Container container
-- @tparam table process
-- @tparam string status of the container: "creating" for its first process, else "running"
-- @treturn function takes the session and the listener, which it closes; true, or nil and an error
function M.receiver(container, _, status)
  local path = container.configuration.seccomp.listener_path
  if not path then
    return nil
  end
  return function(session, listener)
    local ok, err = send_state(path, process_state(container, status, session.pid), listener)
    listener:close()
    if not ok then
      return nil, errors.with_path(err, PATH)
    end
    return true
  end
end

return M

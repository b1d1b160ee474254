--- Sockets that a process is started with: for its terminal, for its pidfd.
-- @module ctr.launch.sockets

local core = require("ctr.core")
local errors = require("ctr.errors")
local stream = require("ctr.stream")

local M = {}

local function descriptor_of(value)
  local descriptor = stream.descriptor(value)
  return descriptor and core.fd.type(descriptor) == "socket" and descriptor or nil
end

-- What the user named by the path of one that somebody listens on, or handed over connected.
local function open_given(opened, given, path)
  if type(given) == "string" then
    local handle, err = core.fd.connect_unix(given)
    if not handle then
      return nil, errors.with_path(err, path)
    end
    opened.owned[#opened.owned + 1] = handle
    return handle
  end
  local descriptor = descriptor_of(given)
  if not descriptor then
    return nil, errors.new("ConfigInvalid",
      path .. " must be a connected socket, or the path of one that somebody listens on",
      { path = path })
  end
  return descriptor
end

-- Where the pty's master goes: to the socket that the user named, else to us.
local function open_console(opened, process)
  local err
  if process.console_socket ~= nil then
    opened.console, err = open_given(opened, process.console_socket, "process.console_socket")
    return opened.console ~= nil or nil, err
  end
  local receive, send = core.fd.socketpair("stream")
  if not receive then
    return nil, send
  end
  opened.receive, opened.console, opened.owned = receive, send, { receive, send }
  return true
end

--- Opens the sockets that a process wants.
-- @tparam table process normalised
-- @tparam table facts `terminal`, `sends_pidfd`
-- @treturn[1] table `console`, `pidfd`: what the bootstrap gets, where it is wanted
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open(process, facts)
  local opened = { owned = {} }
  local ok, err = true, nil
  if facts.terminal then
    ok, err = open_console(opened, process)
  end
  if ok and facts.sends_pidfd then
    opened.pidfd, err = open_given(opened, process.pidfd_socket, "process.pidfd_socket")
    ok = opened.pidfd ~= nil
  end
  if not ok then
    M.close(opened)
    return nil, err
  end
  return opened
end

--- Takes the master of the pty, where it came to us.
-- @tparam table opened
-- @treturn ?ctr.fd
function M.receive_master(opened)
  if not opened.receive then
    return nil
  end
  local _, handles = core.fd.recv(opened.receive, 256)
  return handles and handles[1]
end

--- Closes what `open` opened.
-- @tparam table opened
function M.close(opened)
  for _, handle in ipairs(opened.owned) do
    handle:close()
  end
end

--- Who gets the listener of a filter that asks: a supervisor in this program, or a socket.
-- @tparam ctr.Container container
-- @tparam table process merged and settled
-- @tparam string status of the container, for the socket: "creating" or "running"
-- @treturn ?function for `launch.run`; nil where nobody does
function M.listener(container, process, status)
  if process.judge then
    return require("ctr.supervisor").receiver(process.judge)
  end
  return require("ctr.seccomp.listener").receiver(container, process, status)
end

return M

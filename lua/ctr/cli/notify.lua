--- Tells a service manager that a container is ready, in the container's stead (sd_notify(3)).
--
-- Where `NOTIFY_SOCKET` is set, the container gets a socket of its own in a folder that is mounted
-- at `/run/notify`; whoever starts its program passes on that it is ready, with its process id as
-- the host sees it.
-- @module ctr.cli.notify

local core = require("ctr.core")
local state = require("ctr.state")

local M = {}

local FOLDER, SOCKET = "notify", "notify.sock"
local INSIDE = "/run/notify"
local MESSAGE_MAX = 65536

local relay_methods = {}
local relay_metatable = { __index = relay_methods }

local function host_socket()
  local path = os.getenv("NOTIFY_SOCKET")
  return path ~= "" and path or nil
end

local function without_own(env)
  local list = {}
  for _, pair in ipairs(env or {}) do
    if pair:sub(1, 14) ~= "NOTIFY_SOCKET=" then
      list[#list + 1] = pair
    end
  end
  return list
end

--- Adds the socket to a container that is about to be made, where one is asked for.
-- @tparam ctr.Factory factory
-- @tparam string id
-- @tparam table config gets the mount
-- @tparam table fields of the process; gets `NOTIFY_SOCKET` in `env`
function M.add(factory, id, config, fields)
  if not host_socket() then
    return
  end
  config.mounts = { unpack(config.mounts or {}) }
  table.insert(config.mounts, {
    source = ("%s/%s/%s"):format(factory.root, state.folder_name(id), FOLDER),
    destination = INSIDE, device = "bind", flags = { "bind", "ro", "nosuid", "nodev", "noexec" },
  })
  fields.env = without_own(fields.env)
  table.insert(fields.env, ("NOTIFY_SOCKET=%s/%s"):format(INSIDE, SOCKET))
end

local function bind(container)
  local store = container.store
  core.path.unlink(store.dir, FOLDER .. "/" .. SOCKET)
  local path = ("%s/%s/%s/%s"):format(container.factory.root, store.name, FOLDER, SOCKET)
  local socket, err = core.fd.bind_unix(path)
  if not socket then
    return nil, err
  end
  local ok, problem = core.path.chmod(store.dir, FOLDER .. "/" .. SOCKET, 511) -- 0777
  if not ok then
    socket:close()
    return nil, problem
  end
  return socket
end

--- Makes the folder of a container that was made, and the socket in it.
-- @tparam ctr.Container container
-- @treturn[1] ?table the relay (as `open`); nil where none is asked for
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.make(container)
  if not host_socket() then
    return nil
  end
  local made, err = core.path.mkdir(container.store.dir, FOLDER, 493) -- 0755
  if not made then
    return nil, err
  end
  return M.open(container)
end

--- Takes the container's side of the socket, before its program runs.
-- @tparam ctr.Container container
-- @treturn[1] ?table `wait()`, `close()`; nil where none is asked for, or the container has none
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.open(container)
  local host = host_socket()
  if not host or not core.path.stat(container.store.dir, FOLDER, { nofollow = true }) then
    return nil
  end
  local socket, err = bind(container)
  if not socket then
    return nil, err
  end
  return setmetatable({ socket = socket, host = host, container = container }, relay_metatable)
end

local function is_ready(message)
  return ("\n" .. message .. "\n"):find("\nREADY=1\n", 1, true) ~= nil
end

local function tell(relay)
  local host, err = core.fd.connect_unix(relay.host, "datagram")
  if not host then
    return nil, err
  end
  local text = ("READY=1\nMAINPID=%d\n"):format(relay.container.init_pid)
  local ok, problem = core.fd.write(host, text)
  host:close()
  return ok and true or nil, problem
end

--- The descriptor that is readable when the container says something.
-- @treturn number
function relay_methods:fd()
  return self.socket:fd()
end

--- Passes on what the container says, where that is to be ready.
-- @treturn[1] boolean whether it was: there is nothing more to be passed on
-- @return[2] nil
-- @treturn[2] ctr.Error
function relay_methods:serve()
  local message, err = core.fd.recv(self.socket, MESSAGE_MAX)
  if not message then
    return nil, err
  end
  if not is_ready(message) then
    return false
  end
  return tell(self)
end

--- Waits until the container is ready, or has ended.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function relay_methods:wait()
  local container = self.container
  local init = container.host:open_process(container.init_pid, container.init_start_time)
  if not init then
    return true
  end
  local is_over, err = false, nil
  while is_over == false do
    local ready
    ready, err = core.poll.wait({ { fd = self.socket, events = "r" }, { fd = init, events = "r" } })
    if not ready then
      is_over = nil
    elseif ready[1] then
      is_over, err = self:serve()
    else
      is_over = true
    end
  end
  init:close()
  return is_over, err
end

--- Closes it.
function relay_methods:close()
  self.socket:close()
end

return M

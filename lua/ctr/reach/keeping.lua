--- How a container's first process gets a keeper: before its start, and after it.
-- @module ctr.reach.keeping

local core = require("ctr.core")
local errors = require("ctr.errors")
local forks = require("ctr.reach.fork")
local frames = require("ctr.reach.frames")
local idmap = require("ctr.idmap")

local M = {}

--- The name of the socket in a container's folder.
M.SOCKET = "attach"

local READY_SECONDS = 30
local KEPT = 65536 -- bytes

local keeping_methods = {}
local keeping_metatable = { __index = keeping_methods }

local function check(process)
  for _, name in ipairs({ "stdin", "stdout", "stderr", "console_socket" }) do
    if process[name] ~= nil then
      return nil, errors.invalid({ { path = "process." .. name,
        text = "must be left out: a process that can be attached to has the keeper's streams" } })
    end
  end
  return true
end

local function close_all(list)
  for _, handle in ipairs(list) do
    handle:close()
  end
end

-- Whoever is root in the container's user namespace may hand the pipes on to the process' user.
local function give_away(pipe, config)
  local uid = idmap.to_host(config.uid_mappings or {}, 0)
  local gid = idmap.to_host(config.gid_mappings or {}, 0)
  if uid and gid and (uid > 0 or gid > 0) then
    core.fd.chown(pipe, uid, gid)
  end
end

local function open_pipes(keeping, process, config)
  for _, name in ipairs({ "stdin", "stdout", "stderr" }) do
    local from, to = core.fd.pipe()
    if not from then
      return nil, to
    end
    give_away(from, config)
    local ours, theirs = from, to
    if name == "stdin" then
      ours, theirs = to, from
    end
    process[name] = theirs
    table.insert(keeping.theirs, theirs)
    table.insert(keeping.ours, ours)
    if name == "stdin" then
      keeping.input = ours
    else
      table.insert(keeping.outputs, { fd = ours, kind = name == "stdout" and "o" or "e" })
    end
  end
  return true
end

--- The path of a container's socket.
function M.path_of(container)
  return container.factory.root .. "/" .. container.store.name .. "/" .. M.SOCKET
end

--- Makes what a keeper will keep, and gives the process its ends.
-- @tparam ctr.Container container
-- @tparam table process normalised; its streams are set
-- @treturn[1] table `begin`, `close`
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.prepare(container, process)
  local ok, err = check(process)
  if not ok then
    return nil, err
  end
  local keeping = setmetatable({ container = container, theirs = {}, ours = {}, outputs = {},
    is_terminal = process.terminal, kept_max = process.keep_output or KEPT }, keeping_metatable)
  core.path.unlink(container.store.dir, M.SOCKET) -- of an earlier start
  keeping.listener, err = core.fd.listen_unix(M.path_of(container))
  ok = keeping.listener ~= nil
  if ok and not process.terminal then
    ok, err = open_pipes(keeping, process, container.configuration)
  end
  if not ok then
    keeping:close()
    return nil, err
  end
  return keeping
end

--- Closes what is left, and takes the name away where there is no keeper.
function keeping_methods:close()
  close_all(self.theirs)
  close_all(self.ours)
  if self.listener then
    self.listener:close()
  end
  if not self.has_begun then
    core.path.unlink(self.container.store.dir, M.SOCKET)
  end
end

local function kept_fields(keeping, started, channel)
  return {
    listener = keeping.listener, channel = channel, pidfd = started.pidfd,
    outputs = keeping.outputs, input = keeping.input, is_terminal = keeping.is_terminal,
    kept_max = keeping.kept_max, uid = core.proc.ids().euid,
  }
end

local function fork(keeping, started)
  local keep = { keeping.listener, started.pidfd, unpack(keeping.ours) }
  local child, err = forks.fork(keeping.container.host, { keep = keep, is_orphan = true },
    function(channel)
      require("ctr.reach.keeper").new(kept_fields(keeping, started, channel)):run()
    end)
  if not child then
    return nil, err
  end
  local ok
  ok, err = child:go()
  if ok then
    ok, err = child:await(core.proc.clock() + READY_SECONDS)
  end
  core.proc.wait(child.pidfd, {})
  child.pidfd:close()
  if not ok then
    child.channel:close()
    return nil, err
  end
  return child.channel
end

--- Starts the keeper of a process that runs, or waits to be executed.
-- @tparam table started what a start made
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function keeping_methods:begin(started)
  if self.is_terminal then
    self.input = started.console
    self.ours, self.outputs = { self.input }, { { fd = self.input, kind = "o" } }
    started.console = nil
  end
  local channel, err = fork(self, started)
  if not channel then
    return nil, err
  end
  self.has_begun = true
  local on_exit = started.on_exit
  started.on_exit = function(result)
    core.fd.write(channel, frames.ending(result))
    channel:close()
    on_exit(result)
  end
  return true
end

return M

--- The program `criu`: where it is, how old it is, and one conversation with it.
--
-- For each request a process `criu swrk 3` is spawned, whose descriptor 3 is one end of a socket;
-- a packet holds one message. Numbers of descriptors in a request are those of this program: CRIU
-- opens them by the socket's other end.
-- @module ctr.criu.program

local core = require("ctr.core")
local errors = require("ctr.errors")
local messages = require("ctr.criu.messages")
local protobuf = require("ctr.criu.protobuf")

local M = {}

local SIGKILL = 9
local PATIENCE = 5 -- seconds
local TICK = 0.1 -- seconds between looks at how far CRIU is
local MESSAGE_MAX = 1024 * 1024
local OUTPUT_MAX = 4096
local VERSION_SECONDS = 10
local TYPES = messages.types

-- Where it is on machines whose callers have no PATH, as engines do. It needs others from there:
-- iptables, ip, tar.
local USUAL = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

--- The oldest version that is worked with.
M.OLDEST = 10502

local function search_path()
  local path = os.getenv("PATH")
  return path and path ~= "" and path .. ":" .. USUAL or USUAL
end

--- The environment that CRIU and its helpers have.
-- @treturn {string,…}
function M.environment()
  return { "PATH=" .. search_path() }
end

local function is_program(path)
  local handle = core.fd.open(path, { flags = { "path" } })
  local kind = handle and core.fd.type(handle)
  if handle then
    handle:close()
  end
  return kind == "file"
end

--- Finds the program.
-- @tparam ctr.Factory factory
-- @treturn[1] string its path
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.find(factory)
  local name = factory.criu_path or "criu"
  if name:find("/", 1, true) then
    return name
  end
  for folder in search_path():gmatch("[^:]+") do
    local path = folder .. "/" .. name
    if folder:sub(1, 1) == "/" and is_program(path) then
      return path
    end
  end
  return nil, errors.new("SystemError", ("%s is not installed: a checkpoint is made by it, and a "
    .. "restore"):format(name), { errno = "ENOENT", op = "locate", target = name })
end

local session_methods = {}
local session_metatable = { __index = session_methods }

--- Makes a session of a process that is CRIU, or will be.
-- @tparam table child `pid`, `pidfd`
-- @tparam ctr.fd socket our end
-- @treturn table
function M.adopt(child, socket)
  return setmetatable({ pid = child.pid, pidfd = child.pidfd, socket = socket }, session_metatable)
end

local function spawn(path, socket)
  local null, err = core.fd.open("/dev/null", { flags = { "rdwr" } })
  if not null then
    return nil, err
  end
  local child
  child, err = core.proc.spawn({ path = path, argv = { "criu", "swrk", "3" },
    env = M.environment(), fds = { null, null, null, socket } })
  null:close()
  return child, err
end

--- Starts CRIU.
-- @tparam string path
-- @treturn[1] table a session
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.start(path)
  local ours, theirs = core.fd.socketpair("seqpacket")
  if not ours then
    return nil, theirs
  end
  local child, err = spawn(path, theirs)
  theirs:close()
  if not child then
    ours:close()
    return nil, errors.with_path(err, "criu_path")
  end
  return M.adopt(child, ours)
end

local function send(session, message)
  return core.fd.send(session.socket, protobuf.encode(messages.request, message))
end

local function went_away(session)
  local result = core.proc.wait(session.pidfd, { nohang = true, nowait = true }) or {}
  local how = result.signal and "was killed by " .. result.signal or "went away"
  return nil, errors.new("SystemError", "CRIU " .. how, { op = "criu" })
end

-- Of the end of what it restores, which is our child, CRIU may not be told.
local function await_last_words(session, set)
  set[3] = nil
  local ready, err = core.poll.wait(set, PATIENCE)
  if ready and next(ready) == nil then
    core.proc.send_signal(session.pidfd, SIGKILL)
    return nil, errors.new("SystemError", "the container's first process ended while it was "
      .. "restored (out of memory? the memory limit may be too low)", { op = "criu" })
  end
  return ready, err
end

-- Waits for what is watched; meanwhile somebody may want to look how far CRIU is.
local function wait(session, set)
  local on_tick = session.on_tick
  local ready, err = core.poll.wait(set, on_tick and TICK)
  while on_tick and ready and next(ready) == nil do
    local ok, problem = on_tick()
    if not ok then
      session.refused = session.refused or problem
    end
    ready, err = core.poll.wait(set, TICK)
  end
  return ready, err
end

-- Processes that it made have its socket: its own end is not the socket's.
local function await(session)
  local set = { { fd = session.socket, events = "r" }, { fd = session.pidfd, events = "r" } }
  set[3] = session.watched and { fd = session.watched, events = "r" }
  local ready, err = wait(session, set)
  if ready and not ready[1] and not ready[2] then
    ready, err = await_last_words(session, set)
  end
  if not ready then
    return nil, err
  elseif not ready[1] then
    return went_away(session)
  end
  return true
end

--- Has a session give up when a process ends before CRIU has said that all is done.
-- @tparam ctr.fd pidfd of the process
function session_methods:watch(pidfd)
  self.watched = pidfd
end

-- The next message, and what came along; nil where CRIU went away.
local function receive(session)
  local ok, err = await(session)
  if not ok then
    return nil, err
  end
  local text, handles = core.fd.recv(session.socket, MESSAGE_MAX)
  if not text then
    return nil, handles
  elseif text == "" then
    return went_away(session)
  end
  local response, problem = protobuf.decode(messages.response, text)
  return response, response and handles or problem
end

local function close_all(handles)
  for _, handle in ipairs(handles) do
    handle:close()
  end
end

-- Does what there is to do at one of CRIU's steps, and tells it to go on, or to give up.
local function answer(session, response, handles, on_notify)
  local notify = response.notify or {}
  local ok, err = true, nil
  if on_notify then
    ok, err = on_notify(notify.script, notify.pid, handles)
  end
  close_all(handles)
  if not ok then
    session.refused = session.refused or err
  end
  local sent, problem = send(session,
    { type = TYPES.NOTIFY, notify_success = session.refused == nil })
  if sent and not session.refused and session.on_answered then
    return session.on_answered(notify.script)
  end
  return sent, problem
end

--- Has a function called every now and then while CRIU works. What it refuses ends the request at
-- CRIU's next step: in between nobody can.
-- @tparam ?function on_tick returns true, or nil and an error
function session_methods:every(on_tick)
  self.on_tick = on_tick
end

--- Asks for something, and answers until it is done.
-- @tparam table message of `ctr.criu.messages.request`
-- @tparam[opt] function on_notify called at CRIU's steps with their name, a pid, descriptors that
-- came along (closed afterwards); true, or nil and an error that ends it
-- @treturn[1] table the response
-- @return[2] nil
-- @treturn[2] ctr.Error
function session_methods:request(message, on_notify)
  local ok, err = send(self, message)
  while ok do
    local response, handles = receive(self)
    if not response then
      return nil, self.refused or handles
    end
    if response.type ~= TYPES.NOTIFY or not response.success then
      close_all(handles)
      return response
    end
    ok, err = answer(self, response, handles, on_notify)
  end
  return nil, self.refused or err
end

--- Ends the session: CRIU goes when it has nobody to talk to.
-- @tparam[opt] boolean at_once it is not waited for what it may still do
-- @tparam[opt] function on_end called with its pid when it has ended, before it is reaped
-- @treturn ?table how it ended, as `core.proc.wait`
function session_methods:finish(at_once, on_end)
  self.socket:close()
  if at_once then
    core.proc.send_signal(self.pidfd, SIGKILL)
  end
  if on_end then
    core.proc.wait(self.pidfd, { nowait = true })
    on_end(self.pid)
  end
  local result = core.proc.wait(self.pidfd, {})
  self.pidfd:close()
  return result
end

-- One number: 4.1.1 is 40101. What was built from a repository is as good as the next minor one.
local function number_of(version)
  if version.gitid and version.gitid ~= "" and version.gitid ~= "0" then
    return version.major * 10000 + (version.minor + 1) * 100
  end
  return version.major * 10000 + version.minor * 100 + (version.sublevel or 0)
end

local function ask_version(path)
  local session, err = M.start(path)
  if not session then
    return nil, err
  end
  local response = session:request({ type = TYPES.VERSION })
  session:finish(true)
  return response and response.success and response.version or nil
end

-- Before 3.0 it is only told on the command line.
local function read_version(path)
  local result, err = core.proc.run({ path = path, args = { "criu", "-V" },
    env = M.environment(), timeout = VERSION_SECONDS, output_max = OUTPUT_MAX })
  if not result then
    return nil, errors.with_path(err, "criu_path")
  end
  local text = result.stdout or ""
  local major, minor, rest = text:match("Version:%s*(%d+)%.(%d+)(%S*)")
  if not major then
    return nil, errors.new("SystemError", ("cannot tell the version of %s"):format(path),
      { path = "criu_path", op = "criu", target = path })
  end
  return { major = tonumber(major), minor = tonumber(minor), gitid = text:match("GitID:%s*(%S+)"),
    sublevel = tonumber(rest:match("^%.(%d+)") or 0) }
end

--- Tells the version of CRIU as a number, 40101 for 4.1.1. It is asked once.
-- @tparam ctr.Factory factory
-- @treturn[1] number
-- @treturn[1] string the program's path
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.version(factory)
  local path, err = M.find(factory)
  if not path then
    return nil, err
  end
  if factory.criu_version and factory.criu_version.path == path then
    return factory.criu_version.number, path
  end
  local version, problem = ask_version(path)
  if not version and not problem then
    version, problem = read_version(path)
  end
  if not version then
    return nil, problem
  end
  factory.criu_version = { path = path, number = number_of(version) }
  return factory.criu_version.number, path
end

--- A version as people write it.
-- @tparam number version
-- @treturn string
function M.version_text(version)
  return ("%d.%d.%d"):format(math.floor(version / 10000), math.floor(version / 100) % 100,
    version % 100)
end

--- Checks that CRIU is not older than something asks for.
-- @tparam number version
-- @tparam number wanted
-- @tparam string what asks for it
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.check_version(version, wanted, what)
  if version >= wanted then
    return true
  end
  return nil, errors.new("SystemError", ("%s needs CRIU %s or newer, and this is %s"):format(what,
    M.version_text(wanted), M.version_text(version)))
end

--- Checks that the kernel and CRIU have a feature. What is too old to be asked is taken on trust.
-- @tparam string path of CRIU
-- @tparam number version
-- @tparam string feature "mem_track" or "lazy_pages"
-- @tparam string option that needs it
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.check_feature(path, version, feature, option)
  if version < 10800 then
    return true
  end
  local session, err = M.start(path)
  if not session then
    return nil, err
  end
  local response
  response, err = session:request({ type = TYPES.FEATURE_CHECK, features = { [feature] = true } })
  session:finish() -- a child of its own answers, which it still has to reap
  if not response then
    return nil, errors.wrap(err, "ask CRIU for its features")
  end
  if response.success and response.features and response.features[feature] == false then
    return nil, errors.new("SystemError", ("%s: this kernel, or CRIU, does not have %s"):format(
      option, feature), { path = option, errno = "EOPNOTSUPP" })
  end
  return true
end

return M

--- CRIU's own servers: the one that takes pages of a dump, and the one that brings those of a
-- restore when they are asked for.
-- @module ctr.migrate.helper

local core = require("ctr.core")
local errors = require("ctr.errors")
local program = require("ctr.criu.program")

local M = {}

local SIGKILL = 9
local FIRST = 3 -- the descriptor that is told when it is ready
local WORDS = { "-v2", "--status-fd", tostring(FIRST) }

local helper_methods = {}
local helper_metatable = { __index = helper_methods }

local function spawn(path, argv, ready)
  local null, err = core.fd.open("/dev/null", { flags = { "rdwr" } })
  if not null then
    return nil, err
  end
  local child
  child, err = core.proc.spawn({ path = path, argv = argv, env = program.environment(),
    fds = { null, null, null, ready } })
  null:close()
  return child, err
end

local function problem(helper, text, errno)
  local err = errors.new("SystemError", ("CRIU's %s %s (log: %s)"):format(helper.name, text,
    helper.log), { op = "criu", target = helper.name, errno = errno })
  err.log = helper.log
  return err
end

-- It writes a byte when it can be asked, and closes the pipe when it goes.
local function await_ready(helper, reader, timeout)
  local ready, err = core.poll.wait({ { fd = reader, events = "r" } }, timeout)
  if ready and next(ready) == nil then
    return nil, problem(helper, "does not get ready", "ETIMEDOUT")
  end
  local data = ready
  if ready then
    data, err = core.fd.read(reader, 1)
  end
  if data == "" then
    return nil, problem(helper, "could not be started")
  end
  return data and true, err
end

local function start(helper, path, argv, timeout)
  local reader, writer = core.fd.pipe()
  if not reader then
    return nil, writer
  end
  local child, err = spawn(path, argv, writer)
  writer:close()
  local ok = child
  if child then
    helper.pidfd = child.pidfd
    ok, err = await_ready(helper, reader, timeout)
  end
  reader:close()
  if not ok then
    helper:kill()
    return nil, err
  end
  return helper
end

--- Starts a server, and waits until it can be asked.
-- @tparam string name "page-server" or "lazy-pages"
-- @tparam string path of CRIU
-- @tparam table how `folder` (of the images), `address`, `port`, `timeout` (seconds)
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.start(name, path, how)
  local log = name .. ".log"
  local argv = { "criu", name, "--images-dir", how.folder, "--work-dir", how.folder,
    "--address", how.address, "--port", tostring(how.port), "-o", log, unpack(WORDS) }
  if name == "lazy-pages" then
    argv[#argv + 1] = "--page-server" -- the pages come from one
  end
  local helper = setmetatable({ name = name, log = how.folder .. "/" .. log }, helper_metatable)
  return start(helper, path, argv, how.timeout)
end

--- Waits until it has done its work, and ended.
-- @tparam[opt] number timeout seconds
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function helper_methods:finish(timeout)
  local ready, err = core.poll.wait({ { fd = self.pidfd, events = "r" } }, timeout)
  if ready and next(ready) == nil then
    err = problem(self, "does not end", "ETIMEDOUT")
  end
  if err then
    self:kill()
    return nil, err
  end
  local result = core.proc.wait(self.pidfd, {})
  self.pidfd:close()
  self.pidfd = nil
  if result and result.code == 0 then
    return true
  end
  return nil, problem(self, "failed")
end

--- Ends it at once.
function helper_methods:kill()
  if not self.pidfd then
    return
  end
  core.proc.send_signal(self.pidfd, SIGKILL)
  core.proc.wait(self.pidfd, {})
  self.pidfd:close()
  self.pidfd = nil
end

return M

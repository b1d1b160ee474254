--- What specs of engines share: the runtime that the engines run, and commands that tell how they
-- ended. CTR_ENGINE_RUNTIME names another runtime (an absolute path), to compare with.
-- @module specs.support.installation

local core = require("ctr.core")
local image = require("specs.support.engine_image")
local machine = require("specs.support.machine")

local M = {}

--- Where `make install` puts the runtime, as the guide's pages say.
M.RUNTIME = "/usr/local/bin/lctr"
local MODULES = "/usr/local/lib/lua/5.1/ctr"

--- Whether this is the guest: what engines leave in a system is nobody's there.
-- @treturn boolean
function M.is_guest()
  return os.getenv("CTR_IN_VM") ~= nil and machine.has("systemd")
    and core.path.realpath("/sys/fs/cgroup/cgroup.controllers") ~= nil
end

local HOME = "HOME=/root"
local PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

local installation_methods = {}
local installation_metatable = { __index = installation_methods }

--- Installs the runtime, and makes an image for engines to load.
-- @treturn table `folder` is a temporary one, `image` the archive's path
function M.new()
  local folder = os.tmpname()
  os.remove(folder)
  local self = setmetatable({ folder = folder, env = { HOME, PATH }, undo = {} },
    installation_metatable)
  self:must("mkdir -m 755 %s; install -D -m 644 -t %s/core build/ctr/core/*.so", folder, MODULES)
  self:must("install -m 755 -t %s build/ctr/lctr", MODULES)
  self:must("install -m 755 %s %s", os.getenv("CTR_ENGINE_RUNTIME") or "build/lctr", M.RUNTIME)
  self.image = image.archive(folder)
  return self
end

--- Runs a shell command as root.
-- @string text
-- @tparam[opt] string stdin
-- @treturn table `code`, `stdout`, `stderr`
function installation_methods:sh(text, stdin)
  local result = assert(core.proc.run({ path = "/bin/sh", args = { "sh", "-c", text },
    env = self.env, stdin = stdin, timeout = 180 }))
  result.code = result.code or result.signal
  return result
end

--- Runs a shell command that is to succeed, and to say nothing on its standard error.
-- @string text a format
-- @param ... its values
-- @treturn string what it said, without the last newline
function installation_methods:must(text, ...)
  local command = text:format(...)
  local result = self:sh("set -e; " .. command)
  assert(result.code == 0, ("%s: ended with %s: %s%s"):format(command, tostring(result.code),
    result.stdout, result.stderr))
  return (result.stdout:gsub("\n$", ""))
end

--- Runs a command at a terminal.
-- @string text
-- @tparam[opt] string typed
-- @treturn string what the terminal showed, with plain newlines
-- @treturn number the exit code
function installation_methods:at_terminal(text, typed)
  local result = self:sh(("script -qec 'stty rows 31 cols 97; %s' /dev/null"):format(text), typed)
  return (result.stdout:gsub("\r+\n", "\n")), result.code
end

--- Writes a file of the system's; `close` brings back the one that was there, or none.
-- @string path
-- @string text
function installation_methods:write(path, text)
  self:must("mkdir -p $(dirname %s); test ! -e %s || mv %s %s.was", path, path, path, path)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  table.insert(self.undo, ("rm -f %s; test ! -e %s.was || mv %s.was %s"):format(path, path,
    path, path))
end

--- Starts a program in the background, which `close` ends.
-- @string text a command without shell words
-- @string log where its output goes
-- @string ready a shell command that succeeds once the program can be used
function installation_methods:start(text, log, ready)
  self:must("setsid %s >%s 2>&1 </dev/null & echo $! >%s.pid", text, log, log)
  table.insert(self.undo, ("kill $(cat %s.pid); while kill -0 $(cat %s.pid) 2>/dev/null; do "
    .. "sleep 0.1; done"):format(log, log))
  self:must("until %s; do kill -0 $(cat %s.pid) || { cat %s; exit 1; }; sleep 0.2; done", ready,
    log, log)
end

--- Undoes it all.
function installation_methods:close()
  for index = #self.undo, 1, -1 do
    self:must("%s", self.undo[index])
  end
  self:must("rm -rf %s %s %s", self.folder, M.RUNTIME, MODULES)
end

return M

--- Interactive shells at a terminal of their own: what they make of a line that is typed.
-- @module specs.support.shell

local core = require("ctr.core")

local M = {}

local SECONDS = 120
local PROMPT = "ready> "
local OPEN = { flags = { "rdwr", "noctty" } }

local shell_methods = {}
local shell_metatable = { __index = shell_methods }

local START = {
  bash = { "/usr/bin/setsid", "-c", "/bin/bash", "--norc", "--noprofile", "-i" },
  zsh = { "/usr/bin/setsid", "-c", "/usr/bin/zsh", "-f", "-i" },
}

--- Says whether a shell is there.
-- @string name bash, zsh or fish
function M.has(name)
  return core.path.realpath("/usr/bin/" .. name) ~= nil
end

--- Starts a shell.
-- @string name bash or zsh
-- @string script what it reads first
-- @string dir where it starts
function M.start(name, script, dir)
  local master, path = assert(core.tty.open_pty())
  assert(core.tty.set_size(master, 200, 50))
  local slave = assert(core.fd.open(path, OPEN))
  local child = assert(core.proc.spawn({ path = START[name][1], argv = START[name], flags = 0,
    fds = { slave, slave, slave }, dir = dir,
    env = { "TERM=dumb", "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "HOME=" .. dir,
      "PS1=" .. PROMPT } }))
  slave:close()
  local shell = setmetatable({ master = master, child = child }, shell_metatable)
  shell:type(" . " .. script .. "; echo lo''aded\r")
  shell:read_until("loaded\r\n")
  shell:read_until(PROMPT)
  return shell
end

--- Types on the terminal.
-- @string text
function shell_methods:type(text)
  assert(core.fd.write_all(self.master, text))
end

--- Reads what the terminal shows up to some text.
-- @string wanted
-- @treturn string
function shell_methods:read_until(wanted)
  local seen = ""
  while not seen:find(wanted, 1, true) do
    local ready = assert(core.poll.wait({ { fd = self.master, events = "r" } }, SECONDS))
    assert(ready[1], "nothing more comes behind: " .. seen)
    seen = seen .. assert(core.fd.read(self.master, 1))
  end
  return seen
end

--- Types a line, runs it, and returns what it printed in `<` and `>`.
-- @string line
-- @treturn string
function shell_methods:run(line)
  self:type(line .. "\r")
  self:read_until("GOT")
  local seen = self:read_until("END")
  self:read_until(PROMPT)
  return seen:match("^(.*)END$")
end

--- Ends the shell.
function shell_methods:close()
  core.proc.send_signal(self.child.pidfd, core.proc.signals.SIGKILL)
  assert(core.proc.wait(self.child.pidfd, {}))
  self.child.pidfd:close()
  self.master:close()
end

return M

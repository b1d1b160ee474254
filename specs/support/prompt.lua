--- lctr's prompt in a terminal of its own, as a person has it: what is typed, and what is shown.
-- @module specs.support.prompt

local command = require("specs.support.command")
local core = require("ctr.core")

local M = {}

local SECONDS = 20
local SETSID, SETPRIV = "/usr/bin/setsid", "/usr/bin/setpriv"

local prompt_methods = {}
local prompt_metatable = { __index = prompt_methods }

local function environment(folder, changes)
  local values = { PATH = "/usr/sbin:/usr/bin:/sbin:/bin", TERM = "xterm", HOME = folder,
    XDG_STATE_HOME = folder .. "/state", LANG = "C.UTF-8" }
  for name, value in pairs(changes or {}) do
    values[name] = value or nil
  end
  local list = {}
  for name, value in pairs(values) do
    list[#list + 1] = name .. "=" .. value
  end
  return list
end

--- Starts lctr with a state root of its own. The terminal is its session's, so Ctrl-C is a signal.
-- @tparam[opt] table opts `env`: changes of the environment, false takes one away; `args` of lctr;
-- `columns` and `rows`; `program` in place of `build/lctr`; `user`: who runs it, a number
-- @treturn table
function M.start(opts)
  opts = opts or {}
  local folder, remove = command.folder()
  local master, path = assert(core.tty.open_pty())
  local slave = assert(core.fd.open(path, { flags = { "rdwr", "noctty" } }))
  assert(core.tty.set_size(master, opts.columns or 250, opts.rows or 30))
  local self = setmetatable({ folder = folder, remove = remove, master = master, path = path,
    slave = slave, seen = "", root = folder .. "/root" }, prompt_metatable)
  local lctr = assert(core.path.realpath(opts.program or "build/lctr"))
  -- Below a shell, as a person has it: with its session's leader a terminal loses what was written.
  local argv = { SETSID, "--ctty", "--wait", "/bin/sh", "-c", 'trap : INT; "$0" "$@"', lctr,
    "--root", self.root, unpack(opts.args or {}) }
  if opts.user then
    assert(os.execute(("chown %d %s"):format(opts.user, path)))
    argv = { SETPRIV, "--reuid=" .. opts.user, "--clear-groups", unpack(argv) }
  end
  self.child = assert(core.proc.spawn({ path = argv[1], argv = argv, flags = 0,
    env = environment(folder, opts.env), fds = { slave, slave, slave } }))
  return self
end

-- Escape sequences say how it looks, not what it is.
local function without_sequences(text)
  return (text:gsub("\27%[[%d;?]*%a", ""):gsub("\27[()]%w", ""):gsub("\r", ""))
end

local function read_more(prompt)
  assert(core.poll.wait({ { fd = prompt.master, events = "r" } }, SECONDS)[1],
    "nothing more comes behind: " .. prompt.seen)
  return core.fd.read(prompt.master, 65536)
end

--- Reads until a text has been shown, and forgets all up to its end.
-- @tparam string wanted
-- @treturn string what was shown before it, and itself; without escape sequences
function prompt_methods:expect(wanted)
  local deadline = core.proc.clock() + SECONDS -- what is drawn again and again has no end
  while true do
    assert(core.proc.clock() < deadline, "no " .. wanted .. " in: " .. self.seen:sub(-2000))
    local shown = without_sequences(self.seen)
    local _, last = shown:find(wanted, 1, true)
    if last then
      self.seen = shown:sub(last + 1)
      return shown:sub(1, last)
    end
    local data = read_more(self)
    assert(data and data ~= "", "lctr has ended; it said: " .. self.seen)
    self.seen = self.seen .. data
  end
end

--- Reads until some bytes have come, escape sequences among them.
function prompt_methods:expect_bytes(wanted)
  while not self.seen:find(wanted, 1, true) do
    self.seen = self.seen .. assert(read_more(self))
  end
  local bytes = self.seen
  self.seen = ""
  return bytes
end

--- Types.
-- @tparam string text
function prompt_methods:type(text)
  assert(core.fd.write_all(self.master, text))
end

--- Types a line, and waits for the next prompt.
-- @tparam string text
-- @treturn string what was shown behind the line
function prompt_methods:run(text)
  self:type(text .. "\r")
  self:expect(text:sub(-20) .. "\n") -- news may draw the prompt anew meanwhile
  local shown = self:expect("lctr> ")
  return (shown:match("^(.*)\nlctr> $")) or ""
end

--- Waits until lctr has ended.
-- @treturn table `code` or `signal`
function prompt_methods:wait()
  core.fd.set_nonblock(self.master, true)
  while not core.poll.wait({ { fd = self.child.pidfd, events = "r" } }, 0.05)[1] do
    self.seen = self.seen .. (core.fd.read(self.master, 65536) or "")
  end
  local status = assert(core.proc.wait(self.child.pidfd, {}))
  self.child.pidfd:close()
  self.child = nil
  self.seen = self.seen .. (core.fd.read(self.master, 65536) or "")
  return status
end

-- setsid waits for lctr, whose terminal hangs up.
local function finish(prompt)
  prompt.slave:close()
  prompt.master:close()
  if prompt.child then
    assert(core.poll.wait({ { fd = prompt.child.pidfd, events = "r" } }, SECONDS)[1],
      "lctr does not end with its terminal")
    core.proc.wait(prompt.child.pidfd, {})
    prompt.child.pidfd:close()
  end
end

--- Hangs up, waits, and removes what there is.
function prompt_methods:close()
  finish(self)
  self.remove()
end

return M

local bundles = require("specs.support.bundle")
local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")

local LCTR, NAME = "build/lctr", command.NAME
local OPEN = { flags = { "rdwr", "noctty" } }
local SECONDS = 120
local ECHO = [[
return container(NAME) {
  rootfs = ROOT, terminal = TERMINAL,
  run = { "sh", "-c", "echo begun; while read x; do echo got $x; test $x = quit && exit 7; done" },
}]]

describe("lctr attach", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local folder, remove, master, slave, path

  before_each(function()
    master, path = assert(core.tty.open_pty())
    slave = assert(core.fd.open(path, OPEN))
    assert(core.tty.set_size(master, 77, 11))
  end)

  local function lctr(...)
    return command.run({ LCTR, "--root", folder .. "/state", ... })
  end

  local function wait_until_gone()
    local deadline = core.proc.clock() + SECONDS
    repeat
      local left = lctr("list", "-q").stdout
    until left == "" or core.proc.clock() > deadline
    assert.equal("", lctr("list", "-q").stdout)
  end

  after_each(function()
    if folder then
      lctr("kill", NAME, "KILL")
      wait_until_gone()
      remove()
      folder = nil
    end
    slave:close()
    master:close()
  end)

  local function detach(text, is_terminal)
    folder, remove = command.description(("local TERMINAL = %s\n"):format(tostring(is_terminal))
      .. text)
    return lctr("--detach", folder .. "/web.lua")
  end

  -- lctr attach at the terminal of the spec.
  local function attach(...)
    local child = assert(core.proc.spawn({ path = assert(core.path.realpath(LCTR)),
      argv = { LCTR, "--root", folder .. "/state", "attach", NAME, ... },
      fds = { slave, slave, slave } }))
    return function()
      local ready = core.poll.wait({ { fd = child.pidfd, events = "r" } }, SECONDS)
      assert.truthy(ready[1], "lctr attach does not end")
      local result = core.proc.wait(child.pidfd, {})
      child.pidfd:close()
      return result
    end
  end

  local function mode()
    local pipe = assert(io.popen("stty -g <" .. path))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  local function shows(text)
    return bundles.read_until(master, text)
  end

  local function type_text(text)
    assert(core.fd.write_all(master, text))
  end

  it("comes and goes at a terminal, and ends with the process", function()
    local started = detach(ECHO, true)
    assert.equal("", started.stderr)
    assert.equal(NAME .. "\n", started.stdout)
    local usual = mode()
    local wait = attach()
    shows("begun")
    type_text("one\r")
    shows("got one")
    assert.not_equal(usual, mode())
    type_text("\16\17")
    assert.equal(0, wait().code)
    assert.equal(usual, mode())
    assert.matches("detached from " .. NAME, shows("detached from " .. NAME), 1, true)
    assert.equal("running", lctr("state", NAME).stdout:match('"status": "(%w+)"'))
    wait = attach()
    assert.matches("got one", shows("got one"))
    type_text("quit\r")
    assert.equal(7, wait().code)
    assert.equal(usual, mode())
    wait_until_gone()
  end)

  it("gives the process the window's size, and each new one", function()
    detach([[
return container(NAME) { rootfs = ROOT, terminal = true,
  run = { "sh", "-c", "trap 'stty size' WINCH; echo ready; while :; do sleep 1000 & wait; done" } }
]], true)
    local wait = attach()
    shows("11 77")
    assert(core.tty.set_size(master, 99, 22))
    local pid
    for candidate in io.popen("pgrep -f 'attach " .. NAME .. "'"):lines() do
      pid = pid or tonumber(candidate)
    end
    os.execute("kill -WINCH " .. pid)
    shows("22 99")
    type_text("\16\17")
    assert.equal(0, wait().code)
  end)

  it("puts the terminal back when it is told to end", function()
    detach(ECHO, true)
    local usual = mode()
    local wait = attach()
    shows("begun")
    os.execute("pkill -TERM -f 'attach " .. NAME .. "'")
    assert.equal(0, wait().code)
    assert.equal(usual, mode())
  end)

  it("takes other keys, and shows without typing", function()
    detach(ECHO, false)
    local wait = attach("--detach-keys", "ctrl-x,ctrl-x")
    type_text("one\n")
    shows("got one")
    type_text("\24\24\n") -- the terminal stays as it is where there is none inside
    assert.equal(0, wait().code)
    wait = attach("--no-stdin")
    shows("got one")
    assert.equal("", lctr("kill", NAME, "KILL").stderr)
    assert.equal(137, wait().code)
  end)

  it("says what is wrong", function()
    local started = detach(ECHO, false)
    assert.equal(0, started.code)
    assert.matches("detach_keys", lctr("attach", "--detach-keys", "f1", NAME).stderr)
    assert.matches("does not exist", lctr("attach", "nonesuch").stderr)
    assert.matches("in use", lctr("--detach", folder .. "/web.lua").stderr .. " in use")
    lctr("kill", NAME, "KILL")
    wait_until_gone()
    local failed = detach('return container(NAME) { rootfs = ROOT, run = { "nonesuch" } }', false)
    assert.equal(1, failed.code)
    assert.matches("nonesuch", failed.stderr)
    assert.equal("", failed.stdout)
    assert.matches("description", command.run({ LCTR, "--detach", "examples/hello.lua" }).stderr)
  end)
end)

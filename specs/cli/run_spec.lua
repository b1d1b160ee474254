local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")

local LCTR, NAME = "build/lctr", command.NAME

describe("lctr runs a description", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local folder, remove, before

  before_each(function()
    before = machine.snapshot(command.PATTERN)
  end)

  local function run(text, options)
    folder, remove = command.description(text)
    return command.run({ LCTR, "--root", folder .. "/state", folder .. "/web.lua" }, options)
  end

  after_each(function()
    if remove then
      remove()
      remove = nil
    end
    assert.same(before, machine.snapshot(command.PATTERN))
  end)

  it("with lctr's own streams", function()
    local result = run([[
return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c", "cat; hostname; echo oops >&2" } }
]], { stdin = "from outside\n" })
    assert.equal("oops\n", result.stderr)
    assert.equal("from outside\n" .. NAME .. "\n", result.stdout)
    assert.equal(0, result.code)
  end)

  it("and ends with the container's status", function()
    assert.equal(7, run(
      'return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c", "exit 7" } }').code)
  end)

  it("and tells by its status which signal ended the container", function()
    local result = run([[
return container(NAME) {
  rootfs = ROOT, run = { "/bin/sh", "-c", "ulimit -t 1; while :; do :; done" },
}]])
    assert.equal(137, result.code, result.stderr)
  end)

  it("and calls on.exit with container and status", function()
    local result = run([[
return container(NAME) {
  rootfs = ROOT, run = { "/bin/sh", "-c", "exit 3" },
  on = { exit = function(c, status) log.info(c:id(), status.code) end },
}]])
    assert.equal("lctr: info: " .. NAME .. " 3\n", result.stderr)
    assert.equal(3, result.code)
  end)

  it("whose handler fails, and still takes it away", function()
    local result = run([[
return container(NAME) {
  rootfs = ROOT, run = { "/bin/true" }, on = { exit = function() error("too bad") end },
}]])
    assert.truthy(result.stderr:find("^lctr: on.exit of web%-%d+: .*web.lua:3: too bad\n$"),
      result.stderr)
    assert.equal(0, result.code)
  end)

  it("with hooks, and says what one of the end had to say", function()
    local result = run([[
return container(NAME) { rootfs = ROOT, run = { "/bin/echo", "the program" }, hooks = {
  createRuntime = { { func = function(state) log.info(state.status) end } },
  startContainer = { { path = "/bin/true" } },
  poststop = { { path = "/bin/false" } },
} }
]])
    assert.equal("the program\n", result.stdout)
    assert.equal(0, result.code)
    assert.matches("creating", result.stderr, 1, true)
    assert.truthy(result.stderr:find(
      "lctr: " .. NAME .. ": hooks.poststop[1]: /bin/false exited with 1\n", 1, true))
  end)

  it("of several containers, and ends with the first failure", function()
    local result = run([[
local function one(name, code)
  return container(NAME .. name) { rootfs = ROOT, run = { "/bin/sh", "-c", "exit " .. code } }
end
return { one("a", 0), one("b", 4), one("c", 5) }]])
    assert.equal(4, result.code, result.stderr)
  end)

  it("that cannot start, and says why", function()
    local result = run('return container(NAME) { rootfs = ROOT, run = { "/bin/nothing" } }')
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("^lctr: process.args%[1%]: .*/bin/nothing"), result.stderr)
    assert.is_nil(result.stderr:find("traceback", 1, true))
  end)

  it("with the engines' capabilities, no new privileges and none of the host's devices", function()
    local result = run([[
return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c",
  "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; ls /sys/class/net; ulimit -n" } }]])
    assert.equal("CapEff:\t00000000800405fb\nCapBnd:\t00000000800405fb\nNoNewPrivs:\t1\nlo\n1024\n",
      result.stdout)
  end)

  -- lctr in the background: what `interact` does with it, and how it ended.
  local function run_beside(text, fds, interact)
    folder, remove = command.description(text)
    local child = assert(core.proc.spawn({
      path = assert(core.path.realpath(LCTR)), flags = 0, env = {}, fds = fds,
      argv = { "lctr", "--root", folder .. "/state", folder .. "/web.lua" },
    }))
    interact(child.pidfd)
    local result = assert(core.proc.wait(child.pidfd, {}))
    child.pidfd:close()
    return result
  end

  local function with_pipe(text, interact)
    local out, writer = assert(core.fd.pipe())
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    local result = run_beside(text, { null, writer, 2 }, function(pidfd)
      writer:close()
      assert.equal("ready\n", core.fd.read(out, 100))
      interact(pidfd)
    end)
    out:close()
    null:close()
    return result
  end

  local TERM = core.proc.signals.SIGTERM

  it("and passes a signal on", function()
    assert.equal(9, with_pipe([[
return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c",
  "trap 'exit 9' TERM; echo ready; while :; do sleep 1000 & wait $!; done" } }]],
      function(pidfd)
        assert(core.proc.send_signal(pidfd, TERM))
      end).code)
  end)

  -- The first process of a pid namespace gets no signal that it does not handle.
  it("and kills what ignores the first signal at the second", function()
    local result = with_pipe([[
return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c", "echo ready; exec sleep 1000" } }
]], function(pidfd)
        assert(core.proc.send_signal(pidfd, TERM))
        assert(core.proc.send_signal(pidfd, core.proc.signals.SIGINT))
      end)
    assert.equal(128 + 9, result.code)
  end)

  it("on a terminal, and gives it one of its own", function()
    local master, path = assert(core.tty.open_pty())
    local slave = assert(core.fd.open(path, { flags = { "rdwr", "noctty" } }))
    assert(core.tty.set_size(master, 77, 11))
    local seen = ""
    local result = run_beside([[
return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c",
  "tty; stty size; echo ready; read line; test $line = hello && exit 5" } }]],
      { slave, slave, slave }, function()
        while not seen:find("ready", 1, true) do
          seen = seen .. assert(core.fd.read(master, 100))
        end
        assert(core.fd.write_all(master, "hello\r"))
      end)
    slave:close()
    master:close()
    assert.equal("/dev/pts/0\r\n11 77\r\nready", seen:match("^.*ready"))
    assert.equal(5, result.code)
  end)
end)

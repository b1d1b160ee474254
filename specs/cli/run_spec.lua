local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")
local rootfs = require("specs.support.rootfs")

local LCTR = "build/lctr"

describe("lctr runs a description", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local folder, remove, before

  before_each(function()
    before = machine.snapshot()
  end)

  local function run(text, options)
    folder, remove = command.folder({
      ["web.lua"] = ("local ROOT = %q\n"):format(rootfs.shared()) .. text,
    })
    return command.run({ LCTR, "--root", folder .. "/state", folder .. "/web.lua" }, options)
  end

  after_each(function()
    if remove then
      remove()
      remove = nil
    end
    assert.same(before, machine.snapshot())
  end)

  it("with lctr's own streams", function()
    local result = run([[
return container "web" { rootfs = ROOT, run = { "/bin/sh", "-c", "cat; hostname; echo oops >&2" } }
]], { stdin = "from outside\n" })
    assert.equal("oops\n", result.stderr)
    assert.equal("from outside\nweb\n", result.stdout)
    assert.equal(0, result.code)
  end)

  it("and ends with the container's status", function()
    assert.equal(7, run(
      'return container "web" { rootfs = ROOT, run = { "/bin/sh", "-c", "exit 7" } }').code)
  end)

  it("and tells by its status which signal ended the container", function()
    local result = run([[
return container "web" {
  rootfs = ROOT, run = { "/bin/sh", "-c", "ulimit -t 1; while :; do :; done" },
}]])
    assert.equal(137, result.code, result.stderr)
  end)

  it("and calls on.exit with container and status", function()
    local result = run([[
return container "web" {
  rootfs = ROOT, run = { "/bin/sh", "-c", "exit 3" },
  on = { exit = function(c, status) log.info(c:id(), status.code) end },
}]])
    assert.equal("lctr: info: web 3\n", result.stderr)
    assert.equal(3, result.code)
  end)

  it("whose handler fails, and still takes it away", function()
    local result = run([[
return container "web" {
  rootfs = ROOT, run = { "/bin/true" }, on = { exit = function() error("too bad") end },
}]])
    assert.truthy(result.stderr:find("^lctr: on.exit of web: .*web.lua:3: too bad\n$"),
      result.stderr)
    assert.equal(0, result.code)
  end)

  it("of several containers, and ends with the first failure", function()
    local result = run([[
local function one(name, code)
  return container(name) { rootfs = ROOT, run = { "/bin/sh", "-c", "exit " .. code } }
end
return { one("a", 0), one("b", 4), one("c", 5) }]])
    assert.equal(4, result.code, result.stderr)
  end)

  it("that cannot start, and says why", function()
    local result = run('return container "web" { rootfs = ROOT, run = { "/bin/nothing" } }')
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("^lctr: process.args%[1%]: .*/bin/nothing"), result.stderr)
    assert.is_nil(result.stderr:find("traceback", 1, true))
  end)

  it("without capabilities, new privileges or the host's devices", function()
    local result = run([[
return container "web" { rootfs = ROOT, run = { "/bin/sh", "-c",
  "grep -E 'CapEff|CapBnd|NoNewPrivs' /proc/self/status; ls /sys/class/net; ulimit -n" } }]])
    assert.equal("CapEff:\t0000000000000000\nCapBnd:\t0000000000000000\nNoNewPrivs:\t1\nlo\n1024\n",
      result.stdout)
  end)

  it("and passes a signal on", function()
    folder, remove = command.folder({ ["web.lua"] = ("local ROOT = %q\n"):format(rootfs.shared())
      .. [[return container "web" { rootfs = ROOT, run = { "/bin/sh", "-c",
  "trap 'exit 9' TERM; echo ready; while :; do sleep 1000 & wait $!; done" } }]] })
    local out, writer = assert(core.fd.pipe())
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    local child = assert(core.proc.spawn({
      path = assert(core.path.realpath(LCTR)), flags = 0, env = {}, fds = { null, writer, 2 },
      argv = { "lctr", "--root", folder .. "/state", folder .. "/web.lua" },
    }))
    writer:close()
    assert.equal("ready\n", core.fd.read(out, 100))
    assert(core.proc.send_signal(child.pidfd, core.proc.signals.SIGTERM))
    assert.equal(9, assert(core.proc.wait(child.pidfd, {})).code)
    child.pidfd:close()
    out:close()
    null:close()
  end)
end)

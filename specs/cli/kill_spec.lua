local core = require("ctr.core")
local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

describe("lctr kill", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local e, before

  before_each(function()
    before = machine.snapshot(engine.PATTERN)
  end)

  after_each(function()
    e:close()
    assert.same(before, machine.snapshot(engine.PATTERN))
  end)

  -- Which shares the pid namespace of the caller.
  local SHARED = { namespaces = { { type = "mount" }, { type = "ipc" }, { type = "uts" } } }

  local function processes()
    return core.json.decode(e:succeeds("ps", "-f", "json", e.id))
  end

  local function await_processes(count)
    while #processes() < count do -- luacheck: ignore 542
    end
  end

  it("sends TERM where nothing is said", function()
    e = engine.new({ args = { "sh", "-c", "trap 'exit 3' TERM; echo ready; while :; do "
      .. "sleep 1 & wait $!; done" } })
    local output = e:start_piped()
    core.fd.read(output, 100)
    local pid = e:state().pid
    e:succeeds("kill", e.id)
    engine.await(pid)
    output:close()
    assert.equal("stopped", e:state().status)
  end)

  it("signals a created container", function()
    e = engine.new()
    local pid = e:create()
    e:succeeds("kill", e.id, "KILL")
    engine.await(pid)
    assert.equal("container not running", e:fails("kill", e.id, "KILL"))
  end)

  for _, name in ipairs({ "HUP", "INT", "QUIT", "TERM" }) do
    it("ends a created container with " .. name, function()
      e = engine.new()
      local pid = e:create()
      e:succeeds("kill", e.id, name)
      engine.await(pid)
      assert.equal("stopped", e:state().status)
    end)
  end

  it("ends a paused container", function()
    e = engine.new()
    local pid = e:start()
    e:succeeds("pause", e.id)
    e:succeeds("kill", e.id, "SIGKILL")
    engine.await(pid)
    assert.equal("stopped", e:state().status)
  end)

  it("ends all of a container that shares a pid namespace", function()
    e = engine.new({ args = { "sh", "-c", "sleep 1000 & sleep 1000 & wait" } }, SHARED)
    local pid = e:start()
    await_processes(3)
    e:succeeds("kill", e.id, "9")
    engine.await(pid)
    assert.same({}, processes())
  end)

  it("ends those who share a pid namespace when the first process has gone", function()
    e = engine.new({ args = { "sh", "-c", "sleep 1000 & sleep 1000 & wait" } }, SHARED)
    local pid = e:start()
    await_processes(3)
    local handle = assert(core.proc.pidfd_open(pid))
    assert(core.proc.send_signal(handle, core.proc.signals.SIGKILL))
    handle:close()
    engine.await(pid)
    assert.equal(2, #processes())
    e:succeeds("kill", e.id, "KILL")
    while #processes() > 0 do end -- luacheck: ignore 542
    assert.equal("container not running", e:fails("kill", e.id, "KILL"))
  end)

  it("signals all with --all, also when there is nobody left", function()
    e = engine.new({ args = { "sh", "-c", "sleep 1000 & sleep 1000 & wait" } }, SHARED)
    local pid = e:start()
    await_processes(3)
    e:succeeds("kill", "--all", e.id, "TERM")
    engine.await(pid)
    for _ = 1, 2 do
      e:succeeds("kill", "-a", e.id, "9")
      assert.same({}, processes())
    end
  end)

  it("knows no container that is not there", function()
    e = engine.new()
    for _, args in ipairs({ { "kill", e.id }, { "kill", "--all", e.id, "9" } }) do
      assert.equal("container does not exist", e:fails(unpack(args)))
    end
  end)
end)

local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

describe("lctr pause and resume", function()
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

  it("freeze a container and let it go on", function()
    e = engine.new()
    e:create()
    e:succeeds("pause", e.id)
    assert.equal("paused", e:state().status)
    assert.equal("cannot start a container in the paused state", e:fails("start", e.id))
    e:succeeds("resume", e.id)
    assert.equal("created", e:state().status)
    e:succeeds("start", e.id)
    assert.equal("cannot start an already running container", e:fails("start", e.id))
  end)

  it("refuse what is not so", function()
    e = engine.new()
    local pid = e:start()
    assert.equal("container not paused", e:fails("resume", e.id))
    e:succeeds("pause", e.id)
    assert.equal("cannot pause a container that is not running: paused", e:fails("pause", e.id))
    e:succeeds("kill", e.id, "9")
    engine.await(pid)
    assert.equal("cannot pause a container that is not running: stopped", e:fails("pause", e.id))
    assert.equal("container not paused", e:fails("resume", e.id))
    assert.equal("cannot start a container that has stopped", e:fails("start", e.id))
  end)
end)

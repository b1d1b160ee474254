local alarm = require("specs.support.alarm")
local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

local SECONDS = 60
local SIGNALS = core.proc.signals

-- What a process of a container can do to those that come to it.
describe("a process that signals all others", function()
  local b

  setup(function()
    alarm.set(600)
    b = box.new()
    attack.compile("stopper", b.root)
  end)

  teardown(function()
    b:close()
    alarm.set(0)
  end)

  local function attacked(container, signal)
    local said
    local attacker = ctr.process({ args = { "/stopper", tostring(signal) },
      stdout = function(data) said = data end })
    assert(container:run(attacker))
    repeat
      attacker:wait(0.01)
    until said
    return attacker
  end

  -- The caller waited for ever, and had the lock: nobody could end the container any more.
  it("may stop them, and keeps no caller", function()
    local container, first = b:sleeper()
    local attacker = attacked(container, SIGNALS.SIGSTOP)
    local refused, attempts = nil, 0
    while not refused and attempts < 100 do
      attempts = attempts + 1
      local further = ctr.process({ args = { "/bin/true" } })
      local began = core.proc.clock()
      local ok, err = container:run(further)
      assert.is_true(core.proc.clock() - began < SECONDS)
      refused = not ok and err
      if ok then
        further:signal("SIGKILL")
        assert(further:wait(SECONDS))
      end
    end
    assert.equal("SystemError", refused.code)
    assert.matches("was stopped by another process", tostring(refused))
    assert(container:signal("SIGKILL"))
    assert(first:wait(SECONDS))
    assert(attacker:wait(SECONDS))
    assert(container:destroy())
  end)

  it("may kill them, which their results tell", function()
    local container, first = b:sleeper()
    local attacker = attacked(container, SIGNALS.SIGKILL)
    local killed = 0
    for _ = 1, 20 do
      local further = ctr.process({ args = { "/bin/true" } })
      local ok, err = container:run(further)
      if ok then
        local result = assert(further:wait(SECONDS))
        assert.is_true(result.code == 0 or result.signal == "SIGKILL")
        killed = killed + (result.signal and 1 or 0)
      else
        assert.matches("was killed by SIGKILL", tostring(err))
        killed = killed + 1
      end
    end
    assert.is_true(killed > 0)
    assert(container:signal("SIGKILL"))
    assert(first:wait(SECONDS))
    assert(attacker:wait(SECONDS))
    assert(container:destroy())
  end)

  -- In a pid namespace that it shares, the first process is as good as any.
  it("may stop a container that waits in its pid namespace, and keeps no caller", function()
    local container, first = b:sleeper()
    local guest = assert(b:create({ namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWNET",
      { type = "NEWPID", path = ("/proc/%d/ns/pid"):format(first:pid()) } } }))
    local waiting = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(guest:start(waiting))
    local attacker = attacked(container, SIGNALS.SIGSTOP)
    repeat
      local stat = core.proc.stat(b.factory.host:procfs(), waiting:pid())
    until stat.state == "T"
    local began = core.proc.clock()
    local ok, err = guest:exec()
    assert.is_true(core.proc.clock() - began < SECONDS)
    assert.is_nil(ok)
    assert.matches("is stopped by another process", tostring(err))
    assert(container:signal("SIGKILL"))
    assert(attacker:wait(SECONDS))
    assert(waiting:wait(SECONDS))
    assert(guest:destroy())
    assert(first:wait(SECONDS))
    assert(container:destroy())
  end)
end)

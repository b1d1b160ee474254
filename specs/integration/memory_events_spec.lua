local box = require("specs.support.box")
local cgroup = require("ctr.cgroup")
local ctr = require("ctr")
local machine = require("specs.support.machine")

local LIMIT = { parent = box.PARENT, memory = "16M", memory_swap = "16M" }
local EAT = "a=x; while true; do a=$a$a; done"

if not (machine.is_root() and machine.has("memory")) then
  describe("a container without memory", function()
    pending("needs root and the memory controller")
  end)
  return
end

describe("a container without memory", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function eat(container)
    local process = ctr.process({ args = { "/bin/sh", "-c", EAT }, env = { "PATH=/bin" } })
    assert(container:run(process))
    return assert(process:wait(60))
  end

  it("is killed, and the process says so and how much it used", function()
    local result = assert(b:sh(EAT, { cgroups = LIMIT }))
    assert.equal("SIGKILL", result.signal)
    assert.is_true(result.oom_killed)
    assert.is_true(result.usage.memory_peak > 8 * 1024 * 1024)
    assert.is_true(result.usage.memory_peak <= 16 * 1024 * 1024)
    assert.is_true(result.usage.cpu > 0)
  end)

  it("is told apart from one that is killed otherwise", function()
    local container, process = b:sleeper({ cgroups = LIMIT })
    assert(container:signal("SIGKILL"))
    local result = assert(process:wait(60))
    assert.same({ "SIGKILL", false }, { result.signal, result.oom_killed })
    assert(container:destroy())
  end)

  it("makes an event for each time, which ends with the container", function()
    local container, process = b:sleeper({ cgroups = LIMIT })
    local source = assert(container:notify_oom())
    local ok, err = source:wait(0)
    assert.is_nil(ok)
    assert.equal("ETIMEDOUT", err.errno)
    for _ = 1, 2 do
      assert.is_true(eat(container).oom_killed)
      assert.is_true(source:wait(60))
    end
    b:finish(container, process)
    assert.is_false(source:wait(60))
    assert.is_false(source:wait())
    assert(source:close())
  end)

  it("makes an event in a loop", function()
    local container, process = b:sleeper({ cgroups = LIMIT })
    local source = assert(container:notify_oom())
    local loop = assert(ctr.loop())
    local events = 0
    assert(loop:add(source, function()
      events = events + (source:wait(0) and 1 or 0)
      loop:stop()
    end))
    eat(container)
    assert(loop:run(10))
    assert.equal(1, events)
    loop:close()
    source:close()
    b:finish(container, process)
  end)

  -- v2 counts the time that processes wait, which they do above memory.high.
  it("tells of pressure before that", function()
    local limit = { parent = box.PARENT, memory = "16M", memory_swap = "16M" }
    if cgroup.layout().mode == "v2" then
      limit.memory_high = "4M"
    end
    local container, process = b:sleeper({ cgroups = limit })
    local source = assert(container:notify_memory_pressure("low"))
    assert.is_nil((source:wait(0)))
    local eater = ctr.process({ args = { "/bin/sh", "-c", EAT }, env = { "PATH=/bin" } })
    assert(container:run(eater))
    assert.is_true(source:wait(60))
    eater:signal("SIGKILL")
    assert(eater:wait(60))
    b:finish(container, process)
    repeat
      local what = source:wait(60)
    until what == false
    source:close()
  end)

  it("leaves no descriptor open", function()
    local container, process = b:sleeper({ cgroups = LIMIT })
    local before = machine.snapshot().descriptors
    for _, make in ipairs({ "notify_oom", "notify_memory_pressure" }) do
      local source = assert(container[make](container, "low"))
      assert.is_number(source:fd())
      assert(source:close())
    end
    assert.same(before, machine.snapshot().descriptors)
    b:finish(container, process)
  end)

  it("has to run, and the level to be one", function()
    local container = assert(b:create({ cgroups = LIMIT }))
    local source, err = container:notify_oom()
    assert.is_nil(source)
    assert.equal("ContainerNotRunning", err.code)
    assert.has_error(function() container:notify_memory_pressure("some") end)
    assert(container:destroy())
  end)
end)

local core = require("ctr.core")
local engine = require("specs.support.engine")
local bundles = require("specs.support.bundle")
local machine = require("specs.support.machine")

describe("lctr events", function()
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

  local has_memory = machine.has("memory")

  -- Begins to follow the container's events; what it says is read from `output`.
  local function follow(...)
    local output, write_end = core.fd.pipe()
    local fds = e:streams()
    local out = fds[2]
    fds[2] = write_end
    local child = e.bundle:start({ "events", ... }, fds)
    for _, handle in ipairs({ out, unpack(fds) }) do
      handle:close()
    end
    return child, output
  end

  it("says once what a container uses, with --stats", function()
    e = engine.new()
    local pid = e:start()
    local line = e:succeeds("events", "--stats", e.id)
    assert.equal(1, select(2, line:gsub("\n", "")))
    assert.matches(('^{"type":"stats","id":"%s","data":{"cpu":{"usage":{'):format(
      (e.id:gsub("%-", "%%-"))), line)
    local data = assert(core.json.decode(line)).data
    assert.equal(1, data.pids.current)
    assert.is_true(data.cpu.usage.total > 0)
    assert.is_nil(line:find("%d[eE][+%d]"))
    e:succeeds("kill", e.id, "9")
    engine.await(pid)
    assert.equal(("container with id %s is not running"):format(e.id),
      e:fails("events", "--stats", e.id))
  end)

  it("says so every now and then until the container ends", function()
    e = engine.new()
    local pid = e:start()
    local child, output = follow("--interval", "10ms", e.id)
    bundles.read_until(output, "\n")
    bundles.read_until(output, "\n")
    e:succeeds("kill", e.id, "9")
    engine.await(pid)
    bundles.read_until(output)
    assert.equal(0, child.wait().code)
    output:close()
  end)

  it("tells of a container that runs out of memory", function()
    if not has_memory then
      e = engine.new()
      pending("needs the controller memory")
      return
    end
    e = engine.new({ args = { "sh", "-c", "read x; (x=x; while :; do x=$x$x; done); read x" } },
      { resources = { memory = { limit = 16777216, swap = 16777216 } } })
    local input, write_end = core.fd.pipe()
    local said = e:start_piped(input)
    local child, output = follow("--interval", "10ms", e.id)
    bundles.read_until(output, "\n") -- it listens by now
    core.fd.write(write_end, "go\n")
    bundles.read_until(output, ('{"type":"oom","id":"%s"}\n'):format(e.id))
    write_end:close()
    bundles.read_until(output)
    assert.equal(0, child.wait().code)
    output:close()
    said:close()
  end)

  for _, interval in ipairs({ "0", "0s", "-1s", "5", "soon", "" }) do
    it(("refuses the interval %q"):format(interval), function()
      e = engine.new()
      assert.matches("--interval must be a duration above 0",
        e:fails("events", "--interval=" .. interval, e.id), 1, true)
    end)
  end
end)

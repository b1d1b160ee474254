local core = require("ctr.core")
local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

describe("lctr update", function()
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

  local has_limits = machine.has("memory") and machine.has("pids") and machine.has("cpu")

  local RESOURCES = {
    memory = { limit = 67108864 }, pids = { limit = 50 }, cpu = { quota = 50000, period = 100000 },
  }

  local function running()
    e = engine.new(nil, { resources = RESOURCES })
    e:start()
  end

  -- The first of a cgroup's files that is there, of v1 or v2.
  local function limit(...)
    for _, name in ipairs({ ... }) do
      local pipe = assert(io.popen(("cat $(find /sys/fs/cgroup -path '*/ctr-%s/%s') </dev/null "
        .. "2>/dev/null"):format(e.id, name)))
      local text = pipe:read("*l")
      pipe:close()
      if text and text ~= "" then
        return text
      end
    end
  end

  local function memory()
    return limit("memory.max", "memory.limit_in_bytes")
  end

  local function quota()
    return limit("cpu.max", "cpu.cfs_quota_us")
  end

  local function update(document)
    local result = e:feed(document, "update", "-r", "-", e.id)
    assert.same({ 0, "", "" }, { result.code, result.stdout, result.stderr })
  end

  local function limited(name, body)
    it(name, function()
      if not has_limits then
        e = engine.new()
        pending("needs the controllers memory, pids and cpu")
        return
      end
      running()
      body()
    end)
  end

  limited("changes what a document asks for, and nothing else", function()
    update('{"memory":{"limit":33554432},"pids":null,"devices":[{"allow":false,"access":"rwm"}]}')
    assert.same({ "33554432", "50" }, { memory(), limit("pids.max") })
    update('{"pids":{"limit":-1}}')
    assert.same({ "33554432", "max" }, { memory(), limit("pids.max") })
  end)

  limited("takes 0 for one task and for no burst of an option, and for nothing of a document",
    function()
      update('{"cpu":{"burst":20000}}')
      update('{"pids":{"limit":0},"cpu":{"burst":0}}')
      local function found()
        return { limit("cpu.max.burst", "cpu.cfs_burst_us"), limit("pids.max") }
      end
      assert.same({ "20000", "50" }, found())
      e:succeeds("update", "--pids-limit", "0", "--cpu-burst=0", e.id)
      assert.same({ "0", "1" }, found())
    end)

  limited("makes it idle and wakes it, and it has its shares again", function()
    update('{"cpu":{"shares":2048}}')
    local shares = limit("cpu.weight", "cpu.shares")
    for _, idle in ipairs({ 1, 0, 1, 0 }) do
      update(('{"cpu":{"idle":%d}}'):format(idle))
      assert.equal(tostring(idle), limit("cpu.idle"))
    end
    assert.equal(shares, limit("cpu.weight", "cpu.shares"))
  end)

  limited("keeps the quota where the period alone is given", function()
    update('{"cpu":{"period":50000}}')
    assert.matches("^50000", quota())
    update('{"cpu":{"quota":-1}}')
    assert.is_true(quota() == "-1" or quota() == "max 50000")
  end)

  limited("takes a limit of memory away with that of swap", function()
    update('{"memory":{"limit":-1}}')
    assert.is_true(memory() == "max" or #memory() > 15)
  end)

  limited("reads a file", function()
    local path = e.bundle:file("resources.json", { pids = { limit = 33 } })
    e:succeeds("update", "--resources", path, e.id)
    assert.equal("33", limit("pids.max"))
  end)

  limited("knows members in any case, as runc does", function()
    update('{"Pids":{"LIMIT":34}}')
    assert.equal("34", limit("pids.max"))
  end)

  limited("reads options", function()
    e:succeeds("update", "--memory", "32m", "--pids-limit", "44", "--cpu-quota=25000",
      "--kernel-memory", "1m", e.id)
    assert.same({ "33554432", "44" }, { memory(), limit("pids.max") })
    assert.matches("^25000", quota())
  end)

  limited("ignores options beside a document", function()
    local result = e:feed("{}", "update", "--pids-limit", "44", "--resources=-", e.id)
    assert.equal(0, result.code)
    assert.equal("50", limit("pids.max"))
  end)

  limited("remembers what it changed", function()
    update('{"pids":{"limit":66}}')
    local kept = core.json.decode(e.bundle:read("state/" .. e.id .. "/state.json"))
    assert.equal(66, kept.config.cgroups.pids_limit)
    assert.equal(67108864, kept.config.cgroups.memory)
  end)

  limited("changes all or nothing", function()
    local kept = e.bundle:read("state/" .. e.id .. "/state.json")
    local result = e:feed('{"pids":{"limit":66},"memory":{"limit":33554432},'
      .. '"cpu":{"cpus":"4000-4001"}}', "update", "-r", "-", e.id)
    assert.equal(1, result.code)
    assert.matches("^lctr: [^\n]*cpuset[^\n]*\n$", result.stderr)
    assert.same({ "67108864", "50" }, { memory(), limit("pids.max") })
    assert.equal(kept, e.bundle:read("state/" .. e.id .. "/state.json"))
  end)

  for document, said in pairs({
    ["{"] = "not a JSON object", ["7"] = "not a JSON object",
    ['{"memory":7}'] = "memory must be", ['{"pids":{"limit":"many"}}'] = "pids.limit must be",
  }) do
    it("refuses " .. document, function()
      running()
      local result = e:feed(document, "update", "-r", "-", e.id)
      assert.equal(1, result.code)
      assert.matches(said, result.stderr, 1, true)
    end)
  end

  it("refuses a container that has ended", function()
    e = engine.new()
    local pid = e:start()
    e:succeeds("kill", e.id, "9")
    engine.await(pid)
    assert.equal("cannot update a container that has stopped",
      e:fails("update", "--pids-limit", "5", e.id))
  end)
end)

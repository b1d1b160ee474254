local alarm = require("specs.support.alarm")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

local SECONDS = 60
local MOUNTS = 2000

describe("a start of unusual size", function()
  local b

  setup(function()
    alarm.set(600)
    b = box.new()
    assert(b:sh("true"))
  end)

  teardown(function()
    b:close()
    alarm.set(0)
  end)

  -- The output, or the error.
  local function run(spec, changes)
    local container = assert(b:create(changes))
    local said = {}
    spec.stdout = function(data) said[#said + 1] = data end
    local process = ctr.process(spec)
    local ok, err = container:run(process)
    local result = ok and assert(process:wait(SECONDS))
    assert(container:destroy())
    return result and table.concat(said), err
  end

  -- The kernel takes 128 KiB in one string, and a quarter of the stack's limit in all.
  it("has an argument of 100 KB", function()
    local said, err = run({ args = { "/bin/sh", "-c", "echo ${#1}", "sh", ("x"):rep(100000) } })
    assert.equal("100000\n", said, tostring(err))
  end)

  it("says that the kernel takes no argument of 200 KB", function()
    local said, err = run({ args = { "/bin/echo", ("x"):rep(200000) } })
    assert.is_nil(said or nil)
    assert.same({ "SystemError", "E2BIG", "process.args" }, { err.code, err.errno, err.path })
  end)

  it("has 5000 variables", function()
    local env = { "PATH=/bin" }
    for index = 1, 5000 do
      env[#env + 1] = ("NAME_%d=%s"):format(index, ("v"):rep(100))
    end
    local said, err = run({ args = { "/bin/sh", "-c", "env | grep -c ^NAME_" }, env = env })
    assert.equal("5000\n", said, tostring(err))
  end)

  it("says that the kernel takes no environment of 10 MB, in one variable or in many", function()
    local many = {}
    for index = 1, 1000 do
      many[index] = ("NAME_%d=%s"):format(index, ("v"):rep(10000))
    end
    for _, env in ipairs({ { "NAME=" .. ("v"):rep(10000000) }, many }) do
      local said, err = run({ args = { "/bin/true" }, env = env })
      assert.is_nil(said or nil)
      assert.same({ "SystemError", "E2BIG", "process.args" }, { err.code, err.errno, err.path })
    end
  end)

  it("says that no message has 100 MB", function()
    local said, err = run({ args = { "/bin/true" }, env = { "NAME=" .. ("v"):rep(100000000) } })
    assert.is_nil(said or nil)
    assert.equal("SystemError", err.code)
  end)

  local function many_mounts(count)
    local mounts = { { source = "proc", destination = "/proc", device = "proc" } }
    for index = 1, count do
      mounts[#mounts + 1] = { source = b.root .. "/etc/hosts", flags = { "bind" },
        destination = "/run/" .. index }
    end
    return { mounts = mounts }
  end

  local function with_descriptors(limit, act)
    local own = core.proc.getpid()
    local soft, hard = core.proc.getrlimit("RLIMIT_NOFILE")
    local set, err = core.proc.prlimit(own, "RLIMIT_NOFILE", limit, hard)
    if not set then
      pending("the limit of descriptors cannot be raised: " .. tostring(err))
      return
    end
    local returned, problem = pcall(act)
    assert(core.proc.prlimit(own, "RLIMIT_NOFILE", soft, hard))
    assert(returned, problem)
  end

  it("has two thousand bind mounts, where so many descriptors may be open", function()
    with_descriptors(MOUNTS + 200, function()
      local said, err = run({ args = { "/bin/sh", "-c",
        "grep -c ' /run/' /proc/self/mountinfo; cat /run/" .. MOUNTS } }, many_mounts(MOUNTS))
      assert.equal(MOUNTS .. "\n127.0.0.1 localhost\n", said, tostring(err))
    end)
  end)

  it("says at which mount it ran out of descriptors", function()
    with_descriptors(200, function()
      local said, err = run({ args = { "/bin/true" } }, many_mounts(MOUNTS))
      assert.is_nil(said or nil)
      assert.same({ "SystemError", "EMFILE" }, { err.code, err.errno })
      assert.matches("^mounts%[1%d%d%]$", err.path)
    end)
  end)
end)

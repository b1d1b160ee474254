local box = require("specs.support.box")
local ctr = require("ctr")
local machine = require("specs.support.machine")

local SECONDS = 60

describe("ctr.run", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function run(fields)
    fields.rootfs, fields.factory = b.root, b.factory
    fields.cgroups = { parent = box.PARENT }
    return ctr.run(fields)
  end

  local function sh(script, fields)
    fields = fields or {}
    fields.args = { "sh", "-c", script }
    return run(fields)
  end

  it("returns what a program wrote, how it ended and what it used", function()
    local result = assert(sh("echo out; echo err >&2; exit 3"))
    assert.equal("out\n", result.stdout)
    assert.equal("err\n", result.stderr)
    assert.equal(3, result.code)
    assert.is_nil(result.signal)
    assert.is_false(result.timed_out)
    assert.is_false(result.oom)
    assert.is_false(result.truncated)
    assert.is_true(result.usage.memory_peak > 0)
    assert.is_true(result.usage.cpu >= 0)
  end)

  it("gives it a string to read, whatever is in it", function()
    assert.equal("/etc/passwd", assert(sh("cat", { stdin = "/etc/passwd" })).stdout)
    assert.equal("null", assert(sh("cat", { stdin = "null" })).stdout)
    assert.equal("", assert(sh("cat")).stdout)
  end)

  it("passes megabytes in both directions at once", function()
    local text = ("0123456789abcde\n"):rep(256 * 1024)
    local result = assert(sh("tee /dev/stderr", { stdin = text, timeout = SECONDS }))
    assert.is_true(result.stdout == text)
    assert.is_true(result.stderr == text)
  end)

  it("keeps no more of the output than it is told, and lets the program write", function()
    local result = assert(sh("head -c 300000 /dev/zero; echo done >&2", { output_limit = "1k" }))
    assert.equal(("\0"):rep(1024), result.stdout)
    assert.equal("done\n", result.stderr)
    assert.is_true(result.truncated)
    assert.equal(0, result.code)
  end)

  it("kills all that is in it when the time is over", function()
    local result = assert(sh("sleep 1000 & echo begun; sleep 1000", { timeout = "1s" }))
    assert.is_true(result.timed_out)
    assert.equal("SIGKILL", result.signal)
    assert.equal("begun\n", result.stdout)
  end)

  it("waits for nobody who holds its output in the background", function()
    local result = assert(sh("yes & sleep 1000 & echo done >&2", { timeout = SECONDS,
      output_limit = 1024 }))
    assert.equal(0, result.code)
    assert.is_false(result.timed_out)
    assert.equal("done\n", result.stderr)
  end)

  it("says that the kernel killed something for want of memory", function()
    if not machine.has("memory") then
      return pending("no memory controller")
    end
    local result = assert(sh("head -c 300m /dev/zero | tail -c 300m >/dev/null; exit 0",
      { limits = { memory = "16M" } }))
    assert.is_true(result.oom)
    -- While what it has killed is still going, it may kill the shell as well.
    assert.is_true(result.code == 0 or result.signal == "SIGKILL")
  end)

  it("hands output to functions", function()
    local parts = {}
    local result = assert(sh("echo one", { stdout = function(data) parts[#parts + 1] = data end }))
    assert.equal("one\n", table.concat(parts))
    assert.is_nil(result.stdout)
    assert.equal("", result.stderr)
  end)

  it("makes up an id for each", function()
    local one, other = assert(sh("hostname")), assert(sh("hostname"))
    assert.matches("^run%-%x+\n$", one.stdout)
    assert.not_equal(one.stdout, other.stdout)
  end)

  it("leaves nothing, however it ends", function()
    sh("true")
    local before = machine.snapshot(box.PATTERN)
    assert(sh("sleep 1000 & exit 1"))
    assert(sh("sleep 1000", { timeout = 0.2 }))
    assert.is_nil((run({ args = { "nonesuch" } })))
    assert.is_nil((sh("true", { mounts = { { device = "bind", source = b.folder .. "/none",
      destination = "/mnt" } } })))
    assert.has_error(function()
      sh("echo x; sleep 1000", { stdout = function() error("mine", 0) end })
    end, "mine")
    assert.same({}, assert(b.factory:list()))
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("needs no factory", function()
    local before = machine.snapshot("ctr%-run%-")
    local result = assert(ctr.run({ rootfs = b.root, args = { "echo", "hello" } }))
    assert.equal("hello\n", result.stdout)
    assert.same(before, machine.snapshot("ctr%-run%-"))
  end)

  it("refuses what it cannot do, with the key", function()
    for key, value in pairs({ timeout = "soon", output_limit = -1, terminal = true, on = {} }) do
      local result, err = sh("true", { [key] = value })
      assert.is_nil(result)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(key, err.problems[1].path)
    end
    local result, err = sh("true", { limits = { memry = 1 } })
    assert.is_nil(result)
    assert.equal("limits.memry", err.path)
    assert.matches("run_spec.lua:%d+:", tostring(err))
  end)

  it("is misuse without a table", function()
    assert.has_error(function() ctr.run("true") end,
      "bad argument #1 to 'run' (table expected, got string)")
  end)

  describe("in a running container", function()
    local container, process

    before_each(function()
      container, process = b:sleeper()
    end)

    after_each(function()
      b:finish(container, process)
    end)

    local function inside(script, fields)
      fields = fields or {}
      fields.args, fields.env = { "sh", "-c", script }, { "PATH=/bin" }
      return container:run_inside(fields)
    end

    it("runs a program beside the others", function()
      local result = assert(inside("cat; hostname >&2; exit 4", { stdin = "text" }))
      assert.equal("text", result.stdout)
      assert.equal("box\n", result.stderr)
      assert.equal(4, result.code)
    end)

    it("waits for nobody who is left in the background", function()
      local result = assert(inside("yes & sleep 1000 & echo done >&2", { timeout = SECONDS,
        output_limit = 1024 }))
      assert.equal(0, result.code)
      assert.equal("done\n", result.stderr)
    end)

    it("kills what it started, and what comes from that, when the time is over", function()
      local result = assert(inside("(sleep 1001 & sleep 1002) & sleep 1003", { timeout = 0.5 }))
      assert.is_true(result.timed_out)
      assert.equal("SIGKILL", result.signal)
      local deadline = os.time() + SECONDS
      repeat
        local list = assert(inside("ps -o args | grep -c '^sleep 100[123]'")).stdout
      until list == "0\n" or os.time() > deadline
      assert.equal("0\n", assert(inside("ps -o args | grep -c '^sleep 100[123]'")).stdout)
    end)

    it("says why it could not be run", function()
      local result, err = container:run_inside({ args = { "nonesuch" }, env = { "PATH=/bin" } })
      assert.is_nil(result)
      assert.equal("process.args[1]", err.path)
      result, err = container:run_inside({ args = { "true" }, colour = 1 })
      assert.is_nil(result)
      assert.equal("ConfigInvalid", err.code)
    end)

    it("leaves no descriptor", function()
      inside("true")
      local before = machine.snapshot("none of them").descriptors
      assert(inside("cat", { stdin = "x" }))
      assert(inside("sleep 1000", { timeout = 0.1 }))
      assert.same(before, machine.snapshot("none of them").descriptors)
    end)
  end)
end)

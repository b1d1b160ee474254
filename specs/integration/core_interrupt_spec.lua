local core = require("ctr.core")

describe("ctr.core.interrupt", function()
  local children, was_compiled = {}, nil

  -- As at the prompt, nothing is compiled.
  before_each(function()
    was_compiled = jit.status()
    jit.off()
  end)

  after_each(function()
    if was_compiled then
      jit.on()
    end
    for _, child in ipairs(children) do
      core.proc.wait(child.pidfd, {})
      child.pidfd:close()
    end
    children = {}
  end)

  -- A key that is pressed while something runs.
  local function press_soon()
    local script = ("sleep 0.2; kill -INT %d"):format(core.proc.getpid())
    local child = assert(core.proc.spawn({ path = "/bin/sh", flags = 0,
      argv = { "sh", "-c", script } }))
    children[#children + 1] = child
  end

  local function call(spared, callback, ...)
    return { core.interrupt.call(spared, tostring, callback, ...) }
  end

  it("hands arguments in and values out", function()
    assert.same({ true, false, 1, 2, 3 }, call("@nowhere", function(...) return ... end, 1, 2, 3))
  end)

  it("tells what is raised, as the handler has it", function()
    local result = call("@nowhere", function() error({}, 0) end)
    assert.is_false(result[1])
    assert.is_false(result[2])
    assert.equal("table: ", result[3]:sub(1, 7))
  end)

  it("ends a loop, whoever catches errors in it", function()
    press_soon()
    local result = call("@nowhere", function()
      while true do
        pcall(function() while true do end end) -- luacheck: ignore 542
      end
    end)
    assert.is_false(result[1])
    assert.is_true(result[2])
    assert.truthy(result[3]:find("interrupted$"))
  end)

  it("has a wait fail once, and leaves spared code to end", function()
    local own = debug.getinfo(1, "S").source
    press_soon()
    local steps = {}
    local result = call(own, function()
      local ready, err = core.poll.wait({}, 60)
      steps[1] = ready == nil and err.errno
      steps[2] = core.poll.wait({}, 0.2) ~= nil
      return "undone"
    end)
    assert.same({ true, true, "undone" }, result)
    assert.same({ "EINTR", true }, steps)
  end)

  it("ends a read", function()
    local reader, writer = core.fd.pipe()
    press_soon()
    local result = call("@nowhere", function() return core.fd.read(reader, 1) end)
    assert.is_true(result[2])
    reader:close()
    writer:close()
  end)

  it("is no more when it returns: signals do what they did", function()
    local function caught()
      local file = assert(io.open("/proc/self/status"))
      local text = file:read("*a"):match("SigCgt:%s*(%x+)")
      file:close()
      return text
    end
    local before = caught()
    call("@nowhere", function() end)
    assert.equal(before, caught())
  end)

  it("is for one call at a time", function()
    local result = call("@nowhere", function()
      return pcall(core.interrupt.call, "@nowhere", tostring, function() end)
    end)
    assert.is_true(result[1])
    assert.is_false(result[3])
    assert.equal("EBUSY", result[4].errno)
  end)
end)

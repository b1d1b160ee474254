local core = require("ctr.core")
local guard = require("ctr.describe.guard")

local function endless()
  while true do end -- luacheck: ignore
end

describe("ctr.describe.guard", function()
  it("hands on what a function is given, and what it returns", function()
    assert.same({ true, 1, nil, 3 }, { guard.call({}, function(...) return ... end, 1, nil, 3) })
  end)

  it("hands on its errors as they are", function()
    local err = { "odd" }
    local ok, got = guard.call({}, function() error(err) end)
    assert.is_false(ok)
    assert.equal(err, got)
  end)

  it("ends what does not end", function()
    assert.same({ false, "takes more than 20 million instructions" },
      { guard.call({}, endless) })
  end)

  it("ends what uses up the memory", function()
    local ok, err = guard.call({ is_short = true }, function()
      local list = {}
      while true do
        list[#list + 1] = ("x"):rep(100000) .. #list
      end
    end)
    assert.is_false(ok)
    assert.truthy(tostring(err):find("memory", 1, true))
  end)

  it("has no yield lead out of it", function()
    local thread = coroutine.wrap(function()
      return guard.call({}, function() coroutine.yield("out") end)
    end)
    assert.same({ false, "yields outside a coroutine" }, { thread() })
  end)

  it("works in a coroutine, and below itself", function()
    local thread = coroutine.wrap(function()
      return guard.call({}, function()
        return select(2, guard.call({}, function() return "below" end))
      end)
    end)
    assert.same({ true, "below" }, { thread() })
  end)

  it("leaves everything as it was", function()
    local function hook() end
    local index, limit = getmetatable("").__index, core.proc.getrlimit("RLIMIT_AS")
    debug.sethook(hook, "", 1000000)
    local is_on = jit.status()
    guard.call({ is_short = true }, endless)
    local after, mask, count = debug.gethook()
    debug.sethook()
    assert.same({ hook, "", 1000000 }, { after, mask, count })
    assert.equal(is_on, (jit.status()))
    assert.equal(index, getmetatable("").__index)
    assert.equal(limit, (core.proc.getrlimit("RLIMIT_AS")))
  end)

  describe("wrap", function()
    it("makes a function that ends", function()
      assert.equal(3, guard.wrap(function(a, b) return a + b end)(1, 2))
      assert.has_error(guard.wrap(endless), "takes more than 20 million instructions")
    end)
  end)
end)

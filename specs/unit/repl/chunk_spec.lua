local chunk = require("ctr.repl.chunk")

describe("ctr.repl.chunk", function()
  local env

  before_each(function()
    env = {}
  end)

  local function run(text)
    return assert(chunk.compile(text, env))()
  end

  it("takes an expression without return, and with a sign of equality", function()
    assert.equal(3, run("1 + 2"))
    assert.equal(3, run("= 1 + 2"))
    assert.same({ 1, 2 }, { run("1, 2") })
    assert.equal(4, run("4 -- with a comment"))
  end)

  it("takes statements", function()
    assert.is_nil(run("x = 1 y = x + 1"))
    assert.same({ x = 1, y = 2 }, env)
  end)

  it("makes globals of what is declared local", function()
    run("local a, b = 1, 2")
    run("local function f() return a end")
    run("local c")
    assert.equal(1, env.a)
    assert.equal(1, env.f())
    assert.equal("nil", type(env.c))
  end)

  it("takes a local that is no declaration of the whole as it is", function()
    assert.equal(5, run("local x\nx = 5\nreturn x"))
  end)

  for _, text in ipairs({ "f(", "x = {", "if x then", "function f()", "[[a", "1 +", "--[[ a" }) do
    it("wants more of " .. text, function()
      local code, problem, is_unfinished = chunk.compile(text, env)
      assert.is_nil(code)
      assert.equal("string", type(problem))
      assert.is_true(is_unfinished)
    end)
  end

  for _, text in ipairs({ "1 +* 2", "x = = 3", "end", "'abc", "f())" }) do
    it("refuses " .. text, function()
      local code, problem, is_unfinished = chunk.compile(text, env)
      assert.is_nil(code)
      assert.equal("input:1: ", problem:sub(1, 9))
      assert.is_false(is_unfinished)
    end)
  end

  it("takes no bytecode", function()
    assert.is_nil((chunk.compile(string.dump(function() end), env)))
  end)

  it("knows what has nothing to run", function()
    assert.is_true(chunk.is_blank("  -- only a comment\n"))
    assert.is_false(chunk.is_blank("x -- and more"))
    assert.is_false(chunk.is_blank("--[[ begins"))
  end)
end)

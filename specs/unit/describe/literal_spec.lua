local literal = require("ctr.describe.literal")
local words = require("ctr.describe.words")

local function read(text)
  return assert(loadstring("local add, null = ... return " .. text))(words.add, words.null)
end

describe("ctr.describe.literal", function()
  it("writes what Lua reads as the same", function()
    for _, value in ipairs({ 1, -0.5, 2 ^ 53, 1e300, true, "a\"\\\n\0001\1279é", { 1, { a = 2 } },
      { ["end"] = 1, ["a b"] = 2, [7] = 3, a_1 = 4 }, {} }) do
      assert.same(value, read(literal.inline(value)))
      assert.same(value, read(literal.block(value)))
    end
    assert.equal(math.huge, read(literal.inline(math.huge)))
    assert.equal(words.null, read(literal.inline(words.null)))
  end)

  it("writes marks, and calls", function()
    assert.equal("add { 1 }", literal.inline(words.add({ 1 })))
    assert.equal("add", words.mark_of(read(literal.block(words.add({ ("x"):rep(200) })))))
    local call = literal.call("tmpfs", { 1 }, "/a", { size = 1 })
    assert.equal('{ tmpfs("/a", { size = 1 }) }', literal.inline({ call }))
    assert.same({ { 1 } }, literal.values({ call }))
  end)

  it("breaks lines that would be too long", function()
    assert.equal('{\n  names = {\n    "' .. ("x"):rep(90) .. '",\n  },\n  a = 1,\n}',
      literal.block({ a = 1, names = { ("x"):rep(90) } }))
  end)

  it("tells what has no literal by its kind", function()
    assert.equal("{ a function }", literal.inline({ print }))
  end)
end)

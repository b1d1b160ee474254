local plain = require("ctr.describe.plain")

local function problems(value, options)
  local _, found = plain.copy(value, "x", options or {})
  local list = {}
  for index, problem in ipairs(found) do
    list[index] = problem.path .. " " .. problem.text
  end
  return list
end

describe("ctr.describe.plain", function()
  it("copies all there is", function()
    local value = { 1, "a", { b = true }, [5] = { ["c d"] = 2 } }
    local copy = plain.copy(value, "", {})
    assert.same(value, copy)
    assert.are_not.equal(value[3], copy[3])
  end)

  it("runs no metamethod", function()
    local meta = { __index = error, __pairs = error, __len = error, __newindex = error }
    assert.same({ "x.a must be a plain table, without a metatable that stands in for its content" },
      problems({ a = setmetatable({}, meta) }))
  end)

  it("names what is no plain value by its path", function()
    assert.same({ "x must not have a table as a key" }, problems({ [{}] = 1 }))
    assert.same({ "x.a[1] must not be a thread" }, problems({ a = { coroutine.create(print) } }))
    assert.same({ "x.a must not be a userdata" }, problems({ a = io.stdin }))
  end)

  it("has an end", function()
    local ring = {}
    ring.ring = ring
    assert.same({ "x is nested too deeply" }, problems(ring))
    local wide = {}
    for _ = 1, 30 do
      wide = { wide, wide }
    end
    assert.same({ "x is too large" }, problems(wide))
  end)

  it("keeps what it is told to", function()
    local mark, opaque = {}, {}
    local token = setmetatable({}, opaque)
    local copy = plain.copy({ setmetatable({ 1 }, mark), token, print }, "", {
      kept = { [mark] = true }, opaque = { [opaque] = true },
      on_function = function() return "a function" end,
    })
    assert.equal(mark, getmetatable(copy[1]))
    assert.equal(token, copy[2])
    assert.equal("a function", copy[3])
  end)

  it("takes anything of who is trusted", function()
    local odd = setmetatable({}, {})
    assert.equal(odd, plain.copy({ odd, io.stdin }, "", { is_trusted = true })[1])
  end)

  it("sorts keys of any kind", function()
    assert.same({ 1, 2, 10, "a", "b" }, plain.sorted({ a = 1, b = 1, 1, 2, [10] = 1 }))
  end)
end)

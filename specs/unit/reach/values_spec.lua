local values = require("ctr.reach.values")

local MAX = 1000

local function there_and_back(...)
  local text = assert(values.encode({ n = select("#", ...), ... }, MAX))
  return values.decode(text)
end

describe("ctr.reach.values", function()
  it("brings plain data back as it was", function()
    local list = there_and_back(nil, true, false, 0, -1.5, 2 ^ 53, 1e300, "", "a\0b;:E",
      { 1, 2, { x = "y", [true] = false } }, nil)
    assert.same({ n = 11, nil, true, false, 0, -1.5, 2 ^ 53, 1e300, "", "a\0b;:E",
      { 1, 2, { x = "y", [true] = false } } }, list)
    assert.same({ n = 0 }, there_and_back())
  end)

  it("knows numbers that are none", function()
    local list = there_and_back(1 / 0, -1 / 0, 0 / 0)
    assert.equal(math.huge, list[1])
    assert.equal(-math.huge, list[2])
    assert.is_true(list[3] ~= list[3])
  end)

  it("refuses what is no plain data, goes round in a circle, or is too much", function()
    local circle = {}
    circle[1] = circle
    for what, value in pairs({ ["a function"] = print, ["a userdata"] = io.stdout,
      ["circle"] = circle, ["more than 1000 bytes"] = ("x"):rep(1000),
      ["a thread"] = { coroutine.create(print) } }) do
      local text, problem = values.encode({ n = 1, value }, MAX)
      assert.is_nil(text)
      assert.matches(what, problem, 1, true)
    end
  end)

  it("reads nothing but what it writes", function()
    for _, text in ipairs({ "x", "s3:ab", "s:a", "s99999999999:a", "s-1:a", "d;", "d1", "d1x;",
      "d0x10;", "dnone;", "T", "Tn", "TnnE", "Tdnan;tE", "Ts1:aE", "Ts1:atE E", "TttttE", "E",
      ("T"):rep(65), "n x" }) do
      assert.is_nil(values.decode(text), text)
    end
    local whole = assert(values.encode({ n = 2, { a = { 1, "two" } }, 3 }, MAX))
    for length = 1, #whole - 1 do
      local list = values.decode(whole:sub(1, length))
      assert.is_true(list == nil or list.n < 2)
    end
  end)

  it("bounds the depth and the number of values", function()
    local deep = ("Ttt"):rep(1) .. "E"
    assert.truthy(values.decode(deep))
    assert.is_nil(values.decode(("Tt"):rep(values.DEPTH_MAX + 1) .. "t"
      .. ("E"):rep(values.DEPTH_MAX + 1)))
    assert.is_nil(values.decode(("n"):rep(values.COUNT_MAX + 1)))
  end)

  it("survives what chance makes of it", function()
    local whole = assert(values.encode({ n = 3, { 1, 2, { x = "yes" } }, "text", -7.25 }, MAX))
    math.randomseed(1)
    for _ = 1, 2000 do
      local at = math.random(#whole)
      local text = whole:sub(1, at - 1) .. string.char(math.random(0, 255)) .. whole:sub(at + 1)
      local list = values.decode(text)
      assert.is_true(list == nil or type(list.n) == "number")
    end
  end)
end)

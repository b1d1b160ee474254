local displays = require("ctr.repl.display")
local errors = require("ctr.errors")
local styles = require("ctr.repl.style")

describe("ctr.repl.display", function()
  local function shown(value, size, is_plain)
    local display = displays.new(styles.new(false), size or { columns = 40, rows = 24 }, is_plain)
    return display:values({ count = 1, value })
  end

  it("writes scalars as Lua has them", function()
    assert.equal("1\n", shown(1))
    assert.equal("1.5\n", shown(1.5))
    assert.equal("9007199254740991\n", shown(2 ^ 53 - 1))
    assert.equal("true\n", shown(true))
    assert.equal("nil\n", shown(nil))
    assert.equal('"a\\"b\\e[31m\\9"\n', (shown('a"b\27[31m\9'):gsub("\\t", "\\9")))
  end)

  it("writes a string as it is where nobody looks", function()
    assert.equal("a\tb\n", shown("a\tb", nil, true))
  end)

  it("aligns the keys of a table", function()
    assert.equal('  a       1\n  longer  { 1, 2, x = "y" }\n',
      shown({ a = 1, longer = { 1, 2, x = "y" } }):gsub("%[1%] = 1, %[2%] = 2", "1, 2"))
  end)

  it("numbers a list, and cuts a long one with its count", function()
    assert.equal('1  "a"\n2  {}\n', shown({ "a", {} }))
    local list = {}
    for index = 1, 100 do
      list[index] = index
    end
    local text = shown(list, { columns = 40, rows = 12 })
    assert.truthy(text:find("\n  7  7\n… and 93 more of 100\n$"))
  end)

  it("makes columns of records, numbers to the right, and cuts what is too wide", function()
    assert.equal("id  text\n 1  a\n20\n", shown({ { id = 1, text = "a" }, { id = 20 } }))
    local text = shown({ { id = 1, text = ("x"):rep(80) }, { id = 2, text = "é" } })
    assert.equal("id  text\n 1  " .. ("x"):rep(35) .. "…\n 2  é\n", text)
  end)

  it("tells an object by what it is", function()
    assert.equal("error: no such thing\n", shown(errors.new("SystemError", "no such thing")))
    assert.equal("of its own\n", shown(setmetatable({}, { __tostring = function()
      return "of its own"
    end })))
    assert.equal("<thing>\n", shown(setmetatable({}, { __name = "thing" })))
  end)

  it("ends in a table that holds itself", function()
    local loop = {}
    loop.loop = loop
    assert.truthy(shown(loop):find("{ … }", 1, true))
  end)

  it("draws a description as a card", function()
    local description = assert(require("ctr.describe").build("web",
      { rootfs = "/", run = { "/bin/true" } }, {}))
    assert.truthy(shown(description):find("^description web\n  rootfs +/\n"))
  end)
end)

describe("ctr.repl.style", function()
  it("has colours where the terminal can show them, and nobody minds", function()
    local function wants(values)
      return styles.wants_colours(function(name) return values[name] end)
    end
    assert.is_true(wants({ TERM = "xterm" }))
    assert.is_true(wants({ TERM = "xterm", NO_COLOR = "" }))
    assert.is_false(wants({ TERM = "xterm", NO_COLOR = "1" }))
    assert.is_false(wants({ TERM = "dumb" }))
    assert.is_false(wants({}))
  end)
end)

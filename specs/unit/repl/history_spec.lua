local command = require("specs.support.command")
local histories = require("ctr.repl.history")

describe("ctr.repl.history", function()
  local folder, remove

  before_each(function()
    folder, remove = command.folder()
  end)

  after_each(function()
    remove()
  end)

  local function open(values)
    values = values or { XDG_STATE_HOME = folder }
    return histories.open(function(name) return values[name] end)
  end

  local function content()
    local file = assert(io.open(folder .. "/ctr/history"))
    local text = file:read("*a")
    file:close()
    return text
  end

  it("gives back what was added, of several lines as well", function()
    local history = open()
    assert.is_true(history:add("a\nb\\n"))
    assert.is_false(history:add("a\nb\\n"))
    assert.is_false(history:add(" blank"))
    history:close()
    assert.equal("a\\nb\\\\n\n", content())
    history = open()
    assert.same({ "a\nb\\n" }, history.entries)
    history:close()
  end)

  it("lies below HOME where XDG_STATE_HOME is not said or not absolute", function()
    for _, state in ipairs({ false, "relative" }) do
      local history = open({ HOME = folder, XDG_STATE_HOME = state or nil })
      assert.equal(folder .. "/.local/state/ctr/history", history.path)
      history:close()
    end
  end)

  it("is bounded, in memory and in the file", function()
    local file = assert(io.open(folder .. "/x", "w"))
    file:close()
    open():close()
    local out = assert(io.open(folder .. "/ctr/history", "w"))
    for index = 1, 2 * histories.MAX + 1 do
      out:write("entry ", index, "\n")
    end
    out:close()
    local history = open()
    assert.equal(histories.MAX, #history.entries)
    assert.equal("entry " .. 2 * histories.MAX + 1, history.entries[histories.MAX])
    history:close()
    local _, lines = content():gsub("\n", "")
    assert.equal(histories.MAX, lines)
  end)

  it("follows no link in place of the file", function()
    open():close()
    os.execute(("ln -s %s/secret %s/ctr/history"):format(folder, folder))
    local history = open()
    history:add("x = 1")
    history:close()
    assert.is_nil(io.open(folder .. "/secret"))
    assert.same({ "x = 1" }, history.entries)
  end)
end)

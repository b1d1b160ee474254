local timers = require("ctr.loop.timers")

describe("ctr.loop.timers", function()
  local list

  before_each(function()
    list = timers.new()
  end)

  local function names(items)
    local found = {}
    for index, item in ipairs(items) do
      found[index] = item.name
    end
    return table.concat(found)
  end

  local function add(name, when)
    local timer = { name = name }
    list:add(timer, when)
    return timer
  end

  it("come in the order of their times, and of their coming where those are the same", function()
    add("c", 3)
    add("a", 1)
    add("d", 3)
    add("b", 2)
    assert.equal("abcd", names(list:all()))
    assert.equal(1, list:first_time())
  end)

  it("are taken when their time has come", function()
    add("a", 1)
    add("b", 2)
    add("c", 3)
    assert.equal("ab", names(list:take_due(2)))
    assert.equal(3, list:first_time())
    assert.equal("", names(list:take_due(2)))
  end)

  it("can be removed", function()
    add("a", 1)
    local b = add("b", 2)
    list:remove(b)
    list:remove(b)
    assert.equal("a", names(list:all()))
  end)

  it("have no first time when there are none", function()
    assert.is_nil(list:first_time())
  end)
end)

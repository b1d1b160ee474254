local keys = require("ctr.reach.keys")

describe("ctr.reach.keys", function()
  it("reads sequences", function()
    for text, bytes in pairs({ ["ctrl-p,ctrl-q"] = "\16\17", ["ctrl-@"] = "\0", ["ctrl-]"] = "\29",
      ["CTRL-A,x"] = "\1x", [""] = "" }) do
      assert.equal(bytes, keys.parse(text))
    end
    for _, text in ipairs({ "ctrl-", "ctrl-1", "pq", ",", "ctrl-p," }) do
      local bytes, problem = keys.parse(text)
      assert.is_nil(bytes, text)
      assert.matches("ctrl%-a", problem)
    end
  end)

  local function typed(...)
    local filter, passed = keys.filter("\16\17"), {}
    for _, data in ipairs({ ... }) do
      local text, is_detached = filter:take(data)
      passed[#passed + 1] = text
      if is_detached then
        return table.concat(passed), true
      end
    end
    return table.concat(passed), false
  end

  it("finds the sequence, in one piece or in several", function()
    assert.same({ "ab", true }, { typed("ab\16\17cd") })
    assert.same({ "ab", true }, { typed("ab\16", "\17") })
    assert.same({ "\16", true }, { typed("\16\16", "\17") })
  end)

  it("passes on what does not become it", function()
    assert.same({ "a\16b", false }, { typed("a\16", "b") })
    assert.same({ "\17\16x", false }, { typed("\17\16x") })
    assert.same({ "", false }, { typed("\16") })
    assert.same({ "any\16\17", false }, { keys.filter(""):take("any\16\17") })
  end)
end)

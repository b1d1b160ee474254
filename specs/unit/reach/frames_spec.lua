local frames = require("ctr.reach.frames")

describe("ctr.reach.frames", function()
  it("takes frames apart that come in any pieces", function()
    local text = frames.pack("i", "one") .. frames.pack("w", "") .. frames.pack("i", "\0\255")
    for size = 1, #text do
      local reader, found = frames.reader("iw"), {}
      for at = 1, #text, size do
        reader:feed(text:sub(at, at + size - 1))
        local kind, data = reader:next()
        while kind do
          found[#found + 1] = kind .. data
          kind, data = reader:next()
        end
        assert.is_false(kind)
      end
      assert.same({ "ione", "w", "i\0\255" }, found)
    end
  end)

  it("refuses what is no frame", function()
    for _, text in ipairs({ "x00000000", "I00000000", "i0000000g", "iffffffff", "i00010001",
      "i 0000001a" }) do
      local reader = frames.reader("iw")
      reader:feed(text)
      assert.is_nil((reader:next()), text)
    end
  end)

  it("tells how a process ended", function()
    for text, result in pairs({ ["code 3"] = { code = 3 },
      ["signal SIGKILL"] = { signal = "SIGKILL" } }) do
      assert.equal(text, frames.ending(result))
      assert.same(result, frames.parse_ending(text))
    end
    assert.equal("unknown", frames.ending(nil))
    assert.same({}, frames.parse_ending("unknown"))
    assert.same({}, frames.parse_ending("code 3000000000"))
  end)
end)

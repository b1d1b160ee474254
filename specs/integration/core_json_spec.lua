local core = require("ctr.core")
local errors = require("ctr.errors")

local json = core.json

local function refused(errno, value, err)
  assert.is_nil(value)
  assert.is_true(errors.is(err))
  assert.equal(errno, err.errno)
end

describe("ctr.core.json", function()
  describe("encode", function()
    it("sorts keys, and keeps integers whole", function()
      assert.equal('{"a":1,"b":[1,2.5,-3],"c":{"d":true,"e":null}}',
        json.encode({ c = { e = json.null, d = true }, b = { 1, 2.5, -3 }, a = 1 }))
      assert.equal("[9007199254740992,-9007199254740992,0]",
        json.encode({ 2 ^ 53, -2 ^ 53, -0 }))
    end)

    it("writes reals in as few digits as they need", function()
      assert.equal("[0.1,0.25]", json.encode({ 0.1, 0.25 }))
      local third = json.decode(json.encode({ 1 / 3, math.pi * 1e300 }))
      assert.equal(1 / 3, third[1])
      assert.equal(math.pi * 1e300, third[2])
    end)

    it("writes an empty table as an object unless it is marked", function()
      assert.equal("{}", json.encode({}))
      assert.equal("[]", json.encode(json.array({})))
      assert.equal('{"a":[],"b":{}}', json.encode({ a = json.array({}), b = {} }))
    end)

    it("indents when told to", function()
      assert.equal('{\n  "a": [\n    1\n  ]\n}', json.encode({ a = { 1 } }, { indent = 2 }))
      assert.has_error(function() json.encode({}, { indent = 32 }) end)
      assert.has_error(function() json.encode({}, { indent = "2" }) end)
      assert.has_error(function() json.encode({}, { pretty = true }) end)
      assert.has_error(function() json.encode() end)
    end)

    it("writes a lone value", function()
      assert.equal('"a\\"\\n\\u0001ü"', json.encode("a\"\n\1ü"))
      assert.equal("null", json.encode(json.null))
      assert.equal("false", json.encode(false))
    end)

    it("refuses what JSON has not", function()
      refused("EINVAL", json.encode({ 1, nil, 3, a = 4 }))
      refused("EINVAL", json.encode({ 1, nil, 3 }))
      refused("EINVAL", json.encode({ [1.5] = 1 }))
      refused("EINVAL", json.encode({ [true] = 1 }))
      refused("EINVAL", json.encode(json.array({ a = 1 })))
      refused("EINVAL", json.encode({ 0 / 0 }))
      refused("EINVAL", json.encode({ math.huge }))
      refused("EINVAL", json.encode({ print }))
      refused("EINVAL", json.encode({ io.stdout }))
      refused("EINVAL", json.encode({ "a\0b" }))
      refused("EINVAL", json.encode({ ["a\0b"] = 1 }))
      refused("EILSEQ", json.encode({ "\255" }))
      refused("EILSEQ", json.encode({ ["\255"] = 1 }))
      refused("EINVAL", json.encode(nil))
    end)

    it("refuses a table that holds itself, and a depth beyond 128", function()
      local ring = {}
      ring[1] = { ring }
      refused("ELOOP", json.encode(ring))
      local deep = {}
      for _ = 1, 127 do
        deep = { deep }
      end
      assert.truthy(json.encode(deep))
      refused("ELOOP", json.encode({ deep }))
    end)
  end)

  describe("decode", function()
    it("reads what encode wrote", function()
      local value = { a = { 1, 2, { b = "c" } }, d = json.null, e = false, f = -1.5 }
      assert.same(value, json.decode(json.encode(value)))
      assert.equal("[]", json.encode(json.decode("[]")))
      assert.equal('{"a":[]}', json.encode(json.decode('{"a":[]}')))
    end)

    it("reads integers that a number does not hold as decimal strings", function()
      assert.same({
        9007199254740992, "9007199254740993", "9223372036854775807", "9223372036854775808",
        "18446744073709551615", "-9223372036854775808", 1.8446744073709552e19,
      }, json.decode("[9007199254740992,9007199254740993,9223372036854775807," ..
        "9223372036854775808, 18446744073709551615 ,-9223372036854775808," ..
        "18446744073709551615.0]"))
      local large = "18446744073709551615"
      assert.same({ hard = large, text = large .. " \" " .. large },
        json.decode(('{"hard":%s,"text":"%s \\" %s"}'):format(large, large, large)))
      refused("EBADMSG", json.decode("[18446744073709551616]"))
      refused("EBADMSG", json.decode("[-9223372036854775809]"))
      refused("EBADMSG", json.decode("[018446744073709551615]"))
      refused("EBADMSG", json.decode("[18446744073709551615x]"))
      refused("EBADMSG", json.decode("[x18446744073709551615]"))
      refused("EBADMSG", json.decode("{18446744073709551615:1}"))
      refused("EBADMSG", json.decode("{18446744073709551615 :1}"))
      refused("EBADMSG", json.decode("18446744073709551615"))
    end)

    it("refuses what is not strictly JSON, and says where", function()
      for _, text in ipairs({ "", " ", "{", "[1,]", "{\"a\":1,}", "[1] x", "[1][2]", "{'a':1}",
        "nul", "1", "\"text\"", "[NaN]", "[01]", "[+1]", "[.5]", "[\"\\u0000\"]", "{\"\\u0000\":1}",
        "[\"\255\"]", "[\"\t\"]", "[1]\0", "// c\n[1]", "{\"a\":1,\"a\":2}", "[1e999]",
        "\239\187\191[1]" }) do
        refused("EBADMSG", json.decode(text))
      end
      local _, err = json.decode("{\n\"a\": flase}")
      assert.equal("json.decode", err.op)
      assert.truthy(err.target:find("^line 2 column %d+ %("))
    end)

    it("refuses a depth beyond 128, however deep", function()
      assert.truthy(json.decode(("["):rep(128) .. ("]"):rep(128)))
      refused("ELOOP", json.decode(("["):rep(129) .. ("]"):rep(129)))
      refused("EBADMSG", json.decode(("["):rep(1000000)))
      refused("EBADMSG", json.decode(("{\"a\":"):rep(1000000)))
    end)

    it("refuses a wrong type", function()
      assert.has_error(function() json.decode(nil) end)
      assert.has_error(function() json.decode({}) end)
    end)
  end)

  describe("array", function()
    it("marks the table itself", function()
      local list = {}
      assert.equal(list, json.array(list))
      assert.has_error(function() json.array("x") end)
    end)
  end)
end)

local gvariant = require("ctr.cgroup.gvariant")

describe("ctr.cgroup.gvariant", function()
  describe("parse", function()
    local function read(text)
      local signature, value = gvariant.parse(text)
      return signature and { signature, value }
    end

    it("reads integers of each size, as digits", function()
      assert.same({ "t", "123456789" }, read("uint64 123456789"))
      assert.same({ "t", "18446744073709551615" }, read("uint64 18446744073709551615"))
      assert.same({ "x", "-9223372036854775808" }, read("int64 -9223372036854775808"))
      assert.same({ "i", "-5" }, read("-5"))
      assert.same({ "i", "5" }, read(" +5 "))
      assert.same({ "u", "4294967295" }, read("@u 4294967295"))
      assert.same({ "y", "255" }, read("byte 0xff"))
      assert.same({ "n", "-32768" }, read("int16 -32768"))
      assert.same({ "q", "8" }, read("uint16 010"))
      assert.same({ "i", "0" }, read("-0"))
    end)

    it("reads truth, fractions and texts", function()
      assert.same({ "b", true }, read("true"))
      assert.same({ "b", false }, read("boolean false"))
      assert.same({ "d", 1.5 }, read("1.5"))
      assert.same({ "d", 2 }, read("double 2"))
      assert.same({ "s", "it's" }, read([["it's"]]))
      assert.same({ "s", "it's\t\\é€😀" }, read([['it\'s\t\\\u00e9\u20ac\U0001f600']]))
      assert.same({ "s", "" }, read("string ''"))
    end)

    it("reads lists of texts", function()
      assert.same({ "as", { "a.service", "b" } }, read([==[['a.service', "b"]]==]))
      assert.same({ "as", {} }, read("@as []"))
      assert.same({ "as", { "a" } }, read("@as [ 'a', ]"))
    end)

    it("refuses what it cannot read, and what is out of range", function()
      for _, text in ipairs({ "", " ", "text", "'open", "uint64 -1", "byte 256", "2147483648",
        "uint64 18446744073709551616", "int32 1.5", "uint64 'a'", "@as 5", "@t 'a'", "[]", "[1, 2]",
        "['a' 'b']", "['a'", "true false", "5 5", "{'a': 1}", "('a',)", "uint64 0x", "double x",
        [['\u00']], [['\u0000']], [['\U00110000']], "boolean 1", "@a{sv} {}", "int32 true",
        "@s true", "@ 5" }) do
        local signature, problem = gvariant.parse(text)
        assert.is_nil(signature, text)
        assert.matches("GVariant", problem)
      end
    end)
  end)

  describe("property", function()
    it("is what systemd takes", function()
      assert.same({ "CollectMode", "s", "inactive" }, gvariant.property("CollectMode",
        "'inactive'"))
      assert.same({ "TimeoutStopUSec", "t", "1" }, gvariant.property("TimeoutStopUSec",
        "uint64 1"))
    end)

    it("turns seconds into microseconds", function()
      assert.same({ "TimeoutStopUSec", "t", "5000000" }, gvariant.property("TimeoutStopSec",
        "int32 5"))
      assert.same({ "TimeoutStopUSec", "t", "500000" }, gvariant.property("TimeoutStopSec", "0.5"))
      for _, text in ipairs({ "'5'", "-1", "true", "-0.5", "uint64 18446744073709551615" }) do
        local property, problem = gvariant.property("TimeoutStopSec", text)
        assert.is_nil(property, text)
        assert.matches("number of seconds", problem)
      end
    end)

    it("says what is wrong with a value", function()
      local property, problem = gvariant.property("CollectMode", "inactive")
      assert.is_nil(property)
      assert.matches("GVariant", problem)
    end)
  end)
end)

local units = require("ctr.config.units")

describe("ctr.config.units", function()
  describe("size", function()
    for text, bytes in pairs({
      ["0"] = 0,
      ["512"] = 512,
      ["512b"] = 512,
      ["65536k"] = 67108864,
      ["64K"] = 65536,
      ["64KiB"] = 65536,
      ["512M"] = 536870912,
      ["512 MiB"] = 536870912,
      ["1.5G"] = 1610612736,
      ["2T"] = 2199023255552,
      ["1p"] = 1125899906842624,
      ["8P"] = 2 ^ 53,
    }) do
      it("reads " .. text, function()
        assert.equal(bytes, units.size(text))
      end)
    end

    it("takes a number for bytes", function()
      assert.equal(4096, units.size(4096))
      assert.equal(2 ^ 53, units.size(2 ^ 53))
    end)

    it("drops what is less than a byte", function()
      assert.equal(1181116006, units.size("1.1G"))
    end)

    it("suggests the unit that was meant", function()
      for text, meant in pairs({ ["256MB"] = "256M", ["1.5 gigabytes"] = "1.5G", ["64kb"] = "64K",
        ["12bytes"] = "12" }) do
        local _, problem = units.size(text)
        assert.truthy(problem:find(('; did you mean "%s"?'):format(meant), 1, true), problem)
      end
      assert.is_nil(select(2, units.size("256Q")):find("did you mean", 1, true))
    end)

    it("reads no limit only where there may be none", function()
      assert.equal(-1, units.size(-1, true))
      assert.equal(-1, units.size("-1", true))
      assert.equal(-1, units.size("unlimited", true))
      assert.is_nil(units.size(-1))
      assert.is_nil(units.size("unlimited"))
    end)

    local help = "must be a size: bytes, or a number with K, M, G, T or P, as in 512M"
    for _, text in ipairs({
      "", "M", "12Q", "-5", "+5", "5.M", ".5M", "1.5", "1e3", "0x10", "5iB", "5 5", "5M ",
      " 5M", "5\0", "nan", "inf", "5M5",
    }) do
      it("refuses " .. ("%q"):format(text), function()
        assert.same({ nil, help }, { units.size(text, true) })
      end)
    end

    for text, value in pairs({
      ["must not be negative"] = -2,
      ["must not be more than 2^53 bytes"] = 2 ^ 53 + 2,
      ["must be a whole number of bytes"] = 1.5,
      [help] = {},
    }) do
      it("says that a size " .. text, function()
        assert.same({ nil, text }, { units.size(value) })
      end)
    end

    it("refuses what is not finite", function()
      assert.is_nil(units.size(0 / 0))
      assert.is_nil(units.size(math.huge))
      assert.is_nil(units.size(-math.huge, true))
      assert.is_nil(units.size(("9"):rep(400)))
      assert.is_nil(units.size("9007199254740994"))
      assert.is_nil(units.size("9P"))
    end)
  end)

  describe("duration", function()
    for text, seconds in pairs({
      ["30s"] = 30,
      ["500ms"] = 0.5,
      ["2m"] = 120,
      ["1h"] = 3600,
      ["1m30s"] = 90,
      ["1.5s"] = 1.5,
      ["7"] = 7,
    }) do
      it("reads " .. text, function()
        assert.equal(seconds, units.duration(text))
      end)
    end

    it("takes a number for seconds", function()
      assert.equal(0.25, units.duration(0.25))
    end)

    for _, value in ipairs({ "", "s", "-1s", "5q", "5s5", "1m 30s", {}, true }) do
      it("refuses " .. tostring(value):gsub("0x.*", ""), function()
        local seconds, text = units.duration(value)
        assert.is_nil(seconds)
        assert.truthy(text:find("^must be a duration"))
      end)
    end

    it("refuses what is negative or endless", function()
      for _, value in ipairs({ -1, math.huge, 0 / 0 }) do
        assert.same({ nil, "must be neither negative nor endless" }, { units.duration(value) })
      end
    end)
  end)

  describe("cpus", function()
    it("is a quota of a period", function()
      assert.same({ 50000, 100000 }, { units.cpus(0.5) })
      assert.same({ 150000, 100000 }, { units.cpus("1.5") })
    end)

    it("refuses what is no share", function()
      assert.same({ nil, "must be a number of processors, as in 0.5" }, { units.cpus("half") })
      for _, value in ipairs({ 0, -1, 0.001, 1e9, 0 / 0 }) do
        assert.same({ nil, "must be from 0.01 to 65536 processors" }, { units.cpus(value) })
      end
    end)
  end)

  describe("decimal_less", function()
    it("compares numbers that are too long for a number", function()
      assert.is_true(units.decimal_less("18446744073709551614", "18446744073709551615"))
      assert.is_false(units.decimal_less("18446744073709551615", "18446744073709551615"))
      assert.is_true(units.decimal_less("9", "10"))
      assert.is_false(units.decimal_less("10", "9"))
    end)
  end)
end)

local words = require("ctr.seccomp.words")

describe("ctr.seccomp.words", function()
  describe("unsigned", function()
    it("reads numbers, decimal and hexadecimal digits of 64 bits", function()
      assert.equal(0, words.unsigned(0))
      assert.equal(2 ^ 53, words.unsigned(2 ^ 53))
      assert.equal(4096, words.unsigned("4096"))
      assert.equal(0x7e020000, words.unsigned("0x7e020000"))
      assert.equal("18446744073709551615", words.unsigned("0xFFFFFFFFffffffff"))
      assert.equal("18446744073709551615", words.unsigned("18446744073709551615"))
      assert.equal("9007199254740993", words.unsigned("9007199254740993"))
      assert.equal(7, words.unsigned("00000000000000000000000007"))
    end)

    it("refuses what is none", function()
      for _, value in ipairs({ -1, 1.5, 2 ^ 53 + 2, 1 / 0, "", "-1", "+1", " 1", "1 ", "0x", "1e3",
        "18446744073709551616", "0x10000000000000000", "99999999999999999999", "x", "0x1g" }) do
        assert.is_nil(words.unsigned(value), tostring(value))
      end
      assert.is_nil(words.unsigned(true))
      assert.is_nil(words.unsigned({}))
    end)
  end)

  describe("halves", function()
    it("takes a value apart", function()
      assert.same({ 0, 5 }, { words.halves(5) })
      assert.same({ 1, 2 }, { words.halves(2 ^ 32 + 2) })
      assert.same({ 0xffffffff, 0xffffffff }, { words.halves("18446744073709551615") })
      assert.same({ 0x80000001, 0x00000002 }, { words.halves("9223372041149743106") })
    end)
  end)

  describe("flag_mask", function()
    local function mask(flags, action)
      return words.flag_mask({ flags = flags, syscalls = {
        { names = { "mkdir" }, action = action or "SCMP_ACT_ERRNO", args = {} } } })
    end

    it("is SPEC_ALLOW where nothing is said, and nothing where that is said", function()
      assert.equal(4, mask(nil))
      assert.equal(0, mask({}))
    end)

    it("asks for a listener where somebody is to be asked", function()
      assert.equal(8, mask({}, "SCMP_ACT_NOTIFY"))
      assert.equal(8 + 32, mask({ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" }, "SCMP_ACT_NOTIFY"))
      assert.equal(0, mask({ "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV" }))
    end)

    it("leaves out TSYNC, for there is one thread", function()
      assert.equal(2, mask({ "SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG" }))
    end)
  end)
end)

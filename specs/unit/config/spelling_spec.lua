local spelling = require("ctr.config.spelling")

describe("ctr.config.spelling", function()
  describe("quote", function()
    it("makes a text printable", function()
      assert.equal([["a\"b\\c\27[2J"]], spelling.quote('a"b\\c\27[2J'))
    end)

    it("cuts what is long", function()
      assert.equal('"' .. ("x"):rep(64) .. '…"', spelling.quote(("x"):rep(1000)))
    end)
  end)

  describe("nearest", function()
    local words = { destination = true, device = true, source = true, ro = true }

    it("finds a word with a letter missing, added, changed or swapped", function()
      assert.equal("destination", spelling.nearest("destinaton", words))
      assert.equal("destination", spelling.nearest("desttination", words))
      assert.equal("device", spelling.nearest("devise", words))
      assert.equal("source", spelling.nearest("soruce", words))
    end)

    it("looks past capitals", function()
      assert.equal("source", spelling.nearest("Source", words))
    end)

    it("finds nothing where nothing is near", function()
      assert.is_nil(spelling.nearest("colour", words))
      assert.is_nil(spelling.nearest("", words))
      assert.is_nil(spelling.nearest(("x"):rep(100000), words))
    end)

    it("takes the first by alphabet among equals", function()
      assert.equal("cat", spelling.nearest("at", { rat = true, cat = true, hat = true }))
    end)
  end)

  describe("unknown", function()
    it("quotes the word and names the one that is near", function()
      assert.equal('is not a flag: "rx"; did you mean "ro"?',
        spelling.unknown("is not a flag", "rx", { ro = true }))
    end)

    it("quotes the word alone where nothing is near", function()
      assert.equal('is not a flag: "colour"', spelling.unknown("is not a flag", "colour", {}))
    end)
  end)

  describe("missing", function()
    it("puts the word into the sentence", function()
      assert.equal('no user "wbe" here; did you mean "web"?',
        spelling.missing("no user %s here", "wbe", { web = true }))
    end)
  end)
end)

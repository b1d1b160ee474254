local columns = require("ctr.cli.columns")

describe("ctr.cli.columns", function()
  describe("text", function()
    it("pads every column but the last with spaces", function()
      assert.equal("ID      PID   OWNER\nlong1   7     root\nx       42    me\n",
        columns.text({ { "ID", "PID", "OWNER" }, { "long1", "7", "root" }, { "x", "42", "me" } }))
    end)
  end)
end)

local times = require("ctr.cli.times")

describe("ctr.cli.times", function()
  describe("rfc3339", function()
    for seconds, text in pairs({
      [0] = "1970-01-01T00:00:00.000000Z",
      [1769850902.123456] = "2026-01-31T09:15:02.123456Z",
      [1769850902.9999999] = "2026-01-31T09:15:03.000000Z",
    }) do
      it("writes " .. text, function()
        assert.equal(text, times.rfc3339(seconds))
      end)
    end
  end)
end)

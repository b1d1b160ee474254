local duration = require("ctr.cli.duration")

describe("ctr.cli.duration", function()
  describe("seconds", function()
    for text, seconds in pairs({
      ["5s"] = 5, ["100ms"] = 0.1, ["1m30s"] = 90, ["1.5h"] = 5400, ["2h45m"] = 9900, ["0"] = 0,
      ["0s"] = 0, [".5s"] = 0.5, ["1µs"] = 1e-6, ["1us"] = 1e-6, ["1ns"] = 1e-9,
    }) do
      it("reads " .. text, function()
        assert.near(seconds, duration.seconds(text), 1e-12)
      end)
    end

    for _, text in ipairs({ "", "5", "s", "-5s", "5 s", "5x", "1.2.3s", "5s5" }) do
      it(("refuses %q"):format(text), function()
        assert.is_nil(duration.seconds(text))
      end)
    end
  end)
end)

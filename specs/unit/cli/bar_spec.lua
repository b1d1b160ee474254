local bar = require("ctr.cli.bar")

local function info(changes)
  local all = { step = "memory", bytes_written = 20480, pages_written = 5, pages_expected = 20,
    iteration = 1 }
  for key, value in pairs(changes or {}) do
    all[key] = value
  end
  return all
end

describe("ctr.cli.bar", function()
  it("tells sizes as people do", function()
    assert.equal("0 B", bar.size_text(0))
    assert.equal("1023 B", bar.size_text(1023))
    assert.equal("1.0 KiB", bar.size_text(1024))
    assert.equal("47.5 MiB", bar.size_text(47.5 * 2 ^ 20))
    assert.equal("4096.0 TiB", bar.size_text(2 ^ 52))
  end)

  it("shows how much of what is expected is there", function()
    assert.equal("[#######-----------------------]  25% 20.0 KiB of 80.0 KiB memory",
      bar.line(info({ word = "memory" }), 80))
  end)

  it("is full at the end, whatever was expected", function()
    assert.equal("[##############################] 100% 20.0 KiB of 80.0 KiB",
      bar.line(info({ step = "post-dump" }), 80))
    assert.equal("[##############################] 100% 20.0 KiB of 20.0 KiB",
      bar.line(info({ pages_expected = 0 }), 80))
  end)

  it("says which of several it is", function()
    assert.matches("of 80.0 KiB, iteration 3$", bar.line(info({ iteration = 3 }), 80))
  end)

  it("is shorter than the terminal's line", function()
    for columns = 1, 100 do
      assert.is_true(#bar.line(info({ word = "finishing" }), columns) < columns)
    end
    assert.equal("[#####] 100% 20.0 KiB of 80.0 KiB", bar.line(info({ step = "done" }), 34))
    assert.equal(" 25% 20", bar.line(info(), 8))
  end)
end)

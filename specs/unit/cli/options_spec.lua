local options = require("ctr.cli.options")

local ROWS = {
  { name = "root", value = "DIR" },
  { name = "log-level", value = "LEVEL", choices = { "error", "debug" } },
  { name = "env", short = "e", value = "NAME=VALUE", many = true },
  { name = "bundle", short = "b", value = "DIR" },
  { name = "detach", short = "d" },
  { name = "tty", short = "t" },
  { name = "version", short = "vV" },
  { name = "no-subreaper" },
}

describe("ctr.cli.options", function()
  describe("read", function()
    local function read(...)
      local values = {}
      local at, ended = options.read({ ... }, 1, ROWS, values)
      return values, at, ended
    end

    for _, case in ipairs({
      { { "--root", "/x" }, { root = "/x" } },
      { { "--root=/x" }, { root = "/x" } },
      { { "-root", "/x" }, { root = "/x" } },
      { { "-root=/x" }, { root = "/x" } },
      { { "--root=" }, { root = "" } },
      { { "--root", "" }, { root = "" } },
      { { "--root=a=b" }, { root = "a=b" } },
      { { "--root", "-" }, { root = "-" } },
      { { "--root", "--tty" }, { root = "--tty" } },
      { { "--root", "a", "--root=b" }, { root = "b" } },
      { { "-no-subreaper" }, { ["no-subreaper"] = true } },
      { { "--detach" }, { detach = true } },
      { { "--detach=true" }, { detach = true } },
      { { "--detach=false" }, { detach = false } },
      { { "--detach", "--detach=false" }, { detach = false } },
      { { "-dt" }, { detach = true, tty = true } },
      { { "-d=false" }, { detach = false } },
      { { "-dt=false" }, { detach = true, tty = false } },
      { { "-b", "/x" }, { bundle = "/x" } },
      { { "-b/x" }, { bundle = "/x" } },
      { { "-b=/x" }, { bundle = "/x" } },
      { { "-dtb", "/x" }, { detach = true, tty = true, bundle = "/x" } },
      { { "-v" }, { version = true } },
      { { "-V" }, { version = true } },
      { { "-e", "A=1", "--env=B=2", "-eC=3" }, { env = { "A=1", "B=2", "C=3" } } },
      { { "--log-level", "debug" }, { ["log-level"] = "debug" } },
    }) do
      it("reads " .. table.concat(case[1], " "), function()
        local values, at, ended = read(unpack(case[1]))
        assert.same(case[2], values)
        assert.equal(#case[1] + 1, at)
        assert.is_false(ended)
      end)
    end

    it("stops at the first argument that is no option", function()
      local values, at, ended = read("-d", "id", "-t")
      assert.same({ detach = true }, values)
      assert.same({ 2, false }, { at, ended })
    end)

    it("takes a dash alone, and nothing, for arguments", function()
      for _, word in ipairs({ "-", "" }) do
        local _, at = read(word, "-d")
        assert.equal(1, at)
      end
    end)

    it("stops behind two dashes", function()
      local values, at, ended = read("-d", "--", "-t")
      assert.same({ detach = true }, values)
      assert.same({ 3, true }, { at, ended })
    end)

    for _, case in ipairs({
      { { "--root" }, "flag needs an argument: --root" },
      { { "-root" }, "flag needs an argument: --root" },
      { { "-b" }, "flag needs an argument: -b" },
      { { "-db" }, "flag needs an argument: -b" },
      { { "--rot", "x" }, 'there is no such option: "--rot"; did you mean "--root"?' },
      { { "-x" }, 'there is no such option: "-x"' },
      { { "-dx" }, 'there is no such option: "-x of -dx"' },
      { { "--detach=perhaps" }, '--detach is true or false, not "perhaps"' },
      { { "-d=perhaps" }, '-d is true or false, not "perhaps"' },
      { { "--log-level", "loud" }, "--log-level must be one of error, debug" },
    }) do
      it("refuses " .. table.concat(case[1], " "), function()
        local _, at, problem = read(unpack(case[1]))
        assert.is_nil(at)
        assert.equal(case[2], problem)
      end)
    end
  end)
end)

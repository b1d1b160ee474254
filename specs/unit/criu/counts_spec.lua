local command = require("specs.support.command")
local core = require("ctr.core")
local counts = require("ctr.criu.counts")

describe("ctr.criu.counts", function()
  describe("bytes_of", function()
    it("reads what CRIU's log says is handed on, in the words of several versions", function()
      for line, bytes in pairs({
        ["(00.1) page-xfer: \tp 0x401000 - 0x402000"] = 4096,
        ["(00.1) page-xfer: \tp 0x7f2f2375f000 - 0x7f2f23842000"] = 0xe3000,
        ["(00.1) page-xfer: \tp 0x401000 [12]"] = 12 * 4096,
        ["(00.1) page-xfer: \th 0x401000 [12]"] = 0,
        ["(00.1) page-xfer: \tbuf 6/2"] = 0,
        ["(00.1) Dumping pages: p 0x401000 - 0x402000"] = 0,
        [""] = 0,
      }) do
        assert.equal(bytes, counts.bytes_of(line), line)
      end
    end)
  end)

  describe("iteration", function()
    local folder, remove, root

    setup(function()
      folder, remove = command.folder({ ["1/x"] = "", ["2/x"] = "", ["3/x"] = "" })
      root = assert(core.path.open_root(folder))
      assert(core.path.symlink(root, "../1", "2/parent"))
    end)

    teardown(function()
      root:close()
      remove()
    end)

    local function iteration(parent)
      local dir = assert(core.fd.open(folder .. "/3", { flags = { "path", "directory" } }))
      local number = counts.iteration(dir, parent)
      dir:close()
      return number
    end

    it("counts the images that a dump builds on", function()
      assert.equal(1, iteration(""))
      assert.equal(2, iteration("../1"))
      assert.equal(3, iteration("../2"))
    end)

    it("ends where a chain leads nowhere, or in a circle", function()
      assert.equal(1, iteration("../gone"))
      assert(core.path.symlink(root, "../2", "1/parent"))
      assert.equal(3, iteration("../1"))
    end)
  end)
end)

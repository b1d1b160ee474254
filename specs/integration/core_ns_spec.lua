local core = require("ctr.core")
local host = require("specs.support.host")

local ns = core.ns

describe("ctr.core.ns", function()
  local before

  before_each(function()
    before = host.open_fds()
  end)

  after_each(function()
    assert.equal(before, host.open_fds())
  end)

  describe("open", function()
    it("opens each kind of namespace and names it", function()
      for kind, file in pairs(ns.files) do
        if ns.supported(kind) then
          local handle, found = assert(ns.open("/proc/self/ns/" .. file))
          assert.equal(kind, found)
          assert.equal("nsfs", core.path.fs_type(handle, ""))
          handle:close()
        end
      end
    end)

    it("refuses what is no namespace, without waiting for it", function()
      local dir, name, remove = host.folder()
      assert(core.path.mkfifo(dir, "fifo", 384))
      for _, path in ipairs({ "/dev/null", "/proc/self/status", name .. "/fifo", name }) do
        local handle, err = ns.open(path)
        assert.is_nil(handle)
        assert.equal("EINVAL", err.errno)
        assert.equal(path .. " (not a namespace)", err.target)
      end
      local _, err = ns.open(name .. "/none")
      assert.same({ "ENOENT", "open", name .. "/none" }, { err.errno, err.op, err.target })
      remove()
      assert.has_error(function() ns.open(nil) end)
    end)
  end)

  describe("supported", function()
    it("asks the kernel", function()
      assert.is_true(ns.supported("NEWNS"))
      assert.is_true(ns.supported("NEWPID"))
      assert.has_error(function() ns.supported("NEWMOON") end)
    end)
  end)

  describe("flags and files", function()
    it("are libcontainer's names", function()
      assert.equal(131072, ns.flags.NEWNS)
      assert.equal(1073741824, ns.flags.NEWNET)
      assert.equal(128, ns.flags.NEWTIME)
      assert.equal("mnt", ns.files.NEWNS)
      assert.equal("cgroup", ns.files.NEWCGROUP)
    end)
  end)
end)

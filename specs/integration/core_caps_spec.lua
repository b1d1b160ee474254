local core = require("ctr.core")
local errors = require("ctr.errors")

local caps = core.caps

describe("ctr.core.caps", function()
  describe("last and names", function()
    it("are the kernel's", function()
      local file = assert(io.open("/proc/sys/kernel/cap_last_cap"))
      assert.equal(tonumber(file:read("*l")), caps.last())
      file:close()
      assert.equal(caps.last() + 1, #caps.names)
      assert.equal("CAP_CHOWN", caps.names[1])
      assert.equal("CAP_SYS_ADMIN", caps.names[22])
    end)
  end)

  describe("number", function()
    it("knows the kernel's names and no others", function()
      assert.equal(0, caps.number("CAP_CHOWN"))
      assert.equal(21, caps.number("CAP_SYS_ADMIN"))
      for _, wrong in ipairs({ "cap_chown", "CHOWN", "CAP_", "", "0", "CAP_CHOWN ", "CAP_NONE",
        ("CAP_"):rep(100) }) do
        assert.is_nil(caps.number(wrong))
      end
      assert.has_error(function() caps.number({}) end)
    end)

    it("is the place in the names, less one", function()
      for index, name in ipairs(caps.names) do
        assert.equal(index - 1, caps.number(name))
      end
    end)
  end)

  describe("mask", function()
    it("has a bit for each name", function()
      assert.equal("0", caps.mask({}))
      assert.equal("1", caps.mask({ "CAP_CHOWN" }))
      assert.equal("2097185", caps.mask({ "CAP_SYS_ADMIN", "CAP_CHOWN", "CAP_KILL", "CAP_KILL" }))
      assert.equal("1099511627776", caps.mask({ "CAP_CHECKPOINT_RESTORE" }))
    end)

    it("refuses a name that is not known", function()
      local mask, err = caps.mask({ "CAP_CHOWN", "CAP_FLY" })
      assert.is_nil(mask)
      assert.is_true(errors.is(err))
      assert.same({ "EINVAL", "capability", "CAP_FLY (not known)" },
        { err.errno, err.op, err.target })
      assert.has_error(function() caps.mask("CAP_CHOWN") end)
      assert.has_error(function() caps.mask({ true }) end)
    end)
  end)

  describe("of", function()
    it("tells the sets of the caller as /proc does", function()
      local file = assert(io.open("/proc/self/status"))
      local status = file:read("*a")
      file:close()
      local own = assert(caps.of())
      for set, label in pairs({ effective = "CapEff", permitted = "CapPrm", inheritable = "CapInh",
        bounding = "CapBnd", ambient = "CapAmb" }) do
        local mask = tonumber(status:match(label .. ":%s*(%x+)"), 16)
        assert.equal(mask, tonumber(caps.mask(own[set])))
      end
    end)

    it("tells the sets of another process", function()
      local child = assert(core.proc.spawn({ path = "/usr/bin/setpriv", fds = { 0, 1, 2 },
        argv = { "setpriv", "--bounding-set=-all,+chown,+kill", "sleep", "1000" } }))
      -- It has its sets when it runs sleep.
      local procfs = assert(core.mount.procfs())
      repeat
        core.poll.wait({}, 0.005)
      until core.proc.stat(procfs, child.pid).comm == "sleep"
      local sets = assert(caps.of(child.pid))
      assert.same({ "CAP_CHOWN", "CAP_KILL" }, sets.effective)
      assert.same({ "CAP_CHOWN", "CAP_KILL" }, sets.permitted)
      assert.is_nil(sets.bounding)
      core.proc.send_signal(child.pidfd, 9)
      core.proc.wait(child.pidfd)
      local none, err = caps.of(child.pid)
      assert.is_nil(none)
      assert.same({ "ESRCH", "capget", tostring(child.pid) }, { err.errno, err.op, err.target })
      child.pidfd:close()
      procfs:close()
      assert.has_error(function() caps.of(0) end)
      assert.has_error(function() caps.of("1") end)
    end)
  end)
end)

local core = require("ctr.core")
local errors = require("ctr.errors")

local wire = core.wire

describe("ctr.core.wire", function()
  describe("encode", function()
    it("writes what decode reads", function()
      local plan = {
        { "oom_score_adj", { 5 }, { "-17" } },
        { "unshare", { 131072 }, {} },
        { "mount", { 15, 0, 1, 0 }, { "tmpfs", "tmpfs", "/data", "size=64k", "" } },
        { "bounding", { "9223372036854775807" }, {} },
        { "exec", { 2, 1 }, { "/bin/sh", "-c", "A=b" } },
      }
      local message = assert(wire.encode(plan, 3))
      assert.equal(0, #message % 8)
      local read, keep = assert(wire.decode(message))
      assert.same(plan, read)
      assert.equal(3, keep)
    end)

    it("carries 64-bit numbers, signed and unsigned", function()
      local read = assert(wire.decode(assert(wire.encode({
        { "rlimit", { 7, "18446744073709551615", "9223372036854775808" }, {} },
        { "capset", { "-1", "-9223372036854775808", 2 ^ 53, -2 ^ 53 }, {} },
        { "exec", { 1, 0 }, { "/bin/true" } },
      }, 3))))
      assert.same({ 7, -1, "-9223372036854775808" }, read[1][2])
      assert.same({ -1, "-9223372036854775808", 2 ^ 53, -2 ^ 53 }, read[2][2])
      assert.equal("-9223372036854775808", wire.NONE)
    end)

    it("takes operations without numbers or strings", function()
      local message = assert(wire.encode({ { "setsid" }, { "more", nil, {} } }, 3))
      local read = assert(wire.decode(message))
      assert.same({ { "setsid", {}, {} }, { "more", {}, {} } }, read)
    end)

    it("grows with a plan", function()
      local plan, text = {}, ("x"):rep(100000)
      for index = 1, 50 do
        plan[index] = { "hostname", {}, { text .. index } }
      end
      plan[51] = { "exec", { 1, 0 }, { "/bin/true" } }
      assert.same(plan[50], assert(wire.decode(assert(wire.encode(plan, 3))))[50])
    end)

    it("refuses strings that hold a NUL, and too much of all", function()
      local message, err = wire.encode({ { "hostname", {}, { "a\0b" } } }, 3)
      assert.is_nil(message)
      assert.same({ "EINVAL", "wire.encode", "a (holds a NUL byte)" },
        { err.errno, err.op, err.target })
      local plan = {}
      for index = 1, 65537 do
        plan[index] = { "setsid" }
      end
      message, err = wire.encode(plan, 3)
      assert.is_nil(message)
      assert.equal("E2BIG", err.errno)
      local big = ("x"):rep(16777216)
      message, err = wire.encode({ { "exec", { 5, 0 }, { big, big, big, big, big } } }, 3)
      assert.is_nil(message)
      assert.equal("E2BIG", err.errno)
    end)

    it("refuses what is no plan", function()
      for _, wrong in ipairs({ 1, { 1 }, { {} }, { { "fly" } }, { { 5 } }, { { "setsid", 1 } },
        { { "umask", { 1.5 } } }, { { "umask", { "x" } } }, { { "umask", { "1 " } } },
        { { "umask", { "" } } }, { { "umask", { "18446744073709551616" } } },
        { { "umask", { "-9223372036854775809" } } }, { { "umask", { 2 ^ 60 } } },
        { { "umask", { 0 / 0 } } }, { { "hostname", {}, { 5 } } } }) do
        assert.has_error(function() wire.encode(wrong, 3) end)
      end
      assert.has_error(function() wire.encode({}) end)
      assert.has_error(function() wire.encode({}, -1) end)
    end)
  end)

  describe("decode", function()
    it("refuses every message that was cut or changed in its lengths", function()
      local message = assert(wire.encode({ { "hostname", {}, { "name" } } }, 3))
      assert.truthy(wire.decode(message))
      for length = 0, #message - 1 do
        local plan, err = wire.decode(message:sub(1, length))
        assert.is_nil(plan)
        assert.is_true(errors.is(err))
      end
      assert.is_nil((wire.decode(message .. ("\0"):rep(8))))
      assert.has_error(function() wire.decode(nil) end)
    end)

    it("refuses numbers that an operation cannot have", function()
      for _, operation in ipairs({
        { "io_priority", { 65536 } }, { "io_priority", { -1 } }, { "personality", { -1 } },
        { "scheduler", { 0, 0, 0, 0, 0, 0 } }, { "scheduler", { 0, 0, 0, 0, 0, 0, 0, 0 } },
        { "scheduler", { -1, 0, 0, 0, 0, 0, 0 } }, { "memory_policy", {} },
        { "memory_policy", { 2, 2 ^ 32 } }, { "cpu_affinity", { 2 ^ 32 } },
        { "cpu_affinity", { 1, -1 } }, { "send_pidfd", { -1 }, { "setns" } },
        { "send_pidfd", { 3 }, {} }, { "cloexec", { -1 } }, { "cloexec", { 3, 2 ^ 32 } },
        { "cloexec", {} }, { "unmount", { 1 }, { "/a" } }, { "unmount", { 1, 2 }, { "/a" } },
        { "unmount", { 1, 0 }, {} },
      }) do
        local plan, err = wire.decode(assert(wire.encode({ operation }, 3)))
        assert.is_nil(plan, operation[1])
        assert.equal("plan", err.op)
      end
    end)

    it("takes as many words of a mask as there are, and times of 64 bits", function()
      for _, operation in ipairs({
        { "cpu_affinity", {}, {} }, { "cpu_affinity", { 2 ^ 32 - 1, 0, 1 }, {} },
        { "memory_policy", { 4 }, {} }, { "memory_policy", { 0x8002, 1, 2 }, {} },
        { "scheduler", { 0, 127, -20, 0, 2 ^ 53, 2 ^ 53, 2 ^ 53 }, {} },
        { "cloexec", { 3, 5 }, {} },
      }) do
        assert.same({ operation }, assert(wire.decode(assert(wire.encode({ operation }, 3)))))
      end
    end)
  end)

  describe("kinds", function()
    it("are libcontainer's numbers where it has one", function()
      assert.equal(27281, wire.kinds.unshare)
      assert.equal(27282, wire.kinds.join)
      assert.equal(28042, wire.kinds.exec)
    end)
  end)

  describe("frame and parse_frame", function()
    it("are of one size, and each other's inverse", function()
      for _, kind in ipairs({ "SYNC", "PID", "READY", "FILES", "ACK" }) do
        local frame = wire.frame(kind, 7)
        assert.equal(wire.FRAME_SIZE, #frame)
        local read = assert(wire.parse_frame(frame))
        assert.same({ kind, 7, 0 }, { read.kind, read.step, read.value })
      end
      assert.has_error(function() wire.frame("HELLO", 0) end)
      assert.has_error(function() wire.frame("ACK", -1) end)
    end)

    -- A frame as the bootstrap writes it: struct ctr_frame of src/wire.h.
    local function raw(kind, step, value, num, op, target)
      local ffi = require("ffi")
      local words = ffi.new("int32_t[5]", kind, step, value, 0, num)
      return ffi.string(words, 20) .. op .. ("\0"):rep(24 - #op) ..
        target .. ("\0"):rep(232 - #target)
    end

    it("carry a failure", function()
      local read = assert(wire.parse_frame(raw(1, 3, 0, 22, "mount",
        "tmpfs on /data (size=12Q)")))
      assert.equal("FAIL", read.kind)
      assert.equal(3, read.step)
      assert.is_true(errors.is(read.err))
      assert.same({ "EINVAL", "mount", "tmpfs on /data (size=12Q)" },
        { read.err.errno, read.err.op, read.err.target })
      assert.equal("mount tmpfs on /data: invalid argument (size=12Q)", read.err.message)
      read = assert(wire.parse_frame(raw(1, 3, 0, 0, "command", "exited with 2")))
      assert.is_nil(read.err.errno)
      assert.equal("command exited with 2", read.err.message)
    end)

    it("carry the name of a sync, a pid, and which files come", function()
      assert.equal("cgroup", wire.parse_frame(raw(2, 1, 0, 0, "cgroup", "")).name)
      assert.equal(4321, wire.parse_frame(raw(3, 1, 4321, 0, "", "")).value)
      local files = wire.parse_frame(raw(5, 1, 1, 2, "", ""))
      assert.same({ 1, 2 }, { files.value, files.num })
    end)

    it("end their texts, whatever was sent", function()
      local read = assert(wire.parse_frame(raw(1, 0, 0, 1, ("o"):rep(24), ("t"):rep(232))))
      assert.equal(("o"):rep(23), read.err.op)
      assert.equal(("t"):rep(231), read.err.target)
    end)

    it("are refused with another size or kind", function()
      local frame = wire.frame("ACK", 0)
      for _, wrong in ipairs({ "", frame:sub(2), frame .. "x", raw(9, 0, 0, 0, "", "") }) do
        local read, err = wire.parse_frame(wrong)
        assert.is_nil(read)
        assert.equal("EBADMSG", err.errno)
      end
    end)
  end)
end)

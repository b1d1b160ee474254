local core = require("ctr.core")
local machine = require("specs.support.machine")
local supervised = require("specs.support.supervised")

local notify = core.notify
local GETPPID = tostring(supervised.NUMBER.getppid)

local CALL = "return tonumber(C.syscall(%d, %s))"

local function call(number, args)
  return CALL:format(number, args)
end

describe("ctr.core.notify", function()
  local child, before

  before_each(function()
    before = machine.snapshot("^$")
  end)

  after_each(function()
    assert.same(before, machine.snapshot("^$"))
  end)

  describe("receive", function()
    it("tells who calls what with which arguments", function()
      child = supervised.start(GETPPID, "return tonumber(C.syscall(110, ffi.cast('long', 7), "
        .. "ffi.cast('long', -1), ffi.cast('long', 9007199254740993LL))) ")
      local got = supervised.next(child)
      assert.equal(child.pid, got.pid)
      assert.equal(supervised.NUMBER.getppid, got.number)
      assert.equal(0xc000003e, got.arch_token)
      assert.equal(6, #got.args)
      assert.equal(7, got.args[1])
      assert.equal("18446744073709551615", got.args[2])
      assert.equal("9007199254740993", got.args[3])
      assert.is_true(notify.respond(child.listener, got, { value = 5 }))
      assert.equal(5, supervised.finish(child).code)
    end)

    it("returns false when no call waits", function()
      child = supervised.start(GETPPID, "C.pause()")
      assert.is_false(notify.receive(child.listener))
      assert(core.proc.send_signal(child.pidfd, 9))
      supervised.finish(child)
    end)

    it("fails with ENOTCONN when nobody is left", function()
      child = supervised.start(GETPPID, "")
      assert(core.proc.wait(child.pidfd, { nowait = true }))
      assert(core.poll.wait({ { fd = child.listener, events = "" } }, 60)[1])
      local got, err = notify.receive(child.listener)
      assert.is_nil(got)
      assert.equal("ENOTCONN", err.errno)
      supervised.finish(child)
    end)

    it("raises an error for what is no descriptor", function()
      assert.has_error(function() notify.receive({}) end)
    end)
  end)

  describe("respond", function()
    it("makes a call fail", function()
      child = supervised.start(GETPPID, call(110, "nil") .. " == -1 and ffi.errno()")
      notify.respond(child.listener, supervised.next(child), { errno = 13 })
      assert.equal(13, supervised.finish(child).code)
    end)

    it("lets the kernel run a call", function()
      child = supervised.start(GETPPID, ("return tonumber(C.syscall(110)) == %d and 0 or 1"):format(
        core.proc.getpid()))
      notify.respond(child.listener, supervised.next(child), { go_on = true })
      assert.equal(0, supervised.finish(child).code)
    end)

    it("returns false when the process was killed meanwhile", function()
      child = supervised.start(GETPPID, call(110, "nil"))
      local got = supervised.next(child)
      assert(core.proc.send_signal(child.pidfd, 9))
      assert(core.proc.wait(child.pidfd, { nowait = true }))
      assert.is_false(notify.is_pending(child.listener, got))
      assert.is_false(notify.respond(child.listener, got, { errno = 1 }))
      supervised.finish(child)
    end)

    it("raises an error for what is no call, an unknown answer and no errno", function()
      local listener = assert(core.fd.open("/dev/null"))
      assert.has_error(function() notify.respond(listener, {}, { errno = 1 }) end)
      assert.has_error(function() notify.respond(listener, { id = "12345678" }, { what = 1 }) end)
      assert.has_error(function() notify.respond(listener, { id = "12345678" }, { errno = -1 }) end)
      assert.has_error(function() notify.respond(listener, { id = "12345678" }, { value = {} }) end)
      listener:close()
    end)
  end)

  describe("read", function()
    local PATH = "local path = ffi.new('char[?]', 8192, 'a path')\n"

    it("reads memory of the process", function()
      child = supervised.start("83", PATH .. "return C.mkdir(path, 0)")
      local got = supervised.next(child)
      assert.is_true(notify.is_pending(child.listener, got))
      assert.equal("a pat", notify.read(child.listener, got, got.args[1], 5))
      assert.equal("a path", notify.read_string(child.listener, got, got.args[1], 100))
      assert.equal("", notify.read(child.listener, got, got.args[1], 0))
      notify.respond(child.listener, got, { value = 3 })
      assert.equal(3, supervised.finish(child).code)
    end)

    it("fails with EFAULT for what cannot be read", function()
      child = supervised.start("83", "return C.mkdir(ffi.cast('char *', 4096), 0)")
      local got = supervised.next(child)
      for _, address in ipairs({ got.args[1], 0, "18446744073709551615" }) do
        for _, read in ipairs({ notify.read, notify.read_string }) do
          local data, err = read(child.listener, got, address, 10)
          assert.is_nil(data)
          assert.equal("EFAULT", err.errno)
        end
      end
      notify.respond(child.listener, got, { value = 0 })
      supervised.finish(child)
    end)

    it("fails with ENAMETOOLONG for a string without an end", function()
      child = supervised.start("83", PATH .. "ffi.fill(path, 8192, 65) return C.mkdir(path, 0)")
      local got = supervised.next(child)
      local text, err = notify.read_string(child.listener, got, got.args[1], 5000)
      assert.is_nil(text)
      assert.equal("ENAMETOOLONG", err.errno)
      notify.respond(child.listener, got, { value = 0 })
      supervised.finish(child)
    end)

    it("fails with ENOENT when the call is gone", function()
      child = supervised.start("83", PATH .. "return C.mkdir(path, 0)")
      local got = supervised.next(child)
      notify.respond(child.listener, got, { value = 0 })
      local data, err = notify.read(child.listener, got, got.args[1], 5)
      assert.is_nil(data)
      assert.equal("ENOENT", err.errno)
      supervised.finish(child)
    end)
  end)

  describe("add_fd", function()
    local READ = "local fd = C.syscall(110)\nlocal data = ffi.new('char[8]')\n"
      .. "return C.read(tonumber(fd), data, 8) == 5 and tonumber(fd) or 99"

    it("gives the process a descriptor, which the call returns", function()
      local file = assert(core.fd.memfd("given", "bytes"))
      child = supervised.start(GETPPID, READ)
      local number = notify.add_fd(child.listener, supervised.next(child), file,
        { answers = true, cloexec = true })
      assert.equal(number, supervised.finish(child).code)
      file:close()
    end)

    it("gives it a number that was asked for, and leaves the answer open", function()
      local file = assert(core.fd.memfd("given", "bytes"))
      child = supervised.start(GETPPID, READ)
      local got = supervised.next(child)
      assert.equal(42, notify.add_fd(child.listener, got, file, { at = 42 }))
      assert.is_true(notify.is_pending(child.listener, got))
      notify.respond(child.listener, got, { value = 42 })
      assert.equal(42, supervised.finish(child).code)
      file:close()
    end)

    it("returns false when the call is gone", function()
      child = supervised.start(GETPPID, call(110, "nil"))
      local got = supervised.next(child)
      notify.respond(child.listener, got, { value = 0 })
      assert.is_false(notify.add_fd(child.listener, got, 0))
      supervised.finish(child)
    end)
  end)

  it("compares as filters do", function()
    local big = "18446744073709551615"
    assert.is_true(notify.compare("SCMP_CMP_EQ", 1, 1))
    assert.is_false(notify.compare("SCMP_CMP_NE", big, big))
    assert.is_true(notify.compare("SCMP_CMP_LT", 1, big))
    assert.is_true(notify.compare("SCMP_CMP_LE", 2, 2))
    assert.is_true(notify.compare("SCMP_CMP_GT", big, "9223372036854775808"))
    assert.is_true(notify.compare("SCMP_CMP_GE", big, 5))
    assert.is_true(notify.compare("SCMP_CMP_MASKED_EQ", 0x7e, 0x0f, 0x0e))
    assert.is_false(notify.compare("SCMP_CMP_MASKED_EQ", 0x7e, 0x0f, 0x0f))
    assert.has_error(function() notify.compare("SCMP_CMP_NEAR", 1, 1) end)
  end)

  it("knows the names of errnos", function()
    assert.equal(1, notify.errno("EPERM"))
    assert.equal("ENOSYS", notify.errno_name(notify.errno("ENOSYS")))
    assert.is_nil(notify.errno("EWHAT"))
    assert.is_nil(notify.errno_name(3000))
  end)
end)

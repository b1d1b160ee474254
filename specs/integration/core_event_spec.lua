local core = require("ctr.core")
local machine = require("specs.support.machine")

local event = core.event

describe("ctr.core.event", function()
  local before, set

  before_each(function()
    before = machine.snapshot("^$")
    set = assert(event.set())
  end)

  after_each(function()
    set:close()
    assert.same(before, machine.snapshot("^$"))
  end)

  describe("a set", function()
    it("tells which descriptors are ready for what", function()
      local reader, writer = assert(core.fd.pipe())
      assert.is_true(event.add(set, reader, "r", 7))
      assert.same({}, event.collect(set, 0))
      assert(core.fd.write(writer, "x"))
      assert.same({ 7, "r" }, event.collect(set))
      assert.equal("r", core.poll.wait({ { fd = set, events = "r" } }, 0)[1])
      assert.is_true(event.add(set, writer, "w", 8))
      local ready = event.collect(set)
      assert.equal(4, #ready)
      writer:close()
      assert.same({ 7, "rh" }, event.collect(set))
      reader:close()
    end)

    it("can be told to watch for something else, and no more", function()
      local ours, theirs = assert(core.fd.socketpair("stream"))
      assert(event.add(set, ours, "r", 1))
      assert(event.change(set, ours, "w", 2))
      assert.same({ 2, "w" }, event.collect(set))
      assert(event.remove(set, ours))
      assert.same({}, event.collect(set, 0))
      ours:close()
      theirs:close()
    end)

    it("refuses what is there already, is not there, or is always ready", function()
      local reader, writer = assert(core.fd.pipe())
      assert(event.add(set, reader, "r", 1))
      local function errno_of(call, ...)
        local ok, err = call(set, ...)
        assert.is_nil(ok)
        assert.equal("epoll_ctl", err.op)
        return err.errno
      end
      assert.equal("EEXIST", errno_of(event.add, reader, "r", 1))
      assert.equal("ENOENT", errno_of(event.change, writer, "w", 1))
      assert.equal("ENOENT", errno_of(event.remove, writer))
      local file = assert(core.fd.memfd("file", "x"))
      assert.equal("EPERM", errno_of(event.add, file, "r", 1))
      for _, handle in ipairs({ reader, writer, file }) do
        handle:close()
      end
    end)

    it("wants known events and a closed handle raises an error", function()
      assert.has_error(function() event.add(set, 0, "x", 1) end)
      assert.has_error(function() event.add(set, 0, "r", -1) end)
      assert.has_error(function() event.collect(set, -1) end)
      local closed = assert(event.set())
      closed:close()
      assert.has_error(function() event.collect(closed, 0) end)
    end)
  end)

  describe("a timer", function()
    local timer

    before_each(function()
      timer = assert(event.timer())
      assert(event.add(set, timer, "r", 1))
    end)

    after_each(function()
      timer:close()
    end)

    it("rests until it is set", function()
      assert.same({}, event.collect(set, 0))
    end)

    it("is ready from its time on", function()
      local when = core.proc.clock() + 0.02
      assert.is_true(event.set_timer(timer, when))
      assert.same({ 1, "r" }, event.collect(set))
      assert.is_true(core.proc.clock() >= when)
      assert.same({ 1, "r" }, event.collect(set))
    end)

    it("is ready at once for a time that has passed, and rests again when told to", function()
      assert(event.set_timer(timer, 0))
      assert.same({ 1, "r" }, event.collect(set))
      assert(event.set_timer(timer))
      assert.same({}, event.collect(set, 0))
    end)
  end)

  describe("a signal", function()
    local USR1 = core.proc.signals.SIGUSR1

    it("is read instead of doing what it does", function()
      local handle, blocked = assert(event.signal(USR1))
      assert.is_true(blocked)
      assert.is_false(event.read_signal(handle))
      local own = assert(core.proc.pidfd_open(core.proc.getpid()))
      assert(core.proc.send_signal(own, USR1))
      assert(event.add(set, handle, "r", 3))
      assert.same({ 3, "r" }, event.collect(set))
      assert.same({ signal = "SIGUSR1", pid = core.proc.getpid(), uid = core.proc.ids().uid },
        event.read_signal(handle))
      assert.is_false(event.read_signal(handle))
      own:close()
      handle:close()
      assert.is_true(event.unblock(USR1))
    end)

    it("tells that it was blocked before", function()
      local first, blocked = assert(event.signal(USR1))
      local second, again = assert(event.signal(USR1))
      assert.is_true(blocked)
      assert.is_false(again)
      first:close()
      second:close()
      event.unblock(USR1)
    end)

    it("has a number", function()
      assert.has_error(function() event.signal(0) end)
      assert.has_error(function() event.signal("SIGUSR1") end)
    end)
  end)
end)

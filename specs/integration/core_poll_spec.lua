local core = require("ctr.core")
local host = require("specs.support.host")

local poll = core.poll

describe("ctr.core.poll", function()
  local before, read_end, write_end

  before_each(function()
    before = host.open_fds()
    read_end, write_end = assert(core.fd.pipe())
  end)

  after_each(function()
    read_end:close()
    write_end:close()
    assert.equal(before, host.open_fds())
  end)

  describe("wait", function()
    it("says by index what is ready", function()
      local set = { { fd = read_end, events = "r" }, { fd = write_end:fd(), events = "w" } }
      assert.same({ [2] = "w" }, poll.wait(set, 10))
      core.fd.write(write_end, "x")
      assert.same({ "r", "w" }, poll.wait(set))
    end)

    it("answers with nothing when time ran out", function()
      local start = core.proc.clock()
      assert.same({}, poll.wait({ { fd = read_end, events = "r" } }, 0.05))
      assert.is_true(core.proc.clock() - start >= 0.05)
      assert.same({}, poll.wait({ { fd = read_end, events = "r" } }, 0))
      assert.same({}, poll.wait({}, 0))
    end)

    it("tells an end that is gone, and what is no descriptor", function()
      write_end:close()
      assert.same({ "h" }, poll.wait({ { fd = read_end, events = "r" } }))
      assert.same({ "e" }, poll.wait({ { fd = 9999, events = "r" } }))
    end)

    it("sees a process end", function()
      local child = assert(core.proc.spawn({ path = "/bin/true", argv = { "true" }, fds = {} }))
      assert.same({ "r" }, poll.wait({ { fd = child.pidfd, events = "r" } }, 60))
      core.proc.wait(child.pidfd)
      child.pidfd:close()
    end)

    it("goes on after a signal, for as long as is left", function()
      -- The child of the child sends signals to a program that handles them while it waits.
      local result = assert(core.proc.run({ path = "/usr/bin/luajit", args = { "luajit", "-e", [[
        package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
        package.cpath = "build/?.so;" .. package.cpath
        local ffi = require("ffi")
        ffi.cdef("typedef void (*handler)(int); handler signal(int, handler); int abs(int);")
        ffi.C.signal(10, ffi.cast("handler", ffi.C.abs))
        local core = require("ctr.core")
        local child = assert(core.proc.spawn({ path = "/bin/sh", fds = { 0, 1, 2 }, argv = { "sh",
          "-c", "for i in 1 2 3 4 5; do kill -USR1 " .. core.proc.getpid() .. "; done" } }))
        local start = core.proc.clock()
        local ready = assert(core.poll.wait({}, 0.3))
        assert(next(ready) == nil and core.proc.clock() - start >= 0.3)
        assert(core.proc.wait(child.pidfd).code == 0)
        io.write("done")
      ]] } }))
      assert.equal("", result.stderr)
      assert.equal("done", result.stdout)
    end)

    it("refuses wrong sets, events and times", function()
      for _, wrong in ipairs({ 1, { 1 }, { {} }, { { fd = read_end } }, { { events = "r" } },
        { { fd = read_end, events = "x" } }, { { fd = read_end, events = "h" } },
        { { fd = "0", events = "r" } } }) do
        assert.has_error(function() poll.wait(wrong, 0) end)
      end
      assert.has_error(function() poll.wait({}, -1) end)
      assert.has_error(function() poll.wait({}, 0 / 0) end)
      assert.has_error(function() poll.wait({}, "1") end)
    end)
  end)
end)

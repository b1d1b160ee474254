local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")

describe("ctr.loop", function()
  local loop, before

  before_each(function()
    before = machine.snapshot("^$")
    loop = assert(ctr.loop())
  end)

  after_each(function()
    loop:close()
    loop = nil
    assert.same(before, machine.snapshot("^$"))
  end)

  local function raise_signal(name)
    local own = assert(core.proc.pidfd_open(core.proc.getpid()))
    assert(core.proc.send_signal(own, core.proc.signals[name]))
    own:close()
  end

  describe("run", function()
    it("ends at once when there is nothing to wait for", function()
      assert.is_true(loop:run())
    end)

    it("ends when its time is over", function()
      loop:after(1000, function() end)
      local ok, err = loop:run(0.01)
      assert.is_nil(ok)
      assert.equal("ETIMEDOUT", err.errno)
    end)

    it("ends when it is told to, before what else is ready", function()
      local seen = {}
      for _, name in ipairs({ "a", "b" }) do
        loop:after(0, function()
          seen[#seen + 1] = name
          loop:stop()
        end)
      end
      assert.is_true(loop:run(20))
      assert.same({ "a" }, seen)
      assert.is_true(loop:run(20))
      assert.same({ "a", "b" }, seen)
    end)

    it("can be called by a function that it called", function()
      local seen = {}
      loop:after(0, function()
        loop:after(0, function() seen[#seen + 1] = "inner" end)
        loop:run(20)
        seen[#seen + 1] = "outer"
      end)
      assert(loop:run(20))
      assert.same({ "inner", "outer" }, seen)
    end)
  end)

  describe("add", function()
    local reader, writer

    before_each(function()
      reader, writer = assert(core.fd.pipe())
    end)

    after_each(function()
      reader:close()
      writer:close()
    end)

    it("calls a function when a descriptor is readable, until the watch is cancelled", function()
      local text, watch = "", nil
      watch = assert(loop:add(reader, function(source, events)
        assert.equal(reader, source)
        assert.equal("r", events)
        text = text .. core.fd.read(source, 1)
        if text == "ab" then
          assert.is_true(watch:is_active())
          watch:cancel()
        end
      end))
      core.fd.write(writer, "abc")
      assert.is_true(loop:run(20))
      assert.equal("ab", text)
      assert.is_false(watch:is_active())
      assert.is_true(watch:cancel())
    end)

    it("takes an event source of the library and its own loop", function()
      local inner = assert(ctr.loop())
      local done
      inner:after(0, function() done = true end)
      local watch = assert(loop:add(inner, function(source)
        assert(source:step(0))
        loop:stop()
      end))
      assert(loop:run(20))
      assert.is_true(done)
      watch:cancel()
      inner:close()
    end)

    it("watches for room to write", function()
      assert(loop:add(writer, function(_, events)
        assert.equal("w", events)
        loop:stop()
      end, "w"))
      assert.is_true(loop:run(20))
    end)

    it("does not call for a watch that was cancelled in the same round", function()
      local seen, watches = 0, {}
      for index, source in ipairs({ reader:fd(), assert(core.fd.dup(reader)) }) do
        watches[index] = assert(loop:add(source, function()
          seen = seen + 1
          watches[1]:cancel()
          watches[2]:cancel()
          if index == 2 or type(source) == "userdata" then
            loop:stop()
          end
        end))
      end
      core.fd.write(writer, "x")
      assert(loop:run(20))
      assert.equal(1, seen)
    end)

    it("says why a descriptor cannot be watched", function()
      local file = assert(core.fd.memfd("file", "x"))
      local watch, err = loop:add(file, function() end)
      assert.is_nil(watch)
      assert.equal("EPERM", err.errno)
      file:close()
    end)

    it("raises an error for what is no source and no function", function()
      assert.has_error(function() loop:add({}, function() end) end)
      assert.has_error(function() loop:add(reader, "function") end)
    end)
  end)

  describe("after and every", function()
    it("call in the order of their times", function()
      local seen = {}
      for _, row in ipairs({ { 0.02, "c" }, { 0, "a" }, { 0.01, "b" } }) do
        assert(loop:after(row[1], function() seen[#seen + 1] = row[2] end))
      end
      local start = core.proc.clock()
      assert.is_true(loop:run(20))
      assert.same({ "a", "b", "c" }, seen)
      assert.is_true(core.proc.clock() - start >= 0.02)
    end)

    it("call again and again, until they are cancelled", function()
      local count, watch = 0, nil
      watch = assert(loop:every(0.001, function()
        count = count + 1
        if count == 3 then
          watch:cancel()
        end
      end))
      assert.is_true(loop:run(20))
      assert.equal(3, count)
    end)

    it("keep the time of the first when others are cancelled or come later", function()
      local seen = {}
      local first = assert(loop:after(1000, function() seen[#seen + 1] = "late" end))
      assert(loop:after(0, function() seen[#seen + 1] = "now" end))
      first:cancel()
      assert.is_true(loop:run(20))
      assert.same({ "now" }, seen)
    end)

    it("want a time", function()
      for _, seconds in ipairs({ -1, "1", 0 / 0, math.huge }) do
        assert.has_error(function() loop:after(seconds, function() end) end)
      end
      assert.has_error(function() loop:every(0, function() end) end)
    end)
  end)

  describe("signal", function()
    it("calls a function with who sent it", function()
      local info
      assert(loop:signal("SIGUSR1", function(got)
        info = got
        loop:stop()
      end))
      assert(loop:after(1000, function() end))
      raise_signal("SIGUSR1")
      assert.is_true(loop:run(20))
      assert.same({ signal = "SIGUSR1", pid = core.proc.getpid(), uid = core.proc.ids().uid }, info)
    end)

    it("calls all functions of a signal, and lets it through after the last", function()
      local seen = {}
      local first = assert(loop:signal("usr1", function() seen[#seen + 1] = "first" end))
      local second = assert(loop:signal(core.proc.signals.SIGUSR1, function()
        seen[#seen + 1] = "second"
      end))
      raise_signal("SIGUSR1")
      assert.is_true(loop:step(20))
      first:cancel()
      raise_signal("SIGUSR1")
      assert.is_true(loop:step(20))
      assert.same({ "first", "second", "second" }, seen)
      second:cancel()
      local handle, blocked = assert(core.event.signal(core.proc.signals.SIGUSR1))
      handle:close()
      core.event.unblock(core.proc.signals.SIGUSR1)
      assert.is_true(blocked)
    end)

    it("does not keep the loop", function()
      assert(loop:signal("SIGUSR2", function() end))
      assert.is_true(loop:run())
    end)

    it("has to be known", function()
      assert.has_error(function() loop:signal("SIGNONE", function() end) end)
    end)
  end)

  describe("a function that raises an error", function()
    it("is reported, and the loop goes on", function()
      local texts, done = {}, false
      loop.on_error = function(text, watch)
        texts[#texts + 1] = text
        assert.is_not_nil(watch.cancel)
      end
      loop:after(0, function() error("a mistake") end)
      loop:after(0.001, function() done = true end)
      assert.is_true(loop:run(20))
      assert.is_true(done)
      assert.equal(1, #texts)
      assert.matches("loop_spec.lua:%d+: a mistake\nstack traceback:", texts[1])
    end)

    it("is told on standard error, where nothing else is said", function()
      local result = require("specs.support.command").run({ "/usr/bin/luajit", "-e", [[
        package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
        package.cpath = "build/?.so;" .. package.cpath
        local loop = assert(require("ctr").loop())
        loop:after(0, function() error("a mistake", 0) end)
        loop:run()
        io.stdout:write("went on")]] })
      assert.equal("went on", result.stdout)
      assert.matches("^ctr.loop: a mistake\n", result.stderr)
    end)
  end)

  it("closes by itself what it opened, with everything still watched", function()
    local reader, writer = assert(core.fd.pipe())
    local watch = assert(loop:add(reader, function() end))
    assert(loop:after(10, function() end))
    assert(loop:every(10, function() end))
    assert(loop:signal("SIGUSR1", function() end))
    assert.is_true(loop:close())
    assert.is_true(loop:close())
    assert.is_false(watch:is_active())
    reader:close()
    writer:close()
  end)

  it("can be closed by a function that it called", function()
    loop:after(0, function() loop:close() end)
    loop:after(0, function() error("is not called") end)
    assert.is_true(loop:run(20))
  end)
end)

describe("ctr.loop with containers", function()
  local b, loop

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  before_each(function()
    loop = assert(ctr.loop())
  end)

  after_each(function()
    loop:close()
  end)

  local function start(script, spec)
    local container = assert(b:create())
    local fields = { args = { "/bin/sh", "-c", script }, env = { "PATH=/bin" } }
    for key, value in pairs(spec or {}) do
      fields[key] = value
    end
    local process = ctr.process(fields)
    assert(container:run(process))
    return process, container
  end

  it("hands on the output of processes, and tells how they ended", function()
    local seen, results = {}, {}
    for _, name in ipairs({ "one", "two", "three" }) do
      local process = start("echo " .. name .. "; exit " .. #name, {
        stdout = function(data) seen[name] = (seen[name] or "") .. data end,
      })
      assert(loop:process(process, function(result, err)
        assert.is_nil(err)
        results[name] = result.code
      end))
    end
    assert.is_true(loop:run(30))
    assert.same({ one = "one\n", two = "two\n", three = "three\n" }, seen)
    assert.same({ one = 3, two = 3, three = 5 }, results)
  end)

  it("tells at once of a process that has ended before", function()
    local process = start("exit 4")
    assert(process:wait(60))
    local code
    assert(loop:process(process, function(result) code = result.code end))
    assert.is_true(loop:run(20))
    assert.equal(4, code)
  end)

  it("reaps further processes, whose end their first process' waits for", function()
    local init, container = start("exec sleep 1000")
    local code
    assert(loop:process(init, function(result) code = result.signal end))
    local further = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:run(further))
    assert(container:signal("SIGKILL"))
    assert.is_true(loop:run(30))
    assert.equal("SIGKILL", code)
    assert.equal("SIGKILL", assert(further:wait(60)).signal)
  end)

  it("goes on after a stream's function raised an error", function()
    local texts, code = {}, nil
    loop.on_error = function(text) texts[#texts + 1] = text end
    local process = start("echo one; exit 6", { stdout = function() error("a mistake", 0) end })
    assert(loop:process(process, function(result) code = result.code end))
    assert.is_true(loop:run(30))
    assert.equal(6, code)
    assert.equal(1, #texts)
  end)

  it("fits another loop by its descriptor", function()
    local code
    local process = start("exit 7")
    assert(loop:process(process, function(result) code = result.code end))
    repeat
      assert(core.poll.wait({ { fd = loop:fd(), events = "r" } }, 60)[1])
      assert(loop:step(0))
    until code
    assert.equal(7, code)
  end)

  it("leaves a process alone whose watch was cancelled", function()
    local process = start("exit 8")
    local watch = assert(loop:process(process, function() error("is not called") end))
    watch:cancel()
    assert.is_true(loop:run(20))
    assert.equal(8, assert(process:wait(60)).code)
  end)

  it("has no use for a process that was not started", function()
    local watch, err = loop:process(ctr.process({ args = { "/bin/true" } }), function() end)
    assert.is_nil(watch)
    assert.equal("NoProcessOps", err.code)
  end)

  describe("a process as a source", function()
    it("serves without waiting, and then until its end", function()
      local process = start("exec sleep 1000")
      local source = assert(process:source())
      assert.equal("number", type(source:fd()))
      assert.is_false(source:serve())
      process:signal("SIGKILL")
      assert.equal("SIGKILL", assert(source:wait(60)).signal)
      assert.equal("SIGKILL", source:serve().signal)
      source:close()
    end)
  end)
end)

-- What a container has in its cgroup, however deep: frozen, listed, signalled, removed.

local box = require("specs.support.box")
local cgroup = require("ctr.cgroup")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")
local support = require("specs.support.cgroups")

local SILENCE = 0.1 -- seconds in which nothing comes from who is frozen
local SECONDS = 30

if not machine.is_root() or not machine.has("freezer") then
  describe("the processes of a container", function()
    pending("needs root and a freezer")
  end)
  return
end

local function is_unified()
  return assert(cgroup.layout()).mode == "v2"
end

describe("the processes of a container", function()
  local b, container, init, output, input

  before_each(function()
    b = box.new()
    output, input = assert(core.fd.pipe())
  end)

  after_each(function()
    output:close()
    input:close()
    b:close()
  end)

  -- The hierarchies by which processes are found, and stopped.
  local function paths()
    local all = container:state().cgroup_paths
    return is_unified() and { all[""] } or { all.devices, all.freezer }
  end

  local function make_below(name)
    for _, path in ipairs(paths()) do
      assert(os.execute(("mkdir -p %s/%s"):format(path, name)) == 0)
    end
  end

  -- A process which says a word for as long as it may, and so do its children; in a cgroup below.
  local function speaker(words, below)
    local script = ""
    for index, word in ipairs(words) do
      local goes_on = index < #words and " &" or ""
      script = ("%swhile :; do echo %s; done%s\n"):format(script, word, goes_on)
    end
    local process = ctr.process({ args = { "/bin/sh", "-c", script }, env = { "PATH=/bin" },
      stdout = input })
    assert(container:run(process))
    if below then
      for _, path in ipairs(paths()) do
        local file = assert(io.open(("%s/%s/cgroup.procs"):format(path, below), "w"))
        assert(file:write(tostring(process:pid())))
        assert(file:close())
      end
    end
    return process
  end

  local function readable(timeout)
    return core.poll.wait({ { fd = output, events = "r" } }, timeout)[1] ~= nil
  end

  -- Reads until each word was said.
  local function hear(words)
    local missing, text = {}, ""
    for _, word in ipairs(words) do
      missing[word] = true
    end
    while next(missing) do
      assert(readable(SECONDS), "nobody says " .. next(missing))
      text = text:sub(-100) .. assert(core.fd.read(output, 4096))
      for word in pairs(missing) do
        if text:find(word .. "\n", 1, true) then
          missing[word] = nil
        end
      end
    end
  end

  local function wait_for_state(pid, letter)
    local deadline = core.proc.clock() + SECONDS
    local found
    repeat
      local file = assert(io.open(("/proc/%d/stat"):format(pid)))
      found = file:read("*a"):match("%) (%u)")
      file:close()
      core.poll.wait({}, 0.01)
    until found == letter or core.proc.clock() > deadline
    assert.equal(letter, found)
  end

  local function empty()
    while readable(0) do
      assert(core.fd.read(output, 65536))
    end
  end

  local function is_silent()
    empty()
    return not readable(SILENCE)
  end

  -- Linux 6.12 now and then, in one of fifty, tells wrong of a group with groups below whether all
  -- of it is frozen: that it is before it is, or that it is not though it is. The next is right.
  local function pause()
    for _ = 1, container:state().cgroup_paths[""] and 3 or 1 do
      assert(container:pause())
      if container:status() == "paused" and is_silent() then
        return true
      end
      assert(container:resume())
    end
    return false
  end

  it("are stopped by a pause: children, and those in cgroups below", function()
    container, init = b:sleeper()
    make_below("a/b")
    speaker({ "first", "second" })
    speaker({ "deep" }, "a/b")
    hear({ "first", "second", "deep" })
    assert.is_true(pause())
    assert.equal("paused", container:status())
    assert(container:resume())
    assert.equal("running", container:status())
    hear({ "first", "second", "deep" })
    b:finish(container, init)
  end)

  it("are stopped where there are threads, and go on", function()
    container, init = b:sleeper()
    local manager = assert(cgroup.new({ config = {}, id = "x",
      paths = container:state().cgroup_paths }))
    local child = support.run(manager, [[exec luajit -e '
      local ffi = require("ffi")
      ffi.cdef("int pthread_create(unsigned long *, void *, void *, void *); int pause(void);")
      local library = ffi.load("libpthread.so.0")
      for _ = 1, 3 do
        local thread = ffi.new("unsigned long[1]")
        assert(library.pthread_create(thread, nil, ffi.cast("void *", ffi.C.pause), nil) == 0)
      end
      io.write("threads\n")
      io.flush()
      while true do end']])
    child:expect("threads")
    for _ = 1, 5 do
      assert(container:pause())
      assert.equal("paused", container:status())
      assert(container:resume())
      assert.equal("running", container:status())
    end
    assert.equal("SIGKILL", child:stop().signal)
    b:finish(container, init)
  end)

  it("may be killed while they are stopped", function()
    container, init = b:sleeper()
    local other = speaker({ "word" })
    hear({ "word" })
    assert(container:pause())
    assert(other:signal("SIGKILL"))
    assert(container:signal("SIGKILL"))
    assert(container:resume() or container:status() == "stopped")
    assert.equal("SIGKILL", other:wait(SECONDS).signal)
    assert.equal("SIGKILL", init:wait(SECONDS).signal)
    assert.equal("stopped", container:status())
    assert(container:destroy())
  end)

  -- A file system whose server says nothing. v1's freezer stops who waits for it, that of v2 waits
  -- for a way out of the kernel.
  it("may be stuck in the kernel: a pause ends, and so do they", function()
    local server, err = core.fd.open("/dev/fuse", { flags = { "rdwr" } })
    if not server then
      pending("no file system can be served here: " .. tostring(err))
      return
    end
    finally(function() server:close() end)
    container, init = b:sleeper({ mounts = {
      { source = "proc", destination = "/proc", device = "proc" },
      { source = "silent", destination = "/mnt", device = "fuse",
        data = ("fd=%d,rootmode=40000,user_id=0,group_id=0"):format(server:fd()) },
    } })
    speaker({ "free" })
    local stuck = ctr.process({ args = { "/bin/ls", "/mnt/file" } })
    assert(container:run(stuck))
    wait_for_state(stuck:pid(), "D")
    local ok, problem = container:pause()
    if is_unified() then
      assert.is_nil(ok)
      assert.equal("ETIMEDOUT", problem.errno)
      assert.equal("running", container:status())
      empty()
      hear({ "free" })
    else
      assert(ok, problem)
      assert.equal("paused", container:status())
    end
    assert(container:signal("SIGKILL", true))
    assert.equal("SIGKILL", assert(stuck:wait(SECONDS)).signal)
    b:finish(container, init)
  end)

  it("are listed and signalled wherever they are", function()
    container, init = b:sleeper()
    make_below("a/b")
    make_below("c")
    local deep, other = speaker({ "deep" }, "a/b"), speaker({ "other" }, "c")
    hear({ "deep", "other" })
    local expected, found = { init:pid(), deep:pid(), other:pid() }, container:processes()
    table.sort(expected)
    table.sort(found)
    assert.same(expected, found)
    assert(container:signal("SIGHUP", true))
    assert.equal("SIGHUP", deep:wait(SECONDS).signal)
    assert.equal("SIGHUP", other:wait(SECONDS).signal)
    assert.same({ init:pid() }, container:processes())
    b:finish(container, init)
  end)

  it("leave cgroups below behind, which go with the container", function()
    container, init = b:sleeper()
    for _, name in ipairs({ "a/b/c/d", "a/x", "e" }) do
      make_below(name)
    end
    speaker({ "deep" }, "a/b/c/d")
    hear({ "deep" })
    local all = paths()
    assert(container:signal("SIGKILL", true))
    assert.equal("SIGKILL", init:wait(SECONDS).signal)
    assert(container:destroy())
    for _, path in ipairs(all) do
      assert.is_false(support.exists(path))
    end
  end)

  it("may have cgroups of threads", function()
    if not is_unified() then
      pending("needs a cgroup2 tree alone")
      return
    end
    container, init = b:sleeper()
    make_below("threads")
    local path = paths()[1] .. "/threads"
    assert(os.execute(("echo threaded > %s/cgroup.type && echo %d > %s/cgroup.threads"):format(path,
      init:pid(), path)) == 0)
    assert.same({ init:pid() }, container:processes())
    assert(container:pause())
    assert.equal("paused", container:status())
    assert(container:resume())
    assert(container:signal("SIGKILL", true))
    assert.equal("SIGKILL", init:wait(SECONDS).signal)
    assert(container:destroy())
    assert.is_false(support.exists(path))
  end)
end)

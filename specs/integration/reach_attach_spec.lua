local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local frames = require("ctr.reach.frames")
local machine = require("specs.support.machine")

local SECONDS = 60
local ECHO = "echo begun; echo err >&2; while read x; do echo got $x; "
  .. "test $x = quit && exit 7; done"

describe("container:attach", function()
  local b, container, process

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function begin(script, spec)
    container = assert(b:create())
    local fields = { args = { "sh", "-c", script }, env = { "PATH=/bin" }, attachable = true }
    for key, value in pairs(spec or {}) do
      fields[key] = value
    end
    process = ctr.process(fields)
    assert(container:run(process))
  end

  after_each(function()
    if process then
      b:finish(container, process)
      process = nil
    end
  end)

  local function socket_path()
    return b.folder .. "/state/" .. container:id() .. "/attach"
  end

  local function read_all(handle)
    local parts = {}
    local data = core.fd.read(handle, 65536)
    while data and data ~= "" do
      parts[#parts + 1] = data
      data = core.fd.read(handle, 65536)
    end
    handle:close()
    return table.concat(parts)
  end

  -- What was shown, and how it ended; all output has to fit into pipes.
  local function attach(input, opts)
    local typed, type_end = core.fd.pipe()
    local out, out_end = core.fd.pipe()
    local errors, errors_end = core.fd.pipe()
    core.fd.write_all(type_end, input)
    opts = opts or {}
    opts.input, opts.output, opts.errors = typed, out_end, errors_end
    local result, err = container:attach(opts)
    for _, handle in ipairs({ typed, type_end, out_end, errors_end }) do
      handle:close()
    end
    return { result = result, err = err, out = read_all(out), errors = read_all(errors) }
  end

  -- A client of the spec's own.
  local function connect()
    local handle = assert(core.fd.connect_unix(socket_path(), "stream"))
    return handle, frames.reader("hoelx")
  end

  local function wait_for(handle, reader, wanted)
    local text, deadline = "", core.proc.clock() + SECONDS
    while not text:find(wanted, 1, true) and core.proc.clock() < deadline do
      local kind, data = reader:next()
      if kind == "o" or kind == "l" then
        text = text .. kind .. data:gsub("%z+", "") -- what is only there to be much
      elseif kind == false then
        assert.truthy(core.poll.wait({ { fd = handle, events = "r" } }, SECONDS)[1])
        local more = core.fd.read(handle, 65536)
        if not more or more == "" then
          return text
        end
        reader:feed(more)
      end
    end
    return text
  end

  it("shows what the process writes, and gives it what is typed", function()
    begin(ECHO)
    local seen = attach("one\nquit\n")
    assert.equal(7, seen.result.code)
    assert.equal("begun\ngot one\ngot quit\n", seen.out)
    assert.equal("err\n", seen.errors)
  end)

  it("detaches by keys, and the process runs on", function()
    begin(ECHO)
    assert.equal("detached", attach("one\n\16\17").result)
    assert.equal("running", container:status())
    assert.equal("detached", attach("two\n\1x", { detach_keys = "ctrl-a,x" }).result)
    local seen = attach("quit\n")
    assert.equal("begun\ngot one\ngot two\ngot quit\n", seen.out)
  end)

  it("is possible from another program", function()
    begin(ECHO)
    local pipe = assert(io.popen(("printf 'quit\\n' | luajit -e '"
      .. "package.path=\"lua/?.lua;lua/?/init.lua;\"..package.path "
      .. "package.cpath=\"build/?.so;\"..package.cpath "
      .. "local f=assert(require(\"ctr\").new(\"%s\")) "
      .. "local r=assert(f:load(\"%s\"):attach()) io.stdout:write(\"code \", r.code)' "
      .. "2>/dev/null"):format(b.folder .. "/state", container:id())))
    assert.equal(7, process:wait(SECONDS).code)
    local text = pipe:read("*a")
    pipe:close()
    assert.equal("begun\ngot quit\ncode 7", text)
  end)

  it("keeps the last of the output, and no more of it than is said", function()
    begin("i=0; while test $i -lt 2000; do i=$((i + 1)); echo line $i; done; read x",
      { keep_output = "1k" })
    local handle, reader = connect()
    wait_for(handle, reader, "line 2000\n")
    handle:close()
    local seen = attach("x\n")
    assert.equal(1024, #seen.out)
    assert.equal("line 2000\n", seen.out:sub(-10))
  end)

  it("passes a terminal through, with its size", function()
    begin("read x; stty size; tty; exit 3", { terminal = true })
    local handle, reader = connect()
    core.fd.write_all(handle, frames.pack("w", "77x11") .. frames.pack("i", "go\n"))
    local text = wait_for(handle, reader, "/dev/pts")
    handle:close()
    assert.matches("11 77", text)
    assert.equal(3, process:wait(SECONDS).code)
  end)

  it("has several readers, and each may type", function()
    begin(ECHO)
    local one, one_reader = connect()
    local other, other_reader = connect()
    core.fd.write_all(one, frames.pack("i", "first\n"))
    wait_for(one, one_reader, "got first\n")
    wait_for(other, other_reader, "got first\n")
    core.fd.write_all(other, frames.pack("i", "second\n"))
    wait_for(one, one_reader, "got second\n")
    wait_for(other, other_reader, "got second\n")
    one:close()
    other:close()
  end)

  it("only shows when that is said", function()
    begin(ECHO)
    local typed, type_end = core.fd.pipe()
    local out, out_end = core.fd.pipe()
    assert(core.fd.write_all(type_end, "never\n"))
    -- Whoever is shown the first line ends the process.
    local killer = assert(core.proc.spawn({ path = "/bin/sh", fds = { out, 2, 2 },
      argv = { "sh", "-c", "read line; kill -KILL " .. process:pid() } }))
    local result = assert(container:attach({ read_only = true, input = typed, output = out_end,
      errors = out_end }))
    assert.equal("SIGKILL", result.signal)
    core.proc.wait(killer.pidfd, {})
    assert.equal("never\n", core.fd.read(typed, 100))
    for _, handle in ipairs({ typed, type_end, out, out_end, killer.pidfd }) do
      handle:close()
    end
  end)

  it("is kept from nobody by a reader who does not read", function()
    begin("head -c 9000000 /dev/zero; echo done; read x; exit 4")
    local slow, slow_reader = connect()
    local handle, reader = connect()
    wait_for(handle, reader, "done\n")
    -- What he did not take in time was left out, and he is told.
    assert.matches("l%d+", wait_for(slow, slow_reader, "done\n"))
    core.fd.write_all(handle, frames.pack("i", "x\n"))
    assert.equal(4, process:wait(SECONDS).code)
    slow:close()
    handle:close()
  end)

  it("drops who talks nonsense, or floods what is not read, and serves the others", function()
    begin("read x; exit 5")
    local handle, reader = connect()
    for _, nonsense in ipairs({ "GET / HTTP/1.0\r\n", frames.pack("w", "0x0"),
      frames.pack("x", "code 0"), "iffffffff", ("\0"):rep(100000) }) do
      local bad = connect()
      core.fd.write_all(bad, nonsense)
      assert.truthy(core.poll.wait({ { fd = bad, events = "r" } }, SECONDS)[1])
      bad:close()
    end
    core.fd.write_all(handle, frames.pack("i", "x\n"))
    assert.equal(5, process:wait(SECONDS).code)
    wait_for(handle, reader, "nothing of that kind")
    handle:close()
  end)

  it("holds no more input than the process takes", function()
    begin("sleep 1000")
    local flood = connect()
    core.fd.set_nonblock(flood, true)
    local sent, deadline = 0, core.proc.clock() + SECONDS
    repeat
      local ready = core.poll.wait({ { fd = flood, events = "w" } }, 1)
      local count = ready[1] and core.fd.write(flood, frames.pack("i", ("x"):rep(60000)))
      sent = sent + (count or 0)
    until not ready[1] or core.proc.clock() > deadline
    assert.is_true(sent < 8 * 1024 * 1024)
    flood:close()
  end)

  it("lets in sixteen, and nobody who is another user", function()
    begin("sleep 1000")
    local handles = {}
    for index = 1, 17 do
      handles[index] = connect()
    end
    local ready = core.poll.wait({ { fd = handles[17], events = "r" } }, SECONDS)
    assert.truthy(ready[1])
    assert.equal("", core.fd.read(handles[17], 100))
    for _, handle in ipairs(handles) do
      handle:close()
    end
    local folder = assert(core.path.open_root(b.folder .. "/state/" .. container:id()))
    assert.equal(384, core.path.stat(folder, "attach").mode % 4096) -- 0600
    folder:close()
  end)

  it("says why not", function()
    container, process = b:sleeper()
    local seen = attach("")
    assert.is_nil(seen.result)
    assert.matches("attachable", tostring(seen.err))
    assert.equal("ENOENT", seen.err.errno)
    local result, err = container:attach({ detach_keys = "ctrl-?" })
    assert.is_nil(result)
    assert.equal("detach_keys", err.path)
    assert.has_error(function() container:attach({ colour = 1 }) end)
    assert.has_error(function() container:attach(5) end)
  end)

  it("is refused where it makes no sense, and leaves nothing", function()
    container = assert(b:create())
    local before = machine.snapshot(box.PATTERN)
    for _, spec in ipairs({ { stdin = "x" }, { stdout = "null" }, { keep_output = "17M" },
      { args = { "/bin/nonesuch" } } }) do
      spec.args, spec.attachable = spec.args or { "/bin/true" }, true
      local ok, err = container:run(ctr.process(spec))
      assert.is_nil(ok)
      assert.truthy(err)
    end
    assert.same(before, machine.snapshot(box.PATTERN))
    assert.is_nil(io.open(socket_path()))
    assert(container:destroy())
  end)

  it("is for a first process", function()
    container, process = b:sleeper()
    local ok, err = container:run(ctr.process({ args = { "/bin/true" }, attachable = true }))
    assert.is_nil(ok)
    assert.equal("process.attachable", err.path)
  end)

  it("leaves nothing when the process has ended", function()
    begin("exit 0")
    process:wait(SECONDS)
    b:finish(container, process)
    local before = machine.snapshot(box.PATTERN)
    begin(ECHO)
    attach("quit\n")
    process:wait(SECONDS)
    b:finish(container, process)
    process = nil
    local after, deadline
    deadline = core.proc.clock() + SECONDS
    repeat -- the keeper is nobody's to wait for
      after = machine.snapshot(box.PATTERN)
    until #after.children <= #before.children or core.proc.clock() > deadline
    assert.same(before.descriptors, after.descriptors)
    assert.same(before.mounts, after.mounts)
    assert.same(before.cgroups, after.cgroups)
  end)

  it("ends with the program's death as little as the container does", function()
    container, process = nil, nil
    local command = ("luajit -e '"
      .. "package.path=\"lua/?.lua;lua/?/init.lua;./?.lua;\"..package.path "
      .. "package.cpath=\"build/?.so;\"..package.cpath local ctr=require(\"ctr\") "
      .. "local f=assert(ctr.new(\"%s\")) local box=require(\"specs.support.box\") "
      .. "local c=assert(f:create(\"left\", box.config(\"%s\"))) "
      .. "assert(c:run(ctr.process{args={\"sh\",\"-c\",\"read x; echo still; sleep 1000\"},"
      .. "env={\"PATH=/bin\"},attachable=true})) os.exit(0)'"):format(b.folder .. "/state", b.root)
    assert.equal(0, os.execute(command))
    container = assert(b.factory:load("left"))
    local handle, reader = connect()
    core.fd.write_all(handle, frames.pack("i", "x\n"))
    assert.matches("still", wait_for(handle, reader, "still"))
    assert(container:signal("SIGKILL"))
    wait_for(handle, reader, "the end")
    handle:close()
    local deadline = core.proc.clock() + SECONDS
    repeat until container:status() == "stopped" or core.proc.clock() > deadline
    assert(container:destroy())
  end)
end)

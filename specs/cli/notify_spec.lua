local core = require("ctr.core")
local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

-- Says through a client of the spec's that it is ready when the spec lets it.
local SCRIPT = "echo $NOTIFY_SOCKET; read line; exit 0"

describe("lctr for a service manager", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local e, before, manager

  before_each(function()
    before = machine.snapshot(engine.PATTERN)
    e = engine.new({ args = { "sh", "-c", SCRIPT } })
    manager = assert(core.fd.bind_unix(e.folder .. "/manager"))
  end)

  after_each(function()
    manager:close()
    e:close()
    assert.same(before, machine.snapshot(engine.PATTERN))
  end)

  -- Starts lctr with the manager's socket.
  local function begin(command, fds, socket)
    local child = e.bundle:spawn({ "/bin/sh", "-c", ("NOTIFY_SOCKET=%s exec build/lctr "
      .. "--root %s/state %s"):format(socket or e.folder .. "/manager", e.folder, command) }, fds)
    return child
  end

  local function closed(fds)
    for _, handle in ipairs(fds) do
      handle:close()
    end
  end

  local function create(socket)
    local read_end, write_end = core.fd.pipe()
    local fds = e:streams()
    fds[1]:close()
    fds[1] = read_end
    local child = begin(("create --bundle %s --pid-file %s/pid %s"):format(e.folder, e.folder,
      e.id), fds, socket)
    closed(fds)
    assert.equal(0, child.wait().code, e.bundle:read("err"))
    return write_end, tonumber(e.bundle:read("pid"))
  end

  local function start(socket)
    local fds = e:streams()
    local child = begin("start " .. e.id, fds, socket)
    closed(fds)
    return child
  end

  -- What a program in the container would do; a socket of its own is at the same path.
  local function say(text)
    local path = e.folder .. "/state/" .. e.id .. "/notify/notify.sock"
    local socket
    repeat -- until start has bound it anew
      socket = core.fd.connect_unix(path, "datagram")
    until socket
    assert(core.fd.write(socket, text))
    socket:close()
  end

  it("gives the container a socket in a folder that it may not write", function()
    local input, pid = create()
    local root = ("/proc/%d/root/run/notify"):format(pid)
    assert.equal("socket", core.fd.type(assert(core.fd.open(root .. "/notify.sock",
      { flags = { "path" } }))))
    local mountinfo = assert(io.open(("/proc/%d/mountinfo"):format(pid)))
    assert.matches(" /run/notify ro[, ]", mountinfo:read("*a"))
    mountinfo:close()
    input:close()
  end)

  it("reaches a manager whose socket is no file", function()
    manager:close()
    manager = assert(core.fd.bind_unix("@" .. e.id))
    local input, pid = create("@" .. e.id)
    local child = start("@" .. e.id)
    say("READY=1\n")
    assert.equal(("READY=1\nMAINPID=%d\n"):format(pid), (core.fd.recv(manager, 4096)))
    assert.equal(0, child.wait().code)
    input:close()
  end)

  it("passes on that the container is ready, and who it is", function()
    local input, pid = create()
    local child = start()
    assert.same({}, core.poll.wait({ { fd = manager, events = "r" } }, 0))
    -- The program runs when its socket answers: create's is gone.
    say("STATUS=getting there\n")
    say("READY=1\n")
    assert.equal(("READY=1\nMAINPID=%d\n"):format(pid), (core.fd.recv(manager, 4096)))
    assert.equal(0, child.wait().code)
    assert.same({}, core.poll.wait({ { fd = manager, events = "r" } }, 0))
    input:close()
  end)

  it("waits no longer than the container lives", function()
    local input = create()
    local child = start()
    core.fd.write(input, "go on\n")
    input:close()
    assert.equal(0, child.wait().code)
    assert.same({}, core.poll.wait({ { fd = manager, events = "r" } }, 0))
  end)

  it("does not wait where nobody asks", function()
    local input = create()
    e:succeeds("start", e.id)
    assert.equal("running", e:state().status)
    input:close()
  end)
end)

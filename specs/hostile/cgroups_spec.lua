local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")

local SECONDS = 60
local ADMIN = { "CAP_SYS_ADMIN", "CAP_DAC_OVERRIDE" }
local NAMESPACES = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWCGROUP" }

-- What a container may do to the cgroups that it is shown.
describe("a container with its own cgroup in its hands", function()
  local b

  setup(function()
    b = box.new()
    assert(b:sh("true"))
  end)

  teardown(function()
    b:close()
  end)

  before_each(function()
    if not io.open("/sys/fs/cgroup/pids/tasks") then
      pending("there is no cgroup v1 here")
    end
  end)

  local function config(more)
    local fields = { namespaces = NAMESPACES, cgroups = { parent = box.PARENT, pids_limit = 100 },
      mounts = {
        { source = "proc", destination = "/proc", device = "proc" },
        { source = "cgroup", destination = "/mnt", device = "cgroup", flags = { "rw" } },
      } }
    for key, value in pairs(more or {}) do
      fields[key] = value
    end
    return fields
  end

  local function start(script, more)
    local container = assert(b:create(config(more)))
    local said = ""
    local process = ctr.process({ args = { "/bin/sh", "-c", script }, env = { "PATH=/bin" },
      stdout = function(data) said = said .. data end })
    assert(container:run(process))
    local deadline = core.proc.clock() + SECONDS
    repeat
      process:wait(0.01)
    until said:find("ready", 1, true) or core.proc.clock() > deadline
    return container, process, said
  end

  it("nests it deep, and all of it is removed", function()
    local before = machine.snapshot(box.PATTERN)
    local container, process, said = start("cd /mnt/pids; for i in $(seq 300); do mkdir d && cd d "
      .. "|| exit 1; done; sleep 1000 & echo $! > cgroup.procs; mkdir 'odd name' '\\040'; "
      .. "echo ready; sleep 1000")
    assert.equal("ready\n", said)
    assert.is_true(#assert(container:processes()) >= 2)
    assert(container:signal("SIGKILL", true))
    assert(process:wait(SECONDS))
    assert(container:destroy())
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  -- CVE-2022-0492: the agent runs as the host's root.
  it("neither sees those above it, nor sets a release agent", function()
    local container, process, said = start("cd /mnt/pids/../pids; pwd; ls | grep -c release_agent; "
      .. "cat /proc/self/cgroup | cut -d: -f3 | sort -u; "
      .. "mkdir /tmp/all && mount -t cgroup -o pids all /tmp/all && cd /tmp/all && "
      .. "ls | grep -c release_agent; echo ready", { capabilities = { bounding = ADMIN,
        effective = ADMIN, permitted = ADMIN } })
    assert.equal("/mnt/pids\n0\n/\n0\nready\n", said)
    assert(process:wait(SECONDS))
    assert(container:destroy())
  end)

  it("that moves into a cgroup beside it has moved nowhere", function()
    local before = machine.snapshot(box.PATTERN)
    local container, process, said = start("cd /mnt/pids; mkdir side && echo $$ > "
      .. "side/cgroup.procs; cut -d: -f2,3 /proc/self/cgroup | grep pids; echo ready; sleep 1000")
    assert.equal("pids:/side\nready\n", said)
    assert.same({ process:pid() }, assert(container:processes()))
    assert(container:signal("SIGKILL", true))
    assert.equal("SIGKILL", assert(process:wait(SECONDS)).signal)
    assert(container:destroy())
    assert.same(before, machine.snapshot(box.PATTERN))
  end)
end)

-- What limits do to the programs of a container: on whichever layout the machine has.

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")

if not machine.is_root() then
  describe("a limit", function()
    pending("needs root")
  end)
  return
end

describe("a limit", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function limits(fields)
    fields.parent = box.PARENT
    return { cgroups = fields }
  end

  it("of processes keeps more from being made", function()
    if not machine.has("pids") then
      pending("needs the pids controller")
      return
    end
    local result = assert(b:sh("for i in 1 2 3 4 5 6 7 8; do sleep 100 & done",
      limits({ pids_limit = 4 })))
    assert.matches("can't fork", result.err)
  end)

  it("of CPU time slows down", function()
    if not machine.has("cpu") then
      pending("needs the cpu controller")
      return
    end
    local container, process = b:sleeper(limits({ cpu_quota = 10000, cpu_period = 100000 }))
    local spinner = ctr.process({ args = { "/bin/sh", "-c", "while :; do :; done" } })
    assert(container:run(spinner))
    local deadline = core.proc.clock() + 30
    local throttling
    repeat
      core.poll.wait({}, 0.02)
      throttling = assert(container.cgroup:stats()).cpu_stats.throttling_data
    until throttling.throttled_time > 0 or core.proc.clock() > deadline
    assert(spinner:signal("SIGKILL"))
    assert(spinner:wait(30))
    assert.is_true(throttling.throttled_periods > 0)
    assert.is_true(throttling.throttled_time > 0)
    b:finish(container, process)
  end)

  it("of processors is what programs see", function()
    local result = assert(b:sh("grep Cpus_allowed_list /proc/self/status",
      limits({ cpuset_cpus = "0" })))
    assert.equal("Cpus_allowed_list:\t0\n", result.out)
  end)

  -- A whole disk has no folder above it that is one.
  local function disk_of(path)
    local folder = assert(core.path.open_root(path))
    local stat = assert(core.path.stat(folder, "."))
    folder:close()
    local major, minor = math.floor(stat.dev / 256) % 4096, stat.dev % 256
    local uevent = io.open(("/sys/dev/block/%d:%d/uevent"):format(major, minor))
    local text = uevent and uevent:read("*a") or ""
    if uevent then
      uevent:close()
    end
    return text:find("DEVTYPE=disk", 1, true) and { major = major, minor = minor } or nil
  end

  it("of a block device makes its readers wait, until it is lifted", function()
    local folder = disk_of(b.folder) and b.folder or core.path.realpath("build")
    local disk = machine.has("io") and disk_of(folder)
    if not disk then
      pending("needs the io or blkio controller, and a file on a disk")
      return
    end
    disk.rate = 512
    local file = folder .. "/limited"
    finally(function()
      os.remove(file)
    end)
    os.execute(("dd if=/dev/zero of=%s bs=64k count=16 conv=fsync 2>/dev/null"):format(file))
    local mounts = box.config(b.root).mounts
    mounts[#mounts + 1] = { source = file, destination = "/file", flags = { "bind", "ro" } }
    local function reader(cgroups)
      local changes = limits(cgroups)
      changes.mounts = mounts
      local container = assert(b:create(changes))
      local process = ctr.process({ args = { "/bin/dd", "if=/file", "of=/dev/null", "bs=64k",
        "iflag=direct" } })
      assert(container:run(process))
      return container, process
    end
    local slow, waiting = reader({ blkio_throttle_read_bps_device = { disk } })
    local quick, done = reader({})
    assert.equal(0, done:wait(60).code)
    assert(quick:destroy())
    local ended, err = waiting:wait(0)
    assert.is_nil(ended)
    assert.equal("ETIMEDOUT", err.errno)
    disk.rate = 0
    assert(slow:set({ cgroups = { blkio_throttle_read_bps_device = { disk } } }))
    assert(waiting:signal("SIGKILL"))
    assert(waiting:wait(60))
    assert(slow:destroy())
  end)
end)

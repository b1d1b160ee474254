local alarm = require("specs.support.alarm")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local hostile_root = require("specs.support.hostile_root")
local planner = require("ctr.plan")

local SECONDS = 60
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local NAMESPACES = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWCGROUP" }

-- Every path that a mount of these kinds looks up or makes.
local PATHS = { "/sys", "/data", "/deep/in", "/deep/in/target", "/file", "/kept" }

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function config(root, source)
  return {
    rootfs = root,
    namespaces = { unpack(NAMESPACES) },
    mounts = {
      { source = "proc", destination = "/proc", device = "proc" },
      { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup" },
      { source = "overlay", destination = "/data", device = "overlay",
        data = ("lowerdir=%s:/usr/share/doc"):format(source) },
      { source = source, destination = "/deep/in/target", flags = { "rbind", "rro", "ridmap" },
        id_mapping = { uid_mappings = MAPPING, gid_mappings = MAPPING } },
      { source = source .. "/file", destination = "/file", flags = { "bind", "rnosuid" } },
      { source = "x", destination = "/kept", device = "tmpfs", flags = { "idmap", "tmpcopyup" },
        id_mapping = { uid_mappings = MAPPING, gid_mappings = MAPPING } },
      { destination = "/kept", flags = { "remount", "sync", "nosuid" }, data = "size=64k" },
    },
  }
end

local VARIANTS = {
  plain = function() end,
  ["user namespace"] = function(changed)
    table.insert(changed.namespaces, "NEWUSER")
    changed.uid_mappings, changed.gid_mappings = MAPPING, MAPPING
  end,
}

local SCRIPT = [[
echo alive
for file in P P/* /sys/fs/cgroup/* /data/* /file /deep/in/target/* /kept/*; do
  [ -f "$file" ] && head -c 300 "$file"
done
echo text > /data/new; echo text > /kept/new; echo text > /file; echo 1 > /sys/fs/cgroup/pids/tasks
]]

describe("a hostile root", function()
  local b, hostile, source, mounts

  setup(function()
    alarm.set(600)
    b = box.new({ cgroup_manager = "none" })
    hostile = hostile_root.new(b.folder, b.root .. "/bin/busybox")
    source = hostile.given
    assert(b:sh("true"))
    mounts = read_file("/proc/self/mountinfo")
  end)

  teardown(function()
    hostile:close()
    b:close()
    alarm.set(0)
  end)

  local function run(changed, path)
    local out = {}
    local function keep(data)
      out[#out + 1] = data
    end
    local container = assert(b.factory:create("hostile-" .. core.proc.getpid(), changed))
    local process = ctr.process({ args = { "/bin/sh", "-c", (SCRIPT:gsub("P", path)) },
      env = { "PATH=/bin" }, stdout = keep, stderr = keep })
    local ok, err = container:run(process)
    local result = ok and process:wait(SECONDS)
    assert(container:destroy())
    return result, err, table.concat(out)
  end

  local function check(path, kind, variant)
    local where = ("%s as %s, %s"):format(path, kind, variant)
    hostile:make(path, kind)
    local changed = config(hostile.root, source)
    VARIANTS[variant](changed)
    local began = core.proc.clock()
    local result, err, said = run(changed, path)
    assert.is_true(core.proc.clock() - began < SECONDS, where)
    if result then
      assert.is_truthy(said:find("alive", 1, true), where .. ": " .. said)
    else
      assert.is_truthy(err.path, where .. ": " .. tostring(err))
    end
    assert.is_false(hostile:leaked(said), where .. " reads what is outside: " .. said)
    assert.equal(mounts, read_file("/proc/self/mountinfo"), where)
    return result
  end

  for _, path in ipairs(PATHS) do
    it("whose " .. path .. " is something else leads no mount outside", function()
      local before = hostile:look()
      local started = 0
      for _, kind in ipairs(hostile_root.names()) do
        for variant in pairs(VARIANTS) do
          started = started + (check(path, kind, variant) and 1 or 0)
        end
        assert.equal(before, hostile:look(), kind)
      end
      assert.is_true(started > 0)
    end)
  end

  -- The story: a remount looks its path up again. What is there by then may be another mount, whose
  -- file system is the host's. (The plan is given the step that the schema would refuse.)
  it("whose file system is covered before its remount has no other one changed", function()
    hostile:make("/data", "directory")
    local folder = b.folder .. "/covering"
    os.execute(("mkdir %s && mount -t tmpfs covering %s"):format(folder, folder))
    local changed = config(hostile.root, source)
    changed.mounts = { { source = "x", destination = "/data", device = "tmpfs" },
      { source = folder, destination = "/data", flags = { "bind" } } }
    local start = planner.start
    planner.start = function(...)
      local steps = start(...)
      for index, step in ipairs(steps) do
        if step.path == "mounts[2]" then
          table.insert(steps, index + 1, { op = "reconfigure", nums = {},
            strings = { "/data", "size=64k", "sync" }, path = "mounts[3]" })
          return steps
        end
      end
    end
    local result, err = run(changed, "/data")
    planner.start = start
    local seen = read_file("/proc/self/mountinfo"):match("[^\n]* %- tmpfs covering [^\n]*")
    os.execute("umount " .. folder)
    assert.is_not_true(result)
    assert.equal("mounts[3]", err.path)
    assert.equal("ESTALE", err.errno)
    assert.not_matches("sync", seen)
    assert.not_matches("size", seen)
  end)
end)

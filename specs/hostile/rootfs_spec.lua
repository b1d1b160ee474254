local alarm = require("specs.support.alarm")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local hostile_root = require("specs.support.hostile_root")

local SECONDS = 5
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local FLAGS = { "nosuid", "nodev", "noexec" }

-- Every path that a start looks up, makes, mounts on, hides or enters, and the parents of some.
local PATHS = { "/dev", "/dev/null", "/dev/pts", "/dev/ptmx", "/dev/console", "/dev/fd", "/proc",
  "/sys", "/etc", "/etc/passwd", "/etc/group", "/data", "/file", "/deep", "/deep/in",
  "/deep/in/target", "/secret", "/secret_folder", "/kept", "/work", "/bin/echo" }

local SCRIPT = [[
echo alive
for file in P P/* /secret /secret_folder/* /data/* /file /deep/in/target/* /etc/passwd; do
  [ -f "$file" ] && head -c 300 "$file"
done
echo text > /dev/null
touch /data/new
]]

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- What the start is asked for: everything that has to do with one of the paths.
local function config(root, source)
  return {
    rootfs = root,
    capabilities = { bounding = { "CAP_MKNOD" }, effective = { "CAP_MKNOD" },
      permitted = { "CAP_MKNOD" }, inheritable = {}, ambient = {} },
    namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET" },
    cgroups = { parent = "/ctr-specs-hostile" },
    devices = ctr.default_auto_created_devices,
    mounts = {
      { source = "proc", destination = "/proc", device = "proc", flags = FLAGS },
      { source = "sysfs", destination = "/sys", device = "sysfs", flags = FLAGS },
      { source = "devpts", destination = "/dev/pts", device = "devpts",
        data = "newinstance,ptmxmode=0666,mode=0620" },
      { source = "tmpfs", destination = "/data", device = "tmpfs", extensions = { "copyup" } },
      { source = source .. "/file", destination = "/file", flags = { "bind" } },
      { source = source, destination = "/deep/in/target", flags = { "bind", "ro" } },
    },
    mask_paths = { "/secret", "/secret_folder", "/proc/kcore" },
    readonly_paths = { "/kept" },
  }
end

-- The ways a tree is made: with a /dev of ours, with one of the configuration, in a user
-- namespace, and with a bind on /dev, into which nothing may be written.
local VARIANTS = {
  plain = function() end,
  terminal = function(_, spec)
    spec.terminal = true
  end,
  ["user namespace"] = function(changed)
    table.insert(changed.namespaces, "NEWUSER")
    changed.uid_mappings, changed.gid_mappings = MAPPING, MAPPING
  end,
  ["bound dev"] = function(changed, _, source)
    table.remove(changed.mounts, 3)
    table.insert(changed.mounts, 1, { source = source, destination = "/dev",
      flags = { "bind", "ro" } })
  end,
}

describe("a hostile root", function()
  local b, hostile, source, mounts

  setup(function()
    alarm.set(120)
    b = box.new()
    hostile = hostile_root.new(b.folder, b.root .. "/bin/busybox")
    -- The source of the binds is the host's, and what it shows is meant to be seen.
    source = hostile.given
    assert(b:sh("true"))
    mounts = read_file("/proc/self/mountinfo")
  end)

  teardown(function()
    hostile:close()
    b:close()
    alarm.set(0)
  end)

  local function read_console(process)
    local console, said = process:console(), ""
    process.master = nil
    repeat
      local data = core.fd.read(console.handle, 4096)
      said = said .. (data or "")
    until not data or data == ""
    console:close()
    return said
  end

  local function run(path, variant)
    local out = {}
    local function keep(data)
      out[#out + 1] = data
    end
    local changed = config(hostile.root, source)
    local spec = { args = { "/bin/sh", "-c", (SCRIPT:gsub("P", path)) }, env = { "PATH=/bin" },
      cwd = "/work" }
    VARIANTS[variant](changed, spec, source)
    if not spec.terminal then
      spec.stdout, spec.stderr = keep, keep
    end
    local container = assert(b.factory:create("hostile-" .. core.proc.getpid(), changed))
    local process = ctr.process(spec)
    local ok, err = container:run(process)
    local said = ok and process:console() and read_console(process) or ""
    local result = ok and process:wait(SECONDS)
    assert(container:destroy())
    return result, err, said .. table.concat(out)
  end

  local function check(path, kind, variant, before)
    local where = ("%s as %s, %s"):format(path, kind, variant)
    hostile:make(path, kind)
    local began = core.proc.clock()
    local result, err, said = run(path, variant)
    assert.is_true(core.proc.clock() - began < SECONDS, where)
    if result then
      assert.is_truthy(said:find("alive", 1, true), where .. ": " .. said)
    else
      assert.is_truthy(err.path, where .. ": " .. tostring(err))
    end
    assert.is_false(hostile:leaked(said), where .. " reads what is outside: " .. said)
    assert.is_nil(said:find("secret\n", 1, true), where .. ": " .. said)
    assert.is_nil(said:find("hidden", 1, true), where .. ": " .. said)
    assert.equal(before, hostile:look(), where)
    assert.equal(mounts, read_file("/proc/self/mountinfo"), where)
  end

  for _, path in ipairs(PATHS) do
    it("whose " .. path .. " is something else starts or fails, and reaches nothing", function()
      local before = hostile:look()
      for _, kind in ipairs(hostile_root.names()) do
        for variant in pairs(VARIANTS) do
          check(path, kind, variant, before)
        end
      end
    end)
  end
end)

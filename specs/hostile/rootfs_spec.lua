local alarm = require("specs.support.alarm")
local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local hostile_root = require("specs.support.hostile_root")

local SECONDS = 60
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local FLAGS = { "nosuid", "nodev", "noexec" }

-- Every path that a start looks up, makes, mounts on, hides or enters, and the parents of some.
local PATHS = { "/dev", "/dev/null", "/dev/pts", "/dev/ptmx", "/dev/console", "/dev/fd", "/proc",
  "/dev/shm", "/dev/mqueue", "/dev/core", "/dev/stdin", "/dev/tty", "/sys", "/sys/fs", "/etc",
  "/etc/passwd", "/etc/group", "/etc/hosts", "/etc/resolv.conf", "/data", "/file", "/deep",
  "/deep/in", "/deep/in/target", "/secret", "/secret_folder", "/kept", "/work", "/bin/echo" }

local SCRIPT = [[
echo alive
set --
for file in P P/* /secret /secret_folder/* /data/* /file /deep/in/target/* /etc/passwd; do
  [ -f "$file" ] && set -- "$@" "$file"
done
[ $# -gt 0 ] && head -c 300 "$@"
echo text > /dev/null
echo text > /data/new
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
    devices = ctr.default_auto_created_devices,
    mounts = {
      { source = "proc", destination = "/proc", device = "proc", flags = FLAGS },
      { source = "sysfs", destination = "/sys", device = "sysfs", flags = FLAGS },
      { source = "devpts", destination = "/dev/pts", device = "devpts",
        data = "newinstance,ptmxmode=0666,mode=0620" },
      { source = "tmpfs", destination = "/data", device = "tmpfs", extensions = { "copyup" } },
      { source = source .. "/file", destination = "/file", flags = { "bind" } },
      { source = source, destination = "/deep/in/target", flags = { "bind", "ro" } },
      { source = "shm", destination = "/dev/shm", device = "tmpfs", data = "size=64k" },
      { source = "mqueue", destination = "/dev/mqueue", device = "mqueue" },
      { source = source .. "/file", destination = "/etc/hosts", flags = { "bind", "ro" } },
      { source = source .. "/file", destination = "/etc/resolv.conf", flags = { "bind" } },
    },
    mask_paths = { "/secret", "/secret_folder", "/proc/kcore" },
    readonly_paths = { "/kept" },
  }
end

-- The ways a tree is made. Into a bind on /dev nothing may be written.
local VARIANTS = {
  plain = function() end,
  terminal = function(_, spec)
    spec.terminal = true
  end,
  ["user namespace"] = function(changed)
    table.insert(changed.namespaces, "NEWUSER")
    changed.uid_mappings, changed.gid_mappings = MAPPING, MAPPING
  end,
  -- What the root has in /dev comes to lie on our own.
  ["copied dev"] = function(changed, spec)
    table.insert(changed.mounts, 1, { source = "tmpfs", destination = "/dev", device = "tmpfs",
      extensions = { "copyup" } })
    spec.terminal = true
  end,
  ["bound dev"] = function(changed, _, source)
    for index = #changed.mounts, 1, -1 do
      if changed.mounts[index].destination:find("^/dev/") then
        table.remove(changed.mounts, index)
      end
    end
    table.insert(changed.mounts, 1, { source = source, destination = "/dev",
      flags = { "bind", "ro" } })
  end,
}

-- All of them for a thorough answer, else in turn.
local function variants_of(path, index)
  local variants = { "plain", "user namespace" }
  if path:match("^/dev") or path == "/proc" then
    variants = { "plain", "terminal", "user namespace", "copied dev", "bound dev" }
  end
  return attack.runs(1) > 1 and variants or { variants[index % #variants + 1] }
end

describe("a hostile root", function()
  local b, hostile, source, mounts

  setup(function()
    alarm.set(600 * attack.runs(1))
    b = box.new({ cgroup_manager = "none" })
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

  local function check(path, kind, variant)
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
    assert.equal(mounts, read_file("/proc/self/mountinfo"), where)
    return result
  end

  for _, path in ipairs(PATHS) do
    it("whose " .. path .. " is something else starts or fails, and reaches nothing", function()
      local before = hostile:look()
      local started = 0
      for index, kind in ipairs(hostile_root.names()) do
        for _, variant in ipairs(variants_of(path, index)) do
          started = started + (check(path, kind, variant) and 1 or 0)
        end
        assert.equal(before, hostile:look(), kind)
      end
      assert.is_true(started > 0)
    end)
  end

  local function peak_memory()
    return tonumber(read_file("/proc/self/status"):match("VmHWM:%s+(%d+) kB"))
  end

  it("whose user files have no end takes no memory, and no time", function()
    for _, name in ipairs({ "/etc/passwd", "/etc/group" }) do
      hostile:make("/bin/echo", "missing")
      os.execute(("truncate -s 256M %s%s"):format(hostile.root, name))
      collectgarbage()
      local before = peak_memory()
      local began = core.proc.clock()
      local result, err = run(name, "plain")
      assert.equal(0, result and result.code, tostring(err))
      assert.is_true(core.proc.clock() - began < SECONDS)
      assert.is_true(peak_memory() - before < 8 * 1024)
    end
  end)

  it("that becomes hostile while it is in use stops no further process", function()
    hostile:make("/bin/echo", "missing")
    local container = assert(b.factory:create("hostile-" .. core.proc.getpid(),
      config(hostile.root, source)))
    local first = ctr.process({ args = { "/bin/busybox", "sleep", "1000" } })
    assert(container:run(first))
    for _, kind in ipairs(hostile_root.names()) do
      for _, name in ipairs({ "passwd", "group" }) do
        core.path.remove_tree(hostile.parent, "hostile/etc/" .. name)
        hostile_root.kinds[kind](hostile, "etc/" .. name)
      end
      local further = ctr.process({ args = { "/bin/sh", "-c", "exit 7" } })
      local began = core.proc.clock()
      local ok, err = container:run(further)
      assert.is_true(ok, kind .. ": " .. tostring(err))
      assert.equal(7, further:wait(SECONDS).code)
      assert.is_true(core.proc.clock() - began < SECONDS, kind)
    end
    assert(container:signal("SIGKILL"))
    assert(first:wait(SECONDS))
    assert(container:destroy())
  end)
end)

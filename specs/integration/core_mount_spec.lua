local core = require("ctr.core")
local host = require("specs.support.host")

local mount, path = core.mount, core.path

describe("ctr.core.mount", function()
  local dir, name, remove, before

  before_each(function()
    before = host.open_fds()
    dir, name, remove = host.folder()
    assert(path.mkdir(dir, "tree", 493))
    assert(path.write(dir, "tree/file", "x", { create = 384 }))
  end)

  after_each(function()
    remove()
    assert.equal(before, host.open_fds())
  end)

  -- Runs a program inside a mount namespace: /proc/self/fd/4 is a folder of the host there.
  local function inside(ns, ...)
    local bin = assert(path.open_root("/bin"))
    local result = assert(core.proc.run({
      path = "/usr/bin/nsenter",
      args = { "nsenter", "--mount=/proc/self/fd/3", "/proc/self/fd/4/busybox", ... },
      fds = { ns, bin }, timeout = 60,
    }))
    bin:close()
    return result
  end

  describe("clone", function()
    it("clones a mount with its attributes, seen nowhere else", function()
      local handle = assert(mount.clone(name .. "/tree", { set = { "rdonly", "nodev" } }))
      assert.equal("x", path.read(handle, "file", 10))
      local ok, err = path.write(handle, "file", "y")
      assert.is_nil(ok)
      assert.equal("EROFS", err.errno)
      assert.is_true(path.write(dir, "tree/file", "z"))
      assert.is_nil(host.sh("cat /proc/self/mountinfo").stdout:find(name, 1, true))
      handle:close()
    end)

    it("takes a path below a descriptor, a number for words, and a file", function()
      local handle = assert(mount.clone("tree/file", {
        dir = dir, set = mount.attr.MOUNT_ATTR_RDONLY, propagation = "private", recursive = true,
      }))
      assert.equal("file", path.stat(handle, "").type)
      handle:close()
    end)

    it("says what is not there, and keeps nothing of a change that is refused", function()
      local handle, err = mount.clone(name .. "/none")
      assert.is_nil(handle)
      assert.same({ "ENOENT", "open_tree", name .. "/none" }, { err.errno, err.op, err.target })
      handle, err = mount.clone(name, { set = 2147483648 })
      assert.is_nil(handle)
      assert.same({ "EINVAL", "mount_setattr", name }, { err.errno, err.op, err.target })
    end)

    it("refuses wrong types and unknown words", function()
      assert.has_error(function() mount.clone(5, {}) end)
      assert.has_error(function() mount.clone(name, { set = { "shiny" } }) end)
      assert.has_error(function() mount.clone(name, { propagation = "public" }) end)
      assert.has_error(function() mount.clone(name, { recursive = 1 }) end)
      assert.has_error(function() mount.clone(name, { readonly = true }) end)
    end)
  end)

  describe("change", function()
    it("changes a mount that is attached nowhere", function()
      local handle = assert(mount.clone(name .. "/tree", {}))
      assert.is_true(mount.change(handle, { set = { "rdonly" } }))
      assert.is_nil(path.write(handle, "file", "y"))
      assert.is_true(mount.change(handle, { clear = { "rdonly" }, recursive = true }))
      assert.is_true(path.write(handle, "file", "y"))
      handle:close()
    end)

    it("refuses a descriptor that is no mount", function()
      local file = assert(core.fd.memfd("spec", ""))
      local ok, err = mount.change(file, { set = { "rdonly" } })
      assert.is_nil(ok)
      assert.equal("mount_setattr", err.op)
      file:close()
      assert.has_error(function() mount.change(dir) end)
    end)
  end)

  it("translates owners by a user namespace, and refuses what is none", function()
    local tree = assert(mount.new("tmpfs", "x", {}))
    local pidns = assert(core.ns.open("/proc/self/ns/pid"))
    local ok, err = mount.change(tree, { userns = pidns })
    assert.is_nil(ok)
    assert.equal("EINVAL", err.errno)
    assert.equal("mount_setattr", err.op)
    local own = assert(core.ns.open("/proc/self/ns/user"))
    ok, err = mount.change(tree, { userns = own }) -- the one that the file system belongs to
    assert.is_nil(ok)
    assert.is_string(err.errno)
    for _, handle in ipairs({ tree, pidns, own }) do
      handle:close()
    end
  end)

  describe("procfs", function()
    it("is a procfs of its own", function()
      local procfs = assert(mount.procfs())
      assert.equal("proc", path.fs_type(procfs, ""))
      assert.truthy(path.read(procfs, core.proc.getpid() .. "/status", 65536))
      local shared = assert(path.open_root("/proc"))
      assert.not_equal(path.stat(procfs, "").dev, path.stat(shared, "").dev)
      shared:close()
      procfs:close()
    end)
  end)

  -- The mounts of a namespace, asked from a procfs that was opened outside.
  local function seen_inside(ns)
    local result = assert(core.proc.run({ path = "/usr/bin/luajit", args = { "luajit", "-e", [[
      package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
      package.cpath = "build/?.so;" .. package.cpath
      local ffi = require("ffi")
      ffi.cdef("int setns(int, int);")
      local path = require("ctr.core").path
      local proc = assert(path.open_root("/proc"))
      assert(ffi.C.setns(3, 0) == 0)
      io.write(assert(path.read(proc, "self/mountinfo", 65536)))
    ]] }, fds = { ns }, timeout = 60 }))
    assert.equal("", result.stderr)
    local seen = {}
    for line in result.stdout:gmatch("[^\n]+") do
      local at, options, kind = line:match("^%S+ %S+ %S+ %S+ (%S+) (%S+).* %- (%S+)")
      seen[#seen + 1] = at .. " " .. kind .. " " .. options:match("^r[ow]")
    end
    table.sort(seen)
    return seen
  end

  it("has an id that tells it apart", function()
    local root, etc = assert(core.fd.open("/", { flags = { "path" } })),
      assert(core.fd.open("/etc", { flags = { "path" } }))
    local clone = assert(mount.clone("/etc", {}))
    assert.equal(assert(mount.id(root)), assert(mount.id(etc)))
    assert.not_equal(mount.id(root), mount.id(clone))
    for _, handle in ipairs({ root, etc, clone }) do
      handle:close()
    end
  end)

  describe("lean", function()
    it("holds one empty read-only tmpfs and nothing else", function()
      local ns = assert(mount.lean())
      assert.equal("nsfs", path.fs_type(ns, ""))
      local info = seen_inside(ns)
      assert.same({ "/ tmpfs ro" }, info)
      ns:close()
    end)

    it("has a whole /proc and /sys when told to", function()
      local ns = assert(mount.lean(true))
      assert.same({ "/ tmpfs ro", "/proc proc rw", "/sys sysfs rw" }, seen_inside(ns))
      assert.equal("proc\nsys\n", inside(ns, "ls", "/").stdout)
      assert.not_equal(0, inside(ns, "touch", "/file").code)
      ns:close()
    end)

    it("lets a user namespace mount a procfs and a sysfs of its own", function()
      local ns = assert(mount.lean(true))
      local result = inside(ns, "unshare", "-U", "-r", "-m", "-p", "-n", "-f",
        "/proc/self/fd/4/busybox", "sh", "-c",
        "b=/proc/self/fd/4/busybox; $b mount -t proc p /proc && exec 5<&4 && echo mounted")
      assert.equal("mounted\n", result.stdout)
      result = inside(ns, "unshare", "-U", "-r", "-m", "-p", "-n", "-f",
        "/proc/self/fd/4/busybox", "mount", "-t", "sysfs", "s", "/sys")
      assert.equal("", result.stderr)
      assert.equal(0, result.code)
      ns:close()
    end)

    it("leaves the host's mounts and the caller as they are", function()
      local old = host.sh("cat /proc/1/mountinfo /proc/self/mountinfo").stdout
      local own = host.sh("readlink /proc/" .. core.proc.getpid() .. "/ns/mnt").stdout
      local ns = assert(mount.lean())
      ns:close()
      assert.equal(old, host.sh("cat /proc/1/mountinfo /proc/self/mountinfo").stdout)
      assert.equal(own, host.sh("readlink /proc/" .. core.proc.getpid() .. "/ns/mnt").stdout)
    end)

    it("tells who may not", function()
      local result = assert(core.proc.run({
        path = "/usr/bin/setpriv",
        args = { "setpriv", "--reuid=65534", "--bounding-set=-all", "--clear-groups",
          "--regid=65534", "luajit", "-e", [[
          package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
          package.cpath = "build/?.so;" .. package.cpath
          local handle, err = require("ctr.core").mount.lean()
          io.write(tostring(handle), " ", err.errno, " ", err.op)
        ]] },
      }))
      assert.equal("", result.stderr)
      assert.equal("nil EPERM fsopen", result.stdout)
    end)
  end)

  describe("flags and attr", function()
    it("are the kernel's numbers", function()
      assert.equal(1, mount.flags.MS_RDONLY)
      assert.equal(16384, mount.flags.MS_REC)
      assert.equal(262144, mount.flags.MS_PRIVATE)
      assert.equal(8, mount.attr.MOUNT_ATTR_NOEXEC)
      assert.equal(2097152, mount.attr.MOUNT_ATTR_NOSYMFOLLOW)
    end)
  end)
end)

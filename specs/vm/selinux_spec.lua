local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local ffi = require("ffi")

ffi.cdef("long syscall(long number, ...);")

-- SELinux for real: the virtual machine's kernel has it, and gets a small policy here
-- (selinux/policy.conf).

local LABEL = "system_u:system_r:ctr_t:s0:c1,c2"
local FILES = "system_u:object_r:ctr_file_t:s0:c1,c2"
local SHARED = "system_u:object_r:ctr_file_t:s0"
local ENFORCE = "/sys/fs/selinux/enforce"

local function write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

local function run(command)
  assert.equal(0, os.execute(command))
end

local function load_policy()
  local policy = os.tmpname()
  run("checkpolicy -c 33 -M -U allow -o " .. policy .. " specs/vm/selinux/policy.conf >/dev/null")
  -- The kernel takes it in one write.
  run("dd if=" .. policy .. " of=/sys/fs/selinux/load bs=1M status=none")
  os.remove(policy)
end

local function label_of(path)
  local handle = assert(core.fd.open(path, { flags = { "path", "nofollow" } }))
  local label, err = core.xattr.get(handle, "", "security.selinux")
  handle:close()
  return label and label:gsub("%z$", "") or nil, err
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local SYS_KEYCTL, GET_SECURITY = 250, 17 -- x86-64

local function label_of_key(description)
  local id = read("/proc/keys"):match("(%x+) [^\n]- keyring +" .. description)
  local buffer = ffi.new("char[256]")
  local size = ffi.C.syscall(SYS_KEYCTL, ffi.cast("long", GET_SECURITY),
    ffi.cast("long", tonumber(id, 16)), buffer, ffi.cast("long", 256))
  return size > 0 and ffi.string(buffer) or nil
end

describe("SELinux", function()
  local b

  setup(function()
    load_policy()
    write(ENFORCE, "1")
    b = box.new()
  end)

  teardown(function()
    write(ENFORCE, "0")
    b:close()
  end)

  local CURRENT = "cat /proc/self/attr/current; echo"

  it("labels nothing without a label", function()
    assert.matches("^system_u:system_r:base_t:s0%-s0:c0%.c4", b:sh(CURRENT).out)
  end)

  it("labels a container's processes", function()
    local result = b:sh(CURRENT, { process_label = LABEL })
    assert.matches("^" .. LABEL, result.out)
  end)

  it("labels them under no_new_privileges, as another user, in the order of the kernel", function()
    local result = b:sh(CURRENT, { process_label = "system_u:system_r:ctr_t:s0:c2,c1",
      no_new_privileges = true }, { user = "daemon" })
    assert.matches("^" .. LABEL, result.out)
  end)

  it("labels further processes, and takes the process' label first", function()
    local container, process = b:sleeper({ process_label = LABEL })
    assert.matches("^" .. LABEL, b:run(container, CURRENT).out)
    assert.matches("^system_u:system_r:ctr_t:s0:c3\n?",
      b:run(container, CURRENT, { label = "system_u:system_r:ctr_t:s0:c3" }).out)
    b:finish(container, process)
  end)

  it("denies what its policy denies", function()
    local secret = b.root .. "/etc/secret"
    write(secret, "hidden\n")
    run("setfattr -n security.selinux -v system_u:object_r:secret_t:s0 " .. secret)
    assert.equal("hidden\n", b:sh("cat /etc/secret").out)
    assert.matches("Permission denied", b:sh("cat /etc/secret", { process_label = LABEL }).err)
  end)

  it("labels the session keyring with the process' label, and no later key", function()
    local container, process = b:sleeper({ process_label = LABEL })
    assert.equal(LABEL, label_of_key("_ses%." .. container:id():gsub("%-", "%%-")))
    assert.equal("", read(("/proc/%d/attr/keycreate"):format(process:pid())))
    b:finish(container, process)
  end)

  -- The container's busybox knows no labels: they are looked at from outside.
  local function labels_in(changes, paths)
    local container, process = b:sleeper(changes)
    local labels = {}
    for _, path in ipairs(paths) do
      labels[path] = label_of(("/proc/%d/root%s"):format(process:pid(), path))
    end
    b:finish(container, process)
    return labels
  end

  it("labels new file systems, and a mqueue", function()
    local OTHER = "system_u:object_r:ctr_file_t:s0:c3,c4"
    assert.same({ ["/dev"] = FILES, ["/dev/pts"] = FILES, ["/dev/shm"] = FILES,
      ["/dev/mqueue"] = FILES, ["/dev/null"] = FILES, ["/run"] = OTHER,
      ["/proc"] = "system_u:object_r:base_t:s0" }, labels_in({
      mount_label = FILES,
      mounts = {
        { destination = "/proc", device = "proc" },
        { destination = "/dev", device = "tmpfs", data = "mode=755" },
        { destination = "/dev/pts", device = "devpts", data = "newinstance" },
        { destination = "/dev/shm", device = "tmpfs" },
        { destination = "/dev/mqueue", device = "mqueue" },
        { destination = "/run", device = "tmpfs", data = 'context="' .. OTHER .. '"' },
      },
    }, { "/dev", "/dev/pts", "/dev/shm", "/dev/mqueue", "/dev/null", "/run", "/proc" }))
  end)

  it("labels our own /dev, and what masks a directory", function()
    local changes = {
      mount_label = FILES, process_label = LABEL, mask_paths = { "/sys/firmware" },
      mounts = { { destination = "/proc", device = "proc" },
        { destination = "/sys", device = "sysfs" } },
    }
    assert.same({ ["/dev"] = FILES, ["/sys/firmware"] = FILES },
      labels_in(changes, { "/dev", "/sys/firmware" }))
    local result = b:sh("ls /sys/firmware", changes)
    assert.same({ "", "" }, { result.out, result.err })
  end)

  describe("relabelling", function()
    local source, away

    before_each(function()
      source, away = b.folder .. "/source", b.folder .. "/away"
      run(("rm -rf %s %s; mkdir -p %s/a/b %s; touch %s/a/b/file %s/file"):format(source, away,
        source, away, source, away))
      run(("ln -s %s %s/a/link; ln -s %s/file %s/filelink; mkfifo %s/fifo"):format(away, source,
        away, source, source))
    end)

    local function bind(relabel)
      return { mount_label = FILES, process_label = LABEL, mounts = {
        { destination = "/proc", device = "proc" },
        { source = source, destination = "/mnt", flags = { "bind" }, relabel = relabel } } }
    end

    local function labels()
      local list = {}
      for _, name in ipairs({ "", "/a", "/a/b", "/a/b/file", "/a/link", "/filelink", "/fifo" }) do
        list[#list + 1] = label_of(source .. name)
      end
      return list
    end

    local function each(label)
      return { label, label, label, label, label, label, label }
    end

    it("with Z makes all of it the container's own, and follows no link", function()
      local before = { label_of(away), label_of(away .. "/file") }
      assert.equal(0, b:sh("cat /mnt/a/b/file", bind("Z")).code)
      assert.same(each(FILES), labels())
      assert.same(before, { label_of(away), label_of(away .. "/file") })
    end)

    it("with z lets every container have it", function()
      local other = bind("z")
      other.process_label = "system_u:system_r:ctr_t:s0:c4"
      assert.equal(0, b:sh("cat /mnt/a/b/file", other).code)
      assert.same(each(SHARED), labels())
    end)

    it("is what keeps containers apart", function()
      assert.equal(0, b:sh("true", bind("Z")).code)
      local other = bind(nil)
      other.process_label = "system_u:system_r:ctr_t:s0:c4"
      assert.matches("Permission denied", b:sh("cat /mnt/a/b/file", other).err)
    end)

    it("never touches what the machine stands on, by whatever name", function()
      run("ln -sfn /etc " .. b.folder .. "/innocent")
      for _, path in ipairs({ "/", "/usr", "/etc", "/etc/../etc/", b.folder .. "/innocent" }) do
        local before = label_of("/etc/hostname")
        local changes = bind("Z")
        changes.mounts[2].source = path
        local container = assert(b:create(changes))
        local ok, err = b:run(container, "true")
        assert.is_nil(ok)
        assert.equal("ConfigInvalid", err.code)
        assert.equal("mounts[2].relabel", err.path)
        assert.matches("relabeling of .* is not allowed", tostring(err))
        assert.equal(before, label_of("/etc/hostname"))
        assert(container:destroy())
      end
    end)
  end)

  it("says so where the policy does not know a label", function()
    local container = assert(b:create({ process_label = "system_u:system_r:nonesuch_t:s0",
      no_new_keyring = true }))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.equal("process_label", err.path)
    assert.equal("EINVAL", err.errno)
    assert.matches("`/proc/self/attr/exec`", tostring(err), 1, true)
    assert.matches("policy does not know the label system_u:system_r:nonesuch_t:s0",
      tostring(err), 1, true)
    assert(container:destroy())
  end)
end)

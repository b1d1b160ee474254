local mounts = require("ctr.plan.mounts")
local planner = require("ctr.plan")
local schema = require("ctr.config.schema")

local LABEL = "system_u:system_r:ctr_t:s0:c2,c1"
local FILES = "system_u:object_r:ctr_file_t:s0:c1,c2"

local function parse(changes)
  local fields = { rootfs = "/srv/root", namespaces = { "NEWNS", "NEWPID" } }
  for key, value in pairs(changes or {}) do
    fields[key] = value
  end
  return assert(schema.parse(fields))
end

local function parse_process(config, changes)
  local fields = { args = { "/bin/true" } }
  for key, value in pairs(changes or {}) do
    fields[key] = value
  end
  return planner.merge(config, assert(schema.parse_process(fields)))
end

local function facts()
  return { user = { uid = 1, gid = 2, groups = {}, home = "/" }, can_setgroups = true,
    into = 0x20020000 }
end

local function start(changes, process)
  local config = parse(changes)
  return planner.start(config, parse_process(config, process), facts())
end

local function all(steps, op)
  local found = {}
  for index, step in ipairs(steps) do
    if step.op == op then
      found[#found + 1] = { step.strings, step.path, index }
    end
  end
  return found
end

local function index_of(steps, op)
  for index, step in ipairs(steps) do
    if step.op == op then
      return index
    end
  end
  return nil
end

local function mount_strings(steps, destination)
  for _, step in ipairs(steps) do
    if step.op == "mount" and step.strings[3] == destination then
      return { unpack(step.strings, 4) }
    end
  end
  return nil
end

describe("ctr.plan.labels", function()
  it("is not even loaded without a label", function()
    package.loaded["ctr.plan.labels"] = nil
    start({ mask_paths = { "/proc/kcore" },
      mounts = { { destination = "/tmp", device = "tmpfs" } } })
    assert.is_nil(package.loaded["ctr.plan.labels"])
  end)

  describe("apparmor_profile", function()
    it("is written to AppArmor's own file, and has to read back", function()
      local steps = start({ apparmor_profile = "ctr-web" })
      assert.same({ { { "apparmor/exec", "exec ctr-web", "ctr-web" }, "apparmor_profile",
        index_of(steps, "label") } }, all(steps, "label"))
    end)

    it("of the process goes before the configuration's", function()
      local steps = start({ apparmor_profile = "a" }, { apparmor_profile = "b" })
      local row = all(steps, "label")[1]
      assert.equal("exec b", row[1][2])
      assert.equal("process.apparmor_profile", row[2])
    end)

    it("of a namespace or a stack reads back in the kernel's words", function()
      for _, name in ipairs({ ":ns:a", "a//&b" }) do
        assert.equal("", all(start({ apparmor_profile = name }), "label")[1][1][3])
      end
    end)

    it("is set after no_new_privileges, and before the program's user", function()
      local steps = start({ apparmor_profile = "a", no_new_privileges = true })
      local at = index_of(steps, "label")
      assert.is_true(index_of(steps, "no_new_privs") < at)
      assert.is_true(at < index_of(steps, "bounding"))
    end)

    it("is that of further processes too", function()
      local config = parse({ apparmor_profile = "a" })
      local steps = planner.exec(config, parse_process(config), facts())
      assert.equal("exec a", all(steps, "label")[1][1][2])
      assert.is_true(index_of(steps, "join") < index_of(steps, "label"))
    end)
  end)

  describe("process_label", function()
    it("labels the session keyring and the program", function()
      local steps = start({ process_label = LABEL })
      local rows = all(steps, "label")
      assert.same({ "keycreate", LABEL, "system_u:system_r:ctr_t" }, rows[1][1])
      assert.same({ "keycreate", "\n", "" }, rows[2][1])
      assert.same({ "exec", LABEL, "system_u:system_r:ctr_t" }, rows[3][1])
      local keyring = index_of(steps, "keyring")
      assert.same({ keyring - 1, keyring + 1 }, { rows[1][3], rows[2][3] })
    end)

    it("labels no keyring where none is made", function()
      local steps = start({ process_label = LABEL, no_new_keyring = true })
      assert.equal(1, #all(steps, "label"))
    end)

    it("of the process goes before the configuration's, for the keyring as well", function()
      for _, row in ipairs(all(start({ process_label = "a:b:c" }, { label = LABEL }), "label")) do
        assert.equal("process.label", row[2])
      end
    end)
  end)

  describe("mount_label", function()
    local function mounted(mount)
      mount.destination = mount.destination or "/x"
      local steps = start({ mount_label = FILES, mounts = { mount } })
      return mount_strings(steps, mount.destination), steps
    end

    it("is the context of new file systems", function()
      assert.same({ "context=" .. FILES }, (mounted({ device = "tmpfs" })))
      assert.same({ "mode=755", "context=" .. FILES },
        (mounted({ device = "tmpfs", data = "mode=755" })))
      assert.same({ "context=" .. FILES }, (mounted({ device = "devpts" })))
    end)

    it("is not that of the kernel's own", function()
      for _, device in ipairs({ "proc", "sysfs" }) do
        assert.same({}, (mounted({ device = device,
          destination = device == "proc" and "/proc" or nil })))
      end
    end)

    it("is the context of the tmpfs that cgroups are in, and of what the library makes", function()
      local config = parse({ mount_label = FILES,
        mounts = { { destination = "/sys/fs/cgroup", device = "cgroup" } } })
      local known = facts()
      known.cgroup_views = { {} }
      local steps = planner.start(config, parse_process(config), known)
      assert.same({ "mode=755", "context=" .. FILES }, mount_strings(steps, "/sys/fs/cgroup"))
      local overlay = assert(parse({ mounts = { { source = "overlay", destination = "/x",
        device = "overlay", data = "lowerdir=/a:/b" } } })).mounts[1]
      assert.same({ "lowerdir=/a:/b", "context=" .. FILES }, mounts.add_options(overlay, {}, FILES))
      assert.same({ "lowerdir=/a:/b" }, mounts.add_options(overlay, {}, ""))
    end)

    it("gives way to a context that the mount has, without its quotes", function()
      assert.same({ "context=u:r:t:s0:c1,c2", "size=1m" },
        (mounted({ device = "tmpfs", data = 'context="u:r:t:s0:c1,c2",size=1m' })))
    end)

    it("is put on a mqueue once it is mounted", function()
      local options, steps = mounted({ device = "mqueue", destination = "/dev/mqueue" })
      assert.same({}, options)
      assert.same({ "/dev/mqueue", FILES }, all(steps, "file_label")[1][1])
      assert.equal("mounts[1]", all(steps, "file_label")[1][2])
    end)

    it("is that of our own /dev, and of what masks a directory", function()
      local steps = start({ mount_label = FILES, mask_paths = { "/sys/firmware" } })
      assert.same({ "mode=755", "size=65536k", "context=" .. FILES }, mount_strings(steps, "/dev"))
      assert.same({ "/sys/firmware", "", "context=" .. FILES }, all(steps, "mask")[1][1])
    end)
  end)

  it("reads well", function()
    local text = tostring(start({ apparmor_profile = "a", process_label = LABEL,
      mount_label = FILES, mounts = { { destination = "/dev/mqueue", device = "mqueue" } } }))
    assert.matches("label +apparmor/exec = exec a +config.apparmor_profile\n", text)
    assert.matches("label +keycreate = none +config.process_label\n", text)
    assert.matches("file_label +/dev/mqueue system_u:%S+ +config.mounts%[1%]\n", text)
  end)
end)

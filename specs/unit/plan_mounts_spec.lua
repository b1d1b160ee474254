local planner = require("ctr.plan")
local schema = require("ctr.config.schema")

local IDS = { { container_id = 0, host_id = 100000, size = 65536 } }
local STAGED = { namespaces = { "NEWNS", "NEWPID", "NEWUSER" }, uid_mappings = IDS,
  gid_mappings = IDS }
local COMMAND = { { path = "/bin/true" } }

local function plan(mounts, changes, facts)
  local fields = { rootfs = "/srv/root", namespaces = { "NEWNS", "NEWPID" }, mounts = mounts }
  for key, value in pairs(changes or {}) do
    fields[key] = value
  end
  local config = assert(schema.parse(fields))
  local process = planner.merge(config, assert(schema.parse_process({ args = { "/bin/true" } })))
  local known = { user = { uid = 0, gid = 0, groups = {}, home = "/" } }
  for key, value in pairs(facts or {}) do
    known[key] = value
  end
  return planner.start(config, process, known)
end

-- The steps of one mount, as "op nums | strings".
local function steps_of(steps, path)
  local found = {}
  for _, step in ipairs(steps) do
    if step.path == path then
      local nums = {}
      for index, num in ipairs(step.nums) do
        nums[index] = tostring(num)
      end
      found[#found + 1] = ("%s %s | %s"):format(step.op, table.concat(nums, " "),
        table.concat(step.strings, " "))
    end
  end
  return found
end

local function line_of(steps, path)
  for line in tostring(steps):gmatch("[^\n]+") do
    if line:find(path, 1, true) then
      return (line:gsub("%s+", " "))
    end
  end
  return nil
end

describe("ctr.plan of mounts", function()
  describe("from below the root", function()
    local function source_of(source, destination, changes, facts, mapping)
      local steps = plan({ { source = "/a", destination = destination, flags = { "bind" } },
        { source = source, destination = "/data", flags = { "bind" }, id_mapping = mapping } },
        changes, facts)
      return steps_of(steps, "mounts[2]")
    end

    it("clones what is there when it is their turn, where something was mounted", function()
      local inside = { "clone_inside 0 0 0 0 0 @none 0 | /mnt/x", "attach -1 0 0 0 0 | /data" }
      assert.same(inside, source_of("/srv/root/mnt/x", "/mnt"))
      assert.same(inside, source_of("/srv/root/mnt/x", "/mnt/x"))
      assert.same(inside, source_of("/srv/root/mnt/x", "/mnt/x/y"))
      assert.same("clone_inside 0 0 0 0 0 @none 0 | /", source_of("/srv/root", "/mnt")[1])
    end)

    it("takes what the host has in all other cases", function()
      local outside = { "attach @mount:2 0 0 0 0 | /data" }
      assert.same(outside, source_of("/srv/root/mnt", "/mnt2"))
      assert.same(outside, source_of("/srv/root2/mnt", "/mnt"))
      assert.same(outside, source_of("/srv/root/mnt", "/mnt", { rootfs = "/" }))
    end)

    it("maps ids there, but not in a user namespace", function()
      local mapping = { uid_mappings = IDS, gid_mappings = IDS }
      assert.same("clone_inside 0 0 0 0 0 @mapping:2 0 | /mnt",
        source_of("/srv/root/mnt", "/mnt", nil, nil, mapping)[1])
      assert.same("attach @mount:2 0 0 0 0 | /data",
        source_of("/srv/root/mnt", "/mnt", STAGED, nil, mapping)[1])
    end)

    it("counts the slots of a copied namespace", function()
      assert.same("clone_inside 2 0 0 0 0 @none 0 | /mnt",
        source_of("/srv/root/mnt", "/mnt", STAGED, { rootless = true })[1])
    end)
  end)

  describe("with recursive attributes", function()
    local BIND = { source = "/srv", destination = "/data", flags = { "rbind", "nosuid", "ro", "rrw",
      "rnodev" } }

    it("leaves these to the clone, and does the rest where it is attached", function()
      local steps = plan({ BIND })
      assert.same({ "attach @mount:1 2 0 0 0 | /data" }, steps_of(steps, "mounts[1]"))
      assert.matches("/srv (all: nodev) (all: not ro) → /data nosuid", line_of(steps, "mounts[1]"),
        1, true)
    end)

    it("clones inside for a caller without privilege", function()
      local steps = plan({ BIND }, STAGED, { rootless = true })
      assert.same({ "open_tree 1 1 4 1 0 | /srv", "attach -2 2 0 0 0 | /data" },
        steps_of(steps, "mounts[1]"))
    end)

    it("of what is mounted by then come with the clone of that", function()
      local steps = plan({ { source = "/a", destination = "/b", flags = { "bind" } },
        { source = "/srv/root/b", destination = "/data", flags = { "rbind", "rro" } } })
      assert.same({ "clone_inside 0 1 1 0 0 @none 0 | /b", "attach -1 0 0 0 0 | /data" },
        steps_of(steps, "mounts[2]"))
    end)

    it("sets them at once on a new file system, and again by a remount", function()
      local steps = plan({
        { source = "x", destination = "/data", device = "tmpfs", flags = { "rro", "rnoatime" },
          data = "mode=755" },
        { destination = "/data", flags = { "remount", "noexec", "rrw", "rnosuid" } },
      })
      assert.same({ "mount 16 0 0 0 | tmpfs x /data mode=755", "set_attr 1 0 0 0 | /data" },
        steps_of(steps, "mounts[1]"))
      assert.same({ "set_attr 8 0 0 0 | /data", "set_attr 2 1 1 0 | /data" },
        steps_of(steps, "mounts[2]"))
    end)
  end)

  describe("with mapped ids", function()
    it("has the library clone the source, whatever the way", function()
      local mount = { source = "/srv", destination = "/data", flags = { "rbind", "ridmap" },
        id_mapping = { uid_mappings = IDS, gid_mappings = IDS } }
      local attach = { "attach @mount:1 0 0 0 0 | /data" }
      local steps = plan({ mount })
      assert.same(attach, steps_of(steps, "mounts[1]"))
      assert.matches("/srv (ridmap 0:100000:65536) → /data", line_of(steps, "mounts[1]"), 1, true)
      mount.premount_cmds = COMMAND
      assert.same(attach, steps_of(plan({ mount }), "mounts[1]"))
    end)

    it("has the library make a file system", function()
      local mount = { source = "x", destination = "/data", device = "tmpfs", flags = { "idmap",
        "tmpcopyup", "nosuid" } }
      assert.same({ "attach_fs @fs:1 2 1 1 | tmpfs /data" },
        steps_of(plan({ mount }, STAGED), "mounts[1]"))
    end)
  end)

  describe("of the host's paths", function()
    local OVERLAY = { source = "overlay", destination = "/data", device = "overlay",
      data = "lowerdir=/a:/b" }

    it("has the library make it, but in a copy of the host's namespace", function()
      assert.same({ "attach_fs @fs:1 0 0 0 | overlay /data" }, steps_of(plan({ OVERLAY }),
        "mounts[1]"))
      assert.same({ "mount 0 0 0 0 | overlay overlay /data lowerdir=/a:/b" },
        steps_of(plan({ OVERLAY }, STAGED, { rootless = true }), "mounts[1]"))
      local other = { source = "x", destination = "/tmp", device = "tmpfs",
        premount_cmds = COMMAND }
      assert.matches("^mount ", steps_of(plan({ OVERLAY, other }), "mounts[1]")[1])
    end)

    it("knows a device by its path, and what only looks like one", function()
      local function op_of(mount)
        return steps_of(plan({ mount }), "mounts[1]")[1]:match("^%S+")
      end
      local ext4 = { source = "/dev/sda1", destination = "/data", device = "ext4" }
      assert.equal("attach_fs", op_of(ext4))
      assert.equal("attach_fs", op_of({ source = "x", destination = "/data",
        device = "fuse.sshfs" }))
      for _, kind in ipairs({ "tmpfs", "sysfs", "mqueue", "nfs" }) do
        assert.equal("mount", op_of({ source = "/x", destination = "/data", device = kind }))
      end
      assert.equal("mount", op_of({ source = "host:/x", destination = "/data", device = "9p" }))
    end)

    it("opens a bind's source for a user namespace in a copy, too", function()
      local bind = { source = "/srv", destination = "/data", flags = { "bind" },
        premount_cmds = COMMAND }
      assert.same({ "attach @mount:1 0 0 0 0 | /data" }, steps_of(plan({ bind }, STAGED),
        "mounts[1]"))
      assert.same({ "open_tree 1 0 0 0 0 | /srv", "attach -2 0 0 0 0 | /data" },
        steps_of(plan({ bind }), "mounts[1]"))
    end)
  end)

  describe("that are changed", function()
    it("reconfigures a file system, then sets attributes", function()
      local steps = plan({
        { source = "x", destination = "/data", device = "tmpfs" },
        { destination = "/data", flags = { "remount", "sync", "nolazytime", "ro" },
          data = "size=1m" },
      })
      assert.same({ "reconfigure  | /data size=1m sync nolazytime", "set_attr 1 0 0 0 | /data" },
        steps_of(steps, "mounts[2]"))
      assert.matches("/data size=1m,sync,nolazytime", tostring(steps), 1, true)
    end)
  end)

  describe("of a file system's flags", function()
    it("makes options of them", function()
      local function options(device, flags)
        local steps = plan({ { source = "x", destination = "/data", device = device,
          flags = flags } })
        return steps_of(steps, "mounts[1]")[1]:match("x /data ?(.*)$")
      end
      assert.equal("sync dirsync lazytime", options("tmpfs", { "sync", "dirsync", "lazytime" }))
      assert.equal("", options("tmpfs", { "async", "nolazytime", "nomand", "iversion", "silent" }))
      assert.equal("noacl", options("tmpfs", { "noacl" }))
      assert.equal("acl", options("tmpfs", { "acl" }))
      assert.equal("i_version", options("ext4", { "iversion" }))
    end)
  end)

  describe("of cgroups", function()
    local CGROUP = { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup" }
    local VIEW = {
      { name = "cpu,cpuacct", links = { "cpu", "cpuacct" }, path = "/sys/fs/cgroup/cpu,cpuacct/c" },
      { name = "pids", links = {}, path = "/sys/fs/cgroup/pids/c" },
    }
    local FACTS = { cgroup_views = { VIEW } }

    it("has a tmpfs with a folder for each hierarchy, read-only in the end", function()
      local steps = plan({ CGROUP }, nil, FACTS)
      assert.same({
        "mount 14 0 0 0 | tmpfs tmpfs /sys/fs/cgroup mode=755",
        "attach @cgroup_view:1:1 15 0 0 0 | /sys/fs/cgroup/cpu,cpuacct",
        "symlink  | cpu,cpuacct /sys/fs/cgroup/cpu",
        "symlink  | cpu,cpuacct /sys/fs/cgroup/cpuacct",
        "attach @cgroup_view:1:2 15 0 0 0 | /sys/fs/cgroup/pids",
        "set_attr 1 0 0 0 | /sys/fs/cgroup",
      }, steps_of(steps, "mounts[1]"))
    end)

    it("is writable when that is asked for", function()
      local mount = { source = "cgroup", destination = "/sys/fs/cgroup", device = "cgroup",
        flags = { "rw", "noatime" } }
      local found = steps_of(plan({ mount }, nil, FACTS), "mounts[1]")
      assert.equal("attach @cgroup_view:1:2 30 113 0 0 | /sys/fs/cgroup/pids", found[5])
      assert.is_nil(found[6])
    end)

    it("has one directory on cgroup2", function()
      local steps = plan({ CGROUP }, nil, { cgroup_views = { { is_tree = true, { name = "unified",
        links = {}, path = "/sys/fs/cgroup/c" } } } })
      assert.same({ "attach @cgroup_view:1:1 15 0 0 0 | /sys/fs/cgroup" },
        steps_of(steps, "mounts[1]"))
    end)

    it("opens the directories inside for a caller without privilege", function()
      local found = steps_of(plan({ CGROUP }, STAGED, { rootless = true,
        cgroup_views = { VIEW } }), "mounts[1]")
      assert.equal("open_tree 1 0 0 0 0 | /sys/fs/cgroup/cpu,cpuacct/c", found[1])
      assert.equal("open_tree 2 0 0 0 0 | /sys/fs/cgroup/pids/c", found[2])
      assert.equal("attach -3 15 0 0 0 | /sys/fs/cgroup/pids", found[7])
    end)

    it("joins the cgroups before the tree is made", function()
      local config = assert(schema.parse({ rootfs = "/srv/root", namespaces = { "NEWNS" },
        mounts = { CGROUP } }))
      assert.is_false(planner.may_join_late(config))
    end)
  end)
end)

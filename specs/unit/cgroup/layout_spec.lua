local layout = require("ctr.cgroup.layout")

local HYBRID_MOUNTS = table.concat({
  "22 27 0:21 / /proc rw,relatime - proc proc rw",
  "31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755",
  "32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct",
  "35 31 0:32 / /sys/fs/cgroup/memory rw,relatime shared:9 master:3 - cgroup cgroup rw,memory",
  "40 31 0:37 / /sys/fs/cgroup/systemd rw,relatime - cgroup cgroup rw,xattr,name=systemd",
  "41 31 0:38 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw",
  "",
}, "\n")

local HYBRID_OWN = table.concat({
  "9:name=systemd:/",
  "4:memory:/jobs/a:b",
  "1:cpu,cpuacct:/",
  "0::/jobs",
  "",
}, "\n")

local function choose(mounts, own)
  return layout.choose(layout.parse_mountinfo(mounts), own)
end

describe("ctr.cgroup.layout", function()
  describe("parse_mountinfo", function()
    it("keeps the cgroup file systems alone, with their options", function()
      local mounts = layout.parse_mountinfo(HYBRID_MOUNTS)
      assert.equal(4, #mounts)
      assert.same({ type = "cgroup", root = "/", mount = "/sys/fs/cgroup/cpu,cpuacct",
        options = { "rw", "cpu", "cpuacct" } }, mounts[1])
      assert.equal("cgroup2", mounts[4].type)
    end)

    it("decodes what mountinfo escapes", function()
      local mounts = layout.parse_mountinfo(
        "32 31 0:29 /a\\040b /mnt/x\\134y rw - cgroup cgroup rw,cpu\n")
      assert.equal("/a b", mounts[1].root)
      assert.equal("/mnt/x\\y", mounts[1].mount)
    end)

    it("takes the last of several mounts at one place", function()
      local mounts = layout.parse_mountinfo(
        "32 31 0:29 /old /mnt rw - cgroup cgroup rw,cpu\n33 31 0:30 / /mnt rw - cgroup2 none rw\n")
      assert.equal(1, #mounts)
      assert.equal("cgroup2", mounts[1].type)
    end)

    it("is not misled by a source that looks like a cgroup", function()
      assert.same({}, layout.parse_mountinfo("32 31 0:29 / /mnt rw - tmpfs - cgroup cgroup rw\n"))
    end)
  end)

  describe("parse_own", function()
    it("tells the v1 hierarchies and the cgroup2 one", function()
      local v1, unified = layout.parse_own(HYBRID_OWN)
      assert.same({
        { names = { "name=systemd" }, own = "/" },
        { names = { "memory" }, own = "/jobs/a:b" },
        { names = { "cpu", "cpuacct" }, own = "/" },
      }, v1)
      assert.equal("/jobs", unified)
    end)

    it("knows no cgroup2 path where there is none", function()
      local _, unified = layout.parse_own("4:memory:/x\n")
      assert.is_nil(unified)
    end)
  end)

  describe("choose", function()
    it("sees v1 hierarchies beside a cgroup2 tree as hybrid", function()
      local found = choose(HYBRID_MOUNTS, HYBRID_OWN)
      assert.equal("hybrid", found.mode)
      assert.same({ type = "cgroup", names = { "memory" }, mount = "/sys/fs/cgroup/memory",
        root = "/", own = "/jobs/a:b" }, found.controllers.memory)
      assert.equal(found.controllers.cpu, found.controllers.cpuacct)
      assert.equal("/sys/fs/cgroup/systemd", found.controllers["name=systemd"].mount)
      assert.equal("/sys/fs/cgroup/unified", found.unified.mount)
    end)

    it("sees v1 hierarchies alone as v1", function()
      local found = choose("1 2 0:1 / /cg/memory rw - cgroup cgroup rw,memory\n", HYBRID_OWN)
      assert.equal("v1", found.mode)
      assert.is_nil(found.unified)
    end)

    it("sees a cgroup2 tree, even beside a v1 hierarchy without a controller, as v2", function()
      local found = choose("1 2 0:1 / /sys/fs/cgroup rw - cgroup2 none rw\n"
        .. "2 1 0:2 / /mnt rw - cgroup none rw,name=systemd\n", HYBRID_OWN)
      assert.equal("v2", found.mode)
      assert.same({ type = "cgroup2", names = { "" }, mount = "/sys/fs/cgroup", root = "/",
        own = "/jobs" }, found.unified)
    end)

    it("sees nothing where nothing is mounted", function()
      assert.equal("none", choose("", HYBRID_OWN).mode)
    end)

    it("prefers the mount that shows the caller's own cgroup, then the whole hierarchy", function()
      local function line(id, root, mount)
        return ("%d 1 0:1 %s %s rw - cgroup none rw,memory\n"):format(id, root, mount)
      end
      local other, part, whole = line(1, "/other", "/a"), line(2, "/jobs", "/b"), line(3, "/", "/c")
      assert.equal("/c", choose(other .. part .. whole, HYBRID_OWN).controllers.memory.mount)
      assert.equal("/b", choose(other .. part, HYBRID_OWN).controllers.memory.mount)
    end)
  end)

  describe("own_below_mount", function()
    local function below(own, root)
      return layout.own_below_mount({ own = own, root = root })
    end

    it("strips the part of the tree that is mounted", function()
      assert.equal("", below("/", "/"))
      assert.equal("a/b", below("/a/b", "/"))
      assert.equal("b", below("/a/b", "/a"))
      assert.equal("", below("/a", "/a"))
    end)

    it("knows no path to a cgroup outside of the mount", function()
      assert.is_nil(below("/ab", "/a"))
      assert.is_nil(below("/", "/.."))
      assert.is_nil(below("/../x", "/"))
    end)
  end)
end)

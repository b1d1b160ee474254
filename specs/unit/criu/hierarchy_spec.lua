local hierarchy = require("ctr.criu.hierarchy")

describe("ctr.criu.hierarchy", function()
  local UNIFIED = "30 25 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n"

  it("has a yard of where each hierarchy is mounted, by CRIU's names", function()
    assert.same({ unified = "/sys/fs/cgroup" }, hierarchy.links("0::/a\n", UNIFIED))
    assert.same({ unified = "/c/unified", systemd = "/c/systemd", ["cpu,cpuacct"] = "/c/cpu",
      pids = "/c/pids" }, hierarchy.links("9:name=systemd:/\n8:pids:/a\n2:cpu,cpuacct:/\n0::/\n",
      "31 23 0:28 / /c rw - tmpfs tmpfs rw\n32 31 0:29 / /c/cpu rw - cgroup cgroup rw,cpu,cpuacct\n"
      .. "39 31 0:36 / /c/pids rw - cgroup cgroup rw,pids\n"
      .. "40 31 0:37 / /c/systemd rw - cgroup cgroup rw,name=systemd\n"
      .. "41 31 0:38 / /c/unified rw - cgroup2 cgroup2 rw\n"))
  end)

  it("has none where one is not mounted, or only a part of it", function()
    assert.is_nil(hierarchy.links("3:pids:/\n0::/a\n", UNIFIED))
    assert.is_nil(hierarchy.links("0::/a\n", (UNIFIED:gsub("0:26 /", "0:26 /part"))))
    assert.is_nil(hierarchy.links("0::/a\n", (UNIFIED:gsub("fs/cgroup", "fs/c\\040g"))))
  end)
end)

local attributes = require("ctr.plan.mount_attributes")
local mounts = require("ctr.criu.mounts")
local sources = require("ctr.criu.sources")

local ATTR = attributes.ATTR

local INFO = [[
22 1 254:0 / / rw,relatime - ext4 /dev/vda rw
23 22 0:5 / /with\040blank ro,nosuid,noatime shared:3 master:1 - tmpfs tmpfs rw,size=4k
24 23 0:6 /sub /a\134b rw - proc proc rw
not a line
]]

describe("ctr.criu.mounts", function()
  it("reads the kernel's list of mounts", function()
    assert.same({
      [22] = { id = 22, parent = 1, order = 1, device = "254:0", root = "/", mountpoint = "/",
        options = "rw,relatime", type = "ext4" },
      [23] = { id = 23, parent = 22, order = 2, device = "0:5", root = "/",
        mountpoint = "/with blank", options = "ro,nosuid,noatime", type = "tmpfs" },
      [24] = { id = 24, parent = 23, order = 3, device = "0:6", root = "/sub",
        mountpoint = "/a\\b", options = "rw", type = "proc" },
    }, mounts.rows(INFO))
  end)
end)

describe("ctr.criu.sources", function()
  local function changes(options)
    local set, clear = sources.attributes(options)
    return set, clear
  end

  it("makes of a mount what is said of one in the list", function()
    local set, clear = changes("ro,nosuid,nodev,noexec,relatime")
    assert.equal(ATTR.RDONLY + ATTR.NOSUID + ATTR.NODEV + ATTR.NOEXEC, set)
    assert.equal(ATTR.ATIME + ATTR.NODIRATIME + ATTR.NOSYMFOLLOW, clear)
    set, clear = changes("rw,noatime,nodiratime")
    assert.equal(ATTR.NOATIME + ATTR.NODIRATIME, set)
    assert.equal(ATTR.RDONLY + ATTR.NOSUID + ATTR.NODEV + ATTR.NOEXEC + ATTR.ATIME
      + ATTR.NOSYMFOLLOW, clear)
    assert.equal(ATTR.STRICTATIME, (changes("rw")))
  end)

  it("leaves it as it is where nothing is said", function()
    assert.same({ 0, 0 }, { changes(nil) })
  end)
end)

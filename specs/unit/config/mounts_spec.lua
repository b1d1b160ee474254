local mount_options = require("ctr.config.mount_options")
local schema = require("ctr.config.schema")
local validate = require("ctr.config.validate")
local words = require("ctr.config.words")

local IDS = { { container_id = 0, host_id = 1000, size = 10 } }

local function config_with(mounts, changes)
  local config = { rootfs = "/srv/web", namespaces = { "NEWNS" }, mounts = mounts }
  for key, value in pairs(changes or {}) do
    config[key] = value
  end
  return config
end

local function mount_with(more)
  local mount = { source = "/a", destination = "/data", flags = { "bind" } }
  for key, value in pairs(more) do
    mount[key] = value
  end
  return mount
end

local function parse(more, changes)
  return assert(schema.parse(config_with({ mount_with(more) }, changes))).mounts[1]
end

local function problem(mounts, changes)
  local config, err = schema.parse(config_with(mounts, changes))
  assert.is_nil(config)
  assert.equal("ConfigInvalid", err.code)
  return err.path, err.problems[1].text
end

local function refused(key, text, more, changes)
  local path, said = problem({ mount_with(more) }, changes)
  assert.equal("mounts[1]." .. key, path)
  assert.matches(text, said, 1, true)
end

describe("ctr.config mounts", function()
  describe("recursive words", function()
    it("become attributes of the whole tree", function()
      local mount = parse({ flags = { "rbind", "rro", "rnoexec", "rdev" } })
      assert.same({ attr_set = 0x1 + 0x8, attr_clr = 0x4, propagation = 0, userns_fd = 0 },
        mount.rec_attr)
      assert.equal(0x5000, mount.flags) -- MS_BIND, MS_REC
    end)

    it("that set an access time mode clear the others", function()
      assert.same({ 0x10, 0x70 }, { parse({ flags = { "bind", "rnoatime" } }).rec_attr.attr_set,
        parse({ flags = { "bind", "rnoatime" } }).rec_attr.attr_clr })
      local both = parse({ flags = { "bind", "rnoatime", "rstrictatime" } }).rec_attr
      assert.same({ 0x20, 0x70 }, { both.attr_set, both.attr_clr })
      for _, word in ipairs({ "ratime", "rrelatime", "rnorelatime", "rnostrictatime" }) do
        local attr = parse({ flags = { "bind", "rnoatime", word } }).rec_attr
        assert.same({ 0, 0x70 }, { attr.attr_set, attr.attr_clr }, word)
      end
    end)

    it("contradict one another: the last one counts", function()
      local attr = parse({ flags = { "bind", "rro", "rrw" } }).rec_attr
      assert.same({ 0, 1 }, { attr.attr_set, attr.attr_clr })
      attr = parse({ flags = { "bind", "rrw", "rro" } }).rec_attr
      assert.same({ 1, 0 }, { attr.attr_set, attr.attr_clr })
    end)

    it("have a word for clearing for each that sets", function()
      local set, clear = 0, 0
      for _, row in pairs(words.mount_flags) do
        set = set + (row.rec_set and 1 or 0)
        clear = clear + (row.rec_clear and 1 or 0)
      end
      assert.same({ 8, 10 }, { set, clear })
    end)
  end)

  describe("rec_attr", function()
    it("is read with libcontainer's names", function()
      local attr = parse({ rec_attr = { Attr_set = 0x10, Attr_clr = 1 } }).rec_attr
      assert.same({ 0x10, 0x71 }, { attr.attr_set, attr.attr_clr })
    end)

    it("hands its propagation on", function()
      local mount = parse({ rec_attr = { propagation = "slave" } })
      assert.same({ 0x84000 }, mount.propagation_flags)
      assert.equal(0, mount.rec_attr.propagation)
    end)

    it("is kept as it is when it is read again", function()
      local config = assert(schema.parse(config_with({ mount_with({
        flags = { "rbind", "rro", "rnoatime", "ridmap", "rslave" }, id_mapping = {
          uid_mappings = IDS, gid_mappings = IDS } }) })))
      assert.same(config.mounts, assert(schema.parse(config)).mounts)
    end)

    it("has no other attributes, and one access time mode", function()
      refused("rec_attr.attr_set", "holds bits", { rec_attr = { attr_set = 0x100000 } })
      refused("rec_attr.attr_set", "two access time modes", { rec_attr = { attr_set = 0x70 } })
      refused("rec_attr.userns_fd", "must be an integer from 0 to 0",
        { rec_attr = { userns_fd = 3 } })
      refused("rec_attr.propagation", "must be one of", { rec_attr = { propagation = 0x60000 } })
    end)
  end)

  describe("id_mapping", function()
    local USERNS = { namespaces = { "NEWNS", "NEWUSER" }, uid_mappings = IDS, gid_mappings = IDS }

    it("is asked for by a word", function()
      assert.same({ recursive = false, userns_path = "", uid_mappings = {}, gid_mappings = {} },
        parse({ flags = { "bind", "idmap" } }, USERNS).id_mapping)
      assert.is_true(parse({ flags = { "bind", "ridmap" } }, USERNS).id_mapping.recursive)
      local both = parse({ flags = { "bind", "ridmap" },
        id_mapping = { uid_mappings = IDS, gid_mappings = IDS } }).id_mapping
      assert.is_true(both.recursive)
      assert.same(IDS, both.uid_mappings)
    end)

    it("needs mappings from somewhere", function()
      refused("id_mapping", "needs uid_mappings and gid_mappings", { flags = { "bind", "idmap" } })
      assert.truthy(parse({ id_mapping = { userns_path = "/proc/1/ns/user" } }).id_mapping)
    end)

    it("maps users and groups together", function()
      refused("id_mapping.gid_mappings", "together", { id_mapping = { uid_mappings = IDS } })
      refused("id_mapping.uid_mappings", "together", { id_mapping = { gid_mappings = IDS } })
      refused("id_mapping.userns_path", "together", { id_mapping = { uid_mappings = IDS,
        gid_mappings = IDS, userns_path = "/proc/1/ns/user" } })
    end)

    it("has ranges that do not overlap", function()
      local twice = { IDS[1], { container_id = 5, host_id = 5000, size = 10 } }
      refused("id_mapping.uid_mappings[2]", "overlaps mounts[1].id_mapping.uid_mappings[1] in",
        { id_mapping = { uid_mappings = twice, gid_mappings = IDS } })
    end)

    it("is for what is mounted new, and has owners", function()
      local mapping = { uid_mappings = IDS, gid_mappings = IDS }
      refused("id_mapping", "not with a remount", { flags = { "remount" }, id_mapping = mapping })
      for _, device in ipairs({ "proc", "sysfs", "cgroup", "mqueue", "devpts" }) do
        refused("id_mapping", "no owners", { device = device, flags = {}, id_mapping = mapping })
      end
      assert.truthy(parse({ device = "tmpfs", flags = {}, id_mapping = mapping }).id_mapping)
    end)
  end)

  describe("words", function()
    -- config.md of the runtime specification.
    local OCI = [[async atime bind defaults dev diratime dirsync exec iversion lazytime loud noatime
      nodev nodiratime noexec noiversion nolazytime norelatime nostrictatime nosuid private rbind
      relatime remount ro rprivate rshared rslave runbindable rw shared silent slave strictatime
      suid sync unbindable nosymfollow symfollow ratime rdev rdiratime rexec rnoatime rnodiratime
      rnoexec rnorelatime rnostrictatime rnosuid rnosymfollow rrelatime rro rrw rstrictatime rsuid
      rsymfollow idmap ridmap mand nomand tmpcopyup acl noacl]]

    it("are all that OCI names", function()
      for word in OCI:gmatch("%S+") do
        assert.is_table(words.mount_flags[word], word)
      end
    end)

    it("defaults stands for nothing, tmpcopyup for an extension", function()
      assert.equal(0x1000, parse({ flags = { "defaults", "bind" } }).flags)
      assert.equal(1, parse({ device = "tmpfs", flags = { "tmpcopyup" } }).extensions)
      refused("extensions", "only a new tmpfs copies up", { flags = { "bind", "tmpcopyup" } })
    end)

    it("of a file system are refused on a bind, as numbers too", function()
      for _, flags in ipairs({ { "bind", "sync" }, 0x1000 + 0x10, { "rbind", "async" },
        { "remount", "bind", "lazytime" } }) do
        refused("flags", "is the file system's", { flags = flags })
      end
      assert.truthy(parse({ flags = { "bind", "silent", "loud" } }))
    end)

    it("mand needs a kernel that has it", function()
      local config = assert(schema.parse(config_with({ mount_with({ device = "tmpfs",
        flags = { "mand" } }) })))
      local function machine(has)
        return validate.machine(config, { realpath = function(path) return path end,
          ns_supported = function() return true end,
          mandatory_locks = function() return has end })
      end
      assert.same({}, machine(true))
      assert.equal("mounts[1].flags", machine(false)[1].path)
    end)
  end)

  describe("a remount", function()
    local REMOUNT = { destination = "/data", flags = { "remount" }, data = "size=1m" }
    local TMPFS = { source = "x", destination = "/data", device = "tmpfs" }

    it("changes a file system that the list made", function()
      assert.truthy(schema.parse(config_with({ TMPFS, REMOUNT })))
      assert.truthy(schema.parse(config_with({ TMPFS, REMOUNT, REMOUNT })))
    end)

    it("changes no other", function()
      local path, text = problem({ REMOUNT })
      assert.equal("mounts[1].data", path)
      assert.matches("mounted there before", text)
      path, text = problem({ TMPFS, { source = "/a", destination = "/data", flags = "bind" },
        REMOUNT })
      assert.equal("mounts[3].data", path)
      assert.matches("others have", text)
    end)

    it("changes a namespace's own only where it is new", function()
      local mounts = { { source = "proc", destination = "/proc", device = "proc" },
        { destination = "/proc", flags = "remount", data = "hidepid=2" } }
      assert.equal("mounts[2].data", (problem(mounts)))
      assert.truthy(schema.parse(config_with(mounts, { namespaces = { "NEWNS", "NEWPID" } })))
      assert.equal("mounts[2].data", (problem(mounts, { namespaces = { "NEWNS",
        { type = "NEWPID", path = "/proc/1/ns/pid" } } })))
    end)

    it("of attributes alone may be of anything", function()
      assert.truthy(schema.parse(config_with({ { destination = "/sys", flags = { "remount", "ro",
        "rnosuid" } } })))
    end)
  end)

  describe("a cgroup mount", function()
    it("takes no data and no recursive attributes", function()
      refused("data", "must be empty", { device = "cgroup", flags = {}, data = "cpu" })
      refused("rec_attr", "not for a cgroup mount", { device = "cgroup2", flags = { "rro" } })
    end)

    it("is writable for nobody without privilege and a cgroup namespace", function()
      local probe = { realpath = function(path) return path end,
        ns_supported = function() return true end }
      local function problems(namespaces, flags)
        return validate.machine(assert(schema.parse(config_with({ mount_with({ device = "cgroup",
          flags = flags }) }, { namespaces = { "NEWUSER", unpack(namespaces) }, uid_mappings = IDS,
          gid_mappings = IDS, rootless_euid = true }))), probe)
      end
      assert.equal("mounts[1].flags", problems({ "NEWNS" }, { "rw" })[1].path)
      assert.same({}, problems({ "NEWNS" }, { "ro" }))
      assert.same({}, problems({ "NEWNS", "NEWCGROUP" }, { "rw" }))
    end)
  end)

  it("have no value that is too long for fsconfig(2)", function()
    local long = ("x"):rep(256)
    refused("data", "more than 255 bytes", { device = "tmpfs", flags = {}, data = "a=" .. long })
    assert.truthy(parse({ device = "tmpfs", flags = {}, data = "a=" .. ("x"):rep(255) }))
  end)

  describe("options", function()
    local function of(device, data)
      return mount_options.of({ device = device, data = data })
    end

    it("are separated by commas, but not in quotes", function()
      assert.same({ "a=b", "c" }, of("tmpfs", "a=b,,c,"))
      assert.same({ 'context="a,b"', "c" }, of("tmpfs", 'context="a,b",c'))
    end)

    it("of overlay are handed over layer by layer when there are many", function()
      local layers = {}
      for index = 1, 30 do
        layers[index] = "/layers/number/" .. index
      end
      local options = of("overlay", "lowerdir=" .. table.concat(layers, ":") .. ":/with\\:colon"
        .. "::/data/only,upperdir=/u")
      assert.equal("lowerdir+=/layers/number/1", options[1])
      assert.equal("lowerdir+=/with:colon", options[31])
      assert.equal("datadir+=/data/only", options[32])
      assert.equal("upperdir=/u", options[33])
      assert.same({ "lowerdir=/a:/b" }, of("overlay", "lowerdir=/a:/b"))
    end)

    it("of fuse name what is behind it", function()
      assert.same({ "fd=3", "subtype=sshfs" }, of("fuse.sshfs", "fd=3"))
      assert.same({ "fd=3" }, of("fuse", "fd=3"))
    end)
  end)
end)

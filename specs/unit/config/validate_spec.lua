local errors = require("ctr.errors")
local schema = require("ctr.config.schema")
local validate = require("ctr.config.validate")

local ID_MAP = { { container_id = 0, host_id = 100000, size = 65536 } }

local function config_with(more)
  local config = { rootfs = "/srv/web", namespaces = { "NEWNS" } }
  for key, value in pairs(more or {}) do
    config[key] = value
  end
  return config
end

local function accepted(more)
  return assert(schema.parse(config_with(more)))
end

local function problems(more)
  local config, err = schema.parse(config_with(more))
  assert.is_nil(config)
  assert.equal("ConfigInvalid", err.code)
  return err.problems
end

local function refused(path, text, more)
  assert.same({ { path = path, text = text } }, problems(more))
end

describe("ctr.config.validate", function()
  describe("config", function()
    it("finds every problem in one go", function()
      local paths = {}
      for i, problem in ipairs(problems({
        hostname = "a", domainname = "b", networks = { { type = "loopback" } },
        uid_mappings = ID_MAP, gid_mappings = ID_MAP, sysctl = { ["net.x"] = 1 },
        time_offsets = {}, rootless_euid = true,
      })) do
        paths[i] = problem.path
      end
      assert.same({
        "networks", "hostname", "domainname", "rootless_euid", "uid_mappings", "gid_mappings",
        'sysctl["net.x"]', "time_offsets",
      }, paths)
    end)

    it("needs a mount namespace, and says why", function()
      local text = "must contain NEWNS: without a mount namespace of its own the container's "
        .. "mounts would be made in the host's table"
      refused("namespaces", text, { namespaces = {} })
      refused("namespaces", text, { namespaces = { "NEWPID" }, mask_paths = { "/proc/kcore" } })
      local _, err = schema.parse({ rootfs = "/srv/web" })
      assert.equal("namespaces", err.path)
    end)

    it("needs NEWUTS for names", function()
      refused("hostname", "needs the namespace NEWUTS", { hostname = "a" })
      refused("domainname", "needs the namespace NEWUTS", { domainname = "a" })
      accepted({ namespaces = { "NEWNS", "NEWUTS" }, hostname = "a", domainname = "b" })
    end)

    it("needs NEWNET for networks, its own or another's", function()
      local networks = { { type = "loopback" } }
      refused("networks", "need the namespace NEWNET", { networks = networks })
      accepted({ namespaces = { "NEWNS", "NEWNET" }, networks = networks })
      accepted({ namespaces = { "NEWNS", { type = "NEWNET", path = "/x" } }, networks = networks })
    end)

    it("needs NEWTIME for time_offsets", function()
      local offsets = { boottime = { secs = 5 } }
      refused("time_offsets", "need the namespace NEWTIME", { time_offsets = offsets })
      accepted({ namespaces = { "NEWNS", "NEWTIME" }, time_offsets = offsets })
      -- They were left out of the plan without a word.
      refused("time_offsets", "must not stand together with a NEWTIME that is joined", {
        namespaces = { "NEWNS", { type = "NEWTIME", path = "/x" } }, time_offsets = offsets })
    end)

    it("takes no private root without pivot_root", function()
      local text = "must not be private with no_pivot_root"
      refused("root_propagation", text, { no_pivot_root = true, root_propagation = "private" })
      refused("root_propagation", text, { no_pivot_root = true, root_propagation = "rprivate" })
      accepted({ no_pivot_root = true, root_propagation = "rslave" })
      accepted({ root_propagation = "rprivate" })
    end)

    describe("on mappings", function()
      local namespaces = { "NEWNS", "NEWUSER" }

      it("needs both with a new user namespace", function()
        assert.same({
          { path = "uid_mappings", text = "must not be empty with the namespace NEWUSER" },
          { path = "gid_mappings", text = "must not be empty with the namespace NEWUSER" },
        }, problems({ namespaces = namespaces }))
        accepted({ namespaces = namespaces, uid_mappings = ID_MAP, gid_mappings = ID_MAP })
      end)

      it("needs none to join one", function()
        local joined = { "NEWNS", { type = "NEWUSER", path = "/x" } }
        accepted({ namespaces = joined })
        accepted({ namespaces = joined, rootless_euid = true, mounts = {
          { source = "devpts", destination = "/dev/pts", device = "devpts", data = "gid=5" } } })
      end)

      it("refuses them without one", function()
        refused("uid_mappings", "need the namespace NEWUSER", { uid_mappings = ID_MAP })
        refused("gid_mappings", "need the namespace NEWUSER", { gid_mappings = ID_MAP })
        accepted({ uid_mappings = {}, gid_mappings = {} })
      end)

      it("refuses overlaps", function()
        local function overlap(second, text)
          refused("uid_mappings[2]", text, {
            namespaces = namespaces, gid_mappings = ID_MAP,
            uid_mappings = { { container_id = 0, host_id = 1000, size = 10 }, second },
          })
        end
        overlap({ container_id = 9, host_id = 5000, size = 1 },
          "overlaps uid_mappings[1] in the container")
        overlap({ container_id = 10, host_id = 1009, size = 5 },
          "overlaps uid_mappings[1] on the host")
        accepted({
          namespaces = namespaces, gid_mappings = ID_MAP,
          uid_mappings = {
            { container_id = 0, host_id = 1000, size = 10 },
            { container_id = 10, host_id = 1010, size = 5 },
          },
        })
      end)

      it("needs a root in the container", function()
        refused("gid_mappings", "must map id 0, the container's root", {
          namespaces = namespaces, uid_mappings = ID_MAP,
          gid_mappings = { { container_id = 1, host_id = 1000, size = 10 } },
        })
      end)
    end)

    describe("on rootless_euid", function()
      local function rootless(more)
        local config = {
          namespaces = { "NEWNS", "NEWUSER" }, rootless_euid = true,
          uid_mappings = { { container_id = 0, host_id = 1000, size = 10 } },
          gid_mappings = { { container_id = 0, host_id = 1000, size = 6 } },
        }
        for key, value in pairs(more or {}) do
          config[key] = value
        end
        return config
      end

      it("needs a user namespace", function()
        refused("rootless_euid", "needs the namespace NEWUSER", { rootless_euid = true })
      end)

      it("needs mappings, but to join one", function()
        assert.same({
          { path = "uid_mappings", text = "must not be empty with the namespace NEWUSER" },
          { path = "gid_mappings", text = "must not be empty with the namespace NEWUSER" },
        }, problems(rootless({ uid_mappings = {}, gid_mappings = {} })))
        accepted(rootless({
          namespaces = { "NEWNS", { type = "NEWUSER", path = "/x" } },
          uid_mappings = {}, gid_mappings = {},
        }))
        accepted(rootless())
      end)

      local function mounts(data)
        return { { source = "devpts", destination = "/dev/pts", device = "devpts", data = data } }
      end

      it("takes mapped owners of mounts only", function()
        assert.same({
          { path = "mounts[1].data", text = "has uid=10, which uid_mappings do not map" },
          { path = "mounts[1].data", text = "has gid=6, which gid_mappings do not map" },
        }, problems(rootless({ mounts = mounts("mode=0620,uid=10,gid=6") })))
        accepted(rootless({ mounts = mounts("uid=9,gid=5,xgid=7,gid=x,a=gid=7") }))
      end)

      it("does not look at owners as root", function()
        accepted({ mounts = mounts("uid=10,gid=5") })
      end)
    end)

    describe("on sysctl", function()
      local all = { "NEWNS", "NEWIPC", "NEWNET", "NEWUTS" }

      for name, namespace in pairs({
        ["kernel.msgmax"] = "NEWIPC", ["kernel.msgmnb"] = "NEWIPC", ["kernel.msgmni"] = "NEWIPC",
        ["kernel.sem"] = "NEWIPC", ["kernel.shmall"] = "NEWIPC", ["kernel.shmmax"] = "NEWIPC",
        ["kernel.shmmni"] = "NEWIPC", ["kernel.shm_rmid_forced"] = "NEWIPC",
        ["fs.mqueue.msg_max"] = "NEWIPC", ["net.ipv4.ip_forward"] = "NEWNET",
        ["kernel.domainname"] = "NEWUTS",
      }) do
        it("needs " .. namespace .. " for " .. name, function()
          local path = ('sysctl["%s"]'):format(name)
          refused(path, "needs the namespace " .. namespace, { sysctl = { [name] = "1" } })
          accepted({ namespaces = { "NEWNS", namespace }, sysctl = { [name] = "1" } })
          accepted({ namespaces = { "NEWNS", { type = namespace, path = "/x" } },
            sysctl = { [name] = "1" } })
        end)
      end

      it("needs NEWUSER for what is counted by user namespace", function()
        local name = "user.max_net_namespaces"
        refused('sysctl["user.max_net_namespaces"]', "needs the namespace NEWUSER",
          { namespaces = all, sysctl = { [name] = "1" } })
        accepted({ namespaces = { "NEWNS", "NEWUSER" }, uid_mappings = ID_MAP,
          gid_mappings = ID_MAP, sysctl = { [name] = "1" } })
      end)

      it("takes slashes for dots", function()
        refused('sysctl["net.ipv4.ip_forward"]', "needs the namespace NEWNET",
          { sysctl = { ["net/ipv4/ip_forward"] = "1" } })
      end)

      for _, name in ipairs({
        "kernel.core_pattern", "vm.overcommit_memory", "fs.file-max", "kernel.msgmax2", "userx.y",
        "fs.mqueuex.y", "netx.y", "kernel.shm_rmid",
      }) do
        it("refuses " .. name .. ", which is the whole machine's", function()
          refused(('sysctl["%s"]'):format(name), "is not in a separate kernel namespace",
            { namespaces = all, sysctl = { [name] = "1" } })
        end)
      end

      it("leaves names to their own keys", function()
        refused('sysctl["kernel.hostname"]', "conflicts with hostname: use that",
          { namespaces = all, sysctl = { ["kernel.hostname"] = "a" } })
        refused('sysctl["kernel.domainname"]', "conflicts with domainname",
          { namespaces = all, domainname = "b", sysctl = { ["kernel.domainname"] = "a" } })
      end)
    end)

    it("needs effective capabilities to be permitted", function()
      refused("capabilities.effective[2]", "is CAP_CHOWN, which permitted does not have", {
        capabilities = { permitted = { "CAP_KILL" }, effective = { "CAP_KILL", "CAP_CHOWN" } },
      })
    end)

    it("needs ambient capabilities to be permitted and inheritable, and these to be bounding",
      function()
        local both, kill = { "CAP_KILL", "CAP_CHOWN" }, { "CAP_KILL" }
        refused("capabilities.ambient[2]", "is CAP_CHOWN, which permitted does not have", {
          capabilities = { bounding = both, permitted = kill, inheritable = both, ambient = both },
        })
        refused("capabilities.ambient[1]", "is CAP_KILL, which inheritable does not have", {
          capabilities = { bounding = both, permitted = both, ambient = kill },
        })
        refused("capabilities.inheritable[1]", "is CAP_KILL, which bounding does not have", {
          capabilities = { permitted = kill, inheritable = kill },
        })
        accepted({ capabilities = { bounding = both, permitted = both, inheritable = both,
          ambient = both } })
        local _, err = schema.parse_process({ args = { "a" }, capabilities = { ambient = kill } })
        assert.equal("process.capabilities.ambient[1]", err.path)
      end)

    it("takes no two devices of one path that differ", function()
      local function device(minor)
        return { type = "c", path = "/dev/x", major = 1, minor = minor }
      end
      refused("devices[3].path", "is that of devices[1], another one", {
        devices = { device(3), device(3), device(5) } })
      accepted({ devices = { device(3), device(3) } })
    end)

    it("neither hides nor closes the root itself", function()
      refused("mask_paths[1]", "must not be / itself", { mask_paths = { "/." } })
      refused("readonly_paths[1]", "must not be / itself", { readonly_paths = { "//" } })
    end)

    it("keeps only UTF-8, for the state is JSON", function()
      local text = "must be UTF-8, for it is kept as JSON"
      for _, bytes in ipairs({ "\255", "\192\175", "\195", "\237\160\128", "\244\144\128\128",
        "a\128", "\224\159\191", "\240\143\191\191" }) do
        refused("version", text, { version = bytes })
        refused("mounts[1].source", text, { mounts = { { source = "/" .. bytes,
          destination = "/a", device = "bind" } } })
      end
      accepted({ version = "\195\169 \239\191\191 \240\144\128\128 \244\143\191\191" })
      assert(schema.parse_process({ args = { "\255" }, env = { "A=\255" } }))
    end)
  end)

  describe("machine", function()
    -- A machine that can do everything; `more` takes something away.
    local function probe_with(more)
      local probe = {
        realpath = function(path)
          return path
        end,
        exists = function()
          return true
        end,
        ns_supported = function()
          return true
        end,
        selinux_enabled = function()
          return true
        end,
        apparmor_enabled = function()
          return true
        end,
        missing_profile = function()
          return nil
        end,
        same_ns = function()
          return false
        end,
        ns_problem = function()
          return nil
        end,
      }
      for name, answer in pairs(more or {}) do
        probe[name] = answer
      end
      return probe
    end

    local function no()
      return false
    end

    local function on_machine(more, answers)
      return validate.machine(accepted(more), probe_with(answers))
    end

    it("finds nothing where all is well", function()
      assert.same({}, on_machine({ process_label = "a", apparmor_profile = "b" }))
    end)

    it("needs a rootfs", function()
      assert.same({ { path = "rootfs", text = "does not exist: /srv/web" } }, on_machine({}, {
        realpath = function()
          return nil, errors.new("SystemError", "no", { errno = "ENOENT" })
        end,
      }))
      assert.same({ { path = "rootfs", text = "cannot be used: realpath /srv: EACCES" } },
        on_machine({}, {
          realpath = function()
            return nil, errors.new("SystemError", "realpath /srv: EACCES", { errno = "EACCES" })
          end,
        }))
    end)

    it("refuses a rootfs behind a link", function()
      assert.same({
        { path = "rootfs", text = "must not be or contain a symbolic link: it leads to /other" },
      }, on_machine({}, {
        realpath = function()
          return "/other"
        end,
      }))
    end)

    it("needs namespaces that the kernel has", function()
      assert.same({
        { path = "namespaces[2].type", text = "is not supported by this kernel: NEWTIME" },
      }, on_machine({ namespaces = { "NEWNS", "NEWTIME" } }, {
        ns_supported = function(name)
          return name ~= "NEWTIME"
        end,
      }))
    end)

    it("needs namespaces to join to exist", function()
      assert.same({ { path = "namespaces[2].path", text = "does not exist: /x" } },
        on_machine({ namespaces = { "NEWNS", { type = "pid", path = "/x" } } }, { exists = no }))
    end)

    it("needs them to be what they are joined as", function()
      local asked
      assert.same({ { path = "namespaces[2].path", text = "is another" } },
        on_machine({ namespaces = { "NEWNS", { type = "pid", path = "/x" } } }, {
          ns_problem = function(path, kind)
            asked = { path, kind }
            return "is another"
          end }))
      assert.same({ "/x", "NEWPID" }, asked)
    end)

    it("joins no mount namespace that is the host's", function()
      local asked
      assert.same({
        { path = "namespaces[1].path",
          text = "is the host's own namespace, which would be changed" },
      }, on_machine({ namespaces = { { type = "NEWNS", path = "/proc/1/ns/mnt" } } }, {
        same_ns = function(path, file)
          asked = { path, file }
          return true
        end,
      }))
      assert.same({ "/proc/1/ns/mnt", "mnt" }, asked)
    end)

    it("changes no setting or name of the host", function()
      local function same()
        return true
      end
      local text = "is the host's own namespace, which would be changed"
      local function joined(kind, more)
        more.namespaces = { "NEWNS", { type = kind, path = "/x" } }
        return on_machine(more, { same_ns = same })
      end
      local expected = { { path = "namespaces[2].path", text = text } }
      assert.same(expected, joined("NEWNET", { sysctl = { ["net.x"] = "1" } }))
      assert.same(expected, joined("NEWIPC", { sysctl = { ["kernel.sem"] = "1" } }))
      assert.same(expected, joined("NEWUTS", { sysctl = { ["kernel.domainname"] = "1" } }))
      assert.same(expected, joined("NEWUTS", { hostname = "a" }))
      assert.same({}, joined("NEWNET", { networks = { { type = "loopback" } } }))
      assert.same({}, joined("NEWUTS", {}))
    end)

    it("needs the security modules that are asked for", function()
      local none = { selinux_enabled = no, apparmor_enabled = no }
      local selinux = "needs SELinux, which is not enabled"
      assert.same({
        { path = "process_label", text = selinux },
        { path = "mount_label", text = selinux },
        { path = "apparmor_profile", text = "needs AppArmor, which is not enabled" },
      }, on_machine({ process_label = "a", mount_label = "c", apparmor_profile = "b" }, none))
      assert.same({}, on_machine({}, none))
    end)

    it("needs the AppArmor profile to be loaded", function()
      local function missing(name)
        return name
      end
      assert.same({
        { path = "apparmor_profile", text = "cannot be used: profile b is not loaded" },
      }, on_machine({ apparmor_profile = "b" }, { missing_profile = missing }))
    end)

    it("asks the same of a process", function()
      local probe = probe_with({ selinux_enabled = no, missing_profile = function()
        return "b"
      end })
      assert.same({
        { path = "process.apparmor_profile", text = "cannot be used: profile b is not loaded" },
        { path = "process.label", text = "needs SELinux, which is not enabled" },
      }, validate.process_labels({ apparmor_profile = "b", label = "a" }, probe))
      assert.same({}, validate.process_labels({ apparmor_profile = "", label = "" }, probe))
    end)
  end)
end)

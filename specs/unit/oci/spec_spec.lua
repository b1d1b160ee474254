local configs = require("specs.support.oci_configs")
local core = require("ctr.core")
local ctr = require("ctr")
local oci = require("ctr.oci")
local schema = require("ctr.config.schema")

local NAMESPACES = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER", "NEWTIME",
  "NEWCGROUP" }
local IDS = { { container_id = 0, host_id = 1000, size = 65536 } }

-- What the specification says as well: rules for devices, the six default nodes, the loopback.
local function config_with(changes)
  local config = {
    rootfs = "/r", namespaces = NAMESPACES, networks = { { type = "loopback" } },
    uid_mappings = IDS, gid_mappings = IDS, labels = { "bundle=/" },
    devices = ctr.default_auto_created_devices, version = "1.3.0",
    cgroups = oci.config({ ociVersion = "1.3.0", root = { path = "/r" } }, { bundle = "/" })
      .cgroups,
  }
  for key, value in pairs(changes or {}) do
    config[key] = value
  end
  return config
end

local function sorted(labels)
  table.sort(labels)
  return labels
end

local function round(config, process, opts)
  local spec, problem = oci.spec(config, process, opts)
  assert(spec, tostring(problem))
  local text = assert(oci.encode(spec))
  local read = { bundle = "/", cgroup_manager = opts and opts.cgroup_manager }
  local again, process_again = oci.config(assert(core.json.decode(text)), read)
  assert(again, tostring(process_again))
  again = assert(schema.parse(again))
  local wanted = assert(schema.parse(config))
  sorted(again.labels)
  sorted(wanted.labels)
  assert.same(wanted, again)
  if process then
    local wanted_process = assert(schema.parse_process(process))
    wanted_process.cwd = wanted_process.cwd ~= "" and wanted_process.cwd or "/"
    assert.same(wanted_process, assert(schema.parse_process(process_again)))
  end
  return spec
end

local function refused(path, text, config, process)
  local spec, err = oci.spec(config_with(config), process)
  assert.is_nil(spec)
  assert.equal("ConfigInvalid", err.code)
  assert.equal(path, err.path)
  assert.truthy(err.message:find(text, 1, true), err.message)
end

local SAID, KEPT, KEPT_CGROUPS = configs.said, configs.kept, configs.kept_cgroups

local function at(value, path)
  for step in path:gmatch("[^.]+") do
    value = type(value) == "table" and value[step] or nil
  end
  return value
end

describe("ctr.oci", function()
  describe("spec", function()
    for _, changes in ipairs(SAID) do
      it("has a member for " .. core.json.encode(changes):sub(1, 70), function()
        assert.is_nil(round(config_with(changes), { args = { "sh" }, user = "0:0" }).ctr)
      end)
    end

    for path, changes in pairs(KEPT) do
      it("keeps what OCI has no member for: " .. path, function()
        local spec = round(config_with(changes), { args = { "sh" }, user = "0:0" })
        assert.is_not_nil(at(spec.ctr, path), core.json.encode(spec.ctr or {}))
      end)
    end

    for key, cgroups in pairs(KEPT_CGROUPS) do
      it("keeps what OCI has no member for: cgroups." .. key, function()
        cgroups.devices = config_with().cgroups.devices
        local spec = round(config_with({ cgroups = cgroups }))
        assert.is_not_nil(spec.ctr.cgroups[key])
      end)
    end

    describe("for rules about devices", function()
      local NULL = { type = "c", major = 1, minor = 3, permissions = "rwm" }
      local ODD = { type = "b", major = 8, minor = 1, permissions = "r" }

      local function rules(cgroups)
        local spec = assert(oci.spec(config_with({ cgroups = cgroups })))
        local again = assert(schema.parse((oci.config(spec, { bundle = "/" })))).cgroups
        return (spec.linux.resources or {}).devices, spec.ctr, again
      end

      it("says of the older keys what they come to", function()
        local list, own, again = rules({ allow_all_devices = false,
          allowed_devices = { ODD, unpack(ctr.default_allowed_devices) } })
        assert.same({ { allow = false, access = "rwm" },
          { allow = true, type = "b", major = 8, minor = 1, access = "r" },
          { allow = true, type = "c", major = 5, minor = 1, access = "rwm" } }, list)
        assert.is_nil(own)
        assert.equal(14, #again.devices)
      end)

      it("lets nobody use more than was allowed", function()
        local list, own, again = rules({ allow_all_devices = false, allowed_devices = { NULL } })
        assert.equal(2, #list)
        assert.equal(2, #own.cgroups.devices)
        assert.equal(2, #again.devices)
        list, own, again = rules({ denied_devices = { NULL } })
        assert.same({ { allow = true, access = "rwm" },
          { allow = false, type = "c", major = 1, minor = 3, access = "rwm" } }, list)
        assert.equal(2, #own.cgroups.devices)
        assert.is_false(again.devices[2].allow)
      end)

      it("keeps an order that matters", function()
        local list = oci.config({ ociVersion = "1.3.0", root = { path = "/r" }, linux = {
          resources = { devices = { { allow = true, access = "rwm" }, { allow = false, type = "c",
            major = 1, access = "w" } } } } }, { bundle = "/" }).cgroups.devices
        local said, own = rules({ devices = list })
        assert.same({ { allow = true, access = "rwm" },
          { allow = false, type = "c", major = 1, access = "w" } }, said)
        assert.is_nil(own)
      end)

      -- Podman's `--privileged` lists all of the host's nodes, the default ones among them.
      it("has nodes that are default ones, too, where the document had them", function()
        local function node(path, minor)
          return { type = "c", path = path, major = 1, minor = minor, fileMode = 438, uid = 0,
            gid = 0 }
        end
        for _, first in ipairs({ "/dev/odd", "/dev/full" }) do
          local listed = { node(first, 7), node("/dev/null", 3), node("/dev/zero", 5) }
          local given = { { allow = true, access = "rwm" } }
          local config = oci.config({ ociVersion = "1.3.0", root = { path = "/r" }, linux = {
            namespaces = { { type = "mount" } }, devices = listed,
            resources = { devices = given } } }, { bundle = "/" })
          local spec = assert(oci.spec(config))
          assert.is_nil(spec.ctr)
          assert.same(given, spec.linux.resources.devices)
          assert.same(listed, spec.linux.devices)
        end
      end)

      it("says none where there are none", function()
        local list, own, again = rules({})
        assert.is_nil(list)
        assert.equal(core.json.null, own.cgroups.devices)
        assert.is_nil(again.devices)
      end)
    end)

    it("has the last of labels with one name as an annotation, and not the bundle", function()
      assert.same({ a = "c", b = "" }, oci.spec(config_with({ labels = { "b=", "a=b", "bundle=/x",
        "a=c" } })).annotations)
    end)

    it("takes a configuration without anything", function()
      local spec = round({ rootfs = "/r", namespaces = { "NEWNS" }, labels = { "bundle=/" },
        version = "1.3.0" })
      assert.is_nil(spec.process)
      assert.same({}, spec.ctr.devices)
    end)

    it("says what a process has of its own, and what the configuration says for all", function()
      local config = config_with({ capabilities = { bounding = { "CAP_KILL" } }, umask = 18,
        rlimits = { { type = "nofile", soft = 1, hard = 2 } } })
      local spec = round(config, { args = { "sh" }, user = "5:6", additional_groups = { "7" },
        cwd = "/x", env = { "A=b" }, capabilities = { bounding = { "CAP_CHOWN" } }, umask = 0,
        terminal = true, console_width = 80, console_height = 25,
        scheduler = { policy = "SCHED_IDLE" }, io_priority = { class = "IOPRIO_CLASS_IDLE" } })
      assert.same({ bounding = { "CAP_CHOWN" } }, spec.process.capabilities)
      assert.equal(0, spec.process.user.umask)
      assert.same({ { type = "RLIMIT_NOFILE", soft = 1, hard = 2 } }, spec.process.rlimits)
      assert.same({ policy = "SCHED_IDLE" }, spec.process.scheduler)
      assert.same({ bounding = { "CAP_KILL" } }, { bounding = spec.ctr.capabilities.bounding["1"]
        and { spec.ctr.capabilities.bounding["1"] } })
    end)

    it("keeps of a process what OCI has no member for", function()
      local spec = round(config_with(), { args = { "sh" }, seccomp_report = true,
        sub_cgroup_paths = { [""] = "a" } })
      assert.same({ user = "", seccomp_report = true, sub_cgroup_paths = { [""] = "a" } },
        spec.ctr.process)
    end)

    it("says what a container is as configured that was converted before", function()
      local config, process = oci.config(oci.default(), { bundle = "/", id = "x" })
      config = assert(schema.parse(config))
      local spec = oci.spec(config, process)
      assert.is_nil(spec.ctr)
      local again = assert(schema.parse((oci.config(spec, { bundle = "/", id = "y" }))))
      assert.same(config, again)
    end)

    it("names systemd's unit in its own form", function()
      for path, cgroups in pairs({
        ["a.slice:b:c"] = { parent = "a.slice", scope_prefix = "b", name = "c" },
        [":ctr:c"] = { name = "c", scope_prefix = "ctr" },
        ["a.slice::c.scope"] = { parent = "a.slice", name = "c.scope" },
        ["::c.slice"] = { name = "c.slice" },
      }) do
        cgroups.devices = config_with().cgroups.devices
        local spec = round(config_with({ cgroups = cgroups }), nil, { cgroup_manager = "systemd" })
        assert.equal(path, spec.linux.cgroupsPath)
        assert.is_nil(spec.ctr)
      end
    end)

    it("has properties of systemd's unit as annotations", function()
      local cgroups = config_with().cgroups
      cgroups.systemd_properties = { TimeoutStopUSec = "uint64 5" }
      local spec = oci.spec(config_with({ cgroups = cgroups }), nil,
        { cgroup_manager = "systemd" })
      assert.same({ ["org.systemd.property.TimeoutStopUSec"] = "uint64 5" }, spec.annotations)
    end)

    it("refuses functions, by their keys", function()
      refused("hooks.prestart[1].func", "is a function",
        { hooks = { prestart = { { func = print } } } })
      refused("process.seccomp_notify", "is a function", {}, { args = { "sh" }, user = "0:0",
        seccomp_notify = print })
    end)

    it("refuses names of users, and streams", function()
      refused("process.user", "in numbers", {}, { args = { "sh" }, user = "nobody" })
      refused("process.user", "in numbers", {}, { args = { "sh" }, user = "5" })
      refused("process.additional_groups[2]", "must be a number", {}, { args = { "sh" },
        user = "5:5", additional_groups = { "1", "wheel" } })
      refused("process.stdin", "streams", {}, { args = { "sh" }, stdin = "null" })
    end)

    it("refuses what is no configuration", function()
      refused("rootfs", "must be an absolute path", { rootfs = "r" })
      local spec, err = oci.spec(config_with(), { args = {} })
      assert.is_nil(spec)
      assert.equal("process.args", err.path)
    end)
  end)

  describe("config", function()
    local function document(own)
      return { ociVersion = "1.3.0", root = { path = "/r" }, ctr = own,
        linux = { namespaces = { { type = "mount" } } } }
    end

    it("refuses a member of our own that is none", function()
      local config, err = oci.config(document("x"), { bundle = "/" })
      assert.is_nil(config)
      assert.equal("ctr", err.path)
    end)

    it("hands on what such a member says, for the schema to judge", function()
      local config = assert(oci.config(document({ odd = 5, devices = { ["9"] = { x = 1 },
        y = 2 } }), { bundle = "/" }))
      local parsed, err = schema.parse(config)
      assert.is_nil(parsed)
      assert.equal("devices", err.path)
    end)
  end)

  describe("encode", function()
    it("writes members in the order of the specification, and large integers as numbers", function()
      local text = oci.encode({ root = { readonly = true, path = "r" }, ociVersion = "1.3.0",
        process = { cwd = "/", rlimits = { { hard = "18446744073709551615", soft = 1,
          type = "RLIMIT_CORE" } }, args = { "5", "\n" } }, ["x-a"] = core.json.array({}),
        annotations = {} })
      assert.equal([[
{
  "ociVersion": "1.3.0",
  "process": {
    "args": [
      "5",
      "\n"
    ],
    "cwd": "/",
    "rlimits": [
      {
        "type": "RLIMIT_CORE",
        "soft": 1,
        "hard": 18446744073709551615
      }
    ]
  },
  "root": {
    "path": "r",
    "readonly": true
  },
  "annotations": {},
  "x-a": []
}
]], text)
    end)

    it("says what is no JSON", function()
      local text, err = oci.encode({ a = print })
      assert.is_nil(text)
      assert.equal("json.encode", err.op)
    end)
  end)

  describe("default", function()
    it("is a document that is converted without a rest", function()
      for _, rootless in ipairs({ false, true }) do
        local spec = oci.default({ rootless = rootless })
        local config, process, ignored = oci.config(spec, { bundle = "/", rootless = rootless })
        assert.same({}, ignored)
        assert.same({ "sh" }, process.args)
        assert(schema.parse(config))
      end
    end)

    it("maps the caller in a rootless one, and limits nothing", function()
      local linux = oci.default({ rootless = true }).linux
      assert.equal(core.proc.ids().euid, linux.uidMappings[1].hostID)
      assert.is_nil(linux.resources)
      local kinds = {}
      for _, row in ipairs(linux.namespaces) do
        kinds[row.type] = true
      end
      assert.is_true(kinds.user)
      assert.is_nil(kinds.network)
    end)
  end)
end)

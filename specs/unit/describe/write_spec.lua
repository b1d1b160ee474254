local command = require("specs.support.command")
local configs = require("specs.support.oci_configs")
local core = require("ctr.core")
local ctr = require("ctr")
local describe_module = require("ctr.describe")
local schema = require("ctr.config.schema")
local write = require("ctr.describe.write")

local ROOT = { uid = 0, gid = 0, has_ipv4 = true, throttled_cpus = 1 }
local USER = { uid = 1000, gid = 1000, has_ipv4 = true,
  subuid = { first = 165536, count = 65536 }, subgid = { first = 165536, count = 65536 } }

local function load(text, identity)
  local folder, remove = command.folder({ ["web.lua"] = text })
  local list, err = describe_module.load(folder .. "/web.lua", { identity = identity })
  remove()
  assert(list, text .. tostring(err))
  return list[1]
end

-- Writes and reads again: what comes is what there was.
local function round(config, process, identity)
  identity = identity or ROOT
  local text, err = write.text("web", config, process, { identity = identity })
  assert(text, tostring(err))
  local description = load(text, identity)
  assert.same(assert(schema.parse(config)), assert(schema.parse(description.config)))
  assert.same(assert(schema.parse_process(process)),
    assert(schema.parse_process(description.process)))
  return text
end

local function build(keys, identity)
  keys.rootfs, keys.run = "/", keys.run or { "/bin/sh" }
  return assert(describe_module.build("web", keys, {}, identity or ROOT))
end

local function written(keys, identity)
  local description = build(keys, identity)
  local text = round(description.config, description.process, identity)
  return (text:gsub('^return container "web" {\n  rootfs = "/",\n  run = { "/bin/sh" },\n', "")
    :gsub("}\n$", ""))
end

local NAMESPACES = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER", "NEWTIME",
  "NEWCGROUP" }
local IDS = { { container_id = 0, host_id = 1000, size = 65536 } }

local function config_with(changes)
  local config = { rootfs = "/r", namespaces = NAMESPACES, uid_mappings = IDS, gid_mappings = IDS,
    networks = { { type = "loopback" } }, devices = ctr.default_auto_created_devices }
  for key, value in pairs(changes) do
    config[key] = value
  end
  return config
end

describe("ctr.describe.write", function()
  describe("text", function()
    it("says nothing of what is there anyway", function()
      assert.equal("", written({}))
      assert.equal("", written({}, USER))
    end)

    it("says what differs, as a person would", function()
      assert.equal([[
  env = { A = "1" },
  user = "daemon",
  limits = { memory = "256M", cpus = 0.5, pids = 64 },
  readonlyfs = true,
  mounts = { tmpfs("/tmp", { size = "64M" }), bind("/usr", "/srv", "ro,noexec") },
]], (written({
        env = { "A=1" }, user = "daemon", limits = { memory = "262144K", cpus = 0.5, pids = 64 },
        readonlyfs = true, mounts = { describe_module.tmpfs("/tmp", { size = "64M" }),
          describe_module.bind("/usr", "/srv", { "noexec", "ro" }) },
      }):gsub('"noexec,ro"', '"ro,noexec"')))
    end)

    it("says what is added to lists, and what is removed from them", function()
      assert.equal('  mask_paths = remove { "/proc/keys" },\n',
        written({ mask_paths = describe_module.remove({ "/proc/keys" }) }))
      assert.equal('  readonly_paths = add { "/proc/version" },\n',
        written({ readonly_paths = describe_module.add({ "/proc/version" }) }))
      assert.equal('  mounts = remove { "/dev/mqueue" },\n',
        written({ mounts = describe_module.remove({ "/dev/mqueue" }) }))
      assert.equal('  capabilities = remove { "CAP_KILL" },\n',
        written({ capabilities = describe_module.remove({ "kill" }) }))
      assert.equal('  cgroups = { allowed_devices = remove { "/dev/console" } },\n',
        written({ cgroups = { allowed_devices = describe_module.remove({ "/dev/console" }) } }))
    end)

    it("finds the profile that says most of it", function()
      local text = written({ profile = "hardened", limits = { memory = "64M" } })
      assert.equal('return container "web" {\n  profile = "hardened",\n  rootfs = "/",\n'
        .. '  run = { "/bin/sh" },\n  limits = { memory = "64M" },\n', text)
    end)

    it("takes defaults away", function()
      assert.equal("  seccomp = false,\n  sysctl = false,\n  umask = false,\n",
        written({ seccomp = false, sysctl = false, umask = false }))
    end)

    it("says of the process alone what a configuration has, too", function()
      assert.equal("  process = { oom_score_adj = 5 },\n",
        written({ process = { oom_score_adj = 5 } }))
    end)

    it("has networks in the words of descriptions", function()
      assert.equal('  network = { veth({ address = "10.0.0.2/24", bridge = "br0" }) },\n',
        written({ network = { describe_module.veth({ bridge = "br0",
          address = "10.0.0.2/24" }) } }))
    end)

    it("names paths relative to the file's folder", function()
      local folder, remove = command.folder({ ["rootfs/x"] = "", ["site/x"] = "" })
      local description = assert(describe_module.build("web", { rootfs = folder .. "/rootfs",
        run = { "x" }, mounts = { describe_module.bind(folder .. "/site", "/srv") } }, {}, ROOT))
      local text = assert(write.text("web", description.config, description.process,
        { folder = folder, identity = ROOT }))
      remove()
      assert.truthy(text:find('rootfs = "./rootfs"', 1, true), text)
      assert.truthy(text:find('bind("./site", "/srv")', 1, true), text)
    end)

    it("takes a configuration that was normalised", function()
      local config = assert(schema.parse(build({ limits = { pids = 5 } }).config))
      local text = assert(write.text("web", config, { args = { "x" } }, { identity = ROOT }))
      assert.truthy(text:find("limits = { pids = 5 }", 1, true), text)
    end)

    it("quotes whatever a name or a value is made of", function()
      round(build({ run = { 'a"b\\c\n\1\127é', "]]", "end" }, env = { ["end"] = "x" },
        labels = { "a=\"" } }).config, { args = { 'a"b\\c\n\1\127é' }, env = { "end=1" } })
    end)

    it("refuses what no text can hold, by its path, or leaves it out", function()
      local config = build({}).config
      local text, err = write.text("web", config, { args = { "x" }, stdout = print })
      assert.is_nil(text)
      assert.same({ "process.stdout", "process.stdout cannot be written: it is a function" },
        { err.path, err.message })
      config.hooks = { prestart = { { func = print } } }
      assert.equal("hooks.prestart[1].func", select(2, write.text("web", config, {})).path)
      text = assert(write.text("web", config, { args = { "x" }, stdout = print },
        { omit = true, identity = ROOT }))
      assert.is_nil(text:find("stdout", 1, true))
    end)

    it("refuses what is no configuration", function()
      local text, err = write.text("web", { rootfs = "r" }, { args = { "x" } })
      assert.is_nil(text)
      assert.equal("rootfs", err.path)
    end)

    for index, changes in ipairs(configs.said) do
      it("writes what reads as the same: " .. core.json.encode(changes):sub(1, 60), function()
        round(config_with(changes), { args = { "sh" }, user = "0:0" })
        assert.truthy(index)
      end)
    end

    for path, changes in pairs(configs.kept) do
      it("writes what reads as the same: " .. path, function()
        round(config_with(changes), { args = { "sh" }, cwd = "/x" })
      end)
    end

    for key, cgroups in pairs(configs.kept_cgroups) do
      it("writes what reads as the same: cgroups." .. key, function()
        round(config_with({ cgroups = cgroups }), { args = { "sh" } })
      end)
    end
  end)

  -- Pieces of the lists above, put together by chance from a fixed seed, on each identity.
  it("writes what reads as the same, whatever is put together", function()
    math.randomseed(7)
    local pieces = {}
    for _, list in ipairs({ configs.said, configs.kept }) do
      for _, changes in pairs(list) do
        pieces[#pieces + 1] = changes
      end
    end
    table.sort(pieces, function(a, b) return core.json.encode(a) < core.json.encode(b) end)
    local count = 0
    for _ = 1, 120 do
      local config = config_with({})
      for _ = 1, math.random(4) do
        for key, value in pairs(pieces[math.random(#pieces)]) do
          config[key] = value
        end
      end
      if schema.parse(config) then
        count = count + 1
        round(config, { args = { "sh" }, env = { "A=b", "PATH=/bin" } },
          math.random(2) == 1 and USER or ROOT)
      end
    end
    assert.is_true(count > 60, count)
  end)
end)

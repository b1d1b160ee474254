local ctr = require("ctr")
local schema = require("ctr.config.schema")
local spelling = require("ctr.config.spelling")

-- Malformed input, systematically: every value of a full configuration is replaced by every odd
-- value. The answer is a configuration or ConfigInvalid with a path, never a raised error.

local FULL_CONFIG = {
  rootfs = "/srv/web",
  readonlyfs = true,
  no_pivot_root = false,
  parent_death_signal = 9,
  root_propagation = "rslave",
  mounts = {
    {
      source = "/a", destination = "/b", device = "tmpfs", flags = { "nosuid", "ro" },
      cleared_flags = { "noexec" }, propagation_flags = { "rslave" }, data = "a=b",
      extensions = "copyup", relabel = "",
      rec_attr = { attr_set = { "ro" }, attr_clr = 2, propagation = "slave", userns_fd = 0 },
      id_mapping = { recursive = true, userns_path = "",
        uid_mappings = { { container_id = 0, host_id = 1000, size = 10 } },
        gid_mappings = { { container_id = 0, host_id = 1000, size = 10 } } },
      premount_cmds = { { path = "a", args = { "b" }, env = { "A=b" }, dir = "/" } },
      postmount_cmds = { { path = "a", args = { "b" }, env = { A = "b" }, dir = "/" } },
    },
  },
  devices = {
    { type = "c", path = "/dev/x", major = 1, minor = 3, permissions = "rwm", file_mode = "0666",
      uid = 0, gid = 0, allow = true },
  },
  hostname = "a",
  domainname = "b",
  namespaces = {
    "NEWNS", "NEWUTS", "NEWIPC", "NEWNET", "NEWUSER", "NEWTIME", { type = "pid", path = "/x" },
  },
  capabilities = {
    bounding = { "CAP_KILL" }, effective = { "CAP_KILL" }, inheritable = { "CAP_KILL" },
    permitted = { "CAP_KILL" }, ambient = { "CAP_KILL" },
  },
  networks = {
    { type = "loopback", address = "127.0.0.1/0", gateway = "localhost" },
    {
      type = "veth", name = "eth0", bridge = "br0", mac_address = "02:00:00:00:00:01",
      address = "10.0.0.2/24", gateway = "10.0.0.1", ipv6_address = "fd00::2/64",
      ipv6_gateway = "fd00::1", mtu = 1400, tx_queue_len = 10, host_interface_name = "a",
      hairpin_mode = true,
    },
  },
  routes = {
    { destination = "10.1.0.0/16", source = "10.0.0.2", gateway = "10.0.0.1",
      interface_name = "eth0" },
  },
  net_devices = { ens4 = { name = "eth1", give_back = true } },
  cgroups = {
    name = "a", parent = "b", paths = { cpu = "/x" }, scope_prefix = "c", memory = "1M",
    memory_reservation = 4096, memory_swap = "2M", cpu_shares = 2, cpu_quota = 5000,
    cpu_period = 5000, cpuset_cpus = "0", cpuset_mems = "0", pids_limit = 5,
    devices = { { type = "a", major = 1, minor = 2, permissions = "r", allow = true } },
    allow_all_devices = true,
    allowed_devices = { { type = "c", path = "/x", major = 1, minor = 2, permissions = "r",
      file_mode = 1, uid = 0, gid = 0 } },
    denied_devices = { { type = "b", permissions = "r" } },
    freezer = "THAWED",
  },
  apparmor_profile = "a",
  process_label = "b",
  mount_label = "c",
  rlimits = { { type = "nofile", soft = 1, hard = "unlimited" } },
  seccomp = {
    default_action = "SCMP_ACT_ERRNO", default_errno_ret = 38, architectures = { "x86_64" },
    flags = { "SECCOMP_FILTER_FLAG_LOG" }, listener_path = "/s", listener_metadata = "m",
    syscalls = {
      { names = { "execve", "read", "sendmsg" }, action = "allow" },
      { name = "socket", action = 2, errno_ret = 97, args = {
        { index = 0, value = "0xffffffff", value_two = 38, op = "SCMP_CMP_MASKED_EQ" },
      } },
      { names = { "mkdir" }, action = "notify", args = { { index = 1, value = 7, op = 1 } } },
    },
  },
  oom_score_adj = 1,
  uid_mappings = { { container_id = 0, host_id = 1000, size = 10 } },
  gid_mappings = { { container_id = 0, host_id = 1000, size = 10 } },
  mask_paths = { "/a" },
  readonly_paths = { "/b" },
  sysctl = { ["net.ipv4.ip_forward"] = "1" },
  no_new_privileges = true,
  no_new_keyring = true,
  labels = { "a=b" },
  version = "1.0.2",
  rootless_euid = false,
  rootless_cgroups = true,
  hooks = {
    prestart = { { path = "/a", args = { "a", "b" }, env = { "A=b" }, dir = "/", timeout = 1.5 } },
    createRuntime = { { path = "/a", env = { A = "b" }, timeout = "30s" } },
    create_container = { { path = "/a" } },
    startContainer = { { func = print } },
    poststart = { { path = "/a" }, { func = print } },
    poststop = { { path = "/a" } },
  },
  umask = "0022",
  scheduler = { policy = "SCHED_DEADLINE", nice = 1, priority = 0, flags = { "SCHED_FLAG_RECLAIM" },
    runtime = 2000, deadline = 3000, period = 4000 },
  io_priority = { class = "be", priority = 1 },
  memory_policy = { mode = "bind", nodes = "0-1", flags = { "MPOL_F_STATIC_NODES" } },
  personality = { domain = "LINUX32" },
  exec_cpu_affinity = { initial = "0", final = "0-1" },
  intel_rdt = { clos_id = "a", l3_cache_schema = "L3:0=f", mem_bw_schema = "MB:0=10",
    schemata = { "L2:0=1" }, enable_monitoring = true },
  time_offsets = { monotonic = { secs = 1, nanosecs = 2 }, boottime = { secs = 1, nanosecs = 2 } },
}

local FULL_PROCESS = {
  args = { "sh", "-c", "true" },
  env = { "A=b", "C=d" },
  user = "daemon:audio",
  additional_groups = { "a", 5 },
  cwd = "/",
  extra_files = { 1 },
  console_width = 80,
  console_height = 25,
  capabilities = { permitted = { "CAP_KILL" }, effective = { "CAP_KILL" } },
  apparmor_profile = "a",
  label = "b",
  no_new_privileges = true,
  rlimits = { { type = "nofile", soft = 1, hard = 2 } },
  seccomp_notify = print,
  seccomp_report = true,
  seccomp_learn = true,
  scheduler = { policy = "SCHED_RR", priority = 1 },
  io_priority = { class = "idle" },
  cpu_affinity = { initial = "0", final = "1" },
  sub_cgroup_paths = { [""] = "a", pids = "b/c" },
  pidfd_socket = "/x",
  init = true,
}

local function raise()
  error("a metamethod ran")
end

local function odd_values()
  local ring = {}
  ring[1], ring.self, ring[ring] = ring, ring, ring
  local deep = {}
  for _ = 1, 10000 do
    deep = { deep }
  end
  local hostile = setmetatable({}, {
    __index = raise, __len = raise, __eq = raise, __lt = raise, __tostring = raise,
    __concat = raise, __call = raise, __pairs = raise, __ipairs = raise, __unm = raise,
  })
  return {
    true, false, 0, 1, -1, 1.5, -0.0, 0 / 0, math.huge, -math.huge, 2 ^ 31, 2 ^ 32, 2 ^ 53, 2 ^ 64,
    1e308, "", "a\0b", "\255\254", ("x"):rep(100000), ("9"):rep(400), "/", "..", "%s%d%n", "a\nb",
    "-1", {}, { {} }, { "a", [3] = "b" }, { [0] = 1 }, { [1.5] = 1 }, { [2 ^ 52] = 1 },
    { [true] = 1 }, { a = { b = { c = {} } } }, { "a", "b", a = 1 }, { { { { "x" } } } }, ring,
    deep, hostile, setmetatable({}, { __metatable = "hidden" }), raise, coroutine.create(raise),
    io.stdout, { "a\0b" }, { ["a\0b"] = "c" }, { 0 / 0, math.huge, -1 }, { raise, raise },
  }
end

-- Every place in a value, as a list of keys.
local function places(value, prefix, found)
  found = found or {}
  if type(value) ~= "table" then
    return found
  end
  for key, inner in pairs(value) do
    local path = { unpack(prefix or {}) }
    path[#path + 1] = key
    found[#found + 1] = path
    places(inner, path, found)
  end
  return found
end

-- A copy in which one place has another value; nil removes it.
local function replaced(value, path, depth, other)
  local copy = {}
  for key, inner in pairs(value) do
    copy[key] = inner
  end
  local key = path[depth]
  copy[key] = depth == #path and other or nil
  if depth < #path then
    copy[key] = replaced(value[key], path, depth + 1, other)
  elseif other == false then
    copy[key] = false
  end
  return copy
end

local function text_of(path)
  local parts = {}
  for i, key in ipairs(path) do
    parts[i] = tostring(key)
  end
  return table.concat(parts, ".")
end

-- An answer that a caller can work with.
local function check_answer(result, err)
  if result ~= nil then
    assert.is_table(result)
    assert.is_nil(err)
    return
  end
  assert.equal("ConfigInvalid", err.code)
  assert.is_true(#err.problems > 0)
  assert.is_true(#tostring(err) < 100000)
  for _, problem in ipairs(err.problems) do
    assert.is_true(type(problem.path) == "string" and problem.path ~= "")
    assert.is_true(type(problem.text) == "string" and problem.text ~= "")
    assert.is_nil((problem.path .. problem.text):find("[%z\1-\31]"))
  end
end

local function parse_odd(parse, full)
  for _, path in ipairs(places(full)) do
    for i, odd in ipairs(odd_values()) do
      local ok, result, err = pcall(parse, replaced(full, path, 1, odd))
      assert.is_true(ok, ("%s, odd value %d: %s"):format(text_of(path), i, tostring(result)))
      check_answer(result, err)
    end
    check_answer(parse(replaced(full, path, 1, nil)))
  end
end

-- The same numbers each time, whatever the machine.
local function numbers(seed)
  return function(most)
    seed = (seed * 16807) % 2147483647
    return seed % most + 1
  end
end

-- Some pairs of places with some pairs of values; CTR_HOSTILE_RUNS times as many.
local function parse_pairs(parse, full, generator)
  local all, odd = places(full), odd_values()
  local count = 1500 * (tonumber(os.getenv("CTR_HOSTILE_RUNS")) or 1)
  for _ = 1, count do
    local one, other = all[generator(#all)], all[generator(#all)]
    local first, second = generator(#odd), generator(#odd)
    local changed = replaced(full, one, 1, odd[first])
    if other[1] ~= one[1] then
      changed = replaced(changed, other, 1, odd[second])
    end
    local ok, result, err = pcall(parse, changed)
    assert.is_true(ok, ("%s = %d, %s = %d: %s"):format(text_of(one), first, text_of(other), second,
      tostring(result)))
    if result == true then
      result = {}
    end
    check_answer(result, err)
  end
end

local function is_text(value)
  if type(value) == "table" then
    for key, item in pairs(value) do
      if not is_text(key) or not is_text(item) then
        return false
      end
    end
    return true
  end
  return type(value) ~= "string" or spelling.is_utf8(value)
end

describe("ctr.config.schema", function()
  describe("with malformed input", function()
    it("reads the well-formed input", function()
      assert(schema.parse(FULL_CONFIG))
      assert(schema.parse_process(FULL_PROCESS))
    end)

    it("has a value for every key, so that none is missed", function()
      for name in pairs(schema.config.fields) do
        assert.is_true(FULL_CONFIG[name] ~= nil, name)
      end
      for name in pairs(schema.config.fields.mounts.item.fields) do
        assert.is_true(FULL_CONFIG.mounts[1][name] ~= nil, name)
      end
    end)

    it("answers to any value at any place of a configuration", function()
      parse_odd(schema.parse, FULL_CONFIG)
    end)

    it("answers to any value at any place of a process", function()
      parse_odd(schema.parse_process, FULL_PROCESS)
    end)

    it("answers to any two values at any two places", function()
      local generator = numbers(20261125)
      for _, case in ipairs({ { ctr.validate, FULL_CONFIG }, { schema.parse, FULL_CONFIG },
        { function(config) return ctr.plan(config, FULL_PROCESS) end, FULL_CONFIG },
        { function(process) return ctr.plan(FULL_CONFIG, process) end, FULL_PROCESS } }) do
        parse_pairs(case[1], case[2], generator)
      end
    end)

    it("keeps nothing that JSON could not", function()
      for _, path in ipairs(places(FULL_CONFIG)) do
        local config = schema.parse(replaced(FULL_CONFIG, path, 1, "/a\255b=c"))
        assert.is_true(is_text(config))
      end
    end)

    it("answers to any value in place of the whole", function()
      for _, odd in ipairs(odd_values()) do
        check_answer(schema.parse(odd))
        check_answer(schema.parse_process(odd))
        check_answer(ctr.plan(odd, FULL_PROCESS))
        check_answer(ctr.plan(FULL_CONFIG, odd))
        check_answer((ctr.validate(odd)) and {} or nil, select(2, ctr.validate(odd)))
        check_answer(schema.parse({ [odd == odd and odd or 1] = odd }))
      end
    end)

    it("never takes a wrong type for nothing", function()
      for name, field in pairs(schema.config.fields) do
        local config = replaced(FULL_CONFIG, { name }, 1, raise)
        local result, err = schema.parse(config)
        assert.is_nil(result, name)
        assert.truthy(err.path:find(name, 1, true), field.kind)
      end
    end)

    it("answers to half a million labels within seconds", function()
      local labels = {}
      for i = 1, 500000 do
        labels[i] = "key=" .. i
      end
      local started = os.clock()
      assert(schema.parse({ rootfs = "/", namespaces = { "NEWNS" }, labels = labels }))
      for i = 1, #labels do
        labels[i] = i
      end
      check_answer(schema.parse({ rootfs = "/", labels = labels }))
      assert.is_true(os.clock() - started < 20)
    end)

    it("answers to half a million unknown keys within seconds", function()
      local config = {}
      for i = 1, 500000 do
        config["key" .. i] = i
      end
      local started = os.clock()
      check_answer(schema.parse(config))
      assert.is_true(os.clock() - started < 20)
    end)
  end)
end)

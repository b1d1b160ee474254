local alarm = require("specs.support.alarm")
local attack = require("specs.support.attack")
local box = require("specs.support.box")
local ctr = require("ctr")
local errors = require("ctr.errors")

local SECONDS = 60
local CASES = 250
local PROCESS_KEYS = { "args", "env", "user", "additional_groups", "cwd", "stdin", "stdout",
  "stderr", "extra_files", "console_width", "console_height", "capabilities", "apparmor_profile",
  "label", "no_new_privileges", "rlimits", "terminal", "console_socket", "init", "scheduler",
  "io_priority", "cpu_affinity", "sub_cgroup_paths", "pidfd_socket", "seccomp_notify",
  "seccomp_report", "seccomp_learn", "unknown" }
local CONFIG_KEYS = { "rootfs", "mounts", "devices", "hostname", "namespaces", "capabilities",
  "networks", "cgroups", "rlimits", "oom_score_adj", "uid_mappings", "gid_mappings", "mask_paths",
  "readonly_paths", "sysctl", "labels", "umask", "time_offsets", "root_propagation", "version",
  "seccomp", "hooks", "routes", "net_devices", "scheduler", "io_priority", "memory_policy",
  "personality", "exec_cpu_affinity", "intel_rdt", "apparmor_profile", "process_label",
  "mount_label", "domainname", "rootless_cgroups" }
local PROBLEMS = { ConfigInvalid = true, SystemError = true, ConsoleExists = true }

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
  local hostile = setmetatable({}, { __index = raise, __len = raise, __tostring = raise,
    __concat = raise, __call = raise, __pairs = raise, __ipairs = raise, __eq = raise })
  return { true, false, 0, 1, -1, 1.5, -0.0, 0 / 0, math.huge, -math.huge, 2 ^ 31, 2 ^ 53, 2 ^ 64,
    "", "a\0b", "\255\254", ("x"):rep(200000), "/", "..", "/../..", "%s%n", "a\nb", "null",
    "inherit", "/proc/self/fd/3", "/dev/zero", {}, { {} }, { "a", [3] = "b" }, { [0] = 1 },
    { [true] = 1 }, ring, deep, hostile, setmetatable({}, { __metatable = "hidden" }),
    setmetatable({}, { __index = { "/bin/true" } }), raise, coroutine.create(raise), io.stdout,
    { handle = io.stdout }, { handle = true }, { "a\0b" }, { raise }, 99999, newproxy(true) }
end

local function numbers(seed)
  return function(most)
    seed = (seed * 16807) % 2147483647
    return seed % most + 1
  end
end

-- What a program may be given in place of a configuration, a process, an id: the answer is a
-- result or an error of the library's, whatever stands where.
describe("malformed input", function()
  local b

  setup(function()
    alarm.set(600 * attack.runs(1))
    b = box.new({ cgroup_manager = "none" })
  end)

  teardown(function()
    b:close()
    alarm.set(0)
  end)

  local function check(where, returned, result, err)
    assert.is_true(returned, where .. ": " .. tostring(result))
    if result then
      return result
    end
    assert.is_true(errors.is(err), where)
    assert.is_true(PROBLEMS[err.code], where .. ": " .. tostring(err))
    assert.is_true(err.code ~= "ConfigInvalid" or type(err.path) == "string", where)
    assert.is_nil(tostring(err):find("[%z\1-\9\11-\31]"), where)
    return nil
  end

  it("in place of a configuration creates a container, or says why not", function()
    local odd, generator = odd_values(), numbers(1)
    for _ = 1, attack.runs(CASES) do
      local config = box.config(b.root)
      local keys = {}
      for index = 1, 2 do
        local key, value = CONFIG_KEYS[generator(#CONFIG_KEYS)], generator(#odd)
        config[key], keys[index] = odd[value], ("%s = odd value %d"):format(key, value)
      end
      local container = check(table.concat(keys, ", "),
        pcall(b.factory.create, b.factory, "malformed", config))
      if container then
        assert(container:destroy())
      end
    end
    for index, value in ipairs(odd) do
      check("all of it: " .. index, pcall(b.factory.create, b.factory, "malformed", value))
    end
    assert.same({}, b.factory:list())
  end)

  -- What an image has in a name is shown to whoever reads the message, on a terminal.
  it("in place of a change makes it, or says why not", function()
    local container, sleeper = b:sleeper({ cgroups = {} })
    local odd, generator = odd_values(), numbers(3)
    local function try_change(where, given)
      check(where, pcall(container.set, container, given))
    end
    for _ = 1, attack.runs(CASES) do
      local key, value = CONFIG_KEYS[generator(#CONFIG_KEYS)], generator(#odd)
      try_change(("%s = odd value %d"):format(key, value), { [key] = odd[value] })
    end
    for index, value in ipairs(odd) do
      try_change("all of it: " .. index, value)
      try_change("cgroups: " .. index, { cgroups = value })
      try_change("cgroups.memory: " .. index, { cgroups = { memory = value } })
    end
    for given, path in pairs({ [setmetatable({}, { __index = { cgroups = { memory = 1 } } })] =
      "config", [{ cgroups = setmetatable({}, { __index = { memory = 1 } }) }] = "cgroups" }) do
      local ok, err = container:set(given)
      assert.is_nil(ok)
      assert.same({ "ConfigInvalid", path }, { err.code, err.path })
    end
    assert.equal("running", container:status())
    b:finish(container, sleeper)
  end)

  it("in a program's interpreter is told without control characters", function()
    for _, name in ipairs({ "\27[2J\27]0;title\7", "a\rb", "\194\155" .. "31m", "\127\8\8" }) do
      local file = assert(io.open(b.root .. "/script", "w"))
      file:write("#!/", name, "\n")
      file:close()
      os.execute("chmod 755 " .. b.root .. "/script")
      local container = assert(b:create())
      local ok, err = container:run(ctr.process({ args = { "/script" } }))
      assert.is_nil(ok)
      assert.matches("interpreter /.*%?", tostring(err))
      assert.is_nil(tostring(err):find("[%c\155]"))
      assert(container:destroy())
    end
  end)

  it("in place of an id is no id", function()
    for index, value in ipairs(odd_values()) do
      for _, name in ipairs({ "create", "load" }) do
        local returned, container, err = pcall(b.factory[name], b.factory, value,
          box.config(b.root))
        assert.is_true(returned, index .. ": " .. tostring(container))
        assert.is_true(container ~= nil or err.code == "InvalidIdFormat"
          or err.code == "ContainerNotExists", index)
        if container then
          assert(container:destroy())
        end
      end
    end
  end)

  local function try(container, where, spec)
    local process = ctr.process(spec)
    local ok = check(where, pcall(container.run, container, process))
    if ok then
      process:signal("SIGKILL")
      if process:console() then
        process:console():close()
        process.master = nil
      end
      assert(process:wait(SECONDS), where)
    end
  end

  it("in place of a process runs it, or says why not", function()
    local container, sleeper = b:sleeper()
    local odd, generator = odd_values(), numbers(2)
    for _ = 1, attack.runs(CASES) do
      local spec, keys = { args = { "/bin/true" } }, {}
      for index = 1, 2 do
        local key, value = PROCESS_KEYS[generator(#PROCESS_KEYS)], generator(#odd)
        spec[key], keys[index] = odd[value], ("%s = odd value %d"):format(key, value)
      end
      spec.init = nil
      try(container, table.concat(keys, ", "), spec)
    end
    for index, value in ipairs(odd) do
      if type(value) == "table" then
        try(container, "all of it: " .. index, value)
      else
        assert.has_error(function() ctr.process(value) end)
      end
    end
    b:finish(container, sleeper)
  end)
end)

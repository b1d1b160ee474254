local box = require("specs.support.box")
local ctr = require("ctr")
local host = require("specs.support.host")
local rootfs = require("specs.support.rootfs")
local schema = require("ctr.config.schema")

local oci = ctr.oci

describe("an OCI bundle", function()
  local b, bundle, count

  setup(function()
    b = box.new()
    bundle = b.folder .. "/bundle"
    rootfs.make(bundle .. "/rootfs")
    count = 0
  end)

  teardown(function()
    b:close()
  end)

  local function write(spec)
    local file = assert(io.open(bundle .. "/config.json", "w"))
    file:write((assert(oci.encode(spec))))
    file:close()
  end

  -- Converts what the bundle holds; cgroups are where this process' specs have theirs.
  local function convert(opts)
    opts = opts or {}
    opts.bundle = bundle
    local config, process, ignored = oci.config(assert(oci.load(bundle)), opts)
    assert(config, tostring(process))
    config.cgroups.path = box.PARENT .. "/oci"
    return config, process, ignored
  end

  local function create(config)
    count = count + 1
    local container, err = b.factory:create("oci-" .. count, config)
    if container then
      b.containers[#b.containers + 1] = container
    end
    return container, err
  end

  -- Runs a script in place of the bundle's program.
  local function run(script, opts)
    local config, process = convert(opts)
    process.terminal = false
    process.args = { "/bin/sh", "-c", script }
    local container = assert(create(config))
    local result = assert(b:run(container, script, process))
    assert(container:destroy())
    return result
  end

  local function with(changes)
    local spec = oci.default()
    spec.process.terminal = nil
    changes(spec)
    write(spec)
  end

  local SCRIPT = "echo $(hostname) $(id -u):$(id -g) $PWD; ls /dev | tr '\\n' ' '; ls /; "
    .. "touch /new 2>/dev/null || echo read-only; "
    .. "grep -E '^(CapEff|NoNewPrivs)' /proc/self/status"

  local GENERATORS = {
    { "runc spec", "runc" }, { "runc spec --rootless", "runc" }, { "crun spec", "crun" },
  }

  for _, row in ipairs(GENERATORS) do
    it("that `" .. row[1] .. "` made is run, and comes back", function()
      if host.sh("command -v " .. row[2]).code ~= 0 then
        pending(row[2] .. " is not installed")
      end
      os.remove(bundle .. "/config.json")
      assert.equal(0, host.sh(("cd %s && %s"):format(bundle, row[1])).code)
      local result = run(SCRIPT)
      assert.equal("", result.err)
      assert.equal(0, result.code)
      assert.matches("0:0 /\n", result.out)
      assert.matches("full .*null .*pts .*random .*tty .*zero", result.out)
      assert.matches("read%-only", result.out)
      assert.matches("CapEff:\t0000000020000420", result.out)
      assert.matches("NoNewPrivs:\t1", result.out)

      local config, process = convert()
      local spec = assert(oci.spec(config, process))
      assert.is_nil(spec.ctr)
      write(spec)
      local again, process_again = convert()
      assert.same(assert(schema.parse(config)), assert(schema.parse(again)))
      assert.same(process, process_again)
      assert.equal(result.out, run(SCRIPT).out)
    end)
  end

  it("that is made here is run with and without privilege's namespaces", function()
    for _, rootless in ipairs({ false, true }) do
      write(oci.default({ rootless = rootless }))
      local result = run(SCRIPT)
      assert.equal("", result.err)
      assert.matches("ctr 0:0 /\n", result.out)
    end
  end)

  it("comes back from a container that was created", function()
    write(oci.default())
    local config, process = convert()
    local container = assert(create(config))
    local spec = assert(oci.spec(container:config(), process))
    assert.is_nil(spec.ctr)
    assert.equal(bundle .. "/rootfs", spec.root.path)
    assert.equal(bundle, container:oci_state().bundle)
    assert(container:destroy())
  end)

  it("has its annotations in the container's state", function()
    with(function(spec)
      spec.annotations = { ["org.example.a"] = "b=c", bundle = "/elsewhere" }
    end)
    local container = assert(create((convert())))
    local state = container:oci_state()
    assert.same({ ["org.example.a"] = "b=c" }, state.annotations)
    assert.equal(bundle, state.bundle)
    assert(container:destroy())
  end)

  it("has relative paths below it", function()
    assert(os.execute("mkdir " .. bundle .. "/data"))
    assert(os.execute("echo inside > " .. bundle .. "/data/file"))
    with(function(spec)
      table.insert(spec.mounts, { destination = "mnt", source = "data", options = { "rbind" } })
    end)
    assert.equal("inside\n", run("cat /mnt/file").out)
  end)

  it("has binds with options that are a file system's", function()
    with(function(spec)
      table.insert(spec.mounts, { destination = "/mnt", source = bundle, type = "bind",
        options = { "rbind", "ro", "sync", "dirsync", "lazytime", "iversion", "nomand", "async" } })
    end)
    assert.matches(" ro,", run("grep ' /mnt ' /proc/self/mountinfo").out)
  end)

  it("limits its container to its first process, where it allows no tasks", function()
    with(function(spec)
      spec.linux.resources.pids = { limit = 0 }
    end)
    local result = run("echo first; /bin/true; echo second")
    assert.equal("first\n", result.out)
    assert.matches("can't fork", result.err)
  end)

  it("is started with rlimits beyond what a Lua number holds", function()
    with(function(spec)
      spec.process.rlimits = { { type = "RLIMIT_CPU", soft = "18446744073709551615",
        hard = "18446744073709551615" } }
    end)
    assert.equal("unlimited\n", run("ulimit -t").out)
  end)

  it("is refused by what is missing, not in the words for a missing program", function()
    local CASES = {
      [bundle .. "/nothing"] = function(spec) spec.root.path = "nothing" end,
      ["/nothing/bound"] = function(spec)
        table.insert(spec.mounts, { destination = "/mnt", source = "/nothing/bound",
          options = { "bind" } })
      end,
      [bundle .. "/unbound"] = function(spec)
        table.insert(spec.mounts, { destination = "/mnt", source = "unbound", type = "bind" })
      end,
      ["/nothing/ns"] = function(spec) spec.linux.namespaces[1].path = "/nothing/ns" end,
    }
    for path, change in pairs(CASES) do
      with(change)
      local config, process = convert()
      local container, err = create(config)
      if container then
        local ok
        ok, err = container:run(ctr.process(process))
        assert.is_nil(ok)
        assert(container:destroy())
      end
      local text = tostring(err)
      assert.truthy(text:find("does not exist: " .. path, 1, true), text)
      assert.is_nil(text:find("no such file", 1, true), text)
    end
  end)

  it("keeps beside it what OCI has no member for, and that is done", function()
    with(function(spec)
      spec.ctr = { mounts = { ["1"] = { postmount_cmds = { { path = "/bin/sh",
        args = { "-c", "echo ran > " .. bundle .. "/ran" } } } } } }
    end)
    assert.equal(0, run("true").code)
    assert.equal("ran", host.sh("cat " .. bundle .. "/ran").stdout:gsub("%s", ""))
  end)

  it("gives a process object to a process that is added", function()
    with(function(spec)
      spec.process.args = { "/bin/sleep", "1000" }
      spec.process.oomScoreAdj = 10
    end)
    local config, process = convert()
    local container = assert(create(config))
    local first = ctr.process(process)
    assert(container:run(first))
    local fields = assert(oci.process({
      args = { "/bin/sh", "-c", "x" }, cwd = "/bin", env = { "PATH=/bin", "A=b" },
      user = { uid = 5, gid = 6, additionalGids = { 7 }, umask = 63 }, oomScoreAdj = 20,
      capabilities = { bounding = { "CAP_KILL" } },
      rlimits = { { type = "RLIMIT_NOFILE", soft = 50, hard = 60 } },
    }))
    local script = "echo $(id -u) $(id -G) $(umask) $PWD $A $(cat /proc/self/oom_score_adj) "
      .. "$(ulimit -n); grep -E '^(CapBnd|CapEff|NoNewPrivs)' /proc/self/status"
    fields.args[3] = script
    local result = assert(b:run(container, script, fields))
    assert.equal("5 6 7 0077 /bin b 20 50\nCapEff:\t0000000000000000\nCapBnd:\t0000000000000020\n"
      .. "NoNewPrivs:\t0\n", result.out)
    b:finish(container, first)
  end)

  it("takes changes from a resources object", function()
    with(function(spec)
      spec.process.args = { "/bin/sleep", "1000" }
      spec.linux.resources.pids = { limit = 10 }
      spec.linux.resources.cpu = { quota = 50000, period = 100000 }
    end)
    local config, process = convert()
    local container = assert(create(config))
    local first = ctr.process(process)
    assert(container:run(first))
    assert(container:set({ cgroups = assert(oci.resources({})) }))
    assert(container:set({ cgroups = assert(oci.resources({ pids = { limit = -1 },
      cpu = { period = 50000, quota = 0 }, devices = { { allow = true, access = "rwm" } } })) }))
    local cgroups = container:config().cgroups
    assert.equal(-1, cgroups.pids_limit)
    assert.equal(50000, cgroups.cpu_quota)
    assert.equal(50000, cgroups.cpu_period)
    assert.equal(12, #cgroups.devices)
    b:finish(container, first)
  end)
end)

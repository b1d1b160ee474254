-- Intel RDT, against a tree that imitates resctrl: no machine that is at hand has it. What the
-- kernel fills a new group with is made here, or by the writes themselves.

local box = require("specs.support.box")
local ctr = require("ctr")
local host = require("specs.support.host")
local intel_rdt = require("ctr.intel_rdt")
local machine = require("specs.support.machine")

local ROOT_SCHEMATA = "    L3:0=fffff;1=fffff\n    MB:0=100;1=100\n"

local function read(path)
  local file = io.open(path)
  if not file then
    return nil
  end
  local text = file:read("*a")
  file:close()
  return text
end

local function sh(...)
  local result = host.sh(table.concat({ ... }, "\n"))
  assert.equal(0, result.code, result.stderr)
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("Intel RDT", function()
  local b, root, other

  setup(function()
    local _, folder, remove = host.folder()
    root, other = folder .. "/resctrl", remove
    b = box.new({ intel_rdt = root })
    assert(b:sh("true"))
  end)

  teardown(function()
    b:close()
    other()
  end)

  before_each(function()
    sh("rm -rf " .. root, "mkdir -p " .. root .. "/info/L3 " .. root .. "/info/MB " .. root
      .. "/info/L3_MON " .. root .. "/mon_groups " .. root .. "/mon_data")
    for name, text in pairs({
      ["info/L3/cbm_mask"] = "fffff\n", ["info/L3/min_cbm_bits"] = "1\n",
      ["info/L3/num_closids"] = "16\n", ["info/MB/bandwidth_gran"] = "10\n",
      ["info/MB/delay_linear"] = "1\n", ["info/MB/min_bandwidth"] = "10\n",
      ["info/MB/num_closids"] = "8\n", ["info/last_cmd_status"] = "ok\n",
      ["info/L3_MON/mon_features"] = "llc_occupancy\nmbm_total_bytes\nmbm_local_bytes\n",
      schemata = ROOT_SCHEMATA, tasks = "",
    }) do
      write(root .. "/" .. name, text)
    end
  end)

  -- A class that is there before the container.
  local function make_class(name, schemata)
    sh("mkdir -p " .. root .. "/" .. name .. "/mon_groups " .. root .. "/" .. name .. "/mon_data")
    write(root .. "/" .. name .. "/schemata", schemata or ROOT_SCHEMATA)
    write(root .. "/" .. name .. "/tasks", "")
  end

  local function tree()
    return host.sh("cd " .. root .. " && find . | sort && cat schemata").stdout
  end

  local function run(rdt, more)
    local changes = { intel_rdt = rdt }
    for key, value in pairs(more or {}) do
      changes[key] = value
    end
    return b:sleeper(changes)
  end

  local function fails(rdt, path)
    local before, files = machine.snapshot(box.PATTERN), tree()
    local container = assert(b:create({ intel_rdt = rdt }))
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.is_nil(ok)
    assert.equal(path, err.path)
    assert.equal("", container:state().intel_rdt_path)
    assert(container:destroy())
    assert.same(before, machine.snapshot(box.PATTERN))
    assert.equal(files, tree())
    return err
  end

  it("is left alone where a configuration says nothing of it", function()
    local files = tree()
    local container, init = b:sleeper()
    assert.equal("", container:state().intel_rdt_path)
    assert.is_nil(intel_rdt.stats(container))
    assert.equal(files, tree())
    b:finish(container, init)
  end)

  for name, changes in pairs({
    plain = {},
    staged = { namespaces = { "NEWNS", "NEWPID", "NEWUSER", "NEWUTS", "NEWNET" },
      uid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
      gid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } } },
  }) do
    it("puts a container in a group of its id, and takes that away (" .. name .. ")", function()
      local files = tree()
      local container, init = run({ l3_cache_schema = "L3:0=f;1=f0", mem_bw_schema = "MB:0=20",
        schemata = { "L2:0=1", "L2:1=3" } }, changes)
      local group = root .. "/" .. container:id()
      assert.equal(group, container:state().intel_rdt_path)
      assert.equal("L3:0=f;1=f0\nMB:0=20\nL2:0=1\nL2:1=3\n", read(group .. "/schemata"))
      assert.equal(init:pid() .. "\n", read(group .. "/tasks"))
      b:finish(container, init)
      assert.equal(files, tree())
    end)

    it("puts a process that is added in the group before it runs (" .. name .. ")", function()
      local container, init = run({}, changes)
      local further = ctr.process({ args = { "/bin/sleep", "1000" }, init = false })
      assert(container:run(further))
      local tasks = read(container:state().intel_rdt_path .. "/tasks")
      assert.equal(("%d\n%d\n"):format(init:pid(), further:pid()), tasks)
      assert(further:signal("SIGKILL"))
      assert(further:wait(60))
      b:finish(container, init)
    end)
  end

  it("writes no schemata where none are given", function()
    local container, init = run({})
    assert.is_nil(read(container:state().intel_rdt_path .. "/schemata"))
    b:finish(container, init)
  end)

  it("puts a container that waits in its group", function()
    local container = assert(b:create({ intel_rdt = {} }))
    local process = ctr.process({ args = { "/bin/true" } })
    assert(container:start(process))
    local path = container:state().intel_rdt_path
    assert.equal(process:pid() .. "\n", read(path .. "/tasks"))
    local loaded = assert(b.factory:load(container:id()))
    assert.equal(path, loaded:state().intel_rdt_path)
    assert(loaded:destroy())
    assert.is_nil(read(path .. "/tasks"))
  end)

  describe("with a class", function()
    it("that is there joins it, and leaves it", function()
      make_class("shared", "    L3:0=000ff;1=fffff\n    MB:0=100;1= 20\n")
      local files = tree()
      local container, init = run({ clos_id = "shared", l3_cache_schema = "L3:0=ff",
        mem_bw_schema = "MB:1=20" })
      assert.equal(root .. "/shared", container:state().intel_rdt_path)
      assert.equal(init:pid() .. "\n", read(root .. "/shared/tasks"))
      b:finish(container, init)
      assert.equal(files, tree())
    end)

    it("that is there needs no schema", function()
      make_class("shared")
      local container, init = run({ clos_id = "shared" })
      assert.equal(ROOT_SCHEMATA, read(root .. "/shared/schemata"))
      b:finish(container, init)
    end)

    it("that is not there makes it, and leaves it for others", function()
      local container, init = run({ clos_id = "made", l3_cache_schema = "L3:0=1" })
      b:finish(container, init)
      assert.equal("L3:0=1\n", read(root .. "/made/schemata"))
    end)

    it("that another container makes meanwhile is joined, if it is the same", function()
      for schemata, joins in pairs({ ["L3:0=1\n"] = true, ["L3:0=3\n"] = false }) do
        local container = assert(b:create({ intel_rdt = { clos_id = "made",
          l3_cache_schema = "L3:0=1" } }))
        assert(container.rdt:intend())
        make_class("made", schemata)
        assert.equal(joins, container.rdt:create() or false)
        container.rdt:undo()
        assert.equal(schemata, read(root .. "/made/schemata"))
        assert(container:destroy())
        sh("rm -r " .. root .. "/made")
      end
    end)

    it("of the root has no folder of its own", function()
      local files = tree()
      local container, init = run({ clos_id = "/" })
      assert.equal(root, container:state().intel_rdt_path)
      assert.equal(init:pid() .. "\n", read(root .. "/tasks"))
      b:finish(container, init)
      assert.equal(files, tree())
    end)

    it("is refused where it is not there and no schema is given", function()
      local err = fails({ clos_id = "nonesuch" }, "intel_rdt.clos_id")
      assert.equal("ConfigInvalid", err.code)
    end)

    it("is refused where what is there is otherwise", function()
      make_class("shared", "L3:0=ff;1=fffff\n")
      local err = fails({ clos_id = "shared", l3_cache_schema = "L3:0=fff" },
        "intel_rdt.l3_cache_schema")
      assert.equal("ConfigInvalid", err.code)
      fails({ clos_id = "shared", schemata = { "L3:0=ff", "MB:0=50" } }, "intel_rdt.schemata[2]")
    end)
  end)

  describe("with monitoring", function()
    it("makes a group for it, and takes that away", function()
      make_class("shared")
      local container, init = run({ clos_id = "shared", enable_monitoring = true })
      local group = root .. "/shared/mon_groups/" .. container:id()
      assert.equal(group, container:state().intel_rdt_mon_path)
      assert.equal(init:pid() .. "\n", read(group .. "/tasks"))
      assert.equal(init:pid() .. "\n", read(root .. "/shared/tasks"))
      b:finish(container, init)
      assert.is_nil(read(group .. "/tasks"))
      assert.equal(ROOT_SCHEMATA, read(root .. "/shared/schemata"))
    end)

    it("that fails takes back the group as well", function()
      -- The tree does not fill a new group with mon_groups, as the kernel would.
      local err = fails({ enable_monitoring = true }, "intel_rdt.enable_monitoring")
      assert.equal("ENOENT", err.errno)
    end)
  end)

  describe("that refuses", function()
    it("a schema says what the kernel said of it", function()
      write(root .. "/info/last_cmd_status", "Mask out of range\n")
      -- Room for the group's folder, and for no file in it.
      local folder = b.folder .. "/small"
      sh("mkdir " .. folder, "mount -t tmpfs -o nr_inodes=4 none " .. folder,
        "mkdir " .. folder .. "/info",
        "cp " .. root .. "/info/last_cmd_status " .. folder .. "/info")
      local small = box.new({ intel_rdt = folder })
      local container = assert(small:create({ intel_rdt = { schemata = { "L2:0=1" } } }))
      local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.is_nil(ok)
      assert.equal("intel_rdt.schemata[1]", err.path)
      assert.equal("ENOSPC", err.errno)
      assert.equal('intel_rdt.schemata[1]: cannot write "L2:0=1" to schemata: ENOSPC, '
        .. "last_cmd_status: Mask out of range", tostring(err))
      assert.equal("info\n", host.sh("ls " .. folder).stdout)
      small:close()
      sh("umount " .. folder)
    end)

    it("a process ends it", function()
      make_class("shared")
      sh("rm " .. root .. "/shared/tasks", "mkdir " .. root .. "/shared/tasks")
      local err = fails({ clos_id = "shared" }, "intel_rdt")
      assert.equal("EISDIR", err.errno)
    end)

    it("a process that is added ends that one alone", function()
      local container, init = run({})
      local path = container:state().intel_rdt_path
      sh("rm " .. path .. "/tasks", "mkdir " .. path .. "/tasks")
      local before = machine.snapshot(box.PATTERN)
      local result, err = b:run(container, "true", { init = false })
      assert.is_nil(result)
      assert.equal("intel_rdt", err.path)
      assert.same(before, machine.snapshot(box.PATTERN))
      assert.equal("running", container:status())
      b:finish(container, init)
    end)

    it("a group that is another's", function()
      local container = assert(b:create({ intel_rdt = {} }))
      make_class(container:id())
      local files = tree()
      local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
      assert.is_nil(ok)
      assert.equal("EEXIST", err.errno)
      assert(container:destroy())
      assert.equal(files, tree())
    end)
  end)

  it("is recorded before it is made, so that what a killed caller leaves is found", function()
    local files = tree()
    local container = assert(b:create({ intel_rdt = { l3_cache_schema = "L3:0=1" } }))
    assert(container.rdt:intend())
    assert(require("ctr.record").intend(container))
    assert(container.rdt:create())
    assert.is_not.equal(files, tree())
    assert(assert(b.factory:load(container:id())):destroy())
    assert.equal(files, tree())
  end)

  -- The files of a cgroup are made and removed by the kernel with their folder, as resctrl's are.
  it("enters and removes a folder of the kernel's own files", function()
    local stand_in = "/sys/fs/cgroup/pids" .. box.PARENT .. "-rdt"
    if not read("/sys/fs/cgroup/pids/tasks") then
      pending("needs a hierarchy of cgroup v1")
    end
    sh("mkdir " .. stand_in)
    local free = box.new({ cgroup_manager = "none", intel_rdt = stand_in })
    local container, init = free:sleeper({ intel_rdt = {} })
    local further = ctr.process({ args = { "/bin/sleep", "1000" }, init = false })
    assert(container:run(further))
    local group = stand_in .. "/" .. container:id()
    assert.equal(("%d\n%d\n"):format(init:pid(), further:pid()), read(group .. "/tasks"))
    assert(further:signal("SIGKILL"))
    assert(further:wait(60))
    free:finish(container, init)
    free:close()
    assert.is_nil(read(group .. "/tasks"))
    sh("rmdir " .. stand_in)
  end)

  it("is refused where it is not there", function()
    local without = box.new({ intel_rdt = root .. "/nonesuch" })
    local container, err = without:create({ intel_rdt = {} })
    without:close()
    assert.is_nil(container)
    assert.equal("ConfigInvalid", err.code)
    assert.equal("intel_rdt", err.path)
    assert.matches("^intel_rdt needs Intel RDT: ", tostring(err))
  end)

  it("is refused where a part of it is not there", function()
    sh("rm -r " .. root .. "/info/MB " .. root .. "/info/L3_MON")
    local container, err = b:create({ intel_rdt = { l3_cache_schema = "L3:0=1",
      mem_bw_schema = "MB:0=10", enable_monitoring = true } })
    assert.is_nil(container)
    assert.equal(2, #err.problems)
  end)

  it("is refused on this machine, which has no resctrl mounted", function()
    if host.sh("grep -q ' - resctrl ' /proc/self/mountinfo").code == 0 then
      pending("this machine has it")
    end
    local plain = box.new()
    local container, err = plain:create({ intel_rdt = {} })
    plain:close()
    assert.is_nil(container)
    assert.equal("intel_rdt needs Intel RDT: no resctrl file system is mounted", tostring(err))
  end)

  describe("set", function()
    it("writes other schemata to the running container's group", function()
      make_class("shared")
      local container, init = run({ clos_id = "shared" })
      assert(intel_rdt.set(container, { intel_rdt = { l3_cache_schema = "L3:0=3",
        mem_bw_schema = "", schemata = {} } }))
      assert.equal(ROOT_SCHEMATA .. "L3:0=3\n", read(root .. "/shared/schemata"))
      assert(intel_rdt.set(container, {}))
      b:finish(container, init)
    end)

    it("is what lctr update does with its options, one at a time too", function()
      make_class("shared")
      local container, init = run({ clos_id = "shared" })
      local update = require("ctr.cli.update")
      local context = { container = function() return container end }
      local before = read(root .. "/shared/schemata")
      assert.equal(0, update({ "id" }, { ["l3-cache-schema"] = "L3:0=3;1=f" }, context))
      assert.equal(before .. "L3:0=3;1=f\n", read(root .. "/shared/schemata"))
      assert.equal(0, update({ "id" }, { ["mem-bw-schema"] = "MB:0=20" }, context))
      assert.matches("\nMB:0=20\n$", read(root .. "/shared/schemata"))
      local rdt = assert(b.factory:load(container:id())):config().intel_rdt
      assert.same({ "shared", "L3:0=3;1=f", "MB:0=20" }, { rdt.clos_id, rdt.l3_cache_schema,
        rdt.mem_bw_schema })
      local ok, err = container:set({ intel_rdt = { clos_id = "other" } })
      assert.is_nil(ok)
      assert.equal("intel_rdt.clos_id", err.path)
      b:finish(container, init)
    end)

    it("is refused to a container that has no group", function()
      local container, init = b:sleeper()
      local ok, err = intel_rdt.set(container, { intel_rdt = { l3_cache_schema = "L3:0=3",
        mem_bw_schema = "", schemata = {} } })
      assert.is_nil(ok)
      assert.equal("intel_rdt", err.path)
      b:finish(container, init)
    end)
  end)

  describe("stats", function()
    it("are libcontainer's", function()
      make_class("shared", "    L3:0=ff;1=fffff\n    MB:0=100;1= 20\n")
      local container, init = run({ clos_id = "shared", enable_monitoring = true })
      local group = root .. "/shared/mon_groups/" .. container:id()
      sh("mkdir -p " .. group .. "/mon_data/mon_L3_00 " .. group .. "/mon_data/mon_L3_01")
      for name, text in pairs({
        ["mon_L3_00/llc_occupancy"] = "4096\n", ["mon_L3_00/mbm_total_bytes"] = "100\n",
        ["mon_L3_00/mbm_local_bytes"] = "Unavailable\n", ["mon_L3_01/llc_occupancy"] = "0\n",
        ["mon_L3_01/mbm_total_bytes"] = "18446744073709551615\n",
        ["mon_L3_01/mbm_local_bytes"] = "7\n",
      }) do
        write(group .. "/mon_data/" .. name, text)
      end
      local fds = host.open_fds()
      assert.same({
        l3_cache_info = { cbm_mask = "fffff", min_cbm_bits = 1, num_closids = 16 },
        l3_cache_schema_root = "L3:0=fffff;1=fffff",
        l3_cache_schema = "L3:0=ff;1=fffff",
        mem_bw_info = { bandwidth_gran = 10, delay_linear = 1, min_bandwidth = 10,
          num_closids = 8 },
        mem_bw_schema_root = "MB:0=100;1=100",
        mem_bw_schema = "MB:0=100;1= 20",
        mbm_stats = { { mbm_total_bytes = 100 },
          { mbm_total_bytes = "18446744073709551615", mbm_local_bytes = 7 } },
        cmt_stats = { { llc_occupancy = 4096 }, { llc_occupancy = 0 } },
      }, assert(intel_rdt.stats(container)))
      assert.equal(fds, host.open_fds())
      b:finish(container, init)
    end)

    it("leave out what is not enabled", function()
      sh("rm -r " .. root .. "/info/MB " .. root .. "/info/L3_MON")
      local container, init = run({})
      local stats = assert(intel_rdt.stats(container))
      assert.is_nil(stats.mem_bw_info)
      assert.is_nil(stats.mbm_stats)
      assert.equal("fffff", stats.l3_cache_info.cbm_mask)
      b:finish(container, init)
    end)

    it("fail where the group is gone", function()
      local container, init = run({})
      sh("rm -r " .. container:state().intel_rdt_path)
      local stats, err = intel_rdt.stats(container)
      assert.is_nil(stats)
      assert.equal("ENOENT", err.errno)
      b:finish(container, init)
    end)
  end)
end)

local planner = require("ctr.plan")
local schema = require("ctr.config.schema")

local function config(changes)
  local fields = {
    rootfs = "/srv/root",
    namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET" },
  }
  for key, value in pairs(changes or {}) do
    fields[key] = value
  end
  return assert(schema.parse(fields))
end

local USER = { uid = 1, gid = 2, groups = { 3, 4 }, home = "/home/one" }

local function plan(changes, process, facts)
  local parsed = config(changes)
  local fields = process or { args = { "/bin/true" } }
  local merged = planner.merge(parsed, assert(schema.parse_process(fields)))
  local known = { user = USER, can_setgroups = true, cgroups = {} }
  for key, value in pairs(facts or {}) do
    known[key] = value
  end
  return planner.start(parsed, merged, known)
end

local function true_in(parsed)
  return planner.merge(parsed, assert(schema.parse_process({ args = { "/bin/true" } })))
end

local function operations(steps)
  local names = {}
  for index, step in ipairs(steps) do
    names[index] = step.op
  end
  return names
end

local function find(steps, op, nth)
  for _, step in ipairs(steps) do
    if step.op == op then
      nth = (nth or 1) - 1
      if nth == 0 then
        return step
      end
    end
  end
  return nil
end

local function position(steps, op)
  for index, step in ipairs(steps) do
    if step.op == op then
      return index
    end
  end
  return nil
end

describe("ctr.plan", function()
  describe("start", function()
    it("does nothing that a bare configuration does not ask for", function()
      assert.same({
        "clone", "join", "unshare", "setsid", "keyring", "root_attach", "mount", "symlink",
        "symlink", "symlink", "symlink", "symlink", "symlink", "set_attr", "bounding",
        "chown_stdio", "keep_caps", "set_ids", "keep_caps", "capset", "umask", "find_program",
        "exec",
      }, operations(plan()))
    end)

    it("makes the pid namespace with the spawn, the mount namespace from a lean one", function()
      local steps = plan()
      assert.same({ planner.CLONE.NEWPID }, steps[1].nums)
      assert.equal("parent", steps[1].by)
      assert.same({ "@lean", planner.CLONE.NEWNS }, steps[2].nums)
      assert.same({ 0x4c020000 }, steps[3].nums)
    end)

    it("leaves the host's mounts before all else, where one container is started", function()
      local steps = plan(nil, nil, { starts_once = true })
      assert.same({ "clone", "unshare", "setsid", "keyring", "root_attach_at", "pivot_root",
        "mount" }, { unpack(operations(steps), 1, 7) })
      assert.same({ "/" }, steps[5].strings)
      steps = plan({ no_pivot_root = true }, nil, { starts_once = true })
      assert.same({ "@lean", planner.CLONE.NEWNS }, steps[2].nums)
    end)

    it("moves the root onto one that nobody can leave", function()
      local steps = plan({ no_pivot_root = true }, nil, { cannot_pivot = true })
      assert.is_nil(find(steps, "pivot_root"))
      assert.equal("no_pivot_root", find(steps, "move_root").path)
    end)

    it("joins the cgroups before the cgroup namespace is made", function()
      local steps = plan({ namespaces = { "NEWNS", "NEWCGROUP" } }, nil, { cgroups = { "memory" } })
      assert.is_true(position(steps, "cgroup_join") < position(steps, "unshare"))
    end)

    it("enters a user namespace in a stage of its own", function()
      local steps = plan({
        namespaces = { "NEWNS", "NEWPID", "NEWUSER" },
        uid_mappings = { { container_id = 0, host_id = 1000, size = 10 } },
        gid_mappings = { { container_id = 0, host_id = 1000, size = 10 } },
      })
      assert.same({ 0 }, steps[1].nums)
      assert.same({ "clone", "join", "unshare", "sync", "uid_map", "gid_map", "set_ids", "unshare",
        "fork", "setsid" }, { unpack(operations(steps), 1, 10) })
      assert.same({ planner.CLONE.NEWUSER }, steps[3].nums)
      assert.equal("pivot_root", find(steps, "pivot_root").op)
    end)

    it("binds devices in a user namespace, where the kernel makes none", function()
      local changes = {
        namespaces = { "NEWNS", "NEWPID", "NEWUSER" },
        uid_mappings = { { container_id = 0, host_id = 1000, size = 10 } },
        gid_mappings = { { container_id = 0, host_id = 1000, size = 10 } },
        devices = { { type = "c", path = "/dev/null", major = 1, minor = 3, permissions = "rwm" } },
      }
      assert.is_nil(find(plan(changes), "mknod"))
      assert.same({ "@device:1", 0, 0, 0, 0 }, find(plan(changes), "attach").nums)
    end)

    it("opens host paths inside for a caller without privilege", function()
      local steps = plan({
        namespaces = { "NEWNS", "NEWPID", "NEWUSER" },
        uid_mappings = { { container_id = 0, host_id = 1000, size = 1 } },
        gid_mappings = { { container_id = 0, host_id = 1000, size = 1 } },
        mounts = { { source = "/srv/data", destination = "/data", flags = { "rbind", "ro" } } },
      }, nil, { rootless = true, can_setgroups = false })
      assert.is_nil(find(steps, "root_attach"))
      assert.same({ 0, 1, 0, 0, 0x80000 }, find(steps, "open_tree").nums) -- MS_SLAVE
      assert.same({ "/srv/data" }, find(steps, "open_tree", 2).strings)
      assert.same({ -2, 1, 0, 0, 0 }, find(steps, "attach").nums)
      assert.equal("pivot_root", find(steps, "pivot_root").op)
    end)

    it("leaves sources to root of a user namespace, where the container has one below that",
      function()
        local steps = plan({
          namespaces = { "NEWNS", "NEWPID", "NEWUSER" },
          uid_mappings = { { container_id = 0, host_id = 1000, size = 1 } },
          gid_mappings = { { container_id = 0, host_id = 1000, size = 1 } },
          mounts = { { source = "/srv/data", destination = "/data", flags = { "rbind" } } },
        }, nil, { rootless = true, may_clone = true, can_setgroups = false })
        assert.is_nil(find(steps, "open_tree", 2))
        assert.same({ "@mount:1", 0, 0, 0, 0 }, find(steps, "attach").nums)
      end)

    it("copies the host's mounts only for a mount's commands", function()
      local steps = plan({
        mounts = { { source = "tmpfs", destination = "/tmp", device = "tmpfs",
          premount_cmds = { { path = "/bin/true", args = { "a" } } } } },
      })
      assert.equal("mounts[1].premount_cmds[1]", find(steps, "command").path)
      assert.same({ 2, 1, 1 }, find(steps, "command").nums)
      assert.same({ "", "/bin/true", "/bin/true", "a",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" },
        find(steps, "command").strings)
      assert.is_true(position(steps, "propagation") < position(steps, "root_attach_at"))
    end)

    it("puts its own tmpfs on /dev unless the configuration mounts something there", function()
      assert.same({ "tmpfs", "tmpfs", "/dev", "mode=755", "size=65536k" },
        find(plan(), "mount").strings)
      local bind = { source = "/dev", destination = "/dev", flags = { "bind" } }
      local steps = plan({ mounts = { bind } })
      assert.is_nil(find(steps, "mount"))
      assert.is_nil(find(steps, "symlink"))
    end)

    it("makes a read-only tmpfs read-only last, so that it can be filled", function()
      local steps = plan({
        mounts = { { source = "tmpfs", destination = "/run", device = "tmpfs",
          flags = { "ro", "nosuid" } } },
      })
      assert.same({ 2, 0, 1, 0 }, find(steps, "mount", 2).nums)
      assert.same({ 1, 0, 0, 0 }, find(steps, "set_attr", 2).nums)
    end)

    it("masks with the null device that was made, never one of the root", function()
      local mask = { "/proc/kcore" }
      local null = { type = "c", path = "/dev/null", major = 1, minor = 3, permissions = "rwm" }
      local own = find(plan({ mask_paths = mask, devices = { null } }), "mask")
      assert.same({ "@none" }, own.nums)
      assert.same({ "/proc/kcore", "/dev/null" }, own.strings)
      local host = find(plan({ mask_paths = mask }), "mask")
      assert.same({ "@null" }, host.nums)
    end)

    it("masks a path once, however often it is named", function()
      local count = 0
      for _, step in ipairs((plan({ mask_paths = { "/a", "/b", "/a" } }))) do
        count = count + (step.op == "mask" and 1 or 0)
      end
      assert.equal(2, count)
    end)

    it("waits for the fifo in a start, and for the caller in a run", function()
      local started = operations(plan(nil, nil, { mode = "start" }))
      assert.same({ "wait_fifo", "exec" }, { unpack(started, 23) })
      local run = operations(plan(nil, nil, { mode = "run" }))
      assert.same({ "sync", "exec" }, { unpack(run, 23) })
    end)

    it("lets a caller without privilege into what waits in a new user namespace", function()
      local mapping = { { container_id = 0, host_id = 1000, size = 1 } }
      local own = { namespaces = { "NEWNS", "NEWPID", "NEWUSER" }, uid_mappings = mapping,
        gid_mappings = mapping }
      local function opens(overrides, facts)
        return find(plan(overrides, nil, facts), "wait_fifo").nums[3]
      end
      assert.equal(1, opens(own, { mode = "start", rootless = true }))
      assert.equal(0, opens(own, { mode = "start" }))
      local joined = { "NEWNS", { type = "NEWUSER", path = "/proc/7/ns/user" } }
      assert.equal(0, opens({ namespaces = joined }, { mode = "start", rootless = true }))
    end)

    it("asks for the container's user files last, where its user is not known", function()
      local parsed = config()
      local process = true_in(parsed)
      local facts = { look_up_inside = true, can_setgroups = true }
      local steps = planner.start(parsed, process, facts)
      assert.equal("more", steps[#steps].op)
      facts.user = USER
      local rest = planner.tail(parsed, process, facts)
      assert.same({ 1, 2, 1, 3, 4 }, find(rest, "set_ids").nums)
      assert.equal("exec", rest[#rest].op)
    end)

    it("sets HOME from the user's entry unless it is given", function()
      assert.same({ "/bin/true", "HOME=/home/one" }, find(plan(), "exec").strings)
      local process = { args = { "/bin/true" }, env = { "HOME=/x", "A=1", "A=2" } }
      assert.same({ "/bin/true", "HOME=/x", "A=2" }, find(plan(nil, process), "exec").strings)
    end)

    it("looks for a bare name in the process' own PATH", function()
      local process = { args = { "ls" }, env = { "PATH=/a::/b/" } }
      assert.same({ "/a/ls", "/b/ls" }, find(plan(nil, process), "find_program").strings)
    end)

    it("leaves out the numbers of extra files that are false", function()
      local process = { args = { "/bin/true" }, extra_files = { false, 7, false } }
      assert.same({ 3, 5 }, find(plan(nil, process), "cloexec").nums)
      assert.is_nil(find(plan(nil, { args = { "/bin/true" }, extra_files = { 7 } }), "cloexec"))
    end)

    it("raises hard limits early and sets limits before the user changes", function()
      local steps = plan({ rlimits = { { type = "RLIMIT_NPROC", hard = 4096, soft = 1024 } } })
      assert.same({ 6, 4096 }, find(steps, "rlimit_raise").nums)
      assert.same({ 6, 1024, 4096 }, find(steps, "rlimit").nums)
      assert.is_true(position(steps, "rlimit") < position(steps, "set_ids"))
    end)

    it("sets the limit of open files when it has opened the last of its own", function()
      local steps = plan({ rlimits = { { type = "RLIMIT_NOFILE", hard = 4096, soft = 4 } } })
      assert.same({ 7, 4, 4096 }, find(steps, "rlimit").nums)
      assert.is_true(position(steps, "rlimit") > position(steps, "find_program"))
    end)

    it("drops every capability unless the configuration keeps some", function()
      assert.same({ 0 }, find(plan(), "bounding").nums)
      local steps = plan({ capabilities = { bounding = { "CAP_KILL" }, permitted = { "CAP_KILL" },
        effective = { "CAP_KILL" }, inheritable = {}, ambient = {} } })
      assert.same({ 32 }, find(steps, "bounding").nums)
      assert.same({ 32, 32, 0, 0 }, find(steps, "capset").nums)
    end)

    it("prefers what the process says to what the configuration says", function()
      local steps = plan({ rlimits = { { type = "RLIMIT_CORE", hard = 0, soft = 0 } } },
        { args = { "/bin/true" }, rlimits = { { type = "RLIMIT_NOFILE", hard = 9, soft = 9 } } })
      assert.equal("process.rlimits[1]", find(steps, "rlimit").path)
      assert.same({ 7, 9, 9 }, find(steps, "rlimit").nums)
    end)
  end)

  describe("exec", function()
    it("joins all namespaces at once and makes nothing", function()
      local parsed = config()
      local steps = planner.exec(parsed, true_in(parsed), { user = USER, can_setgroups = true,
        into = 0x6c020000, cgroups = { "cpu" } })
      assert.same({
        "cgroup_join", "join", "fork", "setsid", "keyring", "bounding", "chown_stdio", "keep_caps",
        "set_ids", "keep_caps", "capset", "umask", "find_program", "exec",
      }, operations(steps))
      assert.same({ "@init", 0x6c020000 }, steps[2].nums)
    end)
  end)

  describe("tostring", function()
    it("names each step's config path", function()
      local text = tostring(plan({ hostname = "web" }))
      assert.matches("hostname%s+web%s+config%.hostname", text)
      assert.matches("exec%s+/bin/true%s+process%.args", text)
    end)
  end)
end)

local box = require("specs.support.box")
local cgroup = require("ctr.cgroup")
local ctr = require("ctr")
local machine = require("specs.support.machine")
local planner = require("ctr.plan")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local STAGED = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = MAPPING, gid_mappings = MAPPING }
local HELD = { "CAP_KILL" }
local THROUGH_FILE = "/etc/passwd/below"
-- Commands around a mount make the start take the way through a copied mount namespace.
local COPIED_MOUNTS = { { source = "tmpfs", destination = "/tmp", device = "tmpfs",
  premount_cmds = { { path = "/bin/true" } } } }
local COPIED = { mounts = COPIED_MOUNTS }
-- Content that is copied is counted by the memory limit, so the cgroups are joined first.
local FILLED_MOUNTS = { { source = "tmpfs", destination = "/etc", device = "tmpfs",
  extensions = { "copyup" } } }
local FILLED = { mounts = FILLED_MOUNTS }

local REMOUNTED = { mounts = { { source = "x", destination = "/tmp", device = "tmpfs" },
  { destination = "/tmp", flags = { "remount" }, data = "size=1m" } } }
local LAYERED = { mounts = { { source = "overlay", destination = "/tmp", device = "overlay",
  data = "lowerdir=/etc:/usr" } } }

-- On v2 a process is cloned into its cgroup, so no step of a start joins one.
local JOINING = { config = FILLED, nums = { "@procfs" } }
if assert(cgroup.layout()).mode == "v2" then
  JOINING = { config = {}, insert = { op = "cgroup_join", nums = { "@procfs" }, strings = {},
    path = "cgroups" } }
end

-- For each operation that can fail: how a step of it is made to, in which configuration, and with
-- what. The kernel refuses none of the others what the parser lets pass: sync, setsid, umask,
-- chown_stdio, no_new_privs, bounding, keep_caps, pdeathsig, personality;
-- more, cgroup_sync, wait_fifo, hook_state and leave only talk. net_sync opens a socket; what the
-- library then makes of the network fails in network_spec.lua and net_devices_spec.lua.
local FAILURES = {
  cgroup_join = JOINING,
  oom_score_adj = { config = { oom_score_adj = 100 }, strings = { "99999" }, errno = "EINVAL" },
  rlimit_raise = { config = { rlimits = { { type = "RLIMIT_NOFILE", hard = 99, soft = 99 } } },
    nums = { 99, 1 }, errno = "EINVAL" },
  rlimit = { config = { rlimits = { { type = "RLIMIT_NOFILE", hard = 99, soft = 99 } } },
    nums = { 99, 1, 1 }, errno = "EINVAL" },
  join = { nums = { "@procfs", planner.CLONE.NEWNS } },
  unshare = { nums = { 1 }, errno = "EINVAL" },
  time_offsets = { config = { namespaces = { "NEWNS", "NEWPID", "NEWTIME" }, hostname = "",
    networks = {} }, strings = { "nonsense\n" }, errno = "EINVAL" },
  set_ids = { config = STAGED, nums = { 4000000000, 0, 1 }, errno = "EINVAL" },
  fork = { config = { namespaces = STAGED.namespaces, uid_mappings = MAPPING,
    gid_mappings = MAPPING, mounts = FILLED_MOUNTS,
    cgroups = { parent = box.PARENT, pids_limit = 1 } },
    errno = "EAGAIN" },
  keyring = { strings = { ("k"):rep(5000) }, errno = "EINVAL" },
  hostname = { strings = { ("h"):rep(65) }, errno = "EINVAL" },
  domainname = { config = { domainname = "d" }, strings = { ("d"):rep(65) }, errno = "EINVAL" },
  link_up = { strings = { "nonesuch0" }, errno = "ENODEV" },
  root_attach = { nums = { "@lean" } },
  mount = { strings = { "nonesuchfs", "", "/proc" }, errno = "ENODEV" },
  clone_inside = { config = {}, insert = { op = "clone_inside",
    nums = { 0, 0, 0, 0, 0, "@none", 0 }, strings = { THROUGH_FILE }, path = "mounts[1]" },
    errno = "ENOTDIR" },
  attach = { config = STAGED, strings = { THROUGH_FILE }, errno = "ENOTDIR" },
  attach_fs = { config = LAYERED, strings = { "overlay", THROUGH_FILE }, errno = "ENOTDIR" },
  reconfigure = { config = REMOUNTED, strings = { "/tmp", "size=12Q" }, errno = "EINVAL" },
  set_attr = { config = { readonlyfs = true }, strings = { "/nonesuch" }, errno = "ENOENT" },
  mknod = { strings = { THROUGH_FILE }, errno = "ENOTDIR" },
  symlink = { strings = { "text", THROUGH_FILE }, errno = "ENOTDIR" },
  pivot_root = { config = STAGED, repeated = true },
  mask = { config = { mask_paths = { "/etc/passwd" } }, strings = { "/etc/passwd", "/etc/group" } },
  readonly = { config = { readonly_paths = { "/proc" } }, strings = { ("l"):rep(300) },
    errno = "ENAMETOOLONG" },
  sysctl = { config = { sysctl = { ["kernel.shmmni"] = "100" } },
    strings = { "kernel/nonesuch", "1" }, errno = "ENOENT" },
  make_dir = { spec = { cwd = "/tmp" }, strings = { THROUGH_FILE }, errno = "ENOTDIR" },
  chdir = { first = true, spec = { cwd = "/tmp" }, strings = { "/etc/passwd" }, errno = "ENOTDIR" },
  console = { spec = { terminal = true }, nums = { "@procfs", 0, 0, 1, 0 }, errno = "EBADF" },
  capset = { nums = { 2 ^ 21, 0, 0, 0 }, errno = "EPERM" },
  label = { config = {}, insert = { op = "label", nums = { "@procfs" },
    strings = { "exec", "nonesuch", "nonesuch" }, path = "apparmor_profile" } },
  file_label = { config = {}, insert = { op = "file_label", nums = {},
    strings = { "/nonesuch", "a" }, path = "mounts[1]" }, errno = "ENOENT" },
  seccomp = { config = { seccomp = { default_action = "SCMP_ACT_ALLOW" } },
    nums = { "@seccomp", 2 ^ 30, 0 }, errno = "EINVAL" },
  scheduler = { config = { scheduler = { policy = "SCHED_BATCH" } }, nums = { 9, 0, 0, 0, 0, 0, 0 },
    errno = "EINVAL" },
  io_priority = { config = { io_priority = { class = "IOPRIO_CLASS_BE" } }, nums = { 0xffff },
    errno = "EINVAL" },
  memory_policy = { config = { memory_policy = { mode = "MPOL_LOCAL" } }, nums = { 99 },
    errno = "EINVAL" },
  cpu_affinity = { nums = { 0, 0x80000000 }, errno = "EINVAL" },
  send_pidfd = { insert = { op = "send_pidfd", nums = { "@procfs" }, strings = { "standard" },
    path = "process.pidfd_socket" }, errno = "EBADF" },
  find_program = { strings = { "/bin/nonesuch" }, errno = "ENOENT" },
  cloexec = { insert = { op = "cloexec", nums = { 3 }, strings = {},
    path = "process.extra_files" }, errno = "EBADF" },
  unmount = { insert = { op = "unmount", nums = { 1, 0 }, strings = { "/nonesuch" },
    path = "mounts[1]" }, errno = "ENOENT" },
  exec = { nums = { 1, 0 }, strings = { ("a"):rep(4 * 1024 * 1024) }, errno = "E2BIG" },
  command = { config = COPIED, nums = { 1, 0, 0 }, strings = { "", "/bin/false", "false" } },
  propagation = { config = COPIED, nums = { 0x180000 }, errno = "EINVAL" },
  open_tree = { config = COPIED, strings = { "/nonesuch" }, errno = "ENOENT" },
  root_attach_at = { config = COPIED, strings = { "/nonesuch" }, errno = "ENOENT" },
  hook = { config = { hooks = { createContainer = { { path = "/bin/false" } } } } },
  hook_ask = { config = {}, insert = { op = "hook_ask", nums = { "@procfs", "@procfs", 1 },
    strings = {}, path = "hooks.startContainer[1]" }, errno = "EBADF" },
  move_root = { config = { no_pivot_root = true, mounts = COPIED_MOUNTS }, repeated = true },
}

local function position_of(steps, op, is_first)
  local found
  for index, step in ipairs(steps) do
    if step.op == op and not (is_first and found) then
      found = index
    end
  end
  return found
end

local function spoil(steps, op, failure)
  if failure.insert then
    table.insert(steps, 2, failure.insert)
    return failure.insert
  end
  local index = assert(position_of(steps, op, failure.first), "the plan has no " .. op)
  local step = steps[index]
  step.nums = failure.nums or step.nums
  step.strings = failure.strings or step.strings
  if failure.repeated then
    table.insert(steps, index, step)
  end
  return step
end

describe("a start that fails", function()
  local b, start

  setup(function()
    b = box.new()
    start = planner.start
    -- What a first start opens for all later ones is open before the counting.
    assert(b:sh("true"))
    assert(b:sh("true", STAGED))
  end)

  teardown(function()
    b:close()
  end)

  after_each(function()
    planner.start = start
  end)

  local function fail_at(op, failure)
    local before = machine.snapshot(box.PATTERN)
    local container = assert(b:create(failure.config))
    local spoiled
    planner.start = function(...)
      local steps = start(...)
      spoiled = spoil(steps, op, failure)
      return steps
    end
    local fields = { args = { "/bin/true" }, capabilities = { bounding = HELD, effective = HELD,
      permitted = HELD, inheritable = {}, ambient = {} } }
    for key, value in pairs(failure.spec or {}) do
      fields[key] = value
    end
    local ok, err = container:run(ctr.process(fields))
    assert.is_nil(ok)
    assert.equal("SystemError", err.code)
    assert.equal(spoiled.path, err.path)
    if failure.errno then
      assert.equal(failure.errno, err.errno)
    end
    assert.equal("stopped", container:status())
    assert.equal(-1, container:state().init_process_pid)
    assert(container:destroy())
    assert.same(before, machine.snapshot(box.PATTERN))
  end

  for op, failure in pairs(FAILURES) do
    it("at " .. op .. " says so and leaves nothing", function()
      fail_at(op, failure)
    end)
  end

  it("can be tried again", function()
    local container = assert(b:create())
    assert.is_nil((container:run(ctr.process({ args = { "/bin/nonesuch" } }))))
    local process = ctr.process({ args = { "/bin/true" } })
    assert(container:run(process))
    assert.equal(0, process:wait(60).code)
    assert(container:destroy())
  end)
end)

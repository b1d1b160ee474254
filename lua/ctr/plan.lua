--- A container's start as data: the ordered list of small operations that the bootstrap runs.
-- Pure: a normalised configuration and process in, a plan out; nothing is opened or called.
--
-- A step is `{ op =, nums =, strings =, path =, label =, by = }`: an operation of `src/wire.h`, its
-- arguments, the path in the configuration that it came from (nil where none did), words for people
-- (or what they are made of) where the arguments do not say enough, and `by = "parent"` for what
-- the library does itself while the bootstrap waits. Among the numbers, a string like `"@rootfs"`
-- stands for a descriptor that the library opens before the start (`ctr.launch`).
-- @module ctr.plan

local bit = require("bit")
local cgroup_mounts = require("ctr.plan.cgroup_mounts")
local cgroups = require("ctr.plan.cgroups")
local mounts = require("ctr.plan.mounts")
local mount_rules = require("ctr.config.mount")
local namespaces = require("ctr.plan.namespaces")
local networks = require("ctr.config.schema.network")
local program = require("ctr.plan.program")
local sorted = require("ctr.sorted")
local words = require("ctr.config.words")

local M = {}

local CLONE = namespaces.CLONE
M.CLONE = CLONE
M.namespaces = namespaces.sort
M.needs_stage = namespaces.needs_stage
M.clone_flags = namespaces.clone_flags

local DEFAULT_PROPAGATION = bit.bor(mounts.MS.SLAVE, mounts.MS.REC)
local KEYRING_SEARCH = { user = 0x8, host = 0x80000 } -- KEY_OTH_SEARCH, KEY_USR_SEARCH

-- What steps without numbers or strings share; nobody changes a step's lists.
local NONE = {}

local plan_methods = {}
local plan_metatable = { __index = plan_methods, __name = "ctr.Plan" }

local function config_path(step)
  if not step.path then
    return ""
  end
  if step.path:sub(1, 8) == "process." then
    return step.path
  end
  return "config." .. step.path
end

--- The plan as text: a line a step, with its number, name, arguments and config path.
function plan_metatable:__tostring()
  local text = require("ctr.plan.text")
  local lines = {}
  for index, step in ipairs(self) do
    local what = text.step(step)
    if step.by then
      what = what .. " (by the parent)"
    end
    local line = ("%3d  %-15s %-48s  %s"):format(index, step.op, what, config_path(step))
    lines[#lines + 1] = (line:gsub("%s+$", ""))
  end
  return table.concat(lines, "\n")
end

--- The plan as plain tables, for JSON.
-- @treturn {table,…} records `step`, `op`, `text`, `path`, `by`, `numbers`, `strings`
function plan_methods:to_table()
  local text = require("ctr.plan.text")
  local rows = {}
  for index, step in ipairs(self) do
    rows[index] = {
      step = index, op = step.op, text = text.step(step),
      path = step.path and config_path(step) or nil,
      by = step.by, numbers = step.nums, strings = step.strings,
    }
  end
  return rows
end

local function new_plan()
  local plan = setmetatable({}, plan_metatable)
  local function add(op, nums, strings, path, label)
    local step = { op = op, nums = nums, strings = strings, path = path, label = label }
    plan[#plan + 1] = step
    return step
  end
  return plan, add
end

local function has_commands(config)
  for _, mount in ipairs(config.mounts) do
    if #mount.premount_cmds > 0 or #mount.postmount_cmds > 0 then
      return true
    end
  end
  return false
end

-- Loaded where there are any.
local function hooks_of(config)
  return config.hooks and require("ctr.plan.hooks")
end

local function has_early_hooks(config)
  return config.hooks ~= nil and hooks_of(config).are_early(config)
end

--- Says whether the container's tree is built in a copy of the host's mount namespace.
-- The rule is a lean one that holds nothing of the host. Five cases need the host's view: a caller
-- without privilege (it can clone host mounts only in a namespace of its own), commands around a
-- mount (they run host programs), hooks before the root is entered (they look for the tree at its
-- path on the host), a mount namespace that is joined, and a root that nobody can leave, on which
-- the container's is moved (`no_pivot_root`).
function M.is_copied(config, facts, spaces)
  return facts.rootless or facts.cannot_pivot or has_commands(config) or has_early_hooks(config)
    or spaces.joined.NEWNS ~= nil
end

-- The mount namespace that the bootstrap begins in, by its descriptor; nil: the host's. A user
-- namespace may mount proc and sysfs only where it sees some. Who starts one container only makes
-- no lean namespace first, for it costs what it saves.
local function lean_of(config, facts, spaces, copied)
  if copied or (facts.starts_once and not spaces.user and not config.no_pivot_root) then
    return nil
  end
  return spaces.user and "@lean_proc" or "@lean"
end

--- Says whether the container may join its cgroups late, while they are made by the library as the
-- bootstrap works. Not where its mounts show the cgroups, or copy content that its memory limit is
-- to count, or hooks are to find it limited.
function M.may_join_late(config)
  if has_early_hooks(config) then
    return false
  end
  for _, mount in ipairs(config.mounts) do
    if mount_rules.is_cgroup(mount) or mount.extensions ~= 0 then
      return false
    end
  end
  return true
end

-- Hard limits are raised while the caller's privileges are still there, and lowered at the end.
local function add_early_settings(add, process)
  if process.oom_score_adj then
    add("oom_score_adj", { "@procfs" }, { tostring(process.oom_score_adj) },
      process.oom_score_adj_path)
  end
  for index, limit in ipairs(process.rlimits) do
    local resource, _, hard = program.rlimit(limit)
    add("rlimit_raise", { resource, hard }, NONE,
      process.rlimits_path .. "[" .. index .. "]", limit)
  end
end

local function propagation_of(config)
  if config.root_propagation ~= 0 then
    return config.root_propagation
  end
  return DEFAULT_PROPAGATION
end
M.propagation_of = propagation_of

--- How the clone of the root spreads until the tree is finished: what is mounted in it must not
-- appear in the folder on the host, whatever is configured.
-- @treturn number MS_SLAVE or MS_PRIVATE
function M.tree_propagation(config)
  local is_slave = bit.band(propagation_of(config), mounts.MS.SLAVE) ~= 0
  return is_slave and mounts.MS.SLAVE or mounts.MS.PRIVATE
end

-- An unbindable host could not be cloned.
local function copy_propagation(config)
  local wanted = propagation_of(config)
  if bit.band(wanted, mounts.MS.UNBINDABLE) == 0 then
    return wanted
  end
  return bit.bor(mounts.MS.PRIVATE, bit.band(wanted, mounts.MS.REC))
end

-- Where nothing is said, the root itself is private, as it is to runc since 1.2: the host's mounts
-- below its folder stay the host's, and CRIU restores binds that are wider than it.
local function add_final_propagation(add, config)
  local wanted = config.root_propagation
  local late = wanted == 0 and mounts.MS.PRIVATE
    or bit.band(wanted, bit.bor(mounts.MS.SHARED, mounts.MS.UNBINDABLE))
  if late ~= 0 then
    local recursive = bit.band(wanted, mounts.MS.REC) ~= 0 and 1 or 0
    add("set_attr", { 0, 0, recursive, late }, { "/" }, "root_propagation")
  end
end

-- Who is root of a user namespace only may not reach every source: where the library may open them
-- it does. In a joined mount namespace paths are that one's.
local function is_source_of_library(mount, spaces, way)
  if spaces.user and way.may_clone and not spaces.joined.NEWNS then
    return true
  end
  return mount.id_mapping ~= nil and not way.rootless
end

local function add_view_sources(refs, open, index, view)
  for number, entry in ipairs(view) do
    refs[cgroup_mounts.reference(index, number)] = open(entry.path, 0, "mounts[" .. index .. "]")
  end
end

local function add_sources(refs, open, config, spaces, way)
  for index, mount in ipairs(config.mounts) do
    if mounts.is_bind(mount) and not way.inside[index]
      and not is_source_of_library(mount, spaces, way) then
      local recursive = bit.band(mount.flags, mounts.MS.REC) ~= 0 and 1 or 0
      refs["@mount:" .. index] = open(mount.source, recursive, "mounts[" .. index .. "]", nil,
        mount.rec_attr)
    elseif way.rootless and way.cgroup_views[index] then
      add_view_sources(refs, open, index, way.cgroup_views[index])
    end
  end
end

-- Host paths are resolved before the host's view is gone; what the library opened it passes as
-- descriptors, what it may not open (no privilege) the bootstrap opens in its copy.
local function add_host_trees(add, config, spaces, way)
  local slot = 0
  local function open(path, recursive, from, propagation, attr)
    local number = slot
    slot = slot + 1
    add("open_tree", { number, recursive, attr and attr.attr_set or 0, attr and attr.attr_clr or 0,
      propagation or 0 }, { path }, from)
    return -1 - number
  end
  local refs = {
    ["@rootfs"] = open(config.rootfs, 1, "rootfs", M.tree_propagation(config)),
  }
  add_sources(refs, open, config, spaces, way)
  if spaces.user or way.rootless then
    for index, device in ipairs(config.devices) do
      if device.type ~= "p" and device.path ~= "/dev/ptmx" then
        refs["@device:" .. index] = open(device.path, 0, "devices[" .. index .. "]")
      end
    end
  end
  if mounts.needs_host_null(config) then
    refs["@null"] = open("/dev/null", 0, "mask_paths")
  end
  way.slots = slot
  return refs
end

local function add_root(add, config, spaces, way)
  if not way.copied then
    if way.lean == "@lean" then
      add("root_attach", { "@rootfs" }, NONE, "rootfs", config.rootfs)
      return nil
    end
    add("root_attach_at", { "@rootfs" }, { "/" }, "rootfs", config.rootfs)
    if not way.lean then
      -- Before anything is looked at in the tree: nothing in there leads to the host.
      add("pivot_root", NONE, NONE, "rootfs")
    end
    return nil
  end
  add("propagation", { copy_propagation(config) }, NONE, "root_propagation")
  local refs = add_host_trees(add, config, spaces, way)
  add("root_attach_at", { refs["@rootfs"] }, { config.rootfs }, "rootfs")
  return refs
end

local function add_entering(add, config, spaces, copied)
  if not copied then
    -- A user namespace got its proc and sysfs by leave of those in the lean namespace, which lie
    -- hidden below the root. They are the host's: whoever may unmount "/" would find them.
    if spaces.user then
      add("pivot_root", NONE, NONE, "rootfs")
    end
    return
  end
  add(config.no_pivot_root and "move_root" or "pivot_root", NONE, NONE,
    config.no_pivot_root and "no_pivot_root" or "rootfs")
end

local function add_identity(add, config)
  if config.hostname ~= "" then
    add("hostname", NONE, { config.hostname }, "hostname")
  end
  if config.domainname ~= "" then
    add("domainname", NONE, { config.domainname }, "domainname")
  end
end

local function add_sysctls(add, config)
  if next(config.sysctl) == nil then
    return
  end
  for _, key in ipairs(sorted(config.sysctl)) do
    add("sysctl", { "@procfs" }, { words.sysctl_path(key), tostring(config.sysctl[key]) },
      'sysctl["' .. key .. '"]')
  end
end

local function add_console(add, process, facts, on_dev)
  if facts.terminal then
    add("console", { "@console", process.console_width, process.console_height, on_dev,
      process.console_newlines and 1 or 0 }, NONE, "process.console_socket")
  end
end

local function add_pidfd(add, facts, init_type)
  if facts.sends_pidfd then
    add("send_pidfd", { "@pidfd_socket" }, { init_type }, "process.pidfd_socket")
  end
end

local function add_keyring(add, config, process, facts, spaces, is_init)
  if config.no_new_keyring then
    return
  end
  local permission = 0
  if is_init then
    permission = spaces.user and KEYRING_SEARCH.user or KEYRING_SEARCH.host
  end
  local labels = process.label ~= "" and require("ctr.plan.labels")
  if labels then
    labels.add_key(add, process)
  end
  add("keyring", { permission }, { "_ses." .. (facts.id or "container") }, "no_new_keyring")
  if labels then
    labels.add_key_end(add, process)
  end
end

local function replace_refs(plan, refs)
  for _, step in ipairs(plan) do
    for index, num in ipairs(step.nums) do
      if refs[num] then
        step.label = step.label or num
        step.nums[index] = refs[num]
      end
    end
  end
end

-- The descriptors that the rest of the plan names: they have to be there from the start.
local function descriptors_of_rest(config, process, facts)
  local names, seen = {}, { ["@none"] = true }
  program.add(function(_, nums)
    for _, num in ipairs(nums) do
      if type(num) == "string" and num:byte() == 64 and not seen[num] then -- "@"
        seen[num] = true
        names[#names + 1] = num
      end
    end
  end, config, process, facts)
  return names
end

local function add_rest(add, config, process, facts)
  if facts.user == nil and facts.look_up_inside then
    add("more", descriptors_of_rest(config, process, facts), NONE, "process.user",
      "the container's /etc/passwd and /etc/group")
    return
  end
  program.add(add, config, process, facts)
end

--- Makes the plan of a container's first process.
-- @tparam table config normalised (`ctr.config.schema`)
-- @tparam table process normalised, and merged with what the configuration says (`M.merge`)
-- @tparam[opt] table facts what only the caller knows: `mode` ("run", the default, or "start": wait
-- for the exec fifo), `rootless` (the caller has no privilege), `may_clone` (but is root of a user
-- namespace, and may clone mounts), `cannot_pivot` (its root is an initramfs), `can_setgroups`,
-- `cgroups` (names of the cgroups to join), `user` (looked up: uid, gid, groups, home),
-- `look_up_inside` (ask for the container's own user files), `terminal`, `sends_pidfd`,
-- `enters_cgroup` (and gets the CPUs of its cpuset), `starts_once` (the program starts no other
-- container), `intel_rdt` (a further process has to enter a resctrl group), `id`, `cgroup_views`
-- (what cgroup mounts show, by the mount's number: `ctr.plan.cgroup_mounts`)
-- @treturn ctr.Plan
function M.start(config, process, facts)
  local plan, add = new_plan()
  local spaces = M.namespaces(config)
  local copied = M.is_copied(config, facts, spaces)
  local clone = M.clone_flags(spaces)
  add("clone", { clone }, NONE, "namespaces").by = "parent"
  cgroups.add_early(add, config, facts)
  add_early_settings(add, process)
  local lean = lean_of(config, facts, spaces, copied)
  namespaces.add(add, config, facts, spaces, lean)
  add("setsid", NONE, NONE)
  add_keyring(add, config, process, facts, spaces, true)
  for index, network in ipairs(config.networks) do
    if network.type == "loopback" then
      add("link_up", NONE, { "lo" }, "networks[" .. index .. "]")
    end
  end
  if networks.has_interfaces(config) then
    require("ctr.plan.network").add(add, config)
  end
  local way = { copied = copied, lean = lean, rootless = facts.rootless,
    may_clone = facts.may_clone or not facts.rootless,
    cgroup_views = facts.cgroup_views or NONE, slots = 0,
    inside = mounts.sources_inside(config, spaces.user) }
  local refs = add_root(add, config, spaces, way)
  mounts.add_tree(add, config, spaces.user or way.rootless, way)
  if config.hooks then
    hooks_of(config).add_early(add, config, facts)
  end
  add_entering(add, config, spaces, copied)
  add_final_propagation(add, config)
  if process.cwd ~= "" then
    add("make_dir", { 493 }, { process.cwd }, "process.cwd") -- 0755
  end
  add_console(add, process, facts, 1)
  add_pidfd(add, facts, "standard")
  mounts.add_restrictions(add, config, way.cgroup_views)
  add_identity(add, config)
  add_sysctls(add, config)
  mounts.add_protected_paths(add, config)
  cgroups.add_late(add, facts, spaces)
  add_rest(add, config, process, facts)
  if config.hooks then
    hooks_of(config).add_after(add, config)
  end
  if refs then
    replace_refs(plan, refs)
  end
  return plan
end

--- Makes the plan of a further process in a running container.
-- @tparam table config
-- @tparam table process merged
-- @tparam table facts as for `start`, and `into`: CLONE_NEW* mask of the namespaces to join
-- @treturn ctr.Plan
function M.exec(config, process, facts)
  local plan, add = new_plan()
  local spaces = M.namespaces(config)
  facts.mode = "exec"
  cgroups.add_further(add, process, facts)
  add_early_settings(add, process)
  if facts.into ~= 0 then
    add("join", { "@init", facts.into }, NONE, "namespaces", "those of the container")
  end
  if spaces.user then
    add("set_ids", { 0, 0, facts.can_setgroups and 1 or 0 }, NONE, "uid_mappings")
  end
  if bit.band(facts.into, CLONE.NEWPID) ~= 0 then
    add("fork", NONE, NONE, "namespaces", "the rest runs in the pid namespace")
  end
  add("setsid", NONE, NONE)
  add_keyring(add, config, process, facts, spaces, false)
  add_console(add, process, facts, 0)
  add_pidfd(add, facts, "setns")
  if facts.intel_rdt then
    add("sync", { 0 }, { "intel_rdt" }, "intel_rdt")
  end
  add_rest(add, config, process, facts)
  return plan
end

--- Makes the rest of a plan that ended in `more`, once the user is known.
-- @tparam table facts with `user`
-- @treturn ctr.Plan
function M.tail(config, process, facts)
  local plan, add = new_plan()
  program.add(add, config, process, facts)
  return plan
end

local function pick(own, inherited, own_path, inherited_path)
  if own ~= nil and own ~= "" then
    return own, own_path
  end
  return inherited, inherited_path
end

-- What a process may have in place of the configuration's, and how that calls it.
local MERGED = {}
for own, inherited in pairs({
  capabilities = "capabilities", label = "process_label", no_new_privileges = "no_new_privileges",
  oom_score_adj = "oom_score_adj", umask = "umask", scheduler = "scheduler",
  io_priority = "io_priority", cpu_affinity = "exec_cpu_affinity",
}) do
  MERGED[#MERGED + 1] = { own = own, inherited = inherited, own_path = "process." .. own,
    path_key = own .. "_path" }
end

--- Merges a process with what the configuration says for every process of the container.
-- @tparam table config normalised
-- @tparam table process normalised
-- @treturn table a new table, with the config paths of what was merged
function M.merge(config, process)
  local merged = {}
  for key, value in pairs(process) do
    merged[key] = value
  end
  for _, row in ipairs(MERGED) do
    merged[row.own], merged[row.path_key] = pick(process[row.own], config[row.inherited],
      row.own_path, row.inherited)
  end
  merged.apparmor_profile, merged.apparmor_path = pick(process.apparmor_profile,
    config.apparmor_profile, "process.apparmor_profile", "apparmor_profile")
  if #process.rlimits > 0 then
    merged.rlimits, merged.rlimits_path = process.rlimits, "process.rlimits"
  else
    merged.rlimits, merged.rlimits_path = config.rlimits, "rlimits"
  end
  return merged
end

return M

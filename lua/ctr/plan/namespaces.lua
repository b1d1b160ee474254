--- The operations that enter and make namespaces, in the order that the kernel asks for.
-- @module ctr.plan.namespaces

local bit = require("bit")

local M = {}

--- CLONE_NEW* by the name without its beginning.
local CLONE = {
  NEWTIME = 0x80, NEWNS = 0x20000, NEWCGROUP = 0x02000000, NEWUTS = 0x04000000,
  NEWIPC = 0x08000000, NEWUSER = 0x10000000, NEWPID = 0x20000000, NEWNET = 0x40000000,
}
M.CLONE = CLONE

-- Shared, and so never changed.
local NONE = {}

--- Sorts the configured namespaces.
-- @treturn table `new` and `joined`: type → true / path; `mask`: CLONE_NEW* of the new ones
-- @tparam table config
function M.sort(config)
  local new, joined, mask = {}, {}, 0
  for index, namespace in ipairs(config.namespaces) do
    if namespace.path == "" then
      new[namespace.type] = true
      mask = bit.bor(mask, CLONE[namespace.type])
    else
      joined[namespace.type] = { path = namespace.path, index = index }
    end
  end
  return { new = new, joined = joined, mask = mask, user = new.NEWUSER or joined.NEWUSER ~= nil }
end

--- Says whether a caller without privilege has to enter what is being made: it may enter the
-- namespaces only of a dumpable process. There is nobody in a new user namespace who could look at
-- that as well.
-- @tparam table config
-- @tparam table facts as `ctr.plan` has them
function M.is_open(config, facts)
  return facts.rootless == true and M.sort(config).new.NEWUSER == true
end

--- Says whether the start needs a stage before the container's first process: a user namespace has
-- to be entered before the others are made, and a process enters a pid namespace only by its
-- children.
function M.needs_stage(spaces)
  return spaces.user or spaces.joined.NEWPID ~= nil
end

-- setns(2) wants the rights of the namespace's owner: a privileged caller has them now and a
-- rootless one only inside the user namespace.
local JOIN_ORDER = { "NEWIPC", "NEWUTS", "NEWNET", "NEWCGROUP", "NEWTIME", "NEWPID", "NEWNS" }

local function add_join(add, spaces, kind)
  local joined = spaces.joined[kind]
  if joined then
    add("join", { "@ns:" .. kind, CLONE[kind] }, NONE, "namespaces[" .. joined.index .. "]",
      joined.path)
  end
end

local function add_joins(add, spaces)
  for _, kind in ipairs(JOIN_ORDER) do
    add_join(add, spaces, kind)
  end
end

local function add_user_namespace(add, config, facts, spaces)
  if spaces.joined.NEWUSER then
    add_join(add, spaces, "NEWUSER")
    if #config.uid_mappings > 0 or #config.gid_mappings > 0 then
      add("sync", { 1 }, { "userns" }, "uid_mappings")
    end
  else
    add("unshare", { CLONE.NEWUSER }, NONE, "namespaces")
    add("sync", { 1 }, { "userns" }, "uid_mappings")
    add("uid_map", NONE, NONE, "uid_mappings", config.uid_mappings).by = "parent"
    add("gid_map", NONE, NONE, "gid_mappings", config.gid_mappings).by = "parent"
  end
  add("set_ids", { 0, 0, facts.can_setgroups and 1 or 0 }, NONE, "uid_mappings")
end

local function add_time_offsets(add, config, spaces)
  if not spaces.new.NEWTIME then
    return
  end
  local lines = {}
  for _, clock in ipairs({ "monotonic", "boottime" }) do
    local offset = config.time_offsets and config.time_offsets[clock]
    if offset then
      lines[#lines + 1] = ("%s %s %s\n"):format(clock, offset.secs, offset.nanosecs)
    end
  end
  add("time_offsets", { "@procfs" }, { table.concat(lines) }, "time_offsets")
end

--- The namespaces that the spawning clone3(2) itself makes: of pids alone, which nobody enters
-- later. The library waits for the clone; what the process makes itself, it makes while the library
-- makes cgroups, and a network namespace takes up to milliseconds.
function M.clone_flags(spaces)
  if M.needs_stage(spaces) then
    return 0
  end
  return bit.band(spaces.mask, CLONE.NEWPID)
end

-- The cgroup namespace's root is the cgroup of then: it is made after the join.
local function without(mask, handled, facts)
  if facts.joins_late then
    handled = bit.bor(handled, CLONE.NEWCGROUP)
  end
  return bit.band(mask, bit.bnot(handled))
end

local function add_lean(add, name)
  if name then
    add("join", { name, CLONE.NEWNS }, NONE, "namespaces", "an empty mount namespace")
  end
end

local function add_plain_namespaces(add, config, facts, spaces, lean)
  add_joins(add, spaces)
  add_lean(add, lean)
  add("unshare", { without(spaces.mask, CLONE.NEWPID, facts) }, NONE, "namespaces")
  add_time_offsets(add, config, spaces)
end

local function add_staged_namespaces(add, config, facts, spaces, lean)
  add_lean(add, lean)
  if not facts.rootless then
    add_joins(add, spaces)
  end
  if spaces.user then
    add_user_namespace(add, config, facts, spaces)
  end
  if facts.rootless then
    add_joins(add, spaces)
  end
  local rest = without(spaces.mask, CLONE.NEWUSER, facts)
  if rest ~= 0 then
    add("unshare", { rest }, NONE, "namespaces")
  end
  add_time_offsets(add, config, spaces)
  if spaces.new.NEWPID or spaces.joined.NEWPID then
    add("fork", NONE, NONE, "namespaces", "the rest runs in the pid namespace")
  end
end

--- Adds the steps that enter and make the namespaces.
-- @tparam function add `add(op, nums, strings, config_path, label)`
-- @tparam table config
-- @tparam table facts as `ctr.plan` has them
-- @tparam table spaces of `sort`
-- @tparam ?string lean the descriptor of the mount namespace to begin in; nil: the host's
function M.add(add, config, facts, spaces, lean)
  if M.needs_stage(spaces) then
    add_staged_namespaces(add, config, facts, spaces, lean)
    return
  end
  add_plain_namespaces(add, config, facts, spaces, lean)
end

return M

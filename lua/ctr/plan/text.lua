--- How a step of a plan reads for people.
-- @module ctr.plan.text

local bit = require("bit")
local mounts = require("ctr.plan.mounts")

local M = {}

local NAMESPACES = {
  { 0x00020000, "mnt" }, { 0x04000000, "uts" }, { 0x08000000, "ipc" }, { 0x10000000, "user" },
  { 0x20000000, "pid" }, { 0x40000000, "net" }, { 0x02000000, "cgroup" }, { 0x00000080, "time" },
}

--- The names of a CLONE_NEW* mask, comma separated.
function M.namespaces(mask)
  local words = {}
  for _, row in ipairs(NAMESPACES) do
    if bit.band(mask, row[1]) ~= 0 then
      words[#words + 1] = row[2]
    end
  end
  return table.concat(words, ",")
end

local function join_words(...)
  local words = {}
  for index = 1, select("#", ...) do
    local word = select(index, ...)
    if word and word ~= "" then
      words[#words + 1] = tostring(word)
    end
  end
  return table.concat(words, " ")
end

local function first_string(step)
  return step.strings[1]
end

local function first_number(step)
  return tostring(step.nums[1])
end

local function all_strings(step)
  return table.concat(step.strings, " ")
end

local function mount_text(step)
  local options = { unpack(step.strings, 4) }
  local words = mounts.attribute_words(step.nums[1])
  if words ~= "" then
    table.insert(options, 1, words)
  end
  if step.nums[4] == 1 then
    options[#options + 1] = "copyup"
  end
  return join_words(step.strings[1], "→", step.strings[3], table.concat(options, ","))
end

local function attach_text(step)
  return join_words(step.label or step.nums[1], "→", step.strings[1],
    mounts.attribute_words(step.nums[2]))
end

local function attach_fs_text(step)
  return join_words(step.strings[1], step.label, "→", step.strings[2],
    mounts.attribute_words(step.nums[2]), step.nums[4] == 1 and "copyup")
end

local function set_attr_text(step)
  local propagation = step.nums[4]
  if propagation ~= 0 then
    if step.nums[3] == 1 then
      propagation = bit.bor(propagation, mounts.MS.REC)
    end
    return join_words(step.strings[1], mounts.propagation_words(propagation))
  end
  return join_words(step.strings[1], mounts.attribute_words(step.nums[1]))
end

local FILE_TYPES = { [0x2000] = "c", [0x6000] = "b", [0x1000] = "p" }

local function mknod_text(step)
  local nums = step.nums
  return ("%s %s %d:%d %04o %s:%s"):format(step.strings[1], FILE_TYPES[nums[1]], nums[3], nums[4],
    nums[2], nums[5], nums[6])
end

local function set_ids_text(step)
  if step.label then
    return step.label
  end
  local groups = { unpack(step.nums, 4) }
  return join_words(("uid=%s gid=%s"):format(tostring(step.nums[1]), tostring(step.nums[2])),
    step.nums[3] == 1 and "groups=" .. table.concat(groups, ",") or "")
end

local function exec_text(step)
  return table.concat(step.strings, " ", 1, step.nums[1])
end

local function labelled(step)
  return step.label or ""
end

-- These labels are what the step was made of: a start does not put it into words.
local function map_text(step)
  local rows = {}
  for index, row in ipairs(step.label) do
    rows[index] = ("%s %s %s"):format(row.container_id, row.host_id, row.size)
  end
  return table.concat(rows, ", ")
end

local function rlimit_raise_text(step)
  return step.label.type .. " hard=" .. tostring(step.label.hard)
end

local function rlimit_text(step)
  local limit = step.label
  return ("%s soft=%s hard=%s"):format(limit.type, tostring(limit.soft), tostring(limit.hard))
end

local function capability_words(names)
  if not names or #names == 0 then
    return "none"
  end
  return table.concat(names, ",")
end

local function bounding_text(step)
  return capability_words(step.label.bounding)
end

local function capset_text(step)
  local caps = step.label
  return ("effective=%s permitted=%s ambient=%s%s"):format(capability_words(caps.effective),
    capability_words(caps.permitted), capability_words(caps.ambient),
    caps.keeps_admin and " (CAP_SYS_ADMIN until execve, for seccomp)" or "")
end

local function label_text(step)
  return step.strings[1] .. " = " .. step.strings[2]:gsub("^\n$", "none")
end

-- As ip(8) has it: `eth0 10.0.0.2/24 via 10.0.0.1 on br0`.
local function veth_text(step)
  local network = step.label
  local parts = { network.name, network.address or "" }
  for _, row in ipairs({ { "via ", network.gateway }, { "", network.ipv6_address },
    { "via ", network.ipv6_gateway }, { "on ", network.bridge } }) do
    parts[#parts + 1] = row[2] and row[1] .. row[2] or ""
  end
  return join_words(unpack(parts))
end

local function route_text(step)
  local route = step.label
  return join_words(route.destination, route.gateway and "via " .. route.gateway,
    route.interface_name and "dev " .. route.interface_name,
    route.source and "src " .. route.source)
end

local HOOK_TIMES = { poststop = " (at destroy)" }

local function hook_text(step)
  local label = step.label
  local hook = label.hook
  return (hook.func and "a function" or table.concat(hook.args, " "))
    .. (HOOK_TIMES[label.kind] or "")
end

-- A hook of the host is run by the parent, which the bootstrap asks.
local function sync_text(step)
  return step.label and "hook: " .. hook_text(step) or step.strings[1]
end

local function scheduler_text(step)
  return require("ctr.plan.attributes").scheduler_text(step.label)
end

local function intel_rdt_text(step)
  local rdt = step.label
  local class = rdt.clos_id == "" and "a class of its own" or "class " .. rdt.clos_id
  return join_words(class, rdt.l3_cache_schema, rdt.mem_bw_schema,
    table.concat(rdt.schemata, " "), rdt.enable_monitoring and "monitored" or "")
end

local TEXT = {
  clone = function(step) return M.namespaces(step.nums[1]) end,
  unshare = function(step) return M.namespaces(step.nums[1]) end,
  join = function(step) return join_words(M.namespaces(step.nums[2]), step.label) end,
  cgroup_join = labelled,
  cgroup_sync = labelled,
  oom_score_adj = first_string,
  uid_map = map_text,
  gid_map = map_text,
  sync = sync_text,
  more = labelled,
  set_ids = set_ids_text,
  fork = labelled,
  setsid = labelled,
  keyring = first_string,
  hostname = first_string,
  domainname = first_string,
  link_up = first_string,
  net_sync = labelled,
  net_veth = veth_text,
  net_device = labelled,
  net_route = route_text,
  time_offsets = function(step) return (step.strings[1]:gsub("\n", " ")) end,
  open_tree = first_string,
  clone_inside = function(step) return step.strings[1] .. " (in the root)" end,
  propagation = function(step) return "/ " .. mounts.propagation_words(step.nums[1]) end,
  root_attach = labelled,
  root_attach_at = function(step) return join_words(step.label, "→", step.strings[1]) end,
  pivot_root = labelled,
  move_root = labelled,
  mount = mount_text,
  attach = attach_text,
  attach_fs = attach_fs_text,
  set_attr = set_attr_text,
  unmount = first_string,
  reconfigure = function(step)
    return join_words(step.strings[1], table.concat(step.strings, ",", 2))
  end,
  command = all_strings,
  mknod = mknod_text,
  symlink = function(step) return step.strings[2] .. " → " .. step.strings[1] end,
  mask = first_string,
  readonly = first_string,
  sysctl = function(step) return step.strings[1] .. " = " .. step.strings[2] end,
  rlimit_raise = rlimit_raise_text,
  rlimit = rlimit_text,
  make_dir = first_string,
  chdir = first_string,
  umask = function(step) return ("%04o"):format(step.nums[1]) end,
  console = function(step) return ("%dx%d"):format(step.nums[2], step.nums[3]) end,
  chown_stdio = labelled,
  no_new_privs = labelled,
  bounding = bounding_text,
  keep_caps = first_number,
  capset = capset_text,
  label = label_text,
  file_label = all_strings,
  find_program = first_string,
  pdeathsig = first_number,
  scheduler = scheduler_text,
  io_priority = labelled,
  personality = labelled,
  memory_policy = labelled,
  cpu_affinity = labelled,
  send_pidfd = first_string,
  cloexec = labelled,
  intel_rdt = intel_rdt_text,
  wait_fifo = labelled,
  seccomp = function(step) return require("ctr.seccomp.summary").text(step.label) end,
  exec = exec_text,
  hook = hook_text,
  hook_state = function() return "what hooks are told" end,
  hook_ask = hook_text,
}

--- What a step does, without its name and its config path.
-- @tparam table step
-- @treturn string
function M.step(step)
  local describe = TEXT[step.op]
  return describe and describe(step) or ""
end

return M

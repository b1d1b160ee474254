--- The cgroup2 tree: one directory, all controllers.
-- @module ctr.cgroup.v2

local core = require("ctr.core")
local devices = require("ctr.cgroup.devices")
local errors = require("ctr.errors")
local freezer = require("ctr.cgroup.freezer")
local layout = require("ctr.cgroup.layout")
local place = require("ctr.cgroup.place")
local tree = require("ctr.cgroup.tree")

local M = {}

local DEFAULT_PERIOD = 100000

local function is_set(value)
  return value ~= nil and value ~= 0 and value ~= ""
end

local function plain(number)
  return ("%.0f"):format(number)
end

local function max_below_zero(number)
  return number < 0 and "max" or plain(number)
end

local function invalid(key, reason)
  local path = "cgroups." .. key
  return nil, errors.new("ConfigInvalid", path .. " " .. reason, { path = path })
end

--- Turns v1's cpu shares (2 to 262144) into a weight (1 to 10000): OCI's curve, on which the
-- default 1024 is the default 100.
-- @tparam number shares
-- @treturn number
function M.weight(shares)
  if shares <= 2 then
    return 1
  end
  if shares >= 262144 then
    return 10000
  end
  local exponent = math.log(shares) / math.log(2)
  return math.ceil(10 ^ ((exponent * exponent + 125 * exponent) / 612 - 7 / 34))
end

--- Turns v1's memory and swap together into swap alone.
-- @tparam table resources
-- @treturn[1] string|nil for memory.swap.max; nil: leave it
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.swap(resources)
  local memory, swap = resources.memory or 0, resources.memory_swap or 0
  if swap == -1 or (swap == 0 and memory == -1) then
    return "max"
  end
  if swap == 0 then
    return nil
  end
  if memory <= 0 then
    return invalid("memory_swap", "needs a limit in cgroups.memory")
  end
  if swap < memory then
    return invalid("memory_swap",
      "is memory and swap together: it must not be below cgroups.memory")
  end
  return plain(swap - memory)
end

local function add_memory(add, resources)
  local swap, err = M.swap(resources)
  if err then
    return nil, err
  end
  if swap then
    -- A kernel that does not count swap limits none, so no limit and no swap need no file.
    add("memory_swap", "memory", "memory.swap.max", swap, swap == "max" or swap == "0")
  end
  if is_set(resources.memory) then
    add("memory", "memory", "memory.max", max_below_zero(resources.memory))
  end
  if is_set(resources.memory_reservation) then
    add("memory_reservation", "memory", "memory.low", max_below_zero(resources.memory_reservation))
  end
  return true
end

local function add_cpu(add, resources)
  if is_set(resources.cpu_shares) then
    add("cpu_shares", "cpu", "cpu.weight", plain(M.weight(resources.cpu_shares)))
  end
  local quota, period = resources.cpu_quota or 0, resources.cpu_period or 0
  if quota ~= 0 or period ~= 0 then
    local text = ("%s %s"):format(quota > 0 and plain(quota) or "max",
      plain(period ~= 0 and period or DEFAULT_PERIOD))
    add(quota ~= 0 and "cpu_quota" or "cpu_period", "cpu", "cpu.max", text)
  end
end

local function add_rest(add, resources)
  for _, key in ipairs({ "cpuset_cpus", "cpuset_mems" }) do
    if is_set(resources[key]) then
      add(key, "cpuset", (key:gsub("_", ".")), resources[key])
    end
  end
  if is_set(resources.pids_limit) then
    add("pids_limit", "pids", "pids.max", max_below_zero(resources.pids_limit))
  end
end

--- Makes the writes for the limits, in order.
-- @tparam table resources
-- @treturn[1] table list of `{ key, controller, file, text, optional }`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.writes(resources)
  local writes = {}
  local function add(key, controller, file, text, optional)
    writes[#writes + 1] = { key = key, controller = controller, file = file, text = text,
      optional = optional or nil }
  end
  local ok, err = add_memory(add, resources)
  if not ok then
    return nil, err
  end
  add_cpu(add, resources)
  add_rest(add, resources)
  return writes
end

--- Makes the one node. A relative path counts from the directory above the caller's own cgroup: one
-- that holds processes can hand no controller on.
-- @treturn table nodes
-- @treturn table hierarchies in which the caller's own cgroup cannot be seen
function M.nodes(layouts, where)
  local base = where.absolute and "" or layout.own_below_mount(layouts.unified)
  if not base then
    return {}, { layouts.unified }
  end
  return { tree.node(layouts.unified, place.join(place.split(base), where.path)) }, {}
end

local function hand_on(dir, path)
  local prefix = path == "" and "" or path .. "/"
  local available = tree.read(dir, prefix .. "cgroup.controllers") or ""
  local enabled = " " .. (tree.read(dir, prefix .. "cgroup.subtree_control") or "") .. " "
  local missing = {}
  for name in available:gmatch("%S+") do
    if not enabled:find(" " .. name .. " ", 1, true) then
      missing[#missing + 1] = "+" .. name
    end
  end
  local file = prefix .. "cgroup.subtree_control"
  if #missing == 0 or tree.write(dir, file, table.concat(missing, " ")) then
    return
  end
  for _, word in ipairs(missing) do
    tree.write(dir, file, word)
  end
end

-- What cannot be enabled is not an error here: a limit that needs it will say that its file is
-- missing.
local function enable_above(node)
  local dir, path = node.hierarchy.dir, ""
  hand_on(dir, path)
  for name in place.split(node.path):gmatch("[^/]+") do
    path = place.join(path, name)
    hand_on(dir, path)
  end
end

--- Readies a directory: enables the controllers above it, and refuses a place below threads. It
-- stays open, for `join`.
function M.prepare(node, parent, name, _, is_above)
  if is_above then
    return true -- the node itself comes last
  end
  local err
  if not node.dir then
    node.dir, err = tree.open(parent, name)
  end
  if not node.dir then
    return nil, err
  end
  enable_above(node)
  local kind
  kind, err = tree.read(node.dir, "cgroup.type")
  if not kind then
    return nil, err
  end
  if kind ~= "domain" and kind ~= "domain threaded" then
    return nil, errors.new("SystemError",
      ("cgroup %s lies below a threaded cgroup or one with processes (it is %q)")
        :format(node.full, kind), { op = "mkdir", target = node.full })
  end
  return true
end

local function event(text, key)
  return text:match("%f[%w_]" .. key .. " (%d+)")
end

--- Tells whether a directory that is there is frozen, or would freeze what joins it.
function M.is_frozen(node)
  local text, err = tree.read_file(node, "cgroup.events")
  if not text then
    return nil, err
  end
  return event(text, "frozen") == "1"
end

local function put(node, write)
  local ok, err = tree.write_file(node, write.file, write.text)
  if ok or (write.optional and err.errno == "ENOENT") then
    return true
  end
  return nil, tree.refused(node, write.file, write.text, write.key, err)
end

-- Device rules need a BPF program here. Without privilege nobody could attach one, and engines
-- always send rules: the rootless manager does without, as libcontainer's does.
local function check_devices(manager, resources)
  local key = devices.asked(resources)
  if key and manager.kind ~= "rootless" then
    return invalid(key, "cannot be applied: device rules on cgroup v2 are not supported yet")
  end
  return true
end

--- Checks resources before anything is touched.
-- @treturn[1] true
-- @treturn[1] table the limits' writes, for `set`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.check(manager, resources)
  local writes, err = M.writes(resources)
  if not writes then
    return nil, err
  end
  local ok, problem = check_devices(manager, resources)
  if not ok then
    return nil, problem
  end
  return true, writes
end

--- Writes the limits.
-- @tparam table manager
-- @tparam table _ the resources that `check` has passed
-- @tparam table writes from `check`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.set(manager, _, writes)
  for _, write in ipairs(writes) do
    local node, err = manager:node(write.controller, write.key)
    local ok = node
    if node then
      ok, err = put(node, write)
    end
    if not ok then
      return nil, err
    end
  end
  return true
end

local function take_dir(node)
  local dir = node.dir
  node.dir = nil
  if dir then
    return dir
  end
  return tree.open_node(node)
end

--- Hands over the directory for CLONE_INTO_CGROUP, or the file by which a process joins later.
-- @tparam {table,…} nodes the manager's, or below them
-- @tparam ?boolean by_file
-- @treturn[1] table the file's handle, if that was asked for: else there is nothing to write to
-- @treturn[1] ctr.fd|nil nil where there is no cgroup
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.join(nodes, by_file)
  local node = nodes[1]
  if not node then
    return {}, nil, {}
  end
  local handle, err
  if by_file then
    handle, err = tree.open_file(node, "cgroup.procs")
  else
    handle, err = take_dir(node)
  end
  if not handle then
    return nil, errors.wrap(err, "join cgroup", node.full)
  end
  if by_file then
    return { handle }, nil, { "" }
  end
  return {}, handle, {}
end

-- One look at cgroup.events, and if it is not yet so, one wait for it to change. Each look has a
-- descriptor of its own: the kernel remembers in it what was seen, so nothing is missed in between.
local function look(dir, key, value, left)
  local handle, err = tree.open_to_read(dir, "cgroup.events")
  if not handle then
    return nil, err
  end
  local text, problem = tree.read_handle(handle)
  local reached = text and event(text, key) == value
  if text and not reached then
    core.poll.wait({ { fd = handle, events = "p" } }, left)
  end
  handle:close()
  if not text then
    return nil, problem
  end
  return true, reached
end

--- Waits until cgroup.events says something.
-- @tparam ctr.fd dir
-- @tparam string key "frozen" or "populated"
-- @tparam string value "0" or "1"
-- @tparam number deadline on `core.proc.clock`
-- @treturn[1] boolean false when the time is over
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.wait_for(dir, key, value, deadline)
  while true do
    local left = math.max(deadline - core.proc.clock(), 0)
    local ok, reached = look(dir, key, value, left)
    if not ok then
      return nil, reached
    end
    if reached or left == 0 then
      return reached
    end
  end
end

local function settle(dir, node, wanted)
  local value = wanted == "FROZEN" and "1" or "0"
  local ok, err = tree.write(dir, "cgroup.freeze", value)
  if not ok then
    return nil, err
  end
  local reached
  reached, err = M.wait_for(dir, "frozen", value, core.proc.clock() + freezer.DEADLINE)
  if reached then
    return true
  end
  if wanted == "FROZEN" then
    tree.write(dir, "cgroup.freeze", "0")
  end
  return nil, err or freezer.timed_out(node, wanted)
end

--- Freezes or thaws, and waits until it is so.
-- @tparam table manager
-- @tparam string wanted "FROZEN" or "THAWED"
function M.freeze(manager, wanted)
  local node, err = manager:node("freezer", "freezer")
  if not node then
    return nil, err
  end
  return tree.with(node, settle, node, wanted)
end

local function read_state(dir)
  local text, err = tree.read(dir, "cgroup.events")
  if not text then
    return nil, err
  end
  if event(text, "frozen") == "1" then
    return "FROZEN"
  end
  return tree.read(dir, "cgroup.freeze") == "1" and "FREEZING" or "THAWED"
end

--- Reads the freezer's state; nil where there is no cgroup.
function M.freezer_state(manager)
  local node = manager.nodes[1]
  if not node then
    return nil
  end
  local state, err = tree.with(node, read_state)
  if not state and (err.errno == "ENOENT" or err.errno == "ENODEV") then
    return nil
  end
  return state, err
end

--- The node whose processes are the container's.
function M.main_node(manager)
  return manager.nodes[1]
end

local function kill_and_wait(dir, deadline)
  local ok, err = tree.write(dir, "cgroup.kill", "1")
  if not ok then
    return nil, err
  end
  return M.wait_for(dir, "populated", "0", deadline)
end

--- Kills all processes at once, since Linux 5.14, and waits until none is left.
-- @tparam table manager
-- @tparam number deadline on `core.proc.clock`
-- @treturn boolean|nil nil where the kernel cannot, false when the time is over
function M.kill(manager, deadline)
  return tree.with(manager.nodes[1], kill_and_wait, deadline)
end

return M

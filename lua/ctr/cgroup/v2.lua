--- The cgroup2 tree: one directory, all controllers.
-- @module ctr.cgroup.v2

local apply = require("ctr.cgroup.apply")
local core = require("ctr.core")
local devices = require("ctr.cgroup.devices")
local errors = require("ctr.errors")
local files = require("ctr.cgroup.v2_files")
local freezer = require("ctr.cgroup.freezer")
local layout = require("ctr.cgroup.layout")
local place = require("ctr.cgroup.place")
local tree = require("ctr.cgroup.tree")

local M = {}

--- Makes the node of a path.
M.node = tree.node

local DIRECTORY = { flags = { "rdonly", "directory" }, beneath = true }
local START_PROCESSES = 4
local DENIED = { EPERM = true, EACCES = true }

--- Makes the writes for the limits: `ctr.cgroup.v2_files`.
function M.writes(resources)
  return files.writes(resources)
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

--- Hands on all controllers from the root to above a node. What cannot be enabled is not an error
-- here: a limit that needs it will say that its file is missing.
function M.enable_above(node)
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
  M.enable_above(node)
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

local function set_devices(manager, writes)
  if not writes.rules then
    return true
  end
  local node, err = manager:node("devices", writes.key)
  if not node then
    return manager:may_lack_devices() or nil, err
  end
  local dir, ok
  dir, err = core.path.open(node.hierarchy.dir, node.path, DIRECTORY)
  if dir then
    ok, err = core.bpf.set_devices(dir, writes.rules, writes.allow)
    dir:close()
  end
  if ok or (DENIED[err.errno] and manager:may_lack_devices()) then
    return true
  end
  return nil, errors.with_path(err, "cgroups." .. writes.key)
end

--- Checks resources before anything is touched.
-- @treturn[1] true
-- @treturn[1] table the writes, for `set`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.check(_, resources)
  local limits, err = files.writes(resources)
  if not limits then
    return nil, err
  end
  local rules, allow = devices.program(resources)
  if not rules and allow then
    return nil, allow
  end
  return true, { limits = limits, rules = rules, allow = allow, key = devices.asked(resources) }
end

--- Attaches the device rules, and sets what `set` left for later. Not before the container's own
-- nodes are made: the rules are for its programs.
function M.confine(manager, writes)
  local ok, err = apply.all(manager, writes.late)
  if not ok then
    return nil, err
  end
  return set_devices(manager, writes)
end

-- Until the program runs there may be more processes than it may have: those of the bootstrap, and
-- who keeps systemd's unit.
local function with_room(writes)
  local now, late = {}, {}
  for _, write in ipairs(writes.limits) do
    local limit = write.file == "pids.max" and tonumber(write.text)
    if limit and limit < START_PROCESSES then
      late[#late + 1] = write
      write = setmetatable({ text = ("%d"):format(START_PROCESSES) }, { __index = write })
    end
    now[#now + 1] = write
  end
  writes.late = late
  return now
end

--- Writes the limits; of a cgroup in use the device rules too, which are replaced at once.
-- @tparam table manager
-- @tparam table _ the resources that `check` has passed
-- @tparam table writes from `check`
-- @tparam[opt] table journal of a change: gets what undoes the limits
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.set(manager, _, writes, journal)
  local ok, err = apply.all(manager, journal and writes.limits or with_room(writes), nil, journal)
  if not ok then
    return nil, err
  end
  if not journal then
    manager.confinement = (writes.rules or writes.late[1]) and writes or nil
    return true
  end
  return set_devices(manager, writes)
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

--- Reads the freezer's state of a cgroup.
-- @tparam ctr.fd dir
-- @treturn[1] string "FROZEN", "FREEZING" or "THAWED"
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read_frozen(dir)
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
  local state, err = tree.with(node, M.read_frozen)
  if not state and (err.errno == "ENOENT" or err.errno == "ENODEV") then
    return nil
  end
  return state, err
end

--- Reads what is counted, for `ctr.cgroup.stats`.
function M.read_stats(manager, stats, sizes)
  return require("ctr.cgroup.v2_stats").read(manager, stats, sizes)
end

--- How much memory is in use, in bytes; nil where that is not counted.
function M.memory_usage(manager)
  local node = manager:find("memory")
  return node and tonumber((tree.read_file(node, "memory.current")))
end

--- The most memory that was in use, in bytes; nil where the kernel does not say.
function M.memory_peak(node)
  return tonumber((tree.read_file(node, "memory.peak")))
end

--- How many processes the kernel has killed for want of memory.
-- @treturn number
function M.oom_kills(node)
  local text = tree.read_file(node, "memory.events") or ""
  return tonumber(text:match("%f[%w_]oom_kill (%d+)") or 0)
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

--- Where the cgroup hierarchies are mounted, and where in them the caller is.
--
-- A layout is `{ mode, controllers, hierarchies, unified }`. `mode` is "v1", "hybrid" (v1
-- hierarchies beside a cgroup2 tree), "v2" or "none". A hierarchy is `{ type, names, mount, root,
-- own }`: the file system type, the controllers that it holds, where it is mounted, which of its
-- directories is seen there, and the caller's own cgroup in it. `controllers` maps each name to its
-- hierarchy, `hierarchies` lists the v1 ones once each, `unified` is the cgroup2 one. A layout that
-- `probe` made also holds the descriptor of each mount (`dir`) and of the file system's root
-- (`slash`), and knows of some hierarchies that their own root is what is mounted (`is_whole`).
-- @module ctr.cgroup.layout

local core = require("ctr.core")
local tree = require("ctr.cgroup.tree")

local M = {}

local STANDARD = "/sys/fs/cgroup"
local STANDARD_UNIFIED = STANDARD .. "/unified"
local MOUNTINFO_MAX = 64 * 1024 * 1024

-- The link's text in the first cgroup namespace: PROC_CGROUP_INIT_INO, since Linux 4.6.
local FIRST_NAMESPACE = "cgroup:[4026531835]"

local READ = { flags = { "rdonly" } }
local DIRECTORY = { flags = { "path", "directory" } }

local function split(text, pattern)
  local parts = {}
  for part in text:gmatch(pattern) do
    parts[#parts + 1] = part
  end
  return parts
end

-- mountinfo writes space, tab, newline and backslash as \ooo.
local function unescape(text)
  return (text:gsub("\\(%d%d%d)", function(digits)
    return string.char(tonumber(digits, 8))
  end))
end

local function parse_mount(line)
  local root, mount, rest = line:match("^%d+ %d+ %d+:%d+ (%S+) (%S+) .- %- (.*)$")
  local kind, options = (rest or ""):match("^(%S+) .*%f[%S](%S+)$")
  if kind ~= "cgroup" and kind ~= "cgroup2" then
    return nil
  end
  return {
    type = kind,
    root = unescape(root),
    mount = unescape(mount),
    options = split(options, "[^,]+"),
  }
end

--- Finds the cgroup file systems in a mountinfo.
-- A mount hides what was mounted before at the same place, so the last one stays.
-- @tparam string text of /proc/self/mountinfo
-- @treturn table list of `{ type, root, mount, options }`
function M.parse_mountinfo(text)
  local mounts, at = {}, {}
  for line in text:gmatch("[^\n]+") do
    -- The quick look spares a host with thousands of mounts the pattern.
    local entry = line:find(" - cgroup", 1, true) and parse_mount(line)
    if entry then
      local index = at[entry.mount] or #mounts + 1
      mounts[index] = entry
      at[entry.mount] = index
    end
  end
  return mounts
end

--- Reads which cgroups a process is in.
-- @tparam string text of /proc/self/cgroup
-- @treturn table list of `{ names, own }`, the v1 hierarchies
-- @treturn string|nil the cgroup in the cgroup2 tree
function M.parse_own(text)
  local v1, unified = {}, nil
  for id, names, own in text:gmatch("(%d+):([^:\n]*):([^\n]*)") do
    if id == "0" and names == "" then
      unified = own
    elseif names ~= "" then
      v1[#v1 + 1] = { names = split(names, "[^,]+"), own = own }
    end
  end
  return v1, unified
end

local function is_below(path, root)
  return root == "/" or path == root or path:sub(1, #root + 1) == root .. "/"
end

--- Tells where a cgroup is below the mount.
-- @tparam table hierarchy
-- @tparam string path as /proc/PID/cgroup has it
-- @treturn string|nil relative path, "" at the mount; nil when it cannot be seen there
function M.below_mount(hierarchy, path)
  local root = hierarchy.root
  if not is_below(path, root) then
    return nil
  end
  local below = (root == "/" and path or path:sub(#root + 1)):gsub("^/+", "")
  if ("/" .. below .. "/"):find("/../", 1, true) then
    return nil
  end
  return below
end

--- Tells where the caller's own cgroup is below the mount: as `below_mount`.
function M.own_below_mount(hierarchy)
  return M.below_mount(hierarchy, hierarchy.own)
end

local function holds(mount, names)
  for _, option in ipairs(mount.options) do
    if option == names[1] then
      return true
    end
  end
  return false
end

-- Of several mounts of one hierarchy: one that shows the caller's cgroup, then one of the whole,
-- then the first.
local function rank(mount, own)
  local shows = is_below(own, mount.root) and 2 or 0
  return shows + (mount.root == "/" and 1 or 0)
end

local function best(mounts, own, is_wanted)
  local chosen
  for _, mount in ipairs(mounts) do
    if is_wanted(mount) and (not chosen or rank(mount, own) > rank(chosen, own)) then
      chosen = mount
    end
  end
  return chosen
end

local function hierarchy_of(mount, names, own)
  return { type = mount.type, names = names, mount = mount.mount, root = mount.root, own = own }
end

local function is_named(names)
  return names[1]:sub(1, 5) == "name="
end

local function mode_of(hierarchies, unified)
  local controllers = false
  for _, hierarchy in ipairs(hierarchies) do
    controllers = controllers or not is_named(hierarchy.names)
  end
  if controllers then
    return unified and "hybrid" or "v1"
  end
  if unified then
    return "v2" -- named v1 hierarchies beside it limit nothing
  end
  return #hierarchies > 0 and "v1" or "none"
end

--- Makes a layout of hierarchies.
-- @tparam table hierarchies v1
-- @tparam table|nil unified
-- @treturn table layout
function M.assemble(hierarchies, unified)
  local layout = {
    mode = mode_of(hierarchies, unified),
    hierarchies = hierarchies,
    unified = unified,
    controllers = {},
  }
  for _, hierarchy in ipairs(hierarchies) do
    for _, name in ipairs(hierarchy.names) do
      layout.controllers[name] = hierarchy
    end
  end
  return layout
end

--- Chooses the mounts to work with.
-- @tparam table mounts from `parse_mountinfo`
-- @tparam string own_text of /proc/self/cgroup
-- @treturn table layout
function M.choose(mounts, own_text)
  local v1, unified_own = M.parse_own(own_text)
  local hierarchies = {}
  for _, entry in ipairs(v1) do
    local mount = best(mounts, entry.own, function(candidate)
      return candidate.type == "cgroup" and holds(candidate, entry.names)
    end)
    if mount then
      hierarchies[#hierarchies + 1] = hierarchy_of(mount, entry.names, entry.own)
    end
  end
  local unified = unified_own and best(mounts, unified_own, function(candidate)
    return candidate.type == "cgroup2"
  end)
  return M.assemble(hierarchies, unified and hierarchy_of(unified, { "" }, unified_own))
end

-- Only the real root of a v1 hierarchy has a release_agent, and only that of cgroup2 has no type.
local function is_whole(dir, kind)
  if kind == "cgroup" then
    return core.path.stat(dir, "release_agent") ~= nil
  end
  local stat, err = core.path.stat(dir, "cgroup.type")
  return not stat and err.errno == "ENOENT"
end

-- A hierarchy at its usual place, or nil where that holds something else.
local function usual(slash, mount, kind, names, own)
  local dir = core.path.open(slash, mount, DIRECTORY)
  if not dir then
    return nil
  end
  if core.path.fs_type(dir, "") ~= kind or not is_whole(dir, kind) then
    dir:close()
    return nil
  end
  return { type = kind, names = names, mount = mount, root = "/", own = own, dir = dir,
    is_whole = true }
end

local function close_all(hierarchies)
  for _, hierarchy in ipairs(hierarchies) do
    hierarchy.dir:close()
  end
end

local function usual_v1(slash, own_text)
  local v1, unified_own = M.parse_own(own_text)
  local hierarchies = {}
  if #v1 == 0 then
    return nil
  end
  for index, entry in ipairs(v1) do
    local name = table.concat(entry.names, ","):gsub("^name=", "")
    local mount = STANDARD .. "/" .. name
    hierarchies[index] = usual(slash, mount, "cgroup", entry.names, entry.own)
    if not hierarchies[index] then
      close_all(hierarchies)
      return nil
    end
  end
  local unified = unified_own and usual(slash, STANDARD_UNIFIED, "cgroup2", { "" }, unified_own)
  return M.assemble(hierarchies, unified)
end

-- The usual places, without mountinfo: reading that costs milliseconds on a host with thousands of
-- mounts. In another cgroup namespace a mount's root is known from mountinfo alone.
local function probe_usual(slash, own_text)
  if core.path.readlink(slash, "/proc/self/ns/cgroup") ~= FIRST_NAMESPACE then
    return nil
  end
  if core.path.fs_type(slash, STANDARD) == "cgroup2" then
    local _, own = M.parse_own(own_text)
    local unified = own and usual(slash, STANDARD, "cgroup2", { "" }, own)
    return unified and M.assemble({}, unified)
  end
  return usual_v1(slash, own_text)
end

-- What a later mount on a directory above hides is still in mountinfo.
local function visible(slash, mounts)
  local seen = {}
  for _, mount in ipairs(mounts) do
    if core.path.fs_type(slash, mount.mount) == mount.type then
      seen[#seen + 1] = mount
    end
  end
  return seen
end

local function read_with(path, reader, max)
  local handle, err = core.fd.open(path, READ)
  if not handle then
    return nil, err
  end
  local text, problem = reader(handle, max)
  handle:close()
  return text, problem
end

local function open_mounts(slash, layout)
  local all = { unpack(layout.hierarchies) }
  all[#all + 1] = layout.unified
  for _, hierarchy in ipairs(all) do
    local dir, err = core.path.open(slash, hierarchy.mount, DIRECTORY)
    if not dir then
      return nil, err
    end
    hierarchy.dir = dir
  end
  return layout
end

local function probe_mountinfo(slash, own_text)
  local text, err = read_with("/proc/self/mountinfo", core.path.read_fd, MOUNTINFO_MAX)
  if not text then
    return nil, err
  end
  return open_mounts(slash, M.choose(visible(slash, M.parse_mountinfo(text)), own_text))
end

--- Reads which cgroups the caller is in.
-- @treturn[1] string the text of /proc/self/cgroup
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read_own()
  return read_with("/proc/self/cgroup", tree.read_handle)
end

--- Finds the machine's layout.
-- @tparam string own_text of /proc/self/cgroup
-- @treturn[1] table layout
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.probe(own_text)
  local slash, err = core.path.open_root("/")
  if not slash then
    return nil, err
  end
  local layout, problem = probe_usual(slash, own_text)
  if not layout then
    layout, problem = probe_mountinfo(slash, own_text)
  end
  if not layout then
    slash:close()
    return nil, problem
  end
  layout.slash = slash
  layout.own_text = own_text
  return layout
end

--- Tells whether a layout still describes the machine: the caller is in the same cgroups, and where
-- the first mount was there is a cgroup file system of its type.
-- @tparam table layout
-- @tparam string own_text of /proc/self/cgroup, now
-- @treturn boolean
function M.is_current(layout, own_text)
  local first = layout.hierarchies[1] or layout.unified
  return layout.own_text == own_text and first ~= nil
    and core.path.fs_type(layout.slash, first.mount) == first.type
end

return M

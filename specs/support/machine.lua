--- What specs ask of the machine: what it can do, and what is on it before and after.
-- @module specs.support.machine

local core = require("ctr.core")

local M = {}

local V2_FREEZERS = "ls -d /sys/fs/cgroup/*/cgroup.freeze 2>/dev/null"

local function read(path)
  local file = io.open(path, "r")
  if not file then
    return nil
  end
  local text = file:read("*a")
  file:close()
  return text
end

local function lines_of(command)
  local pipe = assert(io.popen(command))
  local lines = {}
  for line in pipe:lines() do
    lines[#lines + 1] = line
  end
  pipe:close()
  return lines
end

-- Orphans come to us, so that a process which lost its parent is a child here.
local function children()
  core.proc.subreaper()
  local text = read(("/proc/self/task/%d/children"):format(core.proc.getpid())) or ""
  local list = {}
  for pid in text:gmatch("%d+") do
    local stat = read("/proc/" .. pid .. "/stat") or "gone"
    -- Whether one runs or sleeps at the moment is of no interest; whether it is a zombie is.
    list[#list + 1] = (stat:match("^(%d+ %(.*%) %a)") or pid):gsub(" [RSD]$", " alive")
  end
  return list
end

local function descriptors()
  local folder = assert(core.path.open_root("/proc/self/fd"))
  local list = {}
  for _, name in ipairs(assert(core.path.list(folder, "."))) do
    local target = core.path.readlink(folder, name)
    if target and not target:find("^/proc/%d+/fd$") then
      list[#list + 1] = name .. " " .. target
    end
  end
  folder:close()
  return list
end

-- Only those without a process: what else runs on the machine comes and goes in its own, and a
-- process that is left behind is found as a child.
local function cgroups(pattern)
  local list = {}
  for _, path in ipairs(lines_of("find /sys/fs/cgroup -name cgroup.procs 2>/dev/null | sort")) do
    if path:find(pattern) and read(path) == "" then
      list[#list + 1] = path:match("^(.*)/")
    end
  end
  return list
end

--- What containers may leave behind: to be compared with `assert.same`.
-- @tparam[opt] string pattern the cgroups to look at, where a spec knows their names
-- @treturn table `children`, `mounts`, `cgroups`, `descriptors`
function M.snapshot(pattern)
  collectgarbage()
  collectgarbage()
  return {
    children = children(),
    mounts = read("/proc/self/mountinfo"),
    cgroups = cgroups(pattern or ""),
    descriptors = descriptors(),
  }
end

--- Says whether this process is root.
function M.is_root()
  return core.proc.ids().euid == 0
end

local function has_controller(name)
  -- Read whole: a file that is left half read is open until it is collected.
  for line in read("/proc/self/mountinfo"):gmatch("[^\n]+") do
    local fs_type, options = line:match(" %- (%S+) %S+ (%S+)$")
    if fs_type == "cgroup" and ("," .. options .. ","):find("," .. name .. ",", 1, true) then
      return true
    end
  end
  local controllers = read("/sys/fs/cgroup/cgroup.controllers") or ""
  return (" " .. controllers:gsub("\n", " ")):find(" " .. name .. " ", 1, true) ~= nil
end

local FEATURES = {
  memory = function() return has_controller("memory") end,
  pids = function() return has_controller("pids") end,
  cpu = function() return has_controller("cpu") end,
  freezer = function()
    -- The root of a cgroup2 tree cannot be frozen, and has no such file.
    return has_controller("freezer") or #lines_of(V2_FREEZERS) > 0
  end,
  user_namespaces = function()
    return core.ns.supported("NEWUSER")
      and tonumber(read("/proc/sys/user/max_user_namespaces") or "0") > 0
  end,
  time_namespaces = function() return core.ns.supported("NEWTIME") end,
  io = function() return has_controller("io") or has_controller("blkio") end,
  systemd = function() return read("/proc/1/comm") == "systemd\n" end,
  newuidmap = function() return read("/usr/bin/newuidmap") ~= nil end,
}

--- Says whether the machine has what a spec needs; otherwise the spec is pending.
-- @tparam string feature one of memory, pids, cpu, freezer, user_namespaces, time_namespaces,
-- newuidmap, io, systemd
function M.has(feature)
  local probe = FEATURES[feature] or error("no such feature: " .. tostring(feature), 2)
  return probe() == true
end

return M

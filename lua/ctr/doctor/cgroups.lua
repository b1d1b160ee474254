--- Where cgroups are, and what they can limit.
-- @module ctr.doctor.cgroups

local M = {}

local function add(check)
  check.group = "cgroups"
  M[#M + 1] = check
end

local function is_root(machine)
  return machine:is_root()
end

local function is_unified(layout)
  return layout.mode == "v2"
end

add({
  name = "cgroup hierarchy", why = "limits, statistics, and to end all of a container's processes",
  is_essential = is_root, remedy = "mount -t cgroup2 none /sys/fs/cgroup",
  errors = { "no cgroup hierarchy is mounted" },
  probe = function(machine)
    local layout, err = machine:layout()
    if not layout then
      return false, tostring(err)
    end
    return layout.mode ~= "none", layout.mode
  end,
})

-- The caller's own place in the tree of v2.
local function own_folder(layout)
  local tree = layout.unified
  local own = tree.own == "/" and "" or tree.own
  if tree.root ~= "/" then
    own = own:sub(#tree.root + 1)
  end
  return tree.mount .. own
end

-- On v2: those that the machine has, and for a user those that were delegated.
local function unified_controllers(machine, layout)
  local folder = machine:is_root() and layout.unified.mount or own_folder(layout)
  return machine:read(folder .. "/cgroup.controllers") or "", folder
end

local function has_controller(machine, names)
  local layout, err = machine:layout()
  if not layout then
    return nil, tostring(err)
  end
  for _, name in ipairs(names) do
    if is_unified(layout) then
      local list, folder = unified_controllers(machine, layout)
      if (" " .. list:gsub("\n", " ")):find(" " .. name .. " ", 1, true) then
        return true, folder
      end
    elseif layout.controllers[name] then
      return true, layout.controllers[name].mount
    end
  end
  return false, "not in the " .. layout.mode .. " hierarchy"
end

local DELEGATE = "mkdir -p /etc/systemd/system/user@.service.d && printf "
  .. "'[Service]\\nDelegate=cpu cpuset io memory pids\\n' "
  .. ">/etc/systemd/system/user@.service.d/delegate.conf && systemctl daemon-reload (as root)"

local function mount_or_delegate(name)
  return function(machine)
    local layout = machine:layout()
    if not machine:is_root() then
      return DELEGATE
    end
    local built = machine:read("/proc/cgroups") or ""
    if layout and is_unified(layout) or not built:find("\n" .. name .. "\t") then
      return ("boot with cgroup_enable=%s, or a kernel that is built with it"):format(name)
    end
    return ("mkdir -p /sys/fs/cgroup/%s && mount -t cgroup -o %s cgroup /sys/fs/cgroup/%s"):format(
      name, name, name)
  end
end

local CONTROLLERS = {
  { "memory", { "memory" }, "limits = { memory = … }, notify_oom", is_root },
  { "cpu", { "cpu" }, "limits = { cpus = … }", is_root },
  { "pids", { "pids" }, "limits = { pids = … }", is_root },
  { "cpuset", { "cpuset" }, "cgroups.cpuset_cpus", false },
  { "blkio", { "io", "blkio" }, "weights and limits of disks", false },
  { "hugetlb", { "hugetlb" }, "cgroups.hugetlb_limit", false },
}

for _, row in ipairs(CONTROLLERS) do
  add({
    name = row[1] .. " controller", why = row[3], is_essential = row[4],
    remedy = mount_or_delegate(row[1]),
    errors = { "the " .. row[1] .. " controller is not mounted" },
    probe = function(machine)
      return has_controller(machine, row[2])
    end,
  })
end

add({
  name = "freezing", why = "container:pause", is_essential = false,
  remedy = mount_or_delegate("freezer"), errors = { "without a cgroup cannot be frozen" },
  probe = function(machine)
    local layout, err = machine:layout()
    if not layout then
      return nil, tostring(err)
    end
    if is_unified(layout) then
      return true, "cgroup.freeze"
    end
    return has_controller(machine, { "freezer" })
  end,
})

add({
  name = "cgroup of one's own", why = "a container's cgroups are made below it",
  is_essential = false, remedy = DELEGATE,
  errors = { "no cgroup could be made", "the controller is not available here" },
  probe = function(machine)
    local layout, err = machine:layout()
    if not layout then
      return nil, tostring(err)
    end
    if machine:is_root() then
      return true, "root makes them anywhere"
    end
    if not layout.unified then
      return false, "there is no cgroup2 tree, and v1 hierarchies are not delegated"
    end
    local folder = own_folder(layout)
    return machine:may_write(folder), folder
  end,
})

add({
  name = "cgroup.kill", why = "ends all processes of a container at once", is_essential = false,
  remedy = "a kernel from 5.14 on, with cgroup v2",
  probe = function(machine)
    local layout, err = machine:layout()
    if not layout then
      return nil, tostring(err)
    end
    if not is_unified(layout) then
      return false, "the hierarchy is " .. layout.mode
    end
    local folder = own_folder(layout)
    if folder == layout.unified.mount then
      return nil, "the tree's root has no such file"
    end
    return machine:stat(folder .. "/cgroup.kill") ~= nil, folder
  end,
})

add({
  name = "pressure", why = "psi of container:stats, notify_memory_pressure on v2",
  is_essential = false, remedy = "boot with psi=1",
  probe = function(machine)
    return machine:read("/proc/pressure/memory") ~= nil, "/proc/pressure"
  end,
})

return M

--- What the kernel has.
-- @module ctr.doctor.kernel

local NEW_KERNEL = "apt install linux-image-amd64 (a kernel from 5.12 on)"

local M = {}

local function add(check)
  check.group = "kernel"
  M[#M + 1] = check
end

add({
  name = "release", why = "the library is tried with Linux 6.1 and newer",
  probe = function(machine)
    local text = (machine:read("/proc/sys/kernel/osrelease") or ""):match("[^\n]*")
    local major, minor = text:match("^(%d+)%.(%d+)")
    major, minor = tonumber(major), tonumber(minor)
    if not major then
      return nil, text
    end
    return major > 5 or (major == 5 and minor >= 12), text
  end,
  is_essential = true, remedy = NEW_KERNEL,
})

-- Of which version they are.
local CALLS = {
  { "clone3", "5.3", "starts processes in their namespaces and cgroups" },
  { "close_range", "5.9", "hands no descriptor of the host on" },
  { "fsopen", "5.2", "makes file systems without a path of the host" },
  { "fsconfig", "5.2", "gives them their options" },
  { "fsmount", "5.2", "mounts them" },
  { "memfd_create", "3.17", "holds the sealed image of the container's first program" },
  { "mount_setattr", "5.12", "makes mounts read-only, and maps their ids" },
  { "move_mount", "5.2", "attaches mounts by descriptor" },
  { "open_tree", "5.2", "clones what is bound" },
  { "openat2", "5.6", "looks paths up without leaving the root" },
  { "pidfd_getfd", "5.6", "takes the listener of a seccomp filter" },
  { "pidfd_open", "5.3", "names processes without a race" },
  { "pidfd_send_signal", "5.1", "signals them without a race" },
}

for _, row in ipairs(CALLS) do
  add({
    name = row[1], why = row[3], is_essential = true, remedy = NEW_KERNEL,
    probe = function(machine)
      return machine:has_call(row[1]), "since Linux " .. row[2]
    end,
  })
end
M[#M].errors = { "[Ff]unction not implemented", "ENOSYS" }

local NAMESPACES = {
  { "NEWNS", "mount", true }, { "NEWPID", "pid", true }, { "NEWNET", "network", true },
  { "NEWIPC", "ipc", true }, { "NEWUTS", "uts", true }, { "NEWCGROUP", "cgroup", true },
  { "NEWUSER", "user", function(machine) return not machine:is_root() end },
  { "NEWTIME", "time", false },
}

for _, row in ipairs(NAMESPACES) do
  add({
    name = row[2] .. " namespaces", why = ("namespaces = { %q }"):format(row[1]),
    is_essential = row[3], remedy = "a kernel that is built with them",
    probe = function(machine)
      return machine:has_namespace(row[1]), row[1]
    end,
  })
end

local function seccomp_check(name, word, why, is_essential, since)
  add({
    name = name, why = why, is_essential = is_essential,
    remedy = since and ("a kernel from %s on, and libseccomp"):format(since)
      or "a kernel that is built with CONFIG_SECCOMP_FILTER",
    probe = function(machine)
      local has, problem = machine:has_seccomp(word)
      return has, problem or word
    end,
  })
end

seccomp_check("seccomp filters", "SCMP_ACT_ERRNO", "the profile that every description has", true)
seccomp_check("seccomp notify", "SCMP_ACT_NOTIFY",
  "seccomp_notify, seccomp_report, lctr learn", false, "5.5")
seccomp_check("seccomp killable wait", "SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV",
  "a call that is being answered is not interrupted", false, "5.19")

add({
  name = "memory files run", why = "the container's first program is run from one",
  is_essential = true, remedy = "sysctl -w vm.memfd_noexec=0",
  probe = function(machine)
    local value = tonumber(machine:read("/proc/sys/vm/memfd_noexec") or "0")
    return value < 2, "vm.memfd_noexec is " .. value
  end,
})

-- Built in, loaded, or to be loaded.
local function has_kernel_module(machine, name)
  if machine:stat("/sys/module/" .. name) then
    return true, "loaded"
  end
  local release = (machine:read("/proc/sys/kernel/osrelease") or ""):match("[^\n]*")
  local folder = "/lib/modules/" .. release
  local known = (machine:read(folder .. "/modules.builtin") or "")
    .. (machine:read(folder .. "/modules.dep") or "")
  if known == "" then
    return nil, folder .. " has no list of modules"
  end
  return known:find("/" .. name .. "%.ko") ~= nil, "can be loaded"
end

local function module_check(name, why)
  add({
    name = name, why = why, is_essential = false, remedy = "modprobe " .. name,
    probe = function(machine)
      return has_kernel_module(machine, name)
    end,
  })
end

module_check("veth", "networks = { { type = \"veth\" } }")
module_check("bridge", "a bridge for veth")

local function file_system_check(name, why)
  add({
    name = name, why = why, is_essential = false, remedy = "modprobe " .. name,
    probe = function(machine)
      local listed = machine:read("/proc/filesystems") or ""
      if ("\n" .. listed):find("[\t\n]" .. name .. "\n") then
        return true, "in /proc/filesystems"
      end
      return has_kernel_module(machine, name)
    end,
  })
end

file_system_check("overlay", "mounts of type overlay")
file_system_check("mqueue", "/dev/mqueue, which descriptions have by default")
file_system_check("fuse", "mounts of type fuse")

add({
  name = "AppArmor", why = "apparmor_profile", is_essential = false,
  errors = { "needs AppArmor, which is not enabled" },
  remedy = "apt install apparmor; boot with apparmor=1 security=apparmor",
  probe = function(machine)
    local enabled = machine:read("/sys/module/apparmor/parameters/enabled") or ""
    return enabled:sub(1, 1) == "Y", enabled:sub(1, 1) == "Y" and "enabled" or "not enabled"
  end,
})

add({
  name = "SELinux", why = "process_label, mount_label", is_essential = false,
  errors = { "needs SELinux, which is not enabled" },
  remedy = "apt install selinux-basics selinux-policy-default; selinux-activate; reboot",
  probe = function(machine)
    local enforce = machine:read("/sys/fs/selinux/enforce")
    if not enforce then
      return false, "not enabled"
    end
    return true, enforce:sub(1, 1) == "1" and "enforcing" or "permissive"
  end,
})

add({
  name = "resctrl", why = "intel_rdt", is_essential = false,
  errors = { "no resctrl file system is mounted" },
  remedy = "mount -t resctrl resctrl /sys/fs/resctrl (on a processor with Intel RDT)",
  probe = function(machine)
    local mounts = machine:read("/proc/self/mountinfo") or ""
    local is_mounted = mounts:find(" - resctrl ", 1, true) ~= nil
    return is_mounted, is_mounted and "mounted" or "not mounted"
  end,
})

add({
  name = "privilege", why = "checkpoints, devices and interfaces on the host are root's",
  is_essential = false, remedy = "run lctr as root",
  probe = function(machine)
    return machine:is_root(), machine:is_root() and "root" or "user " .. machine:user()
  end,
})

return M

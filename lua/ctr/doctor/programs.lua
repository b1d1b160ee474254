--- What of the host the library works with, where it is there.
-- @module ctr.doctor.programs

local interpreted = require("ctr.interpreted")

local M = {}

local function add(check)
  check.group = "programs"
  check.is_essential = check.is_essential or false
  M[#M + 1] = check
end

local function module_check(name, why, package)
  add({
    name = name, why = why, remedy = ("apt install %s; make install"):format(package),
    errors = { "module 'ctr%.core%." .. name .. "'" },
    probe = function(machine)
      local has, problem = machine:has_module("ctr.core." .. name)
      return has or false, problem or "ctr.core." .. name
    end,
  })
end

module_check("seccomp", "system call filters", "libseccomp2")
M[#M].is_essential = true
module_check("netlink", "networks, routes, devices", "libmnl0")
module_check("systemd", "cgroup_manager = \"systemd\"", "libsystemd0")

add({
  name = "systemd's manager", why = "cgroup_manager = \"systemd\", lctr --systemd-cgroup",
  errors = { "reach systemd" },
  remedy = function(machine)
    return machine:is_root() and "boot the machine with systemd"
      or "loginctl enable-linger " .. machine:user()
  end,
  probe = function(machine)
    local ok, err = machine:reaches_systemd(not machine:is_root())
    return ok or false, ok and "it answers" or tostring(err)
  end,
})

local CRIU_PACKAGE = "apt install criu"

add({
  name = "CRIU", why = "checkpoint, restore", remedy = CRIU_PACKAGE,
  errors = { "is not installed: a checkpoint", "needs CRIU", "cannot tell the version of" },
  probe = function(machine)
    local version, path, is_new = machine:criu()
    if not version then
      return false, tostring(path)
    end
    return is_new, ("%s, %s"):format(version, path)
  end,
})

add({
  name = "CRIU's own check", why = "whether the kernel has what CRIU needs",
  remedy = "criu check (as root) names it; apt install linux-image-amd64",
  probe = function(machine)
    local version, path = machine:criu()
    if not version then
      return nil, "CRIU is not there"
    end
    if not machine:is_root() then
      return nil, "it is root's to ask"
    end
    local result = machine:run(path, "check")
    local said = result and (result.stdout .. result.stderr):match("[^\n]*") or "it does not end"
    return result ~= nil and result.code == 0, said
  end,
})

add({
  name = "ps", why = "the table of lctr ps", remedy = "apt install procps",
  errors = { "ps is missing" },
  probe = function(machine)
    local path = machine:find("ps")
    return path ~= nil, path or "not installed"
  end,
})

add({
  name = "iptables", why = "CRIU holds TCP connections with it", remedy = "apt install iptables",
  probe = function(machine)
    local path = machine:find("iptables") or machine:find("nft")
    return path ~= nil, path or "not installed"
  end,
})

add({
  name = "LuaJIT's compiler", why = "one's own Lua is compiled; lctr does without, and the library",
  remedy = "jit.off() in programs that crash, or LuaJIT since April 2022, as Debian 13 has",
  probe = function(machine)
    local version = machine:luajit()
    return interpreted.is_sound(version), version
  end,
})

return M

--- Whether users without privilege can start containers.
-- @module ctr.doctor.rootless

local M = {}

local SETUID = 2048 -- 04000
local RANGE = "100000-165535"

local function add(check)
  check.group = "without root"
  M[#M + 1] = check
end

local function is_user(machine)
  return not machine:is_root()
end

local function sysctl_check(name, key, bad, good, why, problems)
  add({
    name = name, why = why, is_essential = is_user, errors = problems,
    remedy = ("sysctl -w %s=%d (as root)"):format(key, good),
    probe = function(machine)
      local text = machine:read("/proc/sys/" .. key:gsub("%.", "/"))
      if not text then
        return true, key .. " is not there: nothing is restricted"
      end
      local value = tonumber(text)
      return value ~= bad, ("%s is %s"):format(key, text:match("%S*"))
    end,
  })
end

sysctl_check("user namespaces allowed", "user.max_user_namespaces", 0, 15000,
  "users start containers in one", { "unshare 0x%x+: no space left on device" })
sysctl_check("user namespaces for users", "kernel.unprivileged_userns_clone", 0, 1,
  "Debian's switch for users without privilege", { "unshare 0x%x+: operation not permitted" })
sysctl_check("AppArmor lets users make them", "kernel.apparmor_restrict_unprivileged_userns", 1, 0,
  "Ubuntu's switch for users without privilege")

local function helper_check(name)
  add({
    name = name, why = "more than one id in a container that a user starts", is_essential = false,
    errors = { name .. " is not installed", name .. " failed" },
    remedy = function(machine)
      local path = machine:find(name)
      return path and "chmod u+s " .. path or "apt install uidmap"
    end,
    probe = function(machine)
      local path = machine:find(name)
      if not path then
        return false, "not installed"
      end
      local stat = machine:stat(path)
      local is_setuid = stat.uid == 0 and math.floor(stat.mode / SETUID) % 2 == 1
      if is_setuid or machine:has_file_capabilities(path) then
        return true, path .. (is_setuid and ", set-user-id" or ", with capabilities")
      end
      return false, path .. " has no privilege"
    end,
  })
end

helper_check("newuidmap")
helper_check("newgidmap")

-- The ranges of a user; for root, who needs none, those of anybody.
local function range_of(machine, path)
  local text, name = machine:read(path) or "", machine:user()
  for owner, first, count in text:gmatch("([^:\n]+):(%d+):(%d+)") do
    if machine:is_root() or owner == name or tonumber(owner) == machine.uid then
      return ("%s has %s from %s on"):format(owner, count, first)
    end
  end
  return nil
end

local function range_check(kind)
  local path = "/etc/sub" .. kind
  add({
    name = "sub" .. kind, why = "which ids those are", is_essential = false,
    remedy = function(machine)
      local user = machine:is_root() and "USER" or machine:user()
      return ("usermod --add-sub%ss %s %s (as root)"):format(kind, RANGE, user)
    end,
    probe = function(machine)
      local range = range_of(machine, path)
      return range ~= nil, range or ("%s has no range"):format(path)
    end,
  })
end

range_check("uid")
range_check("gid")

add({
  name = "XDG_RUNTIME_DIR", why = "where the state of a user's containers is kept",
  is_essential = is_user,
  errors = { "XDG_RUNTIME_DIR has to be set", "the state root .* belongs to another user",
    "mkdir /run/ctr: permission denied" },
  remedy = function(machine)
    return ("loginctl enable-linger %s; export XDG_RUNTIME_DIR=/run/user/%d"):format(machine:user(),
      machine.uid)
  end,
  probe = function(machine)
    if machine:is_root() then
      return true, "root's state is in /run/ctr"
    end
    local path = machine:env("XDG_RUNTIME_DIR")
    if not path or path == "" then
      return false, "not set"
    end
    return machine:may_write(path), path
  end,
})

return M

--- Labels on this machine: which profiles AppArmor has, and SELinux's label on what is bound.
-- Loaded where a configuration has a label.
-- @module ctr.labels

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local PROFILES = "/sys/kernel/security/apparmor/profiles"
local PROFILES_MAX = 4 * 1024 * 1024
local ATTRIBUTE = "security.selinux"

-- What a machine stands on (go-selinux has the same): a container's label there locks people out.
local UNTOUCHABLE = {
  "/", "/bin", "/boot", "/dev", "/etc", "/etc/passwd", "/etc/pki", "/etc/shadow", "/home", "/lib",
  "/lib64", "/media", "/opt", "/proc", "/root", "/run", "/sbin", "/srv", "/sys", "/tmp", "/usr",
  "/var", "/var/lib", "/var/log",
}

-- The names of the profiles that are loaded; nil where AppArmor's file cannot be read.
local function loaded_profiles()
  local file = io.open(PROFILES, "r")
  local text = file and file:read(PROFILES_MAX)
  if file then
    file:close()
  end
  if not text then
    return nil
  end
  local names = {}
  for name in text:gmatch("([^\n]+) %(%l+%)") do
    names[name] = true
  end
  return names
end

--- What of an AppArmor profile's name is known not to be loaded.
-- @tparam string profile a name, or several that are stacked, "a//&b"
-- @treturn ?string nil where all is loaded, or nobody can tell (another namespace of AppArmor's)
function M.missing_profile(profile)
  local names = loaded_profiles()
  for name in (profile .. "//&"):gmatch("(.-)//&") do
    local is_known = name == "unconfined" or name:sub(1, 1) == ":"
    if names and not is_known and not names[name] then
      return name
    end
  end
  return nil
end

local function hint(err, step)
  local is_apparmor = step.strings[1] == "apparmor/exec"
  if err.op ~= "write" then
    return nil
  end
  if is_apparmor and err.errno == "ENOENT" then
    return ("profile %s is not loaded"):format(step.strings[2]:match("^exec (.*)$"))
  end
  if not is_apparmor and err.errno == "EINVAL" then
    return ("SELinux's policy does not know the label %s"):format(step.strings[2])
  end
  return nil
end

--- How a label that was not taken reads: engines look for the file's name in backquotes.
-- @tparam ctr.Error err of the bootstrap
-- @tparam table step
-- @treturn string
function M.words(err, step)
  local file = step.strings[1]:match("%a+$")
  local text = tostring(err):gsub("%f[%w]attr/[%w/]+", "`/proc/self/attr/" .. file .. "`", 1)
  local more = hint(err, step)
  return more and ("%s (%s)"):format(text, more) or text
end

-- A label that all containers share: without its categories.
local function shared(label)
  local type_part = label:match("^[^:]*:[^:]*:[^:]*")
  if type_part and #type_part < #label then
    return type_part .. ":s0"
  end
  return label
end

local function is_gone(err)
  return err.errno == "ENOENT"
end

local label_tree

-- An entry that vanished meanwhile needs no label.
local function label_entry(dir, name, label)
  local stat, err = core.path.stat(dir, name, { nofollow = true })
  if not stat then
    return is_gone(err) or nil, err
  end
  if stat.type ~= "directory" then
    local ok, problem = core.xattr.set(dir, name, ATTRIBUTE, label)
    return ok or is_gone(problem) or nil, problem
  end
  local handle, problem = core.path.open(dir, name, { flags = { "directory", "nofollow" } })
  if not handle then
    return is_gone(problem) or problem.errno == "ENOTDIR" or nil, problem
  end
  local ok
  ok, problem = label_tree(handle, label)
  handle:close()
  return ok, problem
end

function label_tree(dir, label)
  local ok, err = core.xattr.set(dir, "", ATTRIBUTE, label)
  local names
  if ok then
    names, err = core.path.list(dir, ".")
  end
  if not names then
    return nil, err
  end
  for _, name in ipairs(names) do
    ok, err = label_entry(dir, name, label)
    if not ok then
      return nil, err
    end
  end
  return true
end

local function is_same(a, b)
  return a ~= nil and b ~= nil and a.dev == b.dev and a.ino == b.ino
end

-- By what it is, not by its name: a link leads to it as well.
local function check_touchable(handle, source)
  local stat = core.path.stat(handle, "")
  for _, path in ipairs(UNTOUCHABLE) do
    local other = core.fd.open(path, { flags = { "path" } })
    local found = other and core.path.stat(other, "")
    if other then
      other:close()
    end
    if is_same(stat, found) then
      return nil, errors.new("ConfigInvalid",
        ("SELinux relabeling of %s is not allowed: it is %s"):format(source, path))
    end
  end
  return stat
end

local function relabel(source, label)
  local handle, err = core.fd.open(source, { flags = { "path" } })
  if not handle then
    return nil, err
  end
  local stat, ok
  stat, err = check_touchable(handle, source)
  if stat and stat.type == "directory" then
    ok, err = label_tree(handle, label)
  elseif stat then
    ok, err = core.xattr.set(handle, "", ATTRIBUTE, label)
  end
  handle:close()
  return ok, err
end

--- Labels the sources of the binds that ask for it, and all below them. No link is followed.
-- @tparam table config normalised
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.relabel(config)
  for index, mount in ipairs(config.mounts) do
    if mount.relabel then
      local label = config.mount_label
      local ok, err = relabel(mount.source, mount.relabel == "z" and shared(label) or label)
      if not ok then
        return nil, errors.with_path(err, ("mounts[%d].relabel"):format(index))
      end
    end
  end
  return true
end

return M

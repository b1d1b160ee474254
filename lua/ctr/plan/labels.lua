--- The steps of labels: AppArmor's and SELinux's of the program, SELinux's of mounts and keys.
-- Loaded where a configuration has a label. Pure: tables in, steps out.
-- @module ctr.plan.labels

local M = {}

-- What steps without numbers share; nobody changes a step's lists.
local NONE = {}

local PROCFS = { "@procfs" }

-- What only SELinux's policy labels: a context would be refused there, or be shared with the host.
local WITHOUT_CONTEXT = { proc = true, sysfs = true, mqueue = true }

-- How a profile reads back. The kernel writes those of another namespace and those that are stacked
-- in its own way: there it is enough that the write succeeded.
local function profile_read_back(profile)
  if profile:sub(1, 1) == ":" or profile:find("//&", 1, true) then
    return ""
  end
  return profile
end

-- How a label reads back: the kernel puts its categories in order, so they are left out.
local function label_read_back(label)
  return label:match("^[^:]*:[^:]*:[^:]*") or label
end

--- Adds what gives the program its labels, at its execution.
-- AppArmor has a file of its own (Linux 5.8), for the plain one is that of the first module that
-- the kernel was started with.
-- @tparam function add
-- @tparam table process merged
function M.add_program(add, process)
  local profile, label = process.apparmor_profile, process.label
  if profile ~= "" then
    add("label", PROCFS, { "apparmor/exec", "exec " .. profile, profile_read_back(profile) },
      process.apparmor_path)
  end
  if label ~= "" then
    add("label", PROCFS, { "exec", label, label_read_back(label) }, process.label_path)
  end
end

--- Adds what labels the keys that are made next.
function M.add_key(add, process)
  add("label", PROCFS, { "keycreate", process.label, label_read_back(process.label) },
    process.label_path)
end

--- Adds what ends that: a line of nothing, for SELinux.
function M.add_key_end(add, process)
  add("label", PROCFS, { "keycreate", "\n", "" }, process.label_path)
end

--- The option that labels the files of a new file system.
function M.context(label)
  return "context=" .. label
end

--- Adds to a file system's options the one for its label, where it takes such.
-- @tparam string fstype
-- @tparam {string,…} options
-- @tparam number first where they start
-- @tparam string label
function M.add_context(fstype, options, first, label)
  if WITHOUT_CONTEXT[fstype] then
    return
  end
  for index = first, #options do
    if options[index]:sub(1, 8) == "context=" then
      return
    end
  end
  options[#options + 1] = M.context(label)
end

--- Adds what labels a file system that has no option for it, once it is mounted.
function M.add_late(add, mount, label, path)
  if mount.device == "mqueue" then
    add("file_label", NONE, { mount.destination, label }, path)
  end
end

return M

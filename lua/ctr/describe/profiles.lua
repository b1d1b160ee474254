--- Profiles: what a description stands on beside its defaults. `profile = "hardened"`.
-- @module ctr.describe.profiles

local identities = require("ctr.describe.identity")
local words = require("ctr.describe.words")

local M = {}

--- What is there, and what for.
M.about = {
  default = "what engines give an unprivileged container",
  hardened = "no capabilities, a root that is read-only, few processes",
  rootless = "a user namespace, also for root: nobody in it is anybody outside",
  privileged = "all capabilities and devices, nothing hidden, no filter",
  bare = "nothing that is not said",
}

local makers = {}

function makers.default()
  return {}
end

local HARDENED_PIDS = 256

-- Writable is what nobody keeps: and what is there cannot be executed.
local function scratch(destination)
  local mount = words.tmpfs(destination, { size = "64M" })
  mount.flags[#mount.flags + 1] = "noexec"
  return mount
end

function makers.hardened()
  return {
    capabilities = {}, readonlyfs = true, limits = { pids = HARDENED_PIDS },
    mounts = { scratch("/tmp"), scratch("/run"), scratch("/var/tmp") },
    rlimits = words.add({ { type = "RLIMIT_CORE", soft = 0, hard = 0 } }),
  }
end

-- A caller who is not root has that anyway.
function makers.rootless(identity)
  if identity.uid ~= 0 then
    return {}
  end
  local users, groups = identities.subordinate(identity)
  if not users then
    return nil, "needs subordinate ids of root in /etc/subuid and /etc/subgid"
  end
  return {
    namespaces = words.add({ "NEWUSER" }), uid_mappings = users, gid_mappings = groups,
    rootless_cgroups = true,
  }
end

-- All that the caller may hand on.
local function all_capabilities(identity)
  local core = require("ctr.core")
  local names = identity.bounding or core.caps.of(core.proc.getpid()).bounding
  return { bounding = names, effective = names, permitted = names }
end

function makers.privileged(identity)
  return {
    capabilities = all_capabilities(identity), no_new_privileges = false, seccomp = false,
    mask_paths = {}, readonly_paths = {},
    cgroups = words.replace({ allow_all_devices = true }),
    mounts = { { source = "sysfs", destination = "/sys", device = "sysfs",
      flags = { "nosuid", "nodev", "noexec" } } },
  }
end

function makers.bare()
  return {}
end

--- Says whether a profile does without the defaults.
-- @tparam string name
-- @treturn boolean
function M.is_bare(name)
  return name == "bare"
end

--- Makes the keys of a profile.
-- @tparam string name one of `about`
-- @tparam table identity of the caller (`ctr.describe.identity`)
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] string why there is no such profile here
function M.keys(name, identity)
  return makers[name](identity)
end

return M

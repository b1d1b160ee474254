--- `lctr features`: what this build can do, as the OCI has it (features.md). It looks at nothing of
-- the machine.
-- @module ctr.cli.features

local commands = require("ctr.cli.commands")
local core = require("ctr.core")
local seccomp = require("ctr.seccomp.words")
local sorted = require("ctr.sorted")
local version = require("ctr.cli.version")
local words = require("ctr.config.words")

local HOOKS = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
  "poststop" }

local function in_order(list)
  table.sort(list)
  return core.json.array(list)
end

local function keys(map)
  return core.json.array(sorted(map))
end

-- The words of config.json are those in small letters.
local function small_words(...)
  local known = {}
  for _, map in ipairs({ ... }) do
    for word in pairs(map) do
      if not word:find("%u") then
        known[word] = true
      end
    end
  end
  return keys(known)
end

local function seccomp_features()
  local flags = keys(seccomp.flags)
  return {
    enabled = true,
    actions = in_order({ unpack(seccomp.by_strictness) }),
    operators = in_order({ unpack(seccomp.operator_list) }),
    archs = keys(seccomp.short_archs),
    knownFlags = flags,
    supportedFlags = flags,
  }
end

local function annotations()
  return {
    ["org.opencontainers.runc.checkpoint.enabled"] = commands.find("checkpoint") and "true"
      or "false",
    ["io.github.seccomp.libseccomp.version"] = require("ctr.core.seccomp").version(),
  }
end

local function all()
  return {
    ociVersionMin = version.OCI_MIN,
    ociVersionMax = version.OCI_MAX,
    hooks = core.json.array(HOOKS),
    mountOptions = small_words(words.mount_flags, words.mount_extensions),
    linux = {
      namespaces = small_words(words.namespaces),
      capabilities = in_order({ unpack(words.capability_list) }),
      cgroup = { v1 = true, v2 = true, systemd = true, systemdUser = true, rdma = true },
      seccomp = seccomp_features(),
      apparmor = { enabled = true },
      selinux = { enabled = true },
      intelRdt = { enabled = true },
      mountExtensions = { idmap = { enabled = true } },
      netDevices = { enabled = true },
    },
    annotations = annotations(),
    potentiallyUnsafeConfigAnnotations = core.json.array({ "bundle", "org.systemd.property.",
      "org.criu.config" }),
  }
end

return function()
  io.stdout:write(core.json.encode(all(), { indent = 2 }), "\n")
  return 0
end

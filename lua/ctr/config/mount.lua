--- What the schema refers to for mounts: defaults and rules across a mount's fields.
-- Each takes a value and returns what to keep, or nil, a text and a key.
-- @module ctr.config.mount

local bit = require("bit")

local words = require("ctr.config.words")

local M = {}

local band, bor = bit.band, bit.bor

-- Whether flags, as they were written and still unchecked, ask for one of the kernel's.
local function asks_for(flags, flag)
  if type(flags) == "number" then
    return band(flags, flag) ~= 0
  end
  if type(flags) ~= "table" then
    flags = { flags }
  end
  for _, word in next, flags do
    local row = words.mount_flags[word]
    if row and row.set and band(row.set, flag) ~= 0 then
      return true
    end
  end
  return false
end

--- What a mount's device is when it was left out: a bind and a remount need none.
function M.default_device(record)
  local flags = rawget(record, "flags")
  if asks_for(flags, words.ms.MS_BIND) then
    return "bind"
  end
  return asks_for(flags, words.ms.MS_REMOUNT) and "" or nil
end

-- Mounting over procfs would let the container show its own /proc/self to the runtime.
local function check_destination(destination, device)
  if destination == "/" then
    return nil, "must not be / itself: that is the rootfs", "destination"
  end
  if destination == "/proc" and device ~= "proc" and device ~= "bind" then
    return nil, "must be proc or bind on /proc", "device"
  end
  local inside = destination:match("^/proc/(.*)$")
  if inside and not words.proc_mountpoints[inside] then
    return nil, "must not be inside /proc", "destination"
  end
  return true
end

local function check_source(mount, set)
  if mount.device ~= "bind" or band(set, words.ms.MS_REMOUNT) ~= 0 then
    return true
  end
  if mount.source:sub(1, 1) ~= "/" then
    return nil, "must be an absolute path for a bind mount", "source"
  end
  return true
end

-- What would have no effect is refused.
local function check_effect(mount, set)
  local is_remount = band(set, words.ms.MS_REMOUNT) ~= 0
  if mount.data ~= "" and (is_remount or mount.device == "bind") then
    return nil, ("must be empty for a %s, which makes no file system"):format(is_remount
      and "remount" or "bind mount"), "data"
  end
  if band(mount.extensions, words.mount_extensions.EXT_COPYUP) ~= 0
    and (is_remount or mount.device ~= "tmpfs") then
    return nil, "must be empty: only a new tmpfs copies up", "extensions"
  end
  if mount.relabel and (is_remount or mount.device ~= "bind") then
    return nil, "must be empty: only the source of a bind mount is relabelled", "relabel"
  end
  return true
end

--- Settles a mount: flags as numbers, `bind` as a device and as a flag.
function M.settle(mount)
  local set = mount.flags.set
  if band(set, words.ms.MS_BIND) ~= 0 then
    mount.device = "bind"
  elseif mount.device == "bind" then
    set = bor(set, words.ms.MS_BIND)
  end
  local ok, text, key = check_destination(mount.destination, mount.device)
  if ok then
    ok, text, key = check_source(mount, set)
  end
  if ok then
    ok, text, key = check_effect(mount, set)
  end
  if not ok then
    return nil, text, key
  end
  for _, propagation in ipairs(mount.flags.propagation) do
    mount.propagation_flags[#mount.propagation_flags + 1] = propagation
  end
  mount.cleared_flags = bor(mount.cleared_flags, mount.flags.clear)
  mount.flags = set
  return mount
end

return M

--- The configuration's mounts as OCI's. Pure.
-- @module ctr.oci.back_mounts

local bit = require("bit")

local oci_mounts = require("ctr.oci.mounts")
local words = require("ctr.config.words")

local M = {}

local band = bit.band
local MS, ATTR = words.ms, words.mount_attrs

-- OCI's words in alphabetical order, by what they do in the configuration.
local SETS, CLEARS, RECURSIVE_SETS, RECURSIVE_CLEARS, SPREADS = {}, {}, {}, {}, {}

-- Those that stand for what another word says, too.
local TWICE = { bind = true, rbind = true, defaults = true, ratime = true, rnorelatime = true,
  rnostrictatime = true }

local function add(list, number, option)
  list[#list + 1] = { number = number, option = option }
end

local function sort_words()
  local names = {}
  for option in pairs(oci_mounts.flags) do
    names[#names + 1] = option
  end
  table.sort(names)
  for _, option in ipairs(names) do
    local row = words.mount_flags[option]
    if row.propagation then
      SPREADS[row.propagation] = option
    elseif not TWICE[option] then
      local list = row.set and SETS or row.clear and CLEARS or row.rec_set and RECURSIVE_SETS
        or row.rec_clear and RECURSIVE_CLEARS
      if list then
        add(list, row.set or row.clear or row.rec_set or row.rec_clear, option)
      end
    end
  end
end
sort_words()

local function add_words(options, mask, list)
  for _, row in ipairs(list) do
    if band(mask, row.number) == row.number then
      options[#options + 1] = row.option
    end
  end
end

local function add_recursive(options, attr)
  if not attr then
    return
  end
  add_words(options, attr.attr_set, RECURSIVE_SETS)
  -- The mode of access times is one field: who sets one clears the others.
  local clear = attr.attr_clr
  if band(attr.attr_set, ATTR.MOUNT_ATTR__ATIME) ~= 0 then
    clear = band(clear, bit.bnot(ATTR.MOUNT_ATTR__ATIME))
  end
  add_words(options, clear, RECURSIVE_CLEARS)
end

local function options_of(mount)
  local options = {}
  if band(mount.flags, MS.MS_BIND) ~= 0 then
    options[1] = band(mount.flags, MS.MS_REC) ~= 0 and "rbind" or "bind"
  end
  add_words(options, mount.flags, SETS)
  add_words(options, mount.cleared_flags, CLEARS)
  for _, propagation in ipairs(mount.propagation_flags) do
    options[#options + 1] = SPREADS[propagation]
  end
  add_recursive(options, mount.rec_attr)
  if mount.id_mapping then
    options[#options + 1] = mount.id_mapping.recursive and "ridmap" or "idmap"
  end
  if mount.extensions ~= 0 then
    options[#options + 1] = "tmpcopyup"
  end
  for option in mount.data:gmatch("[^,]+") do
    options[#options + 1] = option
  end
  return #options > 0 and options or nil
end

--- Turns id mappings into OCI's.
-- @tparam ?table list
-- @treturn ?table nil for none
function M.id_mappings(list)
  local mappings = {}
  for index, row in ipairs(list or {}) do
    mappings[index] = { containerID = row.container_id, hostID = row.host_id, size = row.size }
  end
  return #mappings > 0 and mappings or nil
end

local function mount_of(mount)
  local ids = mount.id_mapping or {}
  return {
    destination = mount.destination,
    type = mount.device ~= "" and mount.device or nil,
    source = mount.source ~= "" and mount.source or nil,
    options = options_of(mount),
    uidMappings = M.id_mappings(ids.uid_mappings),
    gidMappings = M.id_mappings(ids.gid_mappings),
  }
end

--- Turns a configuration's mounts into OCI's.
-- @tparam table config normalised
-- @treturn table
function M.mounts(config)
  local list = {}
  for index, mount in ipairs(config.mounts) do
    list[index] = mount_of(mount)
  end
  return list
end

return M

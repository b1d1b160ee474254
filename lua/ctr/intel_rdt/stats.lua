--- What resctrl tells of a group, under libcontainer's names.
-- @module ctr.intel_rdt.stats

local core = require("ctr.core")
local errors = require("ctr.errors")
local schemata = require("ctr.intel_rdt.schemata")

local M = {}

local FILE_MAX = 1024 * 1024
local EXACT_DIGITS = 15

local function read(dir, path)
  local text = core.path.read(dir, path, FILE_MAX)
  return text and (text:gsub("%s+$", ""))
end

-- A number where it is exact, else its digits; nil for "Unavailable" and the like.
local function counter(text)
  local digits = text and text:match("^%d+$")
  if not digits then
    return nil
  end
  return #digits <= EXACT_DIGITS and tonumber(digits) or digits
end

local function info(root, resource, text_names, number_names)
  local folder = "info/" .. resource .. "/"
  if not core.path.stat(root, "info/" .. resource, { nofollow = true }) then
    return nil
  end
  local found = {}
  for _, name in ipairs(text_names) do
    found[name] = read(root, folder .. name)
  end
  for _, name in ipairs(number_names) do
    found[name] = counter(read(root, folder .. name))
  end
  return found
end

local function add_shares(stats, root, group)
  local of_root, of_group = read(root, "schemata"), read(group, "schemata")
  stats.l3_cache_info = info(root, "L3", { "cbm_mask" }, { "min_cbm_bits", "num_closids" })
  if stats.l3_cache_info then
    stats.l3_cache_schema_root = schemata.line_of(of_root, "L3")
    stats.l3_cache_schema = schemata.line_of(of_group, "L3")
  end
  stats.mem_bw_info = info(root, "MB", {},
    { "bandwidth_gran", "delay_linear", "min_bandwidth", "num_closids" })
  if stats.mem_bw_info then
    stats.mem_bw_schema_root = schemata.line_of(of_root, "MB")
    stats.mem_bw_schema = schemata.line_of(of_group, "MB")
  end
end

-- One entry for each third level cache, in the order of their names.
local function add_monitoring(stats, root, monitored)
  local features = read(root, "info/L3_MON/mon_features")
  local names = features and core.path.list(monitored, "mon_data")
  if not names then
    return
  end
  local has = {}
  for feature in features:gmatch("%S+") do
    has[feature] = true
  end
  table.sort(names)
  stats.mbm_stats = (has.mbm_total_bytes or has.mbm_local_bytes) and {} or nil
  stats.cmt_stats = has.llc_occupancy and {} or nil
  for index, name in ipairs(names) do
    local folder = "mon_data/" .. name .. "/"
    if stats.mbm_stats then
      stats.mbm_stats[index] = {
        mbm_total_bytes = counter(read(monitored, folder .. "mbm_total_bytes")),
        mbm_local_bytes = counter(read(monitored, folder .. "mbm_local_bytes")),
      }
    end
    if stats.cmt_stats then
      stats.cmt_stats[index] = {
        llc_occupancy = counter(read(monitored, folder .. "llc_occupancy")),
      }
    end
  end
end

local function open_all(group)
  local handles = {}
  local root, err = require("ctr.intel_rdt").open_root(group.given)
  handles[1] = root
  if root then
    handles[2], err = core.path.open_root(group.path)
  end
  if handles[2] then
    handles[3], err = core.path.open_root(group.mon_path or group.path)
  end
  if handles[3] then
    return handles
  end
  for _, handle in ipairs(handles) do
    handle:close()
  end
  return nil, errors.wrap(err, "read statistics of", "intel_rdt")
end

--- Reads the statistics of a group.
-- @tparam ?table group of `ctr.intel_rdt`
-- @treturn[1] ?table nil where there is no group
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read(group)
  if not group or not group.path then
    return nil
  end
  local handles, err = open_all(group)
  if not handles then
    return nil, err
  end
  local stats = {}
  add_shares(stats, handles[1], handles[2])
  add_monitoring(stats, handles[1], handles[3])
  for _, handle in ipairs(handles) do
    handle:close()
  end
  return stats
end

return M

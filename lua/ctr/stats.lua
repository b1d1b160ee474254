--- What a container has used, under libcontainer's names.
-- @module ctr.stats

local M = {}

-- The parts, by their name in the result: each is given the container, and returns its part, nil
-- where there is none, or nil and an error.
local PARTS = {}

function PARTS.interfaces(container)
  if not container.interfaces then
    return {}
  end
  return require("ctr.network").stats(container)
end

function PARTS.cgroup_stats(container)
  return container.cgroup:stats()
end

function PARTS.intel_rdt_stats(container)
  if not container.rdt then
    return nil
  end
  return require("ctr.intel_rdt").stats(container)
end

--- Reads them all.
-- @tparam ctr.Container container whose state is fresh
-- @treturn[1] table `interfaces`: a list of `name`, `host_interface_name`, `rx_bytes`,
-- `rx_packets`, `rx_errors`, `rx_dropped`, `tx_bytes`, `tx_packets`, `tx_errors`, `tx_dropped`, as
-- the container sees them; `cgroup_stats` (`ctr.cgroup.stats`); `intel_rdt_stats` where a group
-- is configured
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.of(container)
  local stats = {}
  for name, read in pairs(PARTS) do
    local part, err = read(container)
    if err then
      return nil, err
    end
    stats[name] = part
  end
  return stats
end

return M

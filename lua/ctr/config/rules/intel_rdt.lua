--- Rules about Intel's Resource Director Technology.
-- @module ctr.config.rules.intel_rdt

local M = {}

-- What lies in the root of resctrl, and is no class.
local RESERVED = {
  ["."] = true, [".."] = true, info = true, mon_data = true, mon_groups = true,
}

--- Checks the name of a class of service: a folder's name, or "/" for the root's own class.
function M.clos_id(name)
  if name == "" or name == "/" then
    return true
  end
  if RESERVED[name] or name:find("/", 1, true) then
    return nil, "must be the name of a folder in resctrl, or / for the root's own class"
  end
  if name:find("%c") or #name > 255 then
    return nil, "must not contain control characters, nor more than 255 bytes"
  end
  return true
end

-- Lines that start as they have to; what follows is the kernel's to judge.
local function check_lines(text, pattern, example)
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    if not line:find(pattern) or line:find("%c") then
      return nil, "must start as in " .. example
    end
  end
  return true
end

local function check_schema(text, pattern, example)
  if text == "" then
    return true
  end
  return check_lines(text, pattern, example)
end

--- Checks the schema of the third level cache; with code and data apart it has two lines.
function M.l3_schema(text)
  return check_schema(text, "^L3%u*:", "L3:0=f;1=f")
end

--- Checks the schema of memory bandwidth.
function M.bandwidth_schema(text)
  if text:find("\n", 1, true) then
    return nil, "must be one line"
  end
  return check_schema(text, "^MB:", "MB:0=70;1=20")
end

--- Checks one line of schemata.
function M.schema_line(text)
  if text:find("\n", 1, true) then
    return nil, "must be one line"
  end
  return check_lines(text, "^[%w_]+:", "L2:0=f")
end

--- Finds what this machine lacks for a configuration.
-- @tparam function add `add(problems, path, text)`
-- @tparam table problems
-- @tparam table rdt the configuration's
-- @tparam table probe `intel_rdt()` returns a table of what there is, or nil and an error
function M.machine(add, problems, rdt, probe)
  local there, err = probe.intel_rdt()
  if not there then
    add(problems, "intel_rdt", "needs Intel RDT: " .. tostring(err))
    return
  end
  if rdt.l3_cache_schema ~= "" and not there.l3 then
    add(problems, "intel_rdt.l3_cache_schema", "needs Intel RDT's cache allocation, which this "
      .. "machine does not have or not enable")
  end
  if rdt.mem_bw_schema ~= "" and not there.mb then
    add(problems, "intel_rdt.mem_bw_schema", "needs Intel RDT's bandwidth allocation, which this "
      .. "machine does not have or not enable")
  end
  if rdt.enable_monitoring and not there.monitoring then
    add(problems, "intel_rdt.enable_monitoring", "needs Intel RDT's monitoring, which this machine "
      .. "does not have or not enable")
  end
end

return M

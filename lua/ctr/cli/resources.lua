--- What `lctr update` is asked to change: OCI's resources of a document or of options. Pure.
-- @module ctr.cli.resources

local M = {}

-- Which members can be changed. "number": 0 is as good as absent; "text": so is ""; "any": each
-- value counts; "option": 0 counts where a person wrote it, and not in a document, where engines
-- leave it for what they have nothing to say of.
local MEMBERS = {
  memory = { limit = "number", reservation = "number", swap = "number", checkBeforeUpdate = "any" },
  cpu = {
    shares = "number", quota = "number", period = "number", burst = "option",
    realtimePeriod = "number", realtimeRuntime = "number", cpus = "text", mems = "text",
    idle = "any",
  },
  pids = { limit = "option" },
  blockIO = {
    weight = "number", weightDevice = "list", throttleReadBpsDevice = "list",
    throttleWriteBpsDevice = "list", throttleReadIOPSDevice = "list",
    throttleWriteIOPSDevice = "list",
  },
}
local WHOLE = { "hugepageLimits", "unified" }
local NOTHING = { number = 0, text = "" }

local function is_change(value, kind, are_options)
  if value == nil or type(value) == "userdata" then -- null
    return false
  end
  if kind == "list" and type(value) == "table" then
    return next(value) ~= nil
  end
  if kind == "option" then
    kind = are_options and "any" or "number"
  end
  return value ~= NOTHING[kind]
end

local function changing_members(group, kinds, are_options)
  if type(group) ~= "table" then
    return group -- of a wrong type: refused where it is read
  end
  local result = {}
  for name, kind in pairs(kinds) do
    if is_change(group[name], kind, are_options) then
      result[name] = group[name]
    end
  end
  return next(result) ~= nil and result or nil
end

-- Memory that is not limited is not swapped by a limit.
local function lift_swap(memory)
  if type(memory) == "table" and memory.limit == -1 and memory.swap == nil then
    memory.swap = -1
  end
end

--- Leaves the members that ask for a change: not what is absent, null, empty or 0, nor what cannot
-- be changed.
-- @tparam table object OCI's `linux.resources`
-- @tparam[opt] boolean are_options it was made of the command's options
-- @treturn table a new one
function M.changing(object, are_options)
  local result = {}
  for name, kinds in pairs(MEMBERS) do
    if is_change(object[name], "any") then
      result[name] = changing_members(object[name], kinds, are_options)
    end
  end
  for _, name in ipairs(WHOLE) do
    if is_change(object[name], "list") then
      result[name] = object[name]
    end
  end
  lift_swap(result.memory)
  return result
end

local FACTORS = { [""] = 1, b = 1, k = 2 ^ 10, m = 2 ^ 20, g = 2 ^ 30, t = 2 ^ 40 }

-- "64m", "64mb", "64MiB", "-1".
local function bytes(text)
  if text == "-1" then
    return -1
  end
  local number, unit = text:lower():match("^(%d+%.?%d*)%s*([bkmgt]?)i?b?$")
  local value = number and tonumber(number) * FACTORS[unit]
  return value and value < 2 ^ 53 and math.floor(value) or nil
end

local function integer(text)
  local number = text:find("^-?%d+$") and tonumber(text)
  return number and math.abs(number) < 2 ^ 53 and number or nil
end

local function plain(text)
  return text
end

-- Where an option's value belongs, and how it is read.
local OPTIONS = {
  memory = { "memory", "limit", bytes },
  ["memory-reservation"] = { "memory", "reservation", bytes },
  ["memory-swap"] = { "memory", "swap", bytes },
  ["cpu-quota"] = { "cpu", "quota", integer },
  ["cpu-period"] = { "cpu", "period", integer },
  ["cpu-burst"] = { "cpu", "burst", integer },
  ["cpu-share"] = { "cpu", "shares", integer },
  ["cpu-rt-period"] = { "cpu", "realtimePeriod", integer },
  ["cpu-rt-runtime"] = { "cpu", "realtimeRuntime", integer },
  ["cpu-idle"] = { "cpu", "idle", integer },
  ["cpuset-cpus"] = { "cpu", "cpus", plain },
  ["cpuset-mems"] = { "cpu", "mems", plain },
  ["pids-limit"] = { "pids", "limit", integer },
  ["blkio-weight"] = { "blockIO", "weight", integer },
}
local RDT = { ["l3-cache-schema"] = "l3_cache_schema", ["mem-bw-schema"] = "mem_bw_schema" }

local function intel_rdt(values)
  local rdt = {}
  for option, key in pairs(RDT) do
    if values[option] and values[option] ~= "" then
      rdt[key] = values[option]
    end
  end
  return next(rdt) ~= nil and rdt or nil
end

--- Makes resources of the options of the command.
-- @tparam table values
-- @treturn[1] table OCI's `linux.resources`
-- @treturn[1] ?table `intel_rdt` of a configuration
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.of_options(values)
  local object = {}
  for option, row in pairs(OPTIONS) do
    local text = values[option]
    if text and text ~= "" then
      local group, name, read = unpack(row)
      object[group] = object[group] or {}
      object[group][name] = read(text)
      if object[group][name] == nil then
        return nil, ("--%s: %q is not %s"):format(option, text,
          read == bytes and "a number of bytes" or "a whole number")
      end
    end
  end
  return object, intel_rdt(values)
end

return M

--- OCI documents as text: members in the order of the specification, which people read them in, and
-- integers beyond 2^53, decimal digits on the Lua side, as numbers.
-- @module ctr.oci.text

local core = require("ctr.core")
local shapes = require("ctr.oci.shapes")

local M = {}

local INDENT = "  "
local NONE = {}

-- The order of members; what is not here comes last, by alphabet.
local ORDER = {}
for name in ([[
  ociVersion process root hostname domainname mounts hooks annotations linux ctr
  terminal consoleSize height width user uid gid umask additionalGids args env cwd capabilities
  bounding effective inheritable permitted ambient rlimits noNewPrivileges apparmorProfile
  oomScoreAdj scheduler policy nice runtime deadline period selinuxLabel ioPriority
  execCPUAffinity initial final
  destination allow type source options name names path readonly timeout
  prestart createRuntime createContainer startContainer poststart poststop
  uidMappings gidMappings containerID hostID size timeOffsets secs nanosecs sysctl
  cgroupsPath resources devices memory cpu pids blockIO hugepageLimits network rdma unified
  limit reservation swap kernel kernelTCP swappiness disableOOMKiller useHierarchy
  checkBeforeUpdate shares quota burst realtimeRuntime realtimePeriod cpus mems idle
  major minor access fileMode weight leafWeight rate weightDevice throttleReadBpsDevice
  throttleWriteBpsDevice throttleReadIOPSDevice throttleWriteIOPSDevice pageSize classID
  priorities priority hcaHandles hcaObjects
  namespaces netDevices seccomp defaultAction defaultErrnoRet architectures flags listenerPath
  listenerMetadata syscalls action errnoRet index value valueTwo op rootfsPropagation maskedPaths
  readonlyPaths mountLabel intelRdt closID schemata l3CacheSchema memBwSchema enableMonitoring
  memoryPolicy mode nodes personality domain soft hard
]]):gmatch("%S+") do
  ORDER[#ORDER + 1] = name
  ORDER[name] = #ORDER
end

local function comes_before(one, other)
  local a, b = ORDER[one] or math.huge, ORDER[other] or math.huge
  if a ~= b then
    return a < b
  end
  return one < other
end

local function sorted_names(object)
  local names = {}
  for name in pairs(object) do
    names[#names + 1] = name
  end
  table.sort(names, comes_before)
  return names
end

local ARRAY = getmetatable(core.json.array({}))

local function is_array(value)
  return getmetatable(value) == ARRAY or value[1] ~= nil
end

local function scalar(value, shape)
  if shape.is_integer and type(value) == "string" then
    return value
  end
  local text = core.json.encode({ value })
  return text and text:sub(2, -2)
end

local function shape_of(shape, key)
  local part = shape.fields and shape.fields[key] or shape.item or shape.value
  return part and shapes.resolve(part) or NONE
end

local encode

local function add_entries(parts, keys, value, shape, indent)
  for index, key in ipairs(keys) do
    parts[#parts + 1] = (index > 1 and ",\n" or "\n") .. indent .. INDENT
    if type(key) == "string" then
      parts[#parts + 1] = scalar(key, NONE) .. ": "
    end
    encode(parts, value[key], shape_of(shape, key), indent .. INDENT)
  end
end

local function indices(list)
  local keys = {}
  for index = 1, #list do
    keys[index] = index
  end
  return keys
end

function encode(parts, value, shape, indent)
  if type(value) ~= "table" then
    parts[#parts + 1] = scalar(value, shape)
    return
  end
  local array = is_array(value)
  local keys = array and indices(value) or sorted_names(value)
  parts[#parts + 1] = array and "[" or "{"
  add_entries(parts, keys, value, shape, indent)
  parts[#parts + 1] = (#keys > 0 and "\n" .. indent or "") .. (array and "]" or "}")
end

--- Writes a document.
-- @tparam table spec of what JSON has, as `ctr.oci.spec` makes it
-- @treturn[1] string with a newline at its end
-- @return[2] nil
-- @treturn[2] ctr.Error what has no JSON
function M.encode(spec)
  local ok, err = core.json.encode(spec) -- says what is no JSON
  if not ok then
    return nil, err
  end
  local parts = {}
  encode(parts, spec, shapes.spec, "")
  parts[#parts + 1] = "\n"
  return table.concat(parts)
end

return M

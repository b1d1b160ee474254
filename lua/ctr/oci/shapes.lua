--- The shape of an OCI runtime configuration (version 1.3, Linux): the one list of its members.
-- What it does not name is left out without a word, as the specification has it; so are the parts
-- for other systems (`windows`, `solaris`, `vm`, `zos`).
-- @module ctr.oci.shapes

local shape = require("ctr.config.shape")
local units = require("ctr.config.units")
local words = require("ctr.config.words")

local M = {}

local INT32_MAX = 2 ^ 31 - 1
local UINT32_MAX = 2 ^ 32 - 1
local INT64_MAX = "9223372036854775807"
local UINT64_MAX = words.UNLIMITED

local OPEN = { open = true, optional = true }
local OPTIONAL = { optional = true }

-- Numbers beyond 2^53 come from the decoder as decimal digits.
local function is_digits(text, largest)
  return #text > 15 and not text:find("^0") and not units.decimal_less(largest, text)
end

local function read_uint64(value)
  local is_valid = units.is_integer(value) and value >= 0
    or type(value) == "string" and value:find("^%d+$") and is_digits(value, UINT64_MAX)
  if is_valid then
    return value
  end
  return nil, "must be an integer from 0 to 18446744073709551615"
end

local function read_int64(value)
  local digits = type(value) == "string" and value:match("^%-?(%d+)$")
  if units.is_integer(value) or digits and is_digits(digits, INT64_MAX) then
    return value
  end
  return nil, "must be an integer of 64 bits"
end

local function large(accept, optional)
  local kind = shape.any({ accept = accept, optional = optional })
  kind.is_integer = true -- for who writes it: its digits are a number
  return kind
end

local required_uint64 = large(read_uint64)
local uint64 = large(read_uint64, true)
local int64 = large(read_int64, true)

local function integer(min, max, is_required)
  return shape.integer({ min = min, max = max, optional = not is_required })
end

local uint16 = integer(0, 65535)
local uint32 = integer(0, UINT32_MAX)
local required_uint32 = integer(0, UINT32_MAX, true)
local int32 = integer(-INT32_MAX - 1, INT32_MAX)

local boolean = shape.boolean(OPTIONAL)
local required_boolean = shape.boolean()
local required_string = shape.string({ empty = false })
-- Go's encoders leave an empty string out: it says nothing.
local text = shape.string({ optional = true, unset = "" })

local function enum(list, is_required)
  return shape.enum(list, { optional = not is_required, unset = not is_required and "" or nil })
end

local function list(item, options)
  return shape.list(item, options or OPTIONAL)
end

local strings = list(shape.string())

-- What few documents have is made when one has it: the list is long, and a command short.
local function lazily(make, options)
  local made
  return shape.lazy(function()
    made = made or make()
    return made
  end, options)
end

--- The shape that a part stands for.
-- @tparam table part of these shapes
-- @treturn table
function M.resolve(part)
  return part.kind == "lazy" and part.load() or part
end

-- Fields, or a function that makes them.
local function item(fields, options)
  if type(fields) == "function" then
    return lazily(function()
      return shape.record(fields(), { open = true })
    end, options)
  end
  return shape.record(fields, options or { open = true })
end

local function object(fields)
  return item(fields, OPEN)
end

local function list_of(fields)
  return list(item(fields))
end

local function absolute(path)
  if path:sub(1, 1) == "/" then
    return true
  end
  return nil, "must be an absolute path"
end

local required_path = shape.string({ check = absolute })
local paths = list(shape.string({ check = absolute }))

local capabilities = object({
  bounding = strings, effective = strings, inheritable = strings, permitted = strings,
  ambient = strings,
})

local scheduler = object(function()
  return {
    policy = required_string, nice = int32, priority = int32, flags = strings,
    runtime = uint64, deadline = uint64, period = uint64,
  }
end)

--- The fields of a process object.
local process = {
  terminal = boolean,
  consoleSize = object(function()
    return { height = integer(0, 65535, true), width = integer(0, 65535, true) }
  end),
  user = object({
    uid = uint32, gid = uint32, umask = uint32, additionalGids = list(required_uint32),
  }),
  args = list(shape.string(), { optional = true, min = 1 }),
  env = strings,
  cwd = required_path,
  capabilities = capabilities,
  rlimits = list_of({
    type = required_string, soft = required_uint64, hard = required_uint64,
  }),
  noNewPrivileges = boolean,
  apparmorProfile = text,
  selinuxLabel = text,
  oomScoreAdj = integer(-1000, 1000),
  scheduler = scheduler,
  ioPriority = object(function()
    return { class = required_string, priority = integer(0, 7) }
  end),
  execCPUAffinity = object(function()
    return { initial = text, final = text }
  end),
}

local id_mappings = list_of(function()
  return { containerID = required_uint32, hostID = required_uint32, size = required_uint32 }
end)

local function has_type(mount)
  if mount.type then
    return true
  end
  for _, option in ipairs(mount.options or {}) do
    if option == "bind" or option == "rbind" or option == "remount" then
      return true
    end
  end
  return nil, "is required: only a bind mount and a remount have none", "type"
end

local mount = shape.record({
  destination = required_string, source = text, type = text, options = strings,
  uidMappings = id_mappings, gidMappings = id_mappings,
}, { open = true, check = has_type })

local hooks = list_of(function()
  return { path = required_path, args = strings, env = strings, timeout = integer(1, INT32_MAX) }
end)

local throttles = list_of(function()
  return { major = required_uint32, minor = required_uint32, rate = required_uint64 }
end)

local device_rule = shape.record({
  allow = required_boolean, type = enum({ "a", "b", "c", "u" }),
  major = integer(-1, UINT32_MAX), minor = integer(-1, UINT32_MAX), access = required_string,
}, { open = true })

--- The fields of a resources object.
local resources = {
  devices = list(device_rule),
  memory = object(function()
    return {
      limit = int64, reservation = int64, swap = int64, kernel = int64, kernelTCP = int64,
      swappiness = integer(0, 100), disableOOMKiller = boolean, useHierarchy = boolean,
      checkBeforeUpdate = boolean,
    }
  end),
  cpu = object(function()
    return {
      shares = uint64, quota = int64, burst = uint64, period = uint64, realtimeRuntime = int64,
      realtimePeriod = uint64, cpus = text, mems = text, idle = integer(0, 1),
    }
  end),
  pids = object(function()
    return { limit = int64 }
  end),
  blockIO = object(function()
    return {
      weight = uint16, leafWeight = uint16,
      weightDevice = list_of({
        major = required_uint32, minor = required_uint32, weight = uint16, leafWeight = uint16,
      }),
      throttleReadBpsDevice = throttles, throttleWriteBpsDevice = throttles,
      throttleReadIOPSDevice = throttles, throttleWriteIOPSDevice = throttles,
    }
  end),
  hugepageLimits = list_of(function()
    return { pageSize = required_string, limit = required_uint64 }
  end),
  network = object(function()
    return {
      classID = uint32,
      priorities = list_of({ name = required_string, priority = required_uint32 }),
    }
  end),
  rdma = shape.map(item(function()
    return { hcaHandles = uint32, hcaObjects = uint32 }
  end), OPTIONAL),
  unified = shape.map(shape.string(), OPTIONAL),
}

local seccomp = object(function()
  return {
    defaultAction = text,
    defaultErrnoRet = uint32,
    architectures = strings,
    flags = strings,
    listenerPath = text,
    listenerMetadata = text,
    syscalls = list_of({
      names = list(required_string, { min = 1 }),
      action = required_string,
      errnoRet = uint32,
      args = list_of({
        index = required_uint32, value = required_uint64, valueTwo = uint64, op = required_string,
      }),
    }),
  }
end)

local NAMESPACES = { "cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts" }
local PROPAGATIONS = {
  "private", "rprivate", "rshared", "rslave", "runbindable", "shared", "slave", "unbindable",
}
local CLOCKS = { boottime = true, monotonic = true }

local linux = object({
  namespaces = list_of({ type = enum(NAMESPACES, true), path = text }),
  uidMappings = id_mappings,
  gidMappings = id_mappings,
  timeOffsets = shape.map(item(function()
    return { secs = int64, nanosecs = uint32 }
  end), {
    optional = true,
    key = function(name)
      return CLOCKS[name] and name or nil, "is not a clock: these are boottime and monotonic"
    end,
  }),
  devices = list_of(function()
    return {
      type = enum({ "c", "b", "u", "p" }, true), path = required_path,
      major = integer(0, UINT32_MAX), minor = integer(0, UINT32_MAX),
      fileMode = uint32, uid = uint32, gid = uint32,
    }
  end),
  netDevices = shape.map(item(function()
    return { name = text }
  end), OPTIONAL),
  cgroupsPath = text,
  resources = object(resources),
  intelRdt = object(function()
    return {
      closID = text, schemata = strings, l3CacheSchema = text, memBwSchema = text,
      enableMonitoring = boolean,
    }
  end),
  memoryPolicy = object(function()
    return { mode = required_string, nodes = text, flags = strings }
  end),
  sysctl = shape.map(shape.string(), OPTIONAL),
  seccomp = seccomp,
  rootfsPropagation = enum(PROPAGATIONS),
  maskedPaths = paths,
  readonlyPaths = paths,
  mountLabel = text,
  personality = object(function()
    return { domain = required_string, flags = strings }
  end),
})

local function annotation_name(name)
  if name == "" or name:find("=", 1, true) then
    return nil, "is not the name of an annotation: it must not be empty, nor contain `=`"
  end
  return name
end

local function is_object(value)
  if type(value) == "table" then
    return true
  end
  return nil, "must be a table"
end

-- Where a process object stands alone, it names a program.
local function complete(fields)
  local all = {}
  for name, field in pairs(fields) do
    all[name] = field
  end
  all.args = list(shape.string(), { min = 1 })
  return all
end

--- An OCI configuration, as `config.json` holds it.
M.spec = shape.record({
  ociVersion = required_string,
  root = item({ path = required_string, readonly = boolean }),
  process = object(process),
  mounts = list(mount),
  hostname = text,
  domainname = text,
  hooks = object(function()
    return {
      prestart = hooks, createRuntime = hooks, createContainer = hooks, startContainer = hooks,
      poststart = hooks, poststop = hooks,
    }
  end),
  annotations = shape.map(shape.string(), { optional = true, key = annotation_name }),
  linux = linux,
  ctr = shape.any({ optional = true, check = is_object }),
}, { open = true })

--- A process object, as `exec --process` takes it: complete.
M.process = item(function()
  return complete(process)
end)

--- A resources object, as `update --resources` takes it.
M.resources = item(function()
  return resources
end)

return M

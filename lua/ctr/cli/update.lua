--- `lctr update`: changes what a container may use.
-- @module ctr.cli.update

local core = require("ctr.core")
local errors = require("ctr.errors")
local requests = require("ctr.cli.resources")

local SIZE_MAX = 16 * 1024 * 1024

local function read_all(handle)
  local parts, size = {}, 0
  while true do
    local data, err = core.fd.read(handle, 65536)
    if not data then
      return nil, err
    end
    size = size + #data
    if size > SIZE_MAX then
      return nil, "the resources are larger than 16 MiB"
    end
    if data == "" then
      return table.concat(parts)
    end
    parts[#parts + 1] = data
  end
end

local function read_document(path)
  if path == "-" then
    return read_all(0)
  end
  local handle, err = core.fd.open(path, { flags = { "rdonly" } })
  if not handle then
    return nil, err
  end
  local text, problem = read_all(handle)
  handle:close()
  return text, problem
end

local function decode(path)
  local text, err = read_document(path)
  if not text then
    return nil, err
  end
  local object, problem = core.json.decode(text)
  if type(object) == "table" then
    return object
  end
  return nil, errors.new("ConfigInvalid", "the resources are not a JSON object"
    .. (problem and ": " .. (problem.target or tostring(problem)) or ""))
end

-- What is asked for: from the document alone, where there is one.
local function request_of(values)
  if not values.resources then
    return requests.of_options(values)
  end
  local object, err = decode(values.resources)
  if not object then
    return nil, err
  end
  return object
end

local function changes_of(values)
  local object, rdt = request_of(values)
  if not object then
    return nil, rdt
  end
  local wanted = requests.changing(object)
  local changes = { intel_rdt = rdt }
  if next(wanted) ~= nil then
    local cgroups, err = require("ctr.oci").resources(wanted)
    if not cgroups then
      return nil, err
    end
    cgroups.devices = nil
    changes.cgroups = cgroups
  end
  return changes
end

return function(args, values, context)
  local changes, err = changes_of(values)
  if not changes then
    return nil, err
  end
  local container
  container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local status
  status, err = container:status()
  if not status then
    return nil, err
  end
  if status == "stopped" then
    return nil, "cannot update a container that has stopped"
  end
  if next(changes) == nil then
    return 0
  end
  local ok
  ok, err = container:set(changes)
  return ok and 0, err
end

--- `lctr update`: changes what a container may use.
-- @module ctr.cli.update

local core = require("ctr.core")
local document = require("ctr.oci.document")
local errors = require("ctr.errors")
local input = require("ctr.cli.input")
local requests = require("ctr.cli.resources")
local shapes = require("ctr.oci.shapes")

local function decode(path)
  local text, err = input.read(path)
  if not text then
    return nil, err
  end
  local object, problem = core.json.decode(text)
  if type(object) == "table" then
    return document.with_known_names(shapes.resources, object)
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
  local wanted = requests.changing(object, values.resources == nil)
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

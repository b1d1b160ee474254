--- `lctr spec`: writes a config.json to start from, or that of a description.
-- @module ctr.cli.spec

local core = require("ctr.core")
local ctr = require("ctr")
local errors = require("ctr.errors")

local NAME = "config.json"
local MODE = 420 -- 0644
local UNIFIED = "/sys/fs/cgroup/cgroup.controllers" -- where cgroup v2 is all there is

-- Numbers for the names in a process, from the container's own files: OCI has no others.
local function with_numbers(description)
  local config, process = description.config, description.process
  local schema = require("ctr.config.schema")
  local parsed, err = schema.parse(config)
  local fields
  if parsed then
    fields, err = schema.parse_process(process)
  end
  if not fields then
    return nil, err
  end
  local files = require("ctr.launch.account").read_files(parsed, function()
    return (core.path.open_root(parsed.rootfs))
  end) or {}
  local found
  found, err = require("ctr.user").resolve({ user = fields.user, passwd = files.passwd,
    additional_groups = fields.additional_groups, group = files.group })
  if not found then
    return nil, err
  end
  fields.user = ("%.0f:%.0f"):format(found.uid, found.gid)
  for index, group in ipairs(found.groups) do
    found.groups[index] = ("%.0f"):format(group)
  end
  fields.additional_groups = found.groups
  return fields
end

-- The handlers of a description (`on`) are those of the program that runs it, and not written.
local function spec_of_description(path, trust)
  local list, err = require("ctr.describe").load(path, { trust = trust })
  if not list then
    return nil, err
  end
  if #list > 1 then
    return nil, errors.new("ConfigInvalid", ("%s describes %d containers, and a bundle has one")
      :format(path, #list))
  end
  local process, problem = with_numbers(list[1])
  if not process then
    return nil, problem
  end
  local spec
  spec, err = ctr.oci.spec(list[1].config, process)
  if not spec or not list[1].oci then
    return spec, err
  end
  return require("ctr.describe.piece").patched(spec, list[1].oci)
end

-- The hierarchies of cgroup v1 need no namespace for a container to see no others than its own, and
-- whoever wants one adds it: two would be an error.
local function default_spec(is_rootless)
  local spec = ctr.oci.default({ rootless = is_rootless })
  if core.path.realpath(UNIFIED) then
    return spec
  end
  local kept = core.json.array({})
  for _, namespace in ipairs(spec.linux.namespaces) do
    if namespace.type ~= "cgroup" then
      kept[#kept + 1] = namespace
    end
  end
  spec.linux.namespaces = kept
  return spec
end

local function open_new(path)
  local handle, err = core.fd.open(path, { flags = { "wronly", "creat", "excl" }, mode = MODE })
  if handle then
    return handle
  end
  if err.errno == "EEXIST" then
    return nil, errors.new("ConfigInvalid", path .. " exists already: remove it first")
  end
  if err.errno == "ENOENT" then
    return nil, errors.new("ConfigInvalid", "the bundle is missing: " .. path:sub(1, -#NAME - 2))
  end
  return nil, errors.wrap(err, "write", path)
end

local function write(path, text)
  local handle, err = open_new(path)
  if not handle then
    return nil, err
  end
  local ok, problem = core.fd.write_all(handle, text)
  handle:close()
  if not ok then
    os.remove(path)
    return nil, errors.wrap(problem, "write", path)
  end
  return true
end

return function(_, values)
  local spec, err
  if values.from then
    spec, err = spec_of_description(values.from, values.trust)
  else
    spec = default_spec(values.rootless)
  end
  local text
  if spec then
    text, err = ctr.oci.encode(spec)
  end
  if not text then
    return nil, err
  end
  local ok, problem = write((values.bundle or ".") .. "/" .. NAME, text)
  if not ok then
    return nil, problem
  end
  return 0
end

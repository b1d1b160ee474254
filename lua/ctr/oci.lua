--- OCI runtime configurations (`config.json`, version 1.3, Linux) to and from the library's.
--
--     local spec = assert(ctr.oci.load("/bundle"))
--     local config, process = ctr.oci.config(spec, { id = "web", bundle = "/bundle" })
--     local container = assert(factory:create("web", config))
--     assert(container:run(ctr.process(process)))
--
-- Members that are not known are ignored, as the specification has it; a known one of a wrong type
-- is an error, whose `path` says where: `process.args[2]` (the first item of a list is 1).
-- @module ctr.oci

local core = require("ctr.core")
local document = require("ctr.oci.document")
local errors = require("ctr.errors")
local convert = require("ctr.oci.convert")
local processes = require("ctr.oci.process")
local resources = require("ctr.oci.resources")
local shapes = require("ctr.oci.shapes")

local M = {}

local NAME = "config.json"
local MANAGERS = { cgroupfs = true, systemd = true, none = true, rootless = true }

local function check_argument(value, kind, position, name)
  if type(value) ~= kind then
    error(("bad argument #%d to '%s' (%s expected, got %s)"):format(position, name, kind,
      type(value)), 3)
  end
end

-- The document, and what was read of it by its shape.
local function read(bundle, file)
  local path = file or bundle .. "/" .. NAME
  local text, err = document.read(path)
  if not text then
    return nil, err
  end
  local spec
  spec, err = document.decode(text, path, shapes.spec)
  if not spec then
    return nil, err
  end
  return document.check_decoded(shapes.spec, spec)
end

--- Reads and checks the configuration of a bundle.
-- @tparam string bundle the bundle's folder
-- @tparam[opt] string file another file than its `config.json`
-- @treturn[1] table as it was decoded, without the members that are null; those that the document
--   names in another case have the specification's names
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `path` is the first problem's, `problems` are all
-- @usage
-- local spec, err = ctr.oci.load("/no/bundle")
-- assert(not spec and err.code == "ConfigInvalid")
function M.load(bundle, file)
  check_argument(bundle, "string", 1, "load")
  local spec, err = read(bundle, file)
  if not spec then
    return nil, err
  end
  return spec
end

local function absolute(path)
  local real = core.path.realpath(path)
  if real then
    return real
  end
  return nil, errors.new("ConfigInvalid", "the bundle is missing: " .. path, { path = "bundle" })
end

local function callers_ids()
  local ids = core.proc.ids()
  return { uid = ids.euid, gid = ids.egid }
end

local function list_of_ignored()
  local list = {}
  return list, function(path, text)
    list[#list + 1] = { path = path, text = text }
  end
end

-- What the document's own member adds, to the configuration as the schema reads it.
local function apply_own(config, process, own)
  local schema = require("ctr.config.schema")
  local parsed, err = schema.parse(config)
  if parsed and process then
    process, err = schema.parse_process(process)
  end
  if not parsed or err then
    return nil, err
  end
  local patch = require("ctr.oci.patch")
  local all = patch.apply({ config = parsed, process = process },
    { config = own, process = own.process })
  all.config.process = nil
  return all.config, all.process
end

local function convert_parsed(parsed, opts)
  local bundle, err = absolute(opts.bundle or ".")
  if not bundle then
    return nil, err
  end
  local ignored, ignore = list_of_ignored()
  local config, process = convert.config(parsed, {
    id = opts.id, bundle = bundle, is_systemd = opts.cgroup_manager == "systemd",
    ignored = ignore, no_pivot_root = opts.no_pivot_root, no_new_keyring = opts.no_new_keyring,
    rootless = opts.rootless and callers_ids() or nil,
  })
  if config and parsed.ctr then
    config, process = apply_own(config, process, parsed.ctr)
  end
  if not config then
    return nil, process
  end
  return config, process, ignored
end

--- Turns an OCI configuration into the library's.
-- @tparam table spec left as it was
-- @tparam[opt] table opts `id` (of the container: the name of its cgroup where the document has
--   none), `bundle` (its folder, "." without it: relative paths count from there),
--   `cgroup_manager` ("cgroupfs", "systemd", "none" or "rootless": how `linux.cgroupsPath` is
--   read), `no_pivot_root`, `no_new_keyring`, `rootless`
-- @treturn[1] table for `factory:create`
-- @treturn[1] ?table for `ctr.process`; nil where the document names no program
-- @treturn[1] table what has no effect: `{ path, text }` each, for a log
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `path` is the first problem's, `problems` are all
-- @usage
-- local spec = ctr.oci.default()
-- local config, fields = ctr.oci.config(spec, { id = "web", bundle = "/tmp" })
-- print(assert(config).rootfs, fields.args[1])
function M.config(spec, opts)
  check_argument(spec, "table", 1, "config")
  opts = opts or {}
  if not MANAGERS[opts.cgroup_manager or "cgroupfs"] then
    error("bad argument #2 to 'config' (unknown cgroup_manager)", 2)
  end
  local parsed, err = document.check(shapes.spec, spec)
  if not parsed then
    return nil, err
  end
  return convert_parsed(parsed, opts)
end

-- `load` and `config` in one, for a start: the document is checked once.
-- @treturn[1] table the document
-- @treturn[1] table what `config` returns
-- @treturn[1] ?table
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.load_config(bundle, file, opts)
  local spec, parsed = read(bundle, file)
  if not spec then
    return nil, parsed
  end
  local config, process, ignored = convert_parsed(parsed, opts)
  if not config then
    return nil, process
  end
  return spec, config, process, ignored
end

--- Turns a process object into fields of `ctr.process`: all that it says, and nothing of the
-- container's configuration beside it.
-- @tparam table object left as it was
-- @treturn[1] table for `ctr.process`
-- @treturn[1] table what has no effect: `{ path, text }` each, for a log
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; every path starts with `process`
-- @usage
-- local fields = assert(ctr.oci.process({ args = { "/bin/sh" }, cwd = "/" }))
-- assert(fields.args[1] == "/bin/sh")
function M.process(object)
  check_argument(object, "table", 1, "process")
  local parsed, err = document.check(shapes.process, object, "process")
  if not parsed then
    return nil, err
  end
  local ignored, ignore = list_of_ignored()
  return processes.complete(parsed, ignore), ignored
end

--- Turns a resources object, as an update has it, into `cgroups` for `container:set`.
-- What is left out, null, "" or 0 stays as it is; -1 is no limit. Devices are left alone.
-- @tparam table object left as it was
-- @treturn[1] table `cgroups`
-- @treturn[1] nil in the place of `intel_rdt`, which such an object has not
-- @treturn[1] table what has no effect: `{ path, text }` each, for a log
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; every path starts with `resources`
-- @usage
-- local cgroups = assert(ctr.oci.resources({ memory = { limit = 67108864 } }))
-- assert(container:set({ cgroups = cgroups }))
function M.resources(object)
  check_argument(object, "table", 1, "resources")
  local parsed, err = document.check(shapes.resources, object, "resources")
  if not parsed then
    return nil, err
  end
  local ignored, ignore = list_of_ignored()
  local cgroups = resources.update(parsed, function(path, text)
    ignore("resources." .. path, text)
  end)
  return cgroups, nil, ignored
end

--- Turns a configuration of the library's into an OCI one.
-- What OCI has no member for goes into a member `ctr`, which `config` reads and other runtimes
-- ignore; what JSON cannot hold (functions, descriptors) is refused by its key.
-- @tparam table config plain or normalised (`container:config()`)
-- @tparam[opt] table process fields of `ctr.process`
-- @tparam[opt] table opts `cgroup_manager`: "systemd" for a `linux.cgroupsPath` of its form
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
-- @usage
-- local spec = assert(ctr.oci.spec(container:config(), { args = { "/bin/sh" } }))
-- print(spec.root.path)
function M.spec(config, process, opts)
  check_argument(config, "table", 1, "spec")
  return require("ctr.oci.back").spec(config, process, opts and opts.cgroup_manager == "systemd")
end

--- Makes the configuration that a new bundle gets.
-- @tparam[opt] table options `rootless`: for a caller without privilege, with a user namespace in
--   which the caller is root
-- @treturn table
-- @usage
-- local spec = ctr.oci.default()
-- spec.hostname = "web"
-- print(assert(ctr.oci.encode(spec)))
function M.default(options)
  local rootless = options and options.rootless or false
  return require("ctr.oci.default").spec(rootless and callers_ids() or nil)
end

--- Writes an OCI configuration as text, its members in the order of the specification.
-- @tparam table spec
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`: what has no JSON
-- @usage
-- print(assert(ctr.oci.encode(ctr.oci.default())))
function M.encode(spec)
  check_argument(spec, "table", 1, "encode")
  return require("ctr.oci.text").encode(spec)
end

return M

--- What `lctr create` and `lctr run` share: a container of a bundle, its process started.
-- @module ctr.cli.launching

local context_module = require("ctr.cli.context")
local ctr = require("ctr")
local oci = require("ctr.oci")

local M = {}

local STREAMS = { "stdin", "stdout", "stderr" }

local function read_bundle(id, values, manager)
  local bundle = context_module.absolute(values.bundle or ".")
  local spec, err = oci.load(bundle, values.config)
  if not spec then
    return nil, err
  end
  local config, fields = oci.config(spec, {
    id = id, bundle = bundle, cgroup_manager = manager,
    no_pivot_root = values["no-pivot"], no_new_keyring = values["no-new-keyring"],
  })
  if not config then
    return nil, fields
  end
  return config, fields, spec
end

-- A detached process has lctr's own streams: whoever waits for their end waits for its.
local function inherit_streams(fields)
  for _, name in ipairs(STREAMS) do
    fields[name] = "inherit"
  end
end

--- Makes a container of the bundle that the options name, and starts its process.
-- @tparam string id
-- @tparam table values options of the command
-- @tparam table context
-- @tparam string mode "start" (it waits to be executed) or "run"
-- @treturn[1] ctr.Container
-- @treturn[1] ctr.Process
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.create(id, values, context, mode)
  local factory, err = context:factory()
  if not factory then
    return nil, err
  end
  local config, fields = read_bundle(id, values, factory.manager)
  if not config then
    return nil, fields
  end
  local container
  container, err = factory:create(id, config)
  if not container then
    return nil, err
  end
  if fields.terminal then
    fields.console_socket = values["console-socket"]
  else
    inherit_streams(fields)
  end
  local process = ctr.process(fields)
  local ok
  ok, err = container[mode](container, process)
  if not ok then
    container:destroy()
    return nil, err
  end
  return container, process
end

return M

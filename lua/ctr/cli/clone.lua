--- `lctr clone`: makes a container of a checkpoint, beside others of the same one. Nobody waits for
-- it.
-- @module ctr.cli.clone

local checkpointing = require("ctr.cli.checkpointing")
local context_module = require("ctr.cli.context")
local core = require("ctr.core")
local errors = require("ctr.errors")
local launching = require("ctr.cli.launching")

local CONFIG_MAX = 16 * 1024 * 1024

local function read_config(path)
  local handle, err = core.fd.open(path, { flags = { "rdonly", "nonblock", "noctty" } })
  if not handle then
    return nil, err
  end
  local text
  text, err = core.path.read_fd(handle, CONFIG_MAX)
  handle:close()
  local config
  if text then
    config, err = core.json.decode(text)
  end
  if err then
    return nil, errors.wrap(err, "read", path)
  elseif type(config) ~= "table" then
    return nil, errors.new("ConfigInvalid", path .. ": must be an object of a configuration's keys")
  end
  return config
end

-- An address alone is eth0's.
local function add_addresses(config, words)
  config.networks = config.networks or (words and {})
  for _, word in ipairs(words or {}) do
    local name, address = word:match("^([^=]*)=(.*)$")
    address = address or word
    table.insert(config.networks, { name = name,
      [address:find(":", 1, true) and "ipv6_address" or "address"] = address })
  end
end

local function overrides_of(values)
  local config, err = {}, nil
  if values.config then
    config, err = read_config(context_module.absolute(values.config))
  end
  if not config then
    return nil, err
  end
  config.hostname = values.hostname or config.hostname
  config.rootfs = values.rootfs and context_module.absolute(values.rootfs) or config.rootfs
  add_addresses(config, values.address)
  config.criu = checkpointing.options(values)
  config.criu.images_directory = nil
  return config
end

-- lctr's own streams, where the checkpoint's led out of the container.
local function process_of(image, values)
  local socket = values["console-socket"]
  if socket and socket ~= "" then
    return { console_socket = context_module.absolute(socket) }
  end
  local streams, has_terminal = require("ctr.criu.ahead").streams(image)
  if not streams then
    return nil, has_terminal
  elseif has_terminal then
    return nil, errors.new("ConfigInvalid", "a process with a terminal wants --console-socket when "
      .. "nobody waits for it")
  end
  local fields = {}
  for _, name in ipairs(streams) do
    fields[name] = "inherit"
  end
  return fields
end

return function(args, values, context)
  local image, id = context_module.absolute(args[1]), args[2]
  local overrides, err = overrides_of(values)
  local factory
  if overrides then
    factory, err = context:factory()
  end
  if factory then
    overrides.process, err = process_of(image, values)
  end
  if err then
    return nil, err
  end
  local container, process = factory:clone(image, id, overrides)
  if not container then
    return nil, process
  end
  local ok
  ok, err = launching.write_pid(values, process)
  if not ok then
    launching.discard(container)
    return nil, err
  end
  return 0
end

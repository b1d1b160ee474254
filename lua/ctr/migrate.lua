--- Live migration: a running container goes on elsewhere, and is never in two places at once.
--
--     -- where it comes from                    -- where it goes to, in another program
--     ctr.migrate(container,                    ctr.receive_migration(socket,
--       { socket = socket }, opts)                { factory = factory, directory = "/var/lib/…" })
--
-- The stream between both is the caller's, who so decides who may speak and whether it is
-- encrypted. Both ends may be this program: `ctr.migrate(container, { factory = …, … })`.
-- @module ctr.migrate

local errors = require("ctr.errors")
local options_module = require("ctr.migrate.options")

local M = {}

local function check_target(target)
  if type(target) ~= "table" then
    error("bad argument #2 to 'migrate' (table expected, got " .. type(target) .. ")", 3)
  elseif target.socket ~= nil and target.factory ~= nil then
    return nil, errors.invalid({ { path = "socket",
      text = "leads to another program: the factory is that one's" } })
  end
  return true
end

local function connect_to(target, options, container)
  if target.socket ~= nil then
    return require("ctr.migrate.there").new(target.socket, options, container)
  end
  local settings, err = options_module.parse_target(target)
  if not settings then
    return nil, err
  end
  return require("ctr.migrate.here").new(settings)
end

--- Migrates a running container: `ctr.migrate`.
function M.migrate(container, target, opts)
  local ok, err = check_target(target)
  local options
  if ok then
    options, err = options_module.parse(opts or {})
  end
  if not options then
    return nil, err
  end
  return require("ctr.migrate.source").run(container, options, function()
    return connect_to(target, options, container)
  end)
end

--- Receives one container: `ctr.receive_migration`.
function M.receive(socket, target)
  local settings, err = options_module.parse_target(target)
  if not settings then
    return nil, err
  elseif settings.config == nil then
    return nil, errors.invalid({ { path = "config", text = "is required" } })
  elseif settings.network_namespace ~= nil then
    return nil, errors.invalid({ { path = "network_namespace",
      text = "is for a target in the source's own program" } })
  end
  return require("ctr.migrate.serve").run(socket, settings)
end

return M

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

--- Migrates a running container. A failure leaves the source as it was: `err.source` is "running";
-- "restored" where it had ended and was restored of the images (`err.process` is its first process
-- then); "stopped" where it is not known whether the target runs, or where the pages are at the
-- receiving end alone. The source is destroyed when the target runs.
-- @tparam ctr.Container container
-- @tparam table target `socket`: a stream to `ctr.receive_migration` of another program (a
-- descriptor, or `{ input =, output = }`), which is not closed; or the receiving end in this one,
-- as `ctr.receive_migration` takes it: there `config` may be left out, and `network_namespace` (a
-- path or descriptor) says which host's it is
-- @tparam[opt] table opts
--
-- * `method`: "pre-copy", "stop-and-copy" or "post-copy"; without it pre-copy where the kernel
--   tracks which pages are written to, else stop-and-copy
-- * `max_rounds` (5), `dirty_limit` ("4M"): pre-dumps end when one wrote no more than that, or
--   hardly less than the one before
-- * `page_server` (false): pages go to CRIU's page server at the receiving end
-- * `lazy_server`: `{ address =, port = }` where this end serves pages after a post-copy
-- * `directory`: a folder of this end for images; not where both ends are this program
-- * `process`: gets the first process where the source has to be restored
-- * `progress`: is called with a table whose `phase` is "round" (with `number`, `pages`, `bytes`),
--   "dump", "transfer", "restore" and "go": all is there, and the target is told to run. An error
--   that it raises ends the migration
-- * `timeout` (120): seconds that the other end may say nothing
-- * of `container:checkpoint`: `tcp_established`, `tcp_skip_in_flight`, `file_locks`, `link_remap`,
--   `external_unix_connections`, `shell_job`, `manage_cgroups_mode`, `empty_ns`, `network_lock`
-- @treturn[1] table `method`, `fallback` (why there was no pre-copy), `rounds` (`{ pages =,
-- bytes =, sent =, seconds = }` each, the last dump included), `bytes` (sent), `down_time` and
-- `total` (seconds), `warning` (why what is left of the source could not be destroyed); with both
-- ends here `container` and `process`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `ContainerNotRunning`, `SystemError`
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

--- Receives one container from `ctr.migrate` of another program. What is received runs; a failure
-- leaves nothing but images that may be all that is left of it (`err.images`).
-- @param socket a stream: a descriptor, or `{ input =, output = }`; it is not closed
-- @tparam table target `factory`; `directory`: a folder for images; `config`: a configuration, or a
-- function that is given the source's and its id and returns one, or nil and why it refuses; `id`:
-- the source's without it; `process`: gets the first process; `page_server`: where one may listen,
-- `{ address =, port = }`; `max_bytes` ("64G") of images; `timeout` (120 seconds)
-- @treturn[1] table `container`, `process`, `bytes` (received)
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`
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

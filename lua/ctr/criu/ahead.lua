--- All that can be known of a clone before anything is made: what the images say, what it has of
-- its own, whether both fit.
-- @module ctr.criu.ahead

local bit = require("bit")
local core = require("ctr.core")
local errors = require("ctr.errors")
local fit = require("ctr.criu.fit")
local folders = require("ctr.criu.folders")
local needs_module = require("ctr.criu.needs")
local networks = require("ctr.config.schema.network")
local options_module = require("ctr.criu.options")
local overrides_module = require("ctr.criu.overrides")
local planner = require("ctr.plan")
local process_module = require("ctr.process")
local streams = require("ctr.criu.streams")
local walker = require("ctr.config.walker")

local M = {}

local OURS = "ctr.json"
local OF_OTHERS = 18 -- 022: who may write
local REMAPS = "remap-fpath.img" -- there are files in it that were unlinked

-- What is said of `process` and `criu` is none of the configuration.
local BESIDE = { process = true, criu = true }

-- What a checkpoint is told alone, or what a clone settles itself.
local NOT_OURS = { "images_directory", "leave_running", "pre_dump", "parent_image", "page_server",
  "tcp_skip_in_flight", "veth_pairs", "empty_ns" }

-- Who may write there says what is run on the host as root: hooks, mounts.
local function check_owner(dir, name, folder)
  local stat, err = core.path.stat(dir, name)
  if not stat then
    return nil, err
  end
  if stat.uid ~= core.proc.ids().euid or bit.band(stat.mode, OF_OTHERS) ~= 0 then
    return nil, errors.new("SystemError", ("%s: others may write to it, and the configuration of a "
      .. "clone comes from there"):format(folder), { path = "images_directory", errno = "EPERM" })
  end
  return true
end

local function is_complete(needs)
  return type(needs.config) == "table" and type(needs.options) == "table"
    and (needs.kept == nil or type(needs.kept) == "table")
end

local function read_checked(dir, folder)
  local ok, err = check_owner(dir, "", folder)
  local needs
  if ok then
    needs, err = needs_module.read(dir, folder)
  end
  if needs and not is_complete(needs) then
    return nil, errors.new("SystemError", ("%s: ctr.json does not have the container's "
      .. "configuration, which a clone is made of"):format(folder), { path = "images_directory" })
  end
  if needs then
    ok, err = check_owner(dir, OURS, folder .. "/" .. OURS)
  end
  return ok and needs, err
end

local function read(image)
  local opened, err = folders.open({ images_directory = image, work_directory = "" }, false)
  if not opened then
    return nil, err
  end
  local needs
  needs, err = read_checked(opened.images, image)
  opened:close()
  return needs, err
end

local function check_tables(overrides)
  for _, key in ipairs({ "process", "criu" }) do
    local value = overrides[key]
    local problem = value ~= nil and not process_module.is(value) and walker.table_problem(value)
    if problem then
      return nil, errors.invalid({ { path = key, text = problem } })
    end
  end
  return true
end

-- The process may be an object or the fields of one.
local function split(overrides)
  local config = {}
  for key, value in pairs(overrides) do
    if not BESIDE[key] then
      config[key] = value
    end
  end
  return config, overrides.process or {}, overrides.criu or {}
end

-- One end of a connection is enough: as it was it can be where both ends are inside.
local function settle_tcp(options, given)
  if options.tcp_established and not given.tcp_established then
    options.tcp_established, options.tcp_close = false, true
  end
end

-- The clone's own cgroups have limits, which CRIU is not to replace.
local function settle_cgroups(options)
  if options.manage_cgroups_mode ~= "ignore" then
    options.manage_cgroups_mode = "soft"
  end
end

local function has_own_network(config, recorded)
  local is_new = planner.namespaces(config).new.NEWNET
  return is_new and (networks.has_interfaces(config)
    or options_module.leaves_network_out(recorded)) or false
end

local function check_said(given)
  local problems = {}
  for _, name in ipairs(NOT_OURS) do
    if given[name] ~= nil then
      problems[#problems + 1] = { path = "criu." .. name, text = "cannot be said of a clone" }
    end
  end
  if #problems > 0 then
    return nil, errors.invalid(problems)
  end
  return true
end

local function put_onto(options, given)
  for key, value in pairs(given) do
    options[key] = value
  end
end

-- For `restore`: what the checkpoint was told, and what is said of the clone.
local function options_of(image, needs, given, config)
  local ok, err = check_said(given)
  if not ok then
    return nil, err
  end
  local options = { images_directory = image }
  put_onto(options, needs.options)
  local recorded, problem = options_module.parse(options)
  if not recorded then
    return nil, problem
  end
  settle_tcp(options, given)
  settle_cgroups(options)
  put_onto(options, given)
  local has_network = has_own_network(config, recorded)
  options.empty_ns = has_network and { "network" } or nil
  ok, err = options_module.parse(options, "criu")
  return ok and options, ok and has_network or err
end

-- What is the clone's alone by an option, and the image that tells whether there is such.
local NOT_SHARED = {
  file_locks = { "filelocks.img", "the checkpoint has file locks, which are held once and waited "
    .. "for (criu.file_locks = false leaves them out)" },
  link_remap = { REMAPS, "what link_remap left in folders goes with the first restore" },
}

local function check_sharing(needs, options, config)
  local path = overrides_module.shared_place(needs.config, config)
  for option, row in pairs(path and NOT_SHARED or {}) do
    if options[option] and needs.images[row[1]] then
      return nil, errors.new("ConfigInvalid", ("%s has to be the clone's own: %s"):format(path,
        row[2]), { path = path })
    end
  end
  return true
end

local function check_fit(needs, options, config, object, here)
  here.any_version = options.any_version
  local ok, err = fit.check(needs, config, here)
  if ok then
    ok, err = check_sharing(needs, options, config)
  end
  if ok then
    ok, err = overrides_module.check_process(object:streams(), needs)
  end
  return ok, err
end

local function look(needs, image, overrides, here)
  local given, process, said = split(overrides)
  local config, err = overrides_module.apply(needs.config, given)
  if not config then
    return nil, err
  end
  local options, has_network = options_of(image, needs, said, config)
  if not options then
    return nil, has_network
  end
  local object = process_module.is(process) and process or process_module.new(process)
  local ok
  ok, err = check_fit(needs, options, config, object, here)
  return ok and { config = config, kept = needs.kept, object = object, options = options,
    has_ghosts = needs.images[REMAPS] ~= nil, has_network = has_network,
    hostname = given.hostname, domainname = given.domainname }, err
end

--- Says what of a checkpoint's streams led out of the container, so that a clone gives others.
-- @tparam string image the images' folder
-- @treturn[1] {string,…} names: "stdin", …; without those that were the null device
-- @treturn[1] boolean its process has a terminal
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.streams(image)
  local needs, err = read(image)
  if not needs then
    return nil, err
  end
  return overrides_module.given_streams(needs), streams.is_terminal(needs)
end

--- Looks at a checkpoint, and at what is said of a clone.
-- @tparam string image the images' folder
-- @tparam table overrides of `factory:clone`
-- @tparam table here this machine, as `ctr.criu.fit` is told of it
-- @treturn[1] table `config`, `kept`, `object` (the process), `options` (of the restore),
-- `has_ghosts` (files that were unlinked are in the images), `has_network` (it is made anew),
-- `hostname` and `domainname` where they are the clone's own
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.look(image, overrides, here)
  local ok, err = check_tables(overrides)
  local needs
  if ok then
    needs, err = read(image)
  end
  if not needs then
    return nil, err
  end
  return look(needs, image, overrides, here)
end

return M

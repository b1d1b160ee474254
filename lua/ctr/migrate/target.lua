--- The receiving end of a migration: a container is made, gets images, is restored, waits until the
-- source has ended, and goes on.
--
-- The restore runs as a coroutine that stops at CRIU's step `post-restore`: all is there, nothing
-- runs, and no packet has been let through. So whoever leads the migration decides what comes
-- next, be it a program at the other end of a stream or this one.
-- @module ctr.migrate.target

local channel = require("ctr.migrate.channel")
local errors = require("ctr.errors")
local helper = require("ctr.migrate.helper")
local images = require("ctr.migrate.images")
local options_module = require("ctr.migrate.options")
local process_module = require("ctr.process")
local program = require("ctr.criu.program")
local record = require("ctr.record")

local M = {}

local METHODS = { ["pre-copy"] = true, ["post-copy"] = true, ["stop-and-copy"] = true }

local target_methods = {}
local target_metatable = { __index = target_methods }

--- Makes a receiving end.
-- @tparam table settings parsed (`ctr.migrate.options`)
-- @treturn table
function M.new(settings)
  return setmetatable({ settings = settings, number = 0 }, target_metatable)
end

local function refuse(text, path)
  return nil, errors.new("SystemError", text, { op = "migrate", path = path })
end

local function check_offer(offer)
  if offer.protocol ~= channel.VERSION then
    return refuse(("the source speaks version %s of the protocol, and this is %d"):format(
      tostring(offer.protocol), channel.VERSION))
  end
  if not METHODS[offer.method] or type(offer.id) ~= "string" or type(offer.config) ~= "table"
    or type(offer.options) ~= "table" or type(offer.criu) ~= "number" then
    return refuse("what the source offers is not understood")
  end
  return true
end

-- An older CRIU may not read what a newer one writes; the last number says nothing of that.
local function check_criu(self, offer)
  local version, path = program.version(self.settings.factory)
  if not version then
    return nil, path
  end
  local ok, err = program.check_version(version, math.floor(offer.criu / 100) * 100,
    "a restore of what the source's CRIU writes")
  if ok and offer.method == "post-copy" then
    ok, err = program.check_feature(path, version, "lazy_pages", "method")
  end
  self.criu_path = path
  return ok, err
end

local function config_of(settings, offer)
  local config = settings.config or offer.config
  if type(config) ~= "function" then
    return config
  end
  local returned, value, problem = pcall(config, offer.config, offer.id)
  if not returned then
    problem = value
  end
  if returned and type(value) == "table" then
    return value
  end
  return nil, errors.is(problem) and problem or errors.new("SystemError",
    "the container is refused: " .. tostring(problem or "there is no configuration for it"),
    { path = "config" })
end

-- What a failure kills is what is in the cgroups: nobody may be there before.
local function check_cgroups(container)
  local ok, err = record.make_cgroup(container)
  if not ok then
    return nil, err
  end
  local pids = container.cgroup:exists() and container.cgroup:pids(true) or {}
  if #pids > 0 then
    container.cgroup:leave_all()
    return nil, errors.new("SystemError", "the container's cgroups are in use here: another id, or "
      .. "another path, has to be configured", { path = "cgroups.path", errno = "EBUSY" })
  end
  return true
end

local function make_container(self, offer)
  local settings = self.settings
  local config, err = config_of(settings, offer)
  if not config then
    return nil, err
  end
  local id = settings.id ~= "" and settings.id or offer.id
  self.container, err = settings.factory:create(id, config)
  if not self.container then
    return nil, err
  end
  local ok
  ok, err = check_cgroups(self.container)
  if ok then
    self.images, err = images.new(settings.directory, id)
  end
  return self.images and true, err
end

--- Takes an offer: the container is made, and a folder for its images.
-- @tparam table offer `protocol`, `id`, `criu` (version), `method`, `options` (what dump and
-- restore are told alike), `config`, `page_server` (whether one is wanted)
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error why it is refused
function target_methods:offer(offer)
  local ok, err = check_offer(offer)
  if ok and offer.page_server == true and not self.settings.page_server then
    ok, err = refuse("the receiving end has no page server", "page_server")
  end
  if ok then
    ok, err = check_criu(self, offer)
  end
  if ok then
    self.options = options_module.shared_of(offer.options)
    ok, err = make_container(self, offer)
  end
  return ok, err
end

--- Begins a round: its folder, and a page server where one is wanted.
-- @tparam boolean with_server
-- @treturn[1] table where the page server is: `address`, `port`; empty without one
-- @return[2] nil
-- @treturn[2] ctr.Error
function target_methods:begin_round(with_server)
  if self.number >= options_module.ROUNDS_MAX then
    return refuse("there are too many rounds")
  end
  self.number = self.number + 1
  local ok, err = self.images:make_round(self.number, images.group_of(self.container.configuration))
  if not ok then
    return nil, err
  end
  local where = with_server and self.settings.page_server
  if not where then
    return {}
  end
  self.server, err = helper.start("page-server", self.criu_path, { address = where.address,
    port = where.port, folder = self:place(), timeout = self.settings.timeout })
  return self.server and where, err
end

--- The folder of the present round.
function target_methods:place()
  return self.images:place(self.number)
end

--- Ends a round: all its files are there.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function target_methods:end_round()
  local server = self.server
  self.server = nil
  if server then
    return server:finish(self.settings.timeout)
  end
  return true
end

local function start_lazy(self, lazy)
  if not lazy then
    return true
  end
  local err
  self.lazy, err = helper.start("lazy-pages", self.criu_path, { address = lazy.address,
    port = lazy.port, folder = self:place(), timeout = self.settings.timeout })
  return self.lazy, err
end

-- In the coroutine: what is yielded to says by an error that nothing is to run.
local function restore(self, is_lazy)
  local options = { images_directory = self:place(), lazy_pages = is_lazy }
  for name, value in pairs(self.options) do
    options[name] = value
  end
  function options.progress(info)
    local refusal = info.step == "post-restore" and coroutine.yield("ready")
    if refusal then
      error(refusal, 0)
    end
  end
  self.process = self.settings.process or process_module.new({})
  return self.container:restore(self.process, options)
end

-- Goes on with the restore; `wanted` is how far it is to come.
local function step(self, wanted, ...)
  local alive, value, err = coroutine.resume(self.restoring, ...)
  if not alive then
    error(value, 0)
  end
  if coroutine.status(self.restoring) == "dead" then
    self.restoring = nil
    if not value then
      return nil, err
    end
  end
  assert(value == wanted, "the restore did not stop")
  return true
end

--- Restores the container, up to where nothing runs yet.
-- @tparam[opt] table lazy where the pages come from that the images do not have: `address`, `port`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function target_methods:restore(lazy)
  local ok, err = start_lazy(self, lazy)
  if not ok then
    return nil, err
  end
  self.restoring = coroutine.create(restore)
  return step(self, "ready", self, lazy ~= nil)
end

--- Lets the container run: the source has ended, or stands still for ever.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error nothing runs
function target_methods:go()
  local ok, err = step(self, true)
  self.is_running = ok
  return ok, err
end

local function end_running(self)
  self.container:signal("SIGKILL", true)
  self.process:wait(self.settings.timeout)
end

--- Waits for the last pages, and removes the images.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error the pages cannot be had any more: what ran without them was killed
function target_methods:finish()
  local ok, err = true, nil
  if self.lazy then
    ok, err = self.lazy:finish()
    self.lazy = nil
  end
  if not ok then
    end_running(self)
    return nil, err
  end
  self.images:remove()
  self.images:close()
  self.images = nil
  return true
end

local function end_helpers(self)
  for _, name in ipairs({ "server", "lazy" }) do
    if self[name] then
      self[name]:kill()
      self[name] = nil
    end
  end
end

--- Takes back all that there is, but for the images: of these the source may be restored.
-- @tparam ctr.Error err why
function target_methods:abort(err)
  if self.restoring then
    step(self, true, err)
  end
  end_helpers(self)
  if self.container then
    self.container:destroy()
  end
end

--- Removes the images of what was aborted.
-- @tparam ctr.Error err why
function target_methods:give_up(err)
  if self.images then
    self.images:give_up(err)
    self.images:close()
    self.images = nil
  end
end

return M

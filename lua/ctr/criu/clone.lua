--- A clone: one checkpoint restored once more, beside the container that it was taken of and beside
-- other clones. What it has of its own is `ctr.criu.overrides`' to say; what the images do not hold
-- is made as for a first start.
-- @module ctr.criu.clone

local ahead_module = require("ctr.criu.ahead")
local anew_module = require("ctr.criu.anew")
local container_module = require("ctr.container")
local core = require("ctr.core")
local criu = require("ctr.criu")
local errors = require("ctr.errors")
local fit = require("ctr.criu.fit")
local program = require("ctr.criu.program")
local requests = require("ctr.criu.request")

local M = {}

local LOCK = "ctr.json"
local WORK = "criu" -- in the clone's folder: it goes with that
local LOG_MAX, LOG_MODE = 64 * 1024 * 1024, 384 -- 0600

-- The log would go with the clone's folder: it is put where a restore leaves it, or not told of.
local function keep_log(container, image, dir, err)
  local name = ("clone-%s.log"):format(container.store.name)
  local text = core.path.read(container.store.dir, WORK .. "/" .. requests.LOG, LOG_MAX)
  local path = text and core.path.replace(dir, name, text, LOG_MODE) and image .. "/" .. name
  local from, to = err.message:find(err.log, 1, true)
  if from and path then
    err.message = err.message:sub(1, from - 1) .. path .. err.message:sub(to + 1)
  end
  err.log = path or nil
end

-- A file that was unlinked has a name again for the time of a restore, the same in all of them: in
-- a root that they share one goes after the other. Where the images cannot be written there is no
-- lock to be had.
local function in_turn(ahead, dir, action, ...)
  local lock = ahead.has_ghosts and core.path.lock(dir, LOCK, { wait = true })
  local ok, err = action(...)
  if lock then
    lock:close()
  end
  return ok, err
end

local function run(container, ahead, dir)
  local anew = anew_module.new(container, ahead)
  local ok, err = in_turn(ahead, dir, container_module.locked, container, criu.restore,
    ahead.object, ahead.options, anew)
  anew:close()
  return ok, err
end

-- CRIU works in the clone's own folder, unless the caller has one for it.
local function restore(container, ahead, image)
  local dir, err = core.fd.open(image, { flags = { "rdonly", "directory" } })
  if not dir then
    return nil, errors.with_path(err, "images_directory")
  end
  local is_ours = ahead.options.work_directory == nil
  ahead.options.work_directory = ahead.options.work_directory
    or ("%s/%s/%s"):format(container.factory.root, container.store.name, WORK)
  local ok
  ok, err = run(container, ahead, dir)
  if not ok and is_ours and err.log then
    keep_log(container, image, dir, err)
  end
  dir:close()
  core.path.remove_tree(container.store.dir, WORK)
  return ok, err
end

local function look(factory, image, overrides)
  local ok, err = criu.check_privilege(factory.host)
  local version
  if ok then
    version, err = program.version(factory)
  end
  if not version then
    return nil, err
  end
  local here = fit.machine(factory.host)
  here.criu = version
  return ahead_module.look(image, overrides, here)
end

--- Makes a container of a checkpoint.
-- @tparam ctr.Factory factory
-- @tparam string image
-- @tparam string id
-- @tparam table overrides
-- @treturn[1] ctr.Container
-- @treturn[1] ctr.Process
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.clone(factory, image, id, overrides)
  local ahead, err = look(factory, image, overrides)
  local container
  if ahead then
    container, err = factory:create(id, ahead.config, ahead.kept)
  end
  if not container then
    return nil, err
  end
  local ok
  ok, err = restore(container, ahead, image)
  if not ok then
    container:destroy()
    return nil, err
  end
  return container, ahead.object
end

return M

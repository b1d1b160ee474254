--- What a checkpoint needs to be restored, in files of ours beside CRIU's images: `ctr.json`, and
-- `descriptors.json`, which other runtimes write and read as well.
-- @module ctr.criu.needs

local core = require("ctr.core")
local errors = require("ctr.errors")
local fit = require("ctr.criu.fit")
local record = require("ctr.record")
local sorted = require("ctr.sorted")

local M = {}

local OURS, DESCRIPTORS = "ctr.json", "descriptors.json"
local INVENTORY = "inventory.img" -- the last that CRIU writes
local MODE = 384 -- 0600
local SIZE_MAX = 16 * 1024 * 1024
local FORMAT = 1

local function namespaces_of(config)
  local list = {}
  for _, namespace in ipairs(config.namespaces) do
    list[#list + 1] = { type = namespace.type, is_joined = namespace.path ~= "" }
  end
  return core.json.array(list)
end

local function write(dir, name, value)
  local text, err = core.json.encode(value)
  if not text then
    return nil, err
  end
  return core.path.replace(dir, name, text, MODE)
end

-- CRIU's images and how long they are: of one that is cut off it may wait for the rest for ever.
local function images_of(dir)
  local sizes = {}
  local names, err = core.path.list(dir, ".")
  for _, name in ipairs(names or {}) do
    local stat = name:find("%.img$") and core.path.stat(dir, name, { nofollow = true })
    if stat and stat.type == "file" then
      sizes[name] = stat.size
    end
  end
  return names and sizes, err
end

--- Writes both files, when CRIU has written its own.
-- @tparam ctr.fd dir of the images
-- @tparam ctr.Container container
-- @tparam table facts `mounts` (`ctr.criu.mounts`), `links`, `null` and `null_files`
-- (`ctr.criu.streams`), `criu` (its version), `options` (what a restore has to be told again)
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.write(dir, container, facts)
  local config = container.configuration
  local images, err = images_of(dir)
  local ok = images
  if images then
    ok, err = write(dir, DESCRIPTORS, core.json.array(facts.links))
  end
  if not ok then
    return nil, err
  end
  local here = fit.machine(container.host)
  return write(dir, OURS, {
    format = FORMAT, id = container.store.id, criu = facts.criu, kernel = here.kernel,
    machine = here.machine, images = images, config = record.storable(container),
    kept = container.kept_data, options = facts.options,
    mounts = core.json.array(facts.mounts), namespaces = namespaces_of(config),
    null_streams = core.json.array(facts.null), null_files = core.json.array(facts.null_files),
    uid_mappings = fit.map_text(config.uid_mappings),
    gid_mappings = fit.map_text(config.gid_mappings),
  })
end

local function read(dir, name)
  local text, err = core.path.read(dir, name, SIZE_MAX)
  if not text then
    return nil, err
  end
  local value, problem = core.json.decode(text)
  if not value then
    return nil, errors.wrap(problem, "read", name)
  end
  return value
end

local function damaged(folder, name)
  return errors.new("SystemError", ("%s/%s is damaged"):format(folder, name))
end

local function no_checkpoint(folder, err)
  return errors.new("SystemError", ("there is no checkpoint in %s: it has no %s"):format(folder,
    DESCRIPTORS), { path = "images_directory", errno = err.errno, cause = err })
end

local MOUNT = { key = "string", kind = "string", destination = "string", below = "string" }

local function are_texts(list)
  for _, text in ipairs(list) do
    if type(text) ~= "string" then
      return false
    end
  end
  return true
end

local function is_whole(needs)
  needs.null_files = needs.null_files or {}
  for _, key in ipairs({ "mounts", "namespaces", "images", "null_streams", "null_files" }) do
    if type(needs[key]) ~= "table" then
      return false
    end
  end
  for _, mount in ipairs(needs.mounts) do
    for key, kind in pairs(MOUNT) do
      if type(mount) ~= "table" or type(mount[key]) ~= kind then
        return false
      end
    end
  end
  return are_texts(needs.null_files)
end

local function check_images(dir, folder, images)
  local found = {}
  for _, name in ipairs(sorted(images)) do
    local stat = core.path.stat(dir, name)
    local problem = not stat and "is missing" or stat.size ~= images[name] and "is not as it was"
    if problem then
      found[#found + 1] = name .. " " .. problem
    end
  end
  if #found == 0 then
    return true
  end
  return nil, errors.new("SystemError", ("the checkpoint in %s is damaged: %s"):format(folder,
    table.concat(found, ", ")), { path = "images_directory" })
end

--- Reads both files, and checks that all images are there.
-- @tparam ctr.fd dir
-- @tparam string folder its path
-- @treturn[1] table `descriptors`, and of ours `mounts`, `namespaces`, …; without these where
-- another runtime made the checkpoint
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.read(dir, folder)
  local links, err = read(dir, DESCRIPTORS)
  if not links then
    return nil, err.errno == "ENOENT" and no_checkpoint(folder, err) or err
  end
  local needs
  needs, err = read(dir, OURS)
  if not needs and err.errno ~= "ENOENT" then
    return nil, err
  end
  needs = needs or {}
  if type(links) ~= "table" or type(needs) ~= "table" or needs.format and not is_whole(needs) then
    return nil, damaged(folder, needs.format and OURS or DESCRIPTORS)
  end
  needs.descriptors = links
  local ok
  ok, err = check_images(dir, folder, needs.images or {})
  if ok and not core.path.stat(dir, INVENTORY) then
    return nil, errors.new("SystemError", ("there is no whole checkpoint in %s: it has no %s")
      :format(folder, INVENTORY), { path = "images_directory" })
  end
  return ok and needs, err
end

return M

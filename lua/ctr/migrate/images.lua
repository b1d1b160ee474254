--- The folder that a migration's images lie in: `migrate-ID-N`, with a folder of each round.
-- @module ctr.migrate.images

local core = require("ctr.core")
local errors = require("ctr.errors")
local planner = require("ctr.plan")

local M = {}

local FOLDER = { flags = { "rdonly", "directory" } }
local MODE, MODE_OF_GROUP, MODE_ABOVE = 448, 488, 457 -- 0700, 0750, 0711
local FILE_MODE = 420 -- 0644: the folder is closed
local NAME_MAX = 64
local TRIES = 10000

local images_methods = {}
local images_metatable = { __index = images_methods }

local function make_unique(parent, id)
  for number = 1, TRIES do
    local name = ("migrate-%s-%d"):format(id:sub(1, NAME_MAX), number)
    local ok, err = core.path.mkdir(parent, name, MODE)
    if ok then
      ok, err = core.path.chmod(parent, name, MODE_ABOVE)
    end
    if ok or err.errno ~= "EEXIST" then
      return ok and name, err
    end
  end
  return nil, errors.new("SystemError", "there are too many of its migrations there")
end

--- Makes a folder.
-- @tparam string directory which it is made in
-- @tparam string id of the container
-- @treturn[1] table `path`
-- @return[2] nil
-- @treturn[2] ctr.Error whose path is "directory"
function M.new(directory, id)
  local parent, err = core.fd.open(directory, FOLDER)
  if not parent then
    return nil, errors.with_path(err, "directory")
  end
  local name
  name, err = make_unique(parent, id)
  if not name then
    parent:close()
    return nil, errors.with_path(err, "directory")
  end
  return setmetatable({ parent = parent, name = name, path = directory .. "/" .. name },
    images_metatable)
end

local function below(self, number)
  return ("%s/%d"):format(self.name, number)
end

--- The path of a round's folder.
function images_methods:place(number)
  return ("%s/%d"):format(self.path, number)
end

--- Makes the folder of a round, and links it to the one before.
-- @tparam number number from 1 on
-- @tparam[opt] number group that is let in: a restore in a user namespace opens images as its root
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function images_methods:make_round(number, group)
  local place = below(self, number)
  local ok, err = core.path.mkdir(self.parent, place, MODE)
  if ok and number > 1 then
    ok, err = core.path.symlink(self.parent, ("../%d"):format(number - 1), place .. "/parent")
  end
  if ok and group then
    ok, err = core.path.chown(self.parent, place, core.proc.ids().euid, group)
    if ok then
      ok, err = core.path.chmod(self.parent, place, MODE_OF_GROUP)
    end
  end
  return ok, err
end

-- Logs and statistics stay where they are.
local function is_image(name)
  return name:find("^[%w][%w._-]*%.img$") ~= nil or name == "ctr.json"
    or name == "descriptors.json"
end

M.is_image = is_image

--- Lists what a round has that a restore needs.
-- @treturn[1] {table,…} `name`, `size`
-- @return[2] nil
-- @treturn[2] ctr.Error
function images_methods:list(number)
  local names, err = core.path.list(self.parent, below(self, number))
  if not names then
    return nil, err
  end
  local files = {}
  for _, name in ipairs(names) do
    local stat = is_image(name)
      and core.path.stat(self.parent, below(self, number) .. "/" .. name, { nofollow = true })
    if stat and stat.type == "file" then
      files[#files + 1] = { name = name, size = stat.size }
    end
  end
  return files
end

--- The group of the root of a container's user namespace, where it has one of its own.
-- @tparam table config
-- @treturn ?number
function M.group_of(config)
  if not planner.namespaces(config).new.NEWUSER then
    return nil
  end
  for _, map in ipairs(config.gid_mappings) do
    if map.container_id == 0 then
      return map.host_id
    end
  end
  return nil
end

--- Opens a file of a round.
function images_methods:open(number, name)
  return core.path.open(self.parent, below(self, number) .. "/" .. name,
    { flags = { "rdonly", "nofollow" } })
end

--- Makes a file of a round, which must not be there.
function images_methods:create(number, name)
  return core.path.open(self.parent, below(self, number) .. "/" .. name,
    { flags = { "wronly", "creat", "excl", "nofollow" }, mode = FILE_MODE })
end

--- Removes the folder.
function images_methods:remove()
  core.path.remove_tree(self.parent, self.name)
end

local function remove_images(self)
  for _, number in ipairs(core.path.list(self.parent, self.name) or {}) do
    for _, name in ipairs(core.path.list(self.parent, self.name .. "/" .. number) or {}) do
      if not name:find("%.log$") then
        core.path.unlink(self.parent, ("%s/%s/%s"):format(self.name, number, name))
      end
    end
  end
end

--- Removes what a failure leaves; a log that the error names stays.
-- @tparam ctr.Error err
function images_methods:give_up(err)
  if err.log and err.log:sub(1, #self.path) == self.path then
    remove_images(self)
  else
    self:remove()
  end
end

function images_methods:close()
  self.parent:close()
end

return M

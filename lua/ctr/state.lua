--- A container's folder: its state file, its lock, its fifo.
--
-- `<root>/<id>/state.json` is written whole and renamed into place, so that a reader sees the old
-- state or the new one. Whoever changes a container holds the lock of its folder. A folder without
-- a state file is
-- what a caller that was killed while creating left behind: it can be loaded, and destroyed.
-- @module ctr.state

local bit = require("bit")
local core = require("ctr.core")
local errors = require("ctr.errors")
local spelling = require("ctr.config.spelling")

local M = {}

local STATE_FILE = "state.json"
local STATE_MAX = 64 * 1024 * 1024
local QUESTIONS = "exec.hooks"
local FIFO = "exec.fifo"
local REPORT = "exec.error"
local LOCK = "lock"
local NETWORK = "network"
local REMOVE_ATTEMPTS = 128
local ROOT = { flags = { "path", "directory", "nofollow" } }
local NAME_MAX = 200 -- an id may have 1024 bytes, a file name 255

--- Checks an id: 1 to 1024 of `A-Z a-z 0-9 _ + . -`, not `.` or `..`.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `InvalidIdFormat`
function M.check_id(id)
  local is_name = type(id) == "string" and #id <= 1024 and id:find("^[%w_+.-]+$")
  if is_name and id ~= "." and id ~= ".." then
    return true
  end
  local text = type(id) == "string" and spelling.quote(id) or "a " .. type(id)
  return nil, errors.new("InvalidIdFormat", "invalid id format: " .. text)
end

local function fnv(text, hash)
  for position = 1, #text do
    hash = bit.bxor(hash, text:byte(position))
    -- hash * 16777619 in 32 bits, by shifts: a Lua product would lose the low bits.
    hash = bit.tobit(hash + bit.lshift(hash, 1) + bit.lshift(hash, 4) + bit.lshift(hash, 7)
      + bit.lshift(hash, 8) + bit.lshift(hash, 24))
  end
  return bit.tohex(hash)
end

--- The name of a container's folder and default cgroup: the id, or for a long id its beginning, its
-- length and a hash, joined by `~`, which no id has.
-- @tparam string id
-- @treturn string
function M.folder_name(id)
  if #id <= NAME_MAX then
    return id
  end
  local hash = fnv(id, 0x811c9dc5 - 2 ^ 32) .. fnv(id, 0x1234567)
  return ("%s~%d~%s"):format(id:sub(1, 160), #id, hash)
end

local function make_directories(path)
  local slash = assert(core.path.open_root("/"))
  local prefix = ""
  for name in path:gmatch("[^/]+") do
    prefix = prefix .. "/" .. name
    local made, err = core.path.mkdir(slash, prefix, 448) -- 0700
    if not made and err.errno ~= "EEXIST" then
      slash:close()
      return nil, err
    end
  end
  slash:close()
  return true
end

-- Whoever can write to the state root can make the library signal and remove anything (D15).
local function check_owner(root, handle)
  local stat, err = core.path.stat(handle, "")
  if not stat then
    return nil, err
  end
  if stat.uid ~= core.proc.ids().euid then
    return nil, errors.new("SystemError", "the state root " .. root .. " belongs to another user")
  end
  if bit.band(stat.mode, 18) ~= 0 then -- 022
    return nil, errors.new("SystemError", "the state root " .. root .. " can be written by others")
  end
  return true
end

--- Opens the state root, which is made where it is missing (mode 0700).
-- @tparam string root absolute path
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
function M.open_root(root)
  local handle, err = core.fd.open(root, ROOT)
  if not handle and err.errno == "ENOENT" then
    local made, problem = make_directories(root)
    if not made then
      return nil, problem
    end
    handle, err = core.fd.open(root, ROOT)
  end
  if not handle and err.errno == "ENOTDIR" then
    return nil, errors.new("SystemError", "the state root " .. root
      .. " is no directory, or a link", { errno = err.errno, cause = err })
  end
  if not handle then
    return nil, err
  end
  local ok, problem = check_owner(root, handle)
  if not ok then
    handle:close()
    return nil, problem
  end
  return handle
end

local store_methods = {}
local store_metatable = { __index = store_methods, __name = "ctr.Store" }

local function new_store(root, id, handle)
  return setmetatable({ root = root, id = id, name = M.folder_name(id), dir = handle },
    store_metatable)
end

local function not_exists(id)
  return errors.new("ContainerNotExists", ("container %q does not exist"):format(id))
end

-- Takes back a claim: by names alone, for descriptors may be what there is not enough of.
local function unclaim(root, name, store)
  if store then
    core.path.unlink(store.dir, LOCK)
    store:close()
  end
  core.path.rmdir(root, name)
end

--- Claims an id: mkdir(2) is the only claim, so one of several creators wins.
-- @tparam ctr.fd root
-- @tparam string id checked
-- @treturn[1] ctr.Store locked
-- @return[2] nil
-- @treturn[2] ctr.Error `IdInUse`, `SystemError`
function M.claim(root, id)
  local name = M.folder_name(id)
  local made, err = core.path.mkdir(root, name, 457) -- 0711
  if not made then
    if err.errno == "EEXIST" then
      return nil, errors.new("IdInUse", "container with id exists: " .. id)
    end
    return nil, err
  end
  local store, problem = M.open(root, id)
  local locked
  if store then
    locked, problem = store:lock()
  end
  if locked then
    return store
  end
  -- It may have been destroyed meanwhile, and be another's by now.
  if problem.code ~= "ContainerNotExists" then
    unclaim(root, name, store)
  elseif store then
    store:close()
  end
  return nil, problem
end

--- Opens the folder of a container.
-- @treturn[1] ctr.Store
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists`, `SystemError`
function M.open(root, id)
  local handle, err = core.path.open(root, M.folder_name(id),
    { flags = { "path", "directory", "nofollow" } })
  if handle then
    return new_store(root, id, handle)
  end
  if err.errno == "ENOENT" or err.errno == "ENOTDIR" then
    return nil, not_exists(id)
  end
  return nil, err
end

-- Another process may have removed the folder, and one of the same name may be a new container.
-- Nil and an error where that cannot be told.
local function is_current(store)
  local here, err = core.path.stat(store.dir, "")
  if not here then
    return nil, err
  end
  local there
  there, err = core.path.stat(store.root, store.name, { nofollow = true })
  if there then
    return here.ino == there.ino and here.dev == there.dev
  end
  if err.errno == "ENOENT" then
    return false
  end
  return nil, err
end

--- Takes the lock of the container, waiting for whoever has it.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists` when the container went away meanwhile
function store_methods:lock()
  -- By the call that asks a function of the user's: to wait for it would never end.
  if self.held then
    return nil, errors.new("SystemError", ("container %q is being started: a function that is "
      .. "asked meanwhile cannot change it"):format(self.id), { errno = "EDEADLK" })
  end
  local handle, err = core.path.lock(self.dir, LOCK, { wait = true })
  if not handle then
    if err.errno == "ENOENT" then
      return nil, not_exists(self.id)
    end
    return nil, err
  end
  local current, problem = is_current(self)
  if not current then
    handle:close()
    return nil, problem or not_exists(self.id)
  end
  self.held = handle
  return true
end

function store_methods:unlock()
  if self.held then
    self.held:close()
    self.held = nil
  end
end

--- Reads the state.
-- @treturn[1] table what the file holds, or `{}` where a killed creator left none
-- @treturn[1] string an identity that changes with each write
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotExists`, `SystemError`
function store_methods:read()
  local text, err = core.path.read(self.dir, STATE_FILE, STATE_MAX)
  if not text then
    if err.errno ~= "ENOENT" then
      return nil, err
    end
    local current, problem = is_current(self)
    if not current then
      return nil, problem or not_exists(self.id)
    end
    return {}
  end
  local state, problem = core.json.decode(text)
  if not state then
    return nil, errors.wrap(problem, "read", STATE_FILE)
  end
  return state
end

--- An identity of the state file that changes with each write; nil when there is none.
function store_methods:version()
  local stat = core.path.stat(self.dir, STATE_FILE)
  return stat and ("%.0f:%.9f:%.0f"):format(stat.ino, stat.mtime, stat.size)
end

--- Writes the state.
-- @tparam string text JSON
function store_methods:write(text)
  return core.path.replace(self.dir, STATE_FILE, text, 384) -- 0600
end

--- Says whether a process waits at the fifo. One that nobody reads is what a killed caller left.
function store_methods:is_awaited()
  local fifo, err = self:open_fifo()
  if fifo then
    fifo:close()
    return true
  end
  return err.errno ~= "ENOENT" and err.errno ~= "ENXIO"
end

--- Makes what a container that waits for `exec` needs: its fifo, and the file for the reason if its
-- program cannot be executed.
-- @treturn[1] ctr.fd the fifo, open for both ends: so its reader never sees a hang-up
-- @treturn[1] ctr.fd the file of the reason
-- @return[2] nil
-- @treturn[2] ctr.Error
function store_methods:make_fifo()
  self:remove_fifo() -- of a start whose caller or container was killed
  local made, err = core.path.mkfifo(self.dir, FIFO, 384)
  if not made then
    return nil, err
  end
  local fifo, problem = core.path.open(self.dir, FIFO, { flags = { "rdwr", "nonblock" } })
  if not fifo then
    self:remove_fifo()
    return nil, problem
  end
  local report
  report, problem = core.path.open(self.dir, REPORT,
    { flags = { "wronly", "creat", "trunc", "nofollow" }, mode = 384 })
  if not report then
    fifo:close()
    self:remove_fifo()
    return nil, problem
  end
  return fifo, report
end

--- Makes the fifo by which a container that waits for `exec` asks for hooks that are functions.
-- @treturn[1] ctr.fd open for both ends
-- @return[2] nil
-- @treturn[2] ctr.Error
function store_methods:make_questions()
  local made, err = core.path.mkfifo(self.dir, QUESTIONS, 384)
  if not made then
    return nil, err
  end
  return core.path.open(self.dir, QUESTIONS, { flags = { "rdwr", "nonblock" } })
end

--- Opens the end of that fifo where the questions are read.
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error errno ENOENT: the container asks nothing
function store_methods:open_questions()
  return core.path.open(self.dir, QUESTIONS, { flags = { "rdonly", "nonblock", "nofollow" } })
end

--- Opens the fifo's end that tells a waiting container to execute.
-- @treturn[1] ctr.fd
-- @return[2] nil
-- @treturn[2] ctr.Error errno ENXIO: nobody waits; ENOENT: there is no fifo
function store_methods:open_fifo()
  return core.path.open(self.dir, FIFO, { flags = { "wronly", "nonblock", "nofollow" } })
end

--- The frames that a container wrote when its program could not be executed, or "".
function store_methods:read_report()
  return core.path.read(self.dir, REPORT, 65536) or ""
end

function store_methods:remove_fifo()
  core.path.unlink(self.dir, FIFO)
  core.path.unlink(self.dir, REPORT)
  core.path.unlink(self.dir, QUESTIONS)
end

--- Keeps a network namespace alive by a mount in the folder: whoever dies, it is there.
-- @tparam ctr.fd netns
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function store_methods:hold_network(netns)
  local file, err = core.path.open(self.dir, NETWORK,
    { flags = { "rdonly", "creat", "nofollow" }, mode = 384 })
  if not file then
    return nil, err
  end
  local mount, problem = core.mount.clone("", { dir = netns })
  local attached
  if mount then
    attached, problem = core.mount.attach(mount, file, NETWORK)
    mount:close()
  end
  file:close()
  return attached, problem
end

--- Opens the network namespace that is kept alive.
-- @treturn[1] ctr.fd
-- @return[2] nil there is none, or its mount is in another mount namespace
-- @treturn[3] nil
-- @treturn[3] ctr.Error
function store_methods:held_network()
  local file, err = core.path.open(self.dir, NETWORK, { flags = { "rdonly", "nofollow" } })
  if not file then
    return nil, err.errno ~= "ENOENT" and err or nil
  end
  if core.path.fs_type(file, "") == "nsfs" then
    return file
  end
  file:close()
  return nil
end

--- Lets it go.
function store_methods:release_network()
  local file = self:held_network()
  if file then
    local ok, err = core.mount.detach(file, NETWORK)
    file:close()
    if not ok then
      return nil, err
    end
  end
  local removed, err = core.path.unlink(self.dir, NETWORK)
  return removed or err.errno == "ENOENT" or nil, err
end

--- Removes the folder. The state goes first: who finds the folder without it, before all of it is
-- gone, cannot start anything there. He may make a lock file meanwhile; then it is done again.
function store_methods:remove()
  local removed, err = core.path.unlink(self.dir, STATE_FILE)
  if not removed and err.errno ~= "ENOENT" then
    return nil, err
  end
  for _ = 1, REMOVE_ATTEMPTS do
    local current, problem = is_current(self)
    if not current then
      return problem == nil or nil, problem
    end
    removed, err = core.path.remove_tree(self.root, self.name)
    if removed or err.errno == "ENOENT" then
      return true
    end
    if err.errno == "EMFILE" then
      self:unlock() -- whose descriptor will do; there is nothing left to be locked
    elseif err.errno ~= "ENOTEMPTY" then
      break
    end
  end
  return nil, err
end

function store_methods:close()
  self:unlock()
  self.dir:close()
end

return M

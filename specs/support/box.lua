--- What specs of containers share: a factory with a state root of its own, a configuration to vary,
-- and the undoing of it all.
-- @module specs.support.box

local core = require("ctr.core")
local ctr = require("ctr")
local rootfs = require("specs.support.rootfs")

local M = {}

local FLAGS = { "noexec", "nosuid", "nodev" }

--- Where the containers' cgroups lie: a place of this process' own, and the pattern of it.
M.PARENT = "/ctr-specs-" .. core.proc.getpid()
M.PATTERN = (M.PARENT:gsub("%-", "%%-"))

--- The configuration that most specs start from, with changes merged on top.
-- @tparam string root
-- @tparam[opt] table changes key → value
function M.config(root, changes)
  local config = {
    rootfs = root,
    capabilities = { bounding = {}, effective = {}, permitted = {}, inheritable = {},
      ambient = {} },
    namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET" },
    cgroups = { parent = M.PARENT },
    devices = ctr.default_auto_created_devices,
    hostname = "box",
    mounts = {
      { source = "proc", destination = "/proc", device = "proc", flags = FLAGS },
      { source = "tmpfs", destination = "/dev", device = "tmpfs",
        flags = { "nosuid", "strictatime" }, data = "mode=755" },
      { source = "devpts", destination = "/dev/pts", device = "devpts",
        flags = { "nosuid", "noexec" }, data = "newinstance,ptmxmode=0666,mode=0620,gid=5" },
    },
    networks = { { type = "loopback" } },
  }
  for key, value in pairs(changes or {}) do
    config[key] = value
  end
  return config
end

local box_methods = {}
local box_metatable = { __index = box_methods }

--- Makes a box: a temporary state root and a busybox root.
-- @tparam[opt] table opts of `ctr.new`
function M.new(opts)
  local folder = os.tmpname()
  os.remove(folder)
  local box = setmetatable({ folder = folder, containers = {}, count = 0 }, box_metatable)
  box.root = rootfs.make(folder .. "/rootfs")
  box.factory = assert(ctr.new(folder .. "/state", opts))
  return box
end

--- Creates a container, which `close` destroys.
function box_methods:create(changes, id)
  self.count = self.count + 1
  id = id or "box-" .. self.count
  local container, err = self.factory:create(id, M.config(self.root, changes))
  if not container then
    return nil, err
  end
  self.containers[#self.containers + 1] = container
  return container
end

--- Runs a shell script as the first process of a new container.
-- @treturn table `code` … as `process:wait()`, with `out` and `err`
function box_methods:sh(script, changes, spec)
  local container = assert(self:create(changes))
  local result, err = self:run(container, script, spec)
  assert(container:destroy())
  return result, err
end

--- Why a configuration is refused: when the container is created, or when it is started.
-- @treturn ctr.Error
function box_methods:refused(changes)
  local container, err = self:create(changes)
  if not container then
    return err
  end
  local ok
  ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
  assert(ok == nil, "it is not refused")
  assert(container:destroy())
  return err
end

--- Runs a shell script in a container, and waits for it.
function box_methods:run(container, script, spec) -- luacheck: ignore 212
  local out, errors = {}, {}
  local fields = { args = { "/bin/sh", "-c", script }, env = { "PATH=/bin:/sbin" } }
  for key, value in pairs(spec or {}) do
    fields[key] = value
  end
  fields.stdout = fields.stdout or function(data) out[#out + 1] = data end
  fields.stderr = fields.stderr or function(data) errors[#errors + 1] = data end
  local process = ctr.process(fields)
  local ok, err = container:run(process)
  if not ok then
    return nil, err
  end
  local result = assert(process:wait(60))
  result.out, result.err = table.concat(out), table.concat(errors)
  return result
end

--- A running container that only waits.
function box_methods:sleeper(changes, spec)
  local container = assert(self:create(changes))
  local fields = { args = { "/bin/sleep", "1000" }, env = { "PATH=/bin" } }
  for key, value in pairs(spec or {}) do
    fields[key] = value
  end
  local process = ctr.process(fields)
  assert(container:run(process))
  return container, process
end

--- Ends a container that `sleeper` made.
function box_methods:finish(container, process) -- luacheck: ignore 212
  container:resume()
  container:signal("SIGKILL")
  process:wait(60)
  return assert(container:destroy())
end

--- A copy of the library that any user may read: the checkout may lie in root's home.
-- @treturn string a folder with `lua/` and `build/`
function box_methods:library()
  local folder = self.folder .. "/library"
  os.execute(("mkdir -p %s/build && cp -r lua %s/ && cp -r build/ctr %s/build/"):format(folder,
    folder, folder))
  os.execute(("chmod -R a+rX %s && chmod 755 %s"):format(folder, self.folder))
  return folder
end

local function remove_folder(path)
  local parent, name = path:match("^(.*)/([^/]+)$")
  local handle = assert(core.path.open_root(parent))
  core.path.remove_tree(handle, name)
  handle:close()
end

-- The folder above the cgroups goes with the container that made it, unless others were in it then.
local function remove_parent()
  for line in io.lines("/proc/self/mountinfo") do
    local mount = line:match("^%S+ %S+ %S+ %S+ (%S+) .* %- cgroup2? ")
    local handle = mount and core.path.open_root(mount)
    if handle then
      core.path.rmdir(handle, M.PARENT:sub(2))
      handle:close()
    end
  end
end

--- Ends and removes everything.
function box_methods:close()
  for _, container in ipairs(self.containers) do
    container:resume()
    container:signal("SIGKILL", true)
    local init = container.init_process
    if init and init:pid() then
      init:wait(60)
    end
    container:destroy()
  end
  self.factory:close()
  remove_parent()
  remove_folder(self.folder)
end

return M

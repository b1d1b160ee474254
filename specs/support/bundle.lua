--- What specs of lctr as an OCI runtime share: a bundle, a state root, and calls of lctr.
-- @module specs.support.bundle

local command = require("specs.support.command")
local core = require("ctr.core")
local orphans = require("specs.support.orphans")
local rootfs = require("specs.support.rootfs")

local M = {}

local LCTR = "build/lctr"
local SECONDS = 60 -- a spec that would hang fails instead

--- The pattern of the containers' cgroups.
M.PATTERN = command.PATTERN

local bundle_methods = {}
local bundle_metatable = { __index = bundle_methods }

local MOUNTS = {
  { destination = "/proc", type = "proc", source = "proc" },
  { destination = "/dev", type = "tmpfs", source = "tmpfs",
    options = { "nosuid", "strictatime", "mode=755", "size=65536k" } },
  { destination = "/dev/pts", type = "devpts", source = "devpts",
    options = { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620" } },
  { destination = "/tmp", type = "tmpfs", source = "tmpfs", options = { "mode=1777" } },
}

local function spec_of(process, linux)
  local spec = {
    ociVersion = "1.2.0", root = { path = rootfs.shared() }, hostname = "bundle", mounts = MOUNTS,
    process = {
      terminal = false, user = { uid = 0, gid = 0 }, cwd = "/", env = { "PATH=/bin:/sbin" },
      args = { "/bin/true" },
    },
    linux = {
      cgroupsPath = "/ctr-" .. command.NAME,
      namespaces = { { type = "pid" }, { type = "mount" }, { type = "ipc" }, { type = "uts" } },
    },
  }
  for key, value in pairs(process or {}) do
    spec.process[key] = value
  end
  for key, value in pairs(linux or {}) do
    spec.linux[key] = value
  end
  return spec
end

--- Makes a bundle and a state root.
-- @tparam table process members of its process object
-- @tparam[opt] table linux members of `linux`
function M.new(process, linux)
  local folder, remove = command.folder({
    ["config.json"] = assert(core.json.encode(spec_of(process, linux))),
  })
  orphans.adopt()
  return setmetatable({ folder = folder, remove = remove, id = command.NAME, children = {} },
    bundle_metatable)
end

--- Makes a bundle whose program is a shell's script.
function M.sh(script, process, linux)
  local members = { args = { "/bin/sh", "-c", script } }
  for key, value in pairs(process or {}) do
    members[key] = value
  end
  return M.new(members, linux)
end

function bundle_methods:arguments(...)
  return { LCTR, "--root", self.folder .. "/state", ... }
end

--- Runs lctr to its end.
-- @tparam table args
-- @tparam[opt] table options of `specs.support.command.run`
function bundle_methods:lctr(args, options)
  return command.run(self:arguments(unpack(args)), options)
end

--- Writes a file of the bundle's folder.
-- @treturn string its path
function bundle_methods:file(name, content)
  local path = self.folder .. "/" .. name
  local file = assert(io.open(path, "w"))
  file:write(type(content) == "table" and assert(core.json.encode(content)) or content)
  file:close()
  return path
end

--- The content of a file of the bundle's folder; nil where it is not there.
function bundle_methods:read(name)
  local file = io.open(self.folder .. "/" .. name)
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

--- Starts a program beside the spec; `wait` of what is returned waits for it.
-- @tparam table args the program's path first
-- @tparam table fds what it has open as 0, 1, …
-- @treturn table `pid`, `pidfd`, `signal(name)`, `wait()`
function bundle_methods:spawn(args, fds)
  local argv = { unpack(args) }
  local child = assert(core.proc.spawn({ path = assert(core.path.realpath(args[1])), flags = 0,
    fds = fds, argv = argv, new_group = true }))
  function child.signal(name)
    return assert(core.proc.send_signal(child.pidfd, core.proc.signals[name]))
  end
  function child.wait()
    assert(core.poll.wait({ { fd = child.pidfd, events = "r" } }, SECONDS)[1],
      args[1] .. " does not end")
    local result = assert(core.proc.wait(child.pidfd, {}))
    child.pidfd:close()
    self.children[child] = nil
    return result
  end
  self.children[child] = true
  return child
end

--- Starts lctr beside the spec.
function bundle_methods:start(args, fds)
  return self:spawn(self:arguments(unpack(args)), fds)
end

--- Reads a descriptor until a text has come, or its end.
-- @param fd
-- @tparam[opt] string wanted a plain text; without it to the end
-- @treturn string all that was read
function M.read_until(fd, wanted)
  local seen = ""
  while not (wanted and seen:find(wanted, 1, true)) do
    assert(core.poll.wait({ { fd = fd, events = "r" } }, SECONDS)[1],
      "nothing more comes behind: " .. seen)
    local data = core.fd.read(fd, 65536)
    if not data or data == "" then
      break
    end
    seen = seen .. data
  end
  return seen
end

--- Ends the container and what was started, and removes the folder.
function bundle_methods:close()
  for child in pairs(self.children) do
    core.proc.send_signal(child.pidfd, core.proc.signals.SIGKILL)
    child.wait()
  end
  -- The first process of a pid namespace ends once those that lctr left to us are reaped.
  self:lctr({ "kill", "--all", self.id, "KILL" })
  self:lctr({ "resume", self.id })
  orphans.reap("the bundle's end")
  local gone = self:lctr({ "delete", "--force", self.id })
  self.remove()
  assert(gone.code == 0, gone.stderr)
end

return M

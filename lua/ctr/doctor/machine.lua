--- The machine as the checks of `ctr.doctor` ask it; specs put another one in its place.
-- @module ctr.doctor.machine

local core = require("ctr.core")

local M = {}

local FILE_MAX = 1024 * 1024
local FOLDERS = { "/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin" }
local SECONDS = 10

local machine_methods = {}
local machine_metatable = { __index = machine_methods }

--- Makes it.
function M.new()
  local ids = core.proc.ids()
  return setmetatable({ uid = ids.euid, gid = ids.egid }, machine_metatable)
end

--- Says whether the caller is root.
function machine_methods:is_root()
  return self.uid == 0
end

--- Reads a file.
-- @tparam string path
-- @treturn ?string nil where there is none, or it may not be read
function machine_methods:read(path) -- luacheck: ignore 212
  local handle = core.fd.open(path, { flags = { "rdonly", "nonblock", "noctty" } })
  local text = handle and core.path.read_fd(handle, FILE_MAX)
  if handle then
    handle:close()
  end
  return text or nil
end

--- What stands at a path.
-- @tparam string path
-- @treturn ?table as of `core.path.stat`
function machine_methods:stat(path) -- luacheck: ignore 212
  local handle = core.fd.open(path, { flags = { "path" } })
  local stat = handle and core.path.stat(handle, "")
  if handle then
    handle:close()
  end
  return stat or nil
end

--- Says whether a file has capabilities of its own.
-- @tparam string path
function machine_methods:has_file_capabilities(path) -- luacheck: ignore 212
  local folder, name = path:match("^(.*)/([^/]+)$")
  local handle = core.path.open_root(folder)
  local value = handle and core.xattr.get(handle, name, "security.capability")
  if handle then
    handle:close()
  end
  return value ~= nil and value ~= false
end

--- Says whether the caller may write to what is at a path, by its owner and its mode.
-- @tparam string path
function machine_methods:may_write(path)
  local stat = self:stat(path)
  if not stat then
    return false
  end
  local shift = stat.uid == self.uid and 64 or stat.gid == self.gid and 8 or 1
  return self:is_root() or math.floor(stat.mode / (2 * shift)) % 2 == 1
end

--- The caller's name, or the number where there is none.
function machine_methods:user()
  for name, uid in (self:read("/etc/passwd") or ""):gmatch("([^:\n]+):[^:\n]*:(%d+):") do
    if tonumber(uid) == self.uid then
      return name
    end
  end
  return ("%d"):format(self.uid)
end

--- A variable of the environment.
function machine_methods:env(name) -- luacheck: ignore 212
  return core.proc.getenv(name)
end

--- Finds a program of the host.
-- @tparam string name
-- @treturn ?string its path
function machine_methods:find(name)
  for _, folder in ipairs(FOLDERS) do
    if self:stat(folder .. "/" .. name) then
      return folder .. "/" .. name
    end
  end
  return nil
end

--- Runs a program of the host to its end, or for ten seconds.
-- @tparam string path
-- @treturn ?table `code`, `stdout`, `stderr`
function machine_methods:run(path, ...) -- luacheck: ignore 212
  return (core.proc.run({ path = path, args = { path, ... }, timeout = SECONDS }))
end

--- Says whether the kernel has a system call (`core.kernel.has_call`).
function machine_methods:has_call(name) -- luacheck: ignore 212
  return core.kernel.has_call(name)
end

--- Says whether the kernel has a kind of namespace: "NEWUSER".
function machine_methods:has_namespace(name) -- luacheck: ignore 212
  return core.ns.supported(name)
end

--- Says whether filters may have an action or a flag, by its word: "SCMP_ACT_NOTIFY".
-- @treturn[1] boolean
-- @return[2] nil
-- @treturn[2] string why that cannot be told
function machine_methods:has_seccomp(word) -- luacheck: ignore 212
  local ok, seccomp = pcall(require, "ctr.core.seccomp")
  if not ok then
    return nil, seccomp
  end
  local words = require("ctr.seccomp.words")
  if words.returns[word] then
    return seccomp.has_action(words.returns[word])
  end
  return seccomp.has_flag(words.flags[word])
end

--- The cgroups' layout (`ctr.cgroup.layout`).
function machine_methods:layout()
  if not self.found_layout then
    self.found_layout, self.layout_error = require("ctr.cgroup").layout()
  end
  return self.found_layout, self.layout_error
end

--- Says whether a module of the library can be loaded.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] string why not
function machine_methods:has_module(name) -- luacheck: ignore 212
  local ok, problem = pcall(require, name)
  return ok or nil, not ok and tostring(problem):match("[^\n]+") or nil
end

--- Connects to systemd.
-- @tparam boolean is_user the user's manager
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function machine_methods:reaches_systemd(is_user) -- luacheck: ignore 212
  local ok, systemd = pcall(require, "ctr.core.systemd")
  if not ok then
    return nil, systemd
  end
  local bus, err = systemd.open(is_user, SECONDS)
  if not bus then
    return nil, err
  end
  bus:close()
  return true
end

--- The version of CRIU.
-- @treturn[1] string
-- @treturn[1] string its path
-- @treturn[1] boolean whether it is not too old
-- @return[2] nil
-- @treturn[2] ctr.Error
function machine_methods:criu() -- luacheck: ignore 212
  local program = require("ctr.criu.program")
  local version, path = program.version({})
  if not version then
    return nil, path
  end
  return program.version_text(version), path, version >= program.OLDEST
end

--- The version of LuaJIT. Those called "beta" compile loops over tables wrong (`ctr.interpreted`).
-- @treturn string
function machine_methods:luajit() -- luacheck: ignore 212
  return jit.version
end

return M

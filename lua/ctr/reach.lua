--- What reaches into a container that runs: methods of `ctr.Container`, loaded when one is called.
-- @module ctr.reach

local containers = require("ctr.container")

local M = {}

local function act(container, module, name, ...)
  return require(module)[name](container, ...)
end

-- What something else started has neither a folder nor a lock.
local function locked(container, ...)
  if not container.store.lock then
    return act(container, ...)
  end
  return containers.locked(container, act, ...)
end

local function check_table(name, fields)
  if type(fields) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)"):format(name, type(fields)), 3)
  end
end

--- Runs a program in the running container, waits for it, and returns what it wrote, how it ended
-- and what it used. What it leaves in the background is the container's, and is not waited for.
-- @function container:run_inside
-- @tparam table fields of a process (`ctr.process`: `args`, `env`, `user`, `cwd`, `capabilities`),
-- and `stdin`, `timeout`, `output_limit`, `stdout`, `stderr` as of `ctr.run`. When the time is over
-- the process is killed, and those that come from it
-- @treturn[1] table as of `ctr.run`; `oom`: whether something in the container was killed meanwhile
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `ContainerPaused`, `ContainerNotRunning`, `SystemError`:
-- it could not be run
-- @usage
-- local result = assert(container:run_inside({ args = { "ps" }, env = { "PATH=/bin" } }))
-- print(result.code, result.stdout)
function M.run_inside(container, fields)
  check_table("run_inside", fields)
  return require("ctr.run").inside(container, fields)
end

local function check_string(name, position, value)
  if type(value) ~= "string" then
    error(("bad argument #%d to '%s' (string expected, got %s)"):format(position, name,
      type(value)), 3)
  end
end

local MOUNT_OPTIONS = { ["nil"] = true, string = true, table = true }

--- Mounts something in the running container: by descriptors, whatever its processes do meanwhile.
-- What is missing of the target is made, as at a start. A mount lasts as long as the container
-- runs; `container:state().live_mounts` lists them, `container:config()` is as the container was
-- made. A checkpoint is refused while there is one.
--
-- @function container:mount
-- @tparam string source a path of the host, or what the file system wants
-- @tparam string target an absolute path in the container
-- @param[opt] opts words of mount(8), as a string or a list: then the source is bound, with what is
-- mounted below it; or a table of a configuration's mount: `device` ("bind" without it), `flags`,
-- `data`, `id_mapping`, `rec_attr`, `propagation_flags`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid` (its `path` begins with `mount`), `ContainerNotRunning`,
-- `SystemError`: nothing is mounted then
-- @usage
-- assert(container:mount("/usr/share", "/data", "ro,nosuid"))
-- assert(container:mount("tmpfs", "/scratch", { device = "tmpfs", data = "size=64m" }))
function M.mount(container, source, target, opts)
  check_string("mount", 1, source)
  check_string("mount", 2, target)
  if not MOUNT_OPTIONS[type(opts)] then
    error("bad argument #3 to 'mount' (string or table expected, got " .. type(opts) .. ")", 2)
  end
  return locked(container, "ctr.reach.mounts", "mount", source, target, opts)
end

--- Takes away what `container:mount` mounted: the last that is at the target, and nothing else.
-- @function container:unmount
-- @tparam string target as it was given to `mount`; a link there is not followed
-- @tparam[opt] table opts `lazy` (boolean): also while it is used; who uses it keeps it
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`: errno EBUSY while it is used, EINVAL where nothing was
-- mounted, ESTALE where somebody in the container has put something else there;
-- `ContainerNotRunning`
-- @usage
-- assert(container:mount("/usr/share", "/data"))
-- assert(container:unmount("/data"))
function M.unmount(container, target, opts)
  check_string("unmount", 1, target)
  local lazy = (opts or {}).lazy
  for key in pairs(opts or {}) do
    if key ~= "lazy" then
      error(("bad argument #2 to 'unmount' (unknown option '%s')"):format(tostring(key)), 2)
    end
  end
  return locked(container, "ctr.reach.mounts", "unmount", target, lazy == true)
end

--- Attaches to the container's first process: what it writes is shown, what is typed it reads. It
-- must have been started with `attachable = true` (`ctr.process`), by whichever program. First
-- comes the last that it wrote, as much as was kept. Several may be attached; each may type. On a
-- terminal the keys go to the process as they are, and the window's size with them; the terminal is
-- put back at the end. A program that gets SIGTERM or SIGHUP meanwhile is detached.
-- @function container:attach
-- @tparam[opt] table opts `detach_keys` ("ctrl-p,ctrl-q"; "" for none), `read_only` (boolean:
-- nothing is typed), `input`, `output`, `errors` (descriptors or Lua files; 0, 1 and 2)
-- @treturn[1] string "detached": it runs on
-- @treturn[2] table the process has ended: `code` or `signal`, neither where nobody knows
-- @return[3] nil
-- @treturn[3] ctr.Error `ContainerNotRunning`, `ConfigInvalid`, `SystemError`
-- @usage
-- local how = assert(container:attach({ detach_keys = "ctrl-x" }))
-- print(how == "detached" and how or how.code or how.signal)
function M.attach(container, opts)
  if opts ~= nil then
    check_table("attach", opts)
  end
  local status, err = container:status()
  if not status then
    return nil, err
  end
  return require("ctr.reach.attach").attach(container, opts or {})
end

--- Calls a Lua function in the container, and returns what it returns: neither Lua nor a shell is
-- needed in there.
--
-- The function runs in a copy of this program: what it sees of variables is as it was at the call,
-- and what it changes is lost. The copy is in all of the container's namespaces and cgroups, with
-- its root and "/" as the working directory; it has the capabilities, the filter and the user that
-- a program of the container would have, and can gain nothing. Of what this program has open
-- nothing is open there: files and sockets that the function got from outside lead nowhere,
-- standard output too.
-- What comes back are nil, booleans, numbers, strings and tables of them, 16 MiB in all; what is in
-- two places comes back as two.
-- @function container:call
-- @tparam[opt] table opts in front: `timeout` (seconds or `"5s"`; 30 without it), `user` (name or
-- number, `"user:group"`; root without it), `trust` (boolean): also where the container has
-- CAP_SYS_PTRACE and no user namespace, and could look into this program
-- @tparam function fn
-- @param ... what it is given
-- @return[1] what the function returns
-- @return[2] nil
-- @treturn[2] ctr.Error `ContainerNotRunning`, `ContainerPaused`, `ConfigInvalid`, `SystemError`:
-- with `raised` where the function raised an error, errno ETIMEDOUT when the time was over
-- @usage
-- local names = assert(container:call({ timeout = "5s" }, function(path)
--   local names = {}
--   for line in io.lines(path) do
--     names[#names + 1] = line:match("^[^:]+")
--   end
--   return names
-- end, "/etc/passwd"))
-- print(table.concat(names, " "))
function M.call(container, ...)
  local opts, fn = ...
  local first = 3
  if type(opts) ~= "table" then
    opts, fn, first = {}, opts, 2
  end
  if type(fn) ~= "function" then
    error(("bad argument #%d to 'call' (function expected, got %s)"):format(first - 1, type(fn)), 2)
  end
  local status, err = container:status()
  if not status then
    return nil, err
  end
  return require("ctr.reach.call").call(container, opts, fn, select(first, ...))
end

return M

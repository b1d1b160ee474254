--- Containers, scripted.
--
--     local ctr = require("ctr")
--     local factory = assert(ctr.new("/run/ctr"))
--     local container = assert(factory:create("web", config))
--     assert(container:run(ctr.process({ args = { "/bin/sh" }, stdin = io.stdin })))
--
-- What can fail returns its value, or nil and an error (`ctr.errors`). A module is loaded when it
-- is first used: making a plan needs neither the core nor root.
-- @module ctr

require("ctr.interpreted")
jit.off(true, true) -- this file came before

local M = {}

--- Device rules for `cgroups.allowed_devices`: libcontainer's DefaultAllowedDevices.
-- @field default_allowed_devices

--- Nodes for `devices`: libcontainer's DefaultAutoCreatedDevices.
-- @field default_auto_created_devices

--- Devices without which few programs run: libcontainer's DefaultSimpleDevices.
-- @field default_simple_devices

--- Capabilities that descriptions have by default: the five sets.
-- @field default_capabilities

--- The version of the library: a string, `"0.1.0"`.
M.version = "0.1.0"

--- Makes a factory of containers.
-- @tparam[opt] string root the state folder: `/run/ctr` without it, `$XDG_RUNTIME_DIR/ctr` where
-- the caller has no privilege; "" for `start_initialization` alone
-- @tparam[opt] table opts
-- @tparam[opt="cgroupfs"] string opts.cgroup_manager who makes the cgroups: "cgroupfs", "systemd",
-- "rootless" (what was delegated; the default without privilege) or "none"
-- @tparam[optchain] string opts.criu_path the CRIU program (default: found by `PATH`)
-- @tparam[optchain] string opts.newuidmap_path the helper for uid maps (default: found by `PATH`)
-- @tparam[optchain] string opts.newgidmap_path the helper for gid maps (default: found by `PATH`)
-- @tparam[optchain] string opts.init_path a program that becomes the container's first process by
-- `factory:start_initialization` (default: the library's own)
-- @tparam[optchain] table opts.init_args its arguments, with its name (default: its path)
-- @tparam[optchain] boolean opts.tmpfs_root mount a tmpfs on the state folder (default false)
-- @tparam[optchain] string opts.intel_rdt where resctrl is mounted (default: found)
-- @tparam[optchain] number opts.hook_timeout seconds that commands among the hooks have which say
-- nothing of their own (default: as long as they take)
-- @tparam[optchain] boolean opts.lazy open what starts need of the host at the first start, not now
-- (default false)
-- @treturn[1] ctr.Factory
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`
-- @usage
-- local factory = assert(ctr.new("/run/ctr", { cgroup_manager = "cgroupfs" }))
-- print(#assert(factory:list()) .. " containers")
function M.new(root, opts)
  if root ~= nil and type(root) ~= "string" then
    error("bad argument #1 to 'new' (string expected, got " .. type(root) .. ")", 2)
  end
  if opts ~= nil and type(opts) ~= "table" then
    error("bad argument #2 to 'new' (table expected, got " .. type(opts) .. ")", 2)
  end
  return require("ctr.factory").new(root, opts)
end

--- Makes a process, which `container:run` or `container:start` starts. Its fields are checked then.
-- @tparam table spec its fields: `args` (the one that is required), `env`, `user`, `cwd`, `stdin`,
-- `stdout`, `stderr`, …; all of them are in `docs/configuration.md`, "A process"
-- @treturn ctr.Process
-- @usage
-- local process = ctr.process({
--   args = { "/bin/sh", "-c", "echo $GREETING" },
--   env = { "PATH=/bin", "GREETING=hello" },
--   stdout = function(chunk) print(chunk) end,
-- })
function M.process(spec)
  return require("ctr.process").new(spec)
end

--- Checks a configuration, without looking at the machine.
-- @tparam table config its keys are in `docs/configuration.md`, "A container"
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `problems` has them all: `{ path, text }` each
-- @usage
-- local ok, err = ctr.validate({ rootfs = "rootfs", hostnam = "web" })
-- assert(not ok and err.code == "ConfigInvalid")
-- for _, problem in ipairs(err.problems) do
--   print(problem.path, problem.text)
-- end
function M.validate(config)
  local normalised, err = require("ctr.config.schema").parse(config)
  if not normalised then
    return nil, err
  end
  return true
end

--- Makes the plan of a start, which runs nothing and needs no root: `tostring(plan)` is its text.
-- @tparam table config
-- @tparam ctr.Process|table process a process, or its fields
-- @treturn[1] ctr.Plan
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
-- @usage
-- local plan = assert(ctr.plan({ rootfs = "/srv/web", namespaces = { "NEWNS", "NEWPID" } },
--   { args = { "/bin/sh" } }))
-- print(plan)
function M.plan(config, process)
  return require("ctr.preview").plan(config, process)
end

--- Makes an event loop: sources, processes, timers and signals call functions.
-- @treturn[1] ctr.Loop
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local loop = assert(ctr.loop())
-- assert(loop:after(0.01, function() print("a moment later") end))
-- assert(loop:run())
-- loop:close()
function M.loop()
  return require("ctr.loop").new()
end

--- Makes the seccomp profile that descriptions have by default.
-- @tparam[opt] table capabilities the sets that the container will have: some system calls are
-- allowed only with a capability (default: none)
-- @treturn table for `seccomp` of a configuration
-- @usage
-- local profile = ctr.default_seccomp({ bounding = { "CAP_CHOWN" } })
-- assert(profile.default_action == "SCMP_ACT_ERRNO")
function M.default_seccomp(capabilities)
  if capabilities ~= nil and type(capabilities) ~= "table" then
    error("bad argument #1 to 'default_seccomp' (table expected, got " .. type(capabilities) .. ")",
      2)
  end
  return require("ctr.seccomp.default").profile(capabilities)
end

--- Migrates a running container: it goes on elsewhere, and there are never two. A failure brings
-- the source back: `err.source` is "running"; "restored" where it had ended and was restored of its
-- images, with its first process in `err.process`; "stopped" where nobody can know whether the
-- target runs, or where its memory is not here any more (`docs/guide/migrate.md`). The source is
-- destroyed when the target runs.
-- @tparam ctr.Container container
-- @tparam table target `socket`: a stream to `ctr.receive_migration` of another program, which is
-- not closed; or the receiving end in this one, as that takes it, where `config` may be left out
-- @tparam[opt] string target.network_namespace a path or descriptor: the host of a receiving end in
-- this program (default: the program's own)
-- @tparam[opt] table opts also, of `container:checkpoint`: `tcp_established`, `tcp_skip_in_flight`,
-- `file_locks`, `link_remap`, `external_unix_connections`, `shell_job`, `manage_cgroups_mode`,
-- `empty_ns`, `network_lock`
-- @tparam[optchain] string opts.method "pre-copy", "stop-and-copy" or "post-copy" (default:
-- pre-copy where the kernel tracks which pages are written to, else stop-and-copy)
-- @tparam[optchain] number opts.max_rounds most pre-dumps before the last dump (default 5)
-- @tparam[optchain] number|string opts.dirty_limit bytes: a pre-dump that wrote no more is the last
-- one (default "4M"), as is one that wrote hardly less than the one before
-- @tparam[optchain] boolean opts.page_server pages go to CRIU's page server at the receiving end
-- (default false)
-- @tparam[optchain] table opts.lazy_server `{ address =, port = }` where this end serves pages
-- after a post-copy
-- @tparam[optchain] string opts.directory a folder of this end for images: required with `socket`
-- @tparam[optchain] ctr.Process opts.process gets the first process of a source that is restored
-- @tparam[optchain] function opts.progress is called with a table whose `phase` is "round" (with
-- `number`, `pages`, `bytes`), "dump", "transfer", "restore", and "go" just before the target is
-- told to run. An error that it raises ends the migration
-- @tparam[optchain] number opts.timeout seconds that the other end may say nothing (default 120)
-- @treturn[1] table `method`, `fallback` (why there was no pre-copy), `rounds` (of each `pages`,
-- `bytes`, `sent`, `seconds`; the last dump included), `bytes` (sent), `down_time` and `total`
-- (seconds), `warning` (why what is left of the source could not be destroyed); with both ends in
-- this program also `container` and `process`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `ContainerNotRunning`, `SystemError`
-- @usage
-- local west = assert(ctr.new("/run/ctr-west"))
-- local report = assert(ctr.migrate(container, {
--   factory = west,
--   directory = "/var/tmp",
--   network_namespace = "/run/netns/west",
--   config = function(config)
--     config.cgroups = { path = "/west" } -- both hosts are one machine
--     return config
--   end,
-- }, { tcp_established = true }))
-- print(report.method, report.down_time)
function M.migrate(container, target, opts)
  return require("ctr.migrate").migrate(container, target, opts)
end

--- Receives one container from `ctr.migrate` of another program: it runs then. A failure leaves
-- nothing, but for images that may be all that is left of it: `err.images` is their folder.
-- @tparam number|ctr.fd|table socket the stream to the other program: a descriptor, or
-- `{ input =, output = }`. It is not closed. Who is let in there says what runs here as root,
-- as far as `config` lets it
-- @tparam table target
-- @tparam ctr.Factory target.factory makes the container
-- @tparam string target.directory a folder for images
-- @tparam table|function target.config its configuration, or a function that is given the source's
-- and its id, and returns one; or nil and why the container is refused
-- @tparam[opt] string target.id its id (default: the source's)
-- @tparam[optchain] ctr.Process target.process gets the first process
-- @tparam[optchain] table target.page_server `{ address =, port = }` where a page server may listen
-- @tparam[optchain] number|string target.max_bytes most bytes of images (default "64G")
-- @tparam[optchain] number target.timeout seconds that the other end may say nothing (default 120)
-- @treturn[1] table `container`, `process`, `bytes` (received)
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`
-- @usage
-- local report = assert(ctr.receive_migration({ input = 0, output = 1 }, {
--   factory = factory,
--   directory = "/var/tmp",
--   config = function(config, id)
--     if id ~= "web" then
--       return nil, "only web is expected"
--     end
--     return config
--   end,
-- }))
-- report.process:wait()
function M.receive_migration(socket, target)
  return require("ctr.migrate").receive(socket, target)
end

--- Begins the description of a container: `ctr.container "web" { … }`. What it does not say has a
-- safe default.
-- @tparam string name the container's id
-- @treturn function takes the description's table; returns a `ctr.Description` with `name`,
-- `config`, `process` and `on`, or nil and a `ctr.Error` (`ConfigInvalid`)
-- @usage
-- local web = assert(ctr.container("web")({
--   rootfs = "./rootfs",
--   run = { "/bin/httpd", "-f" },
--   limits = { memory = "256M" },
-- }))
-- assert(ctr.validate(web.config))
function M.container(name)
  return require("ctr.describe").container(name)
end

--- Runs a program in a container of its own, waits for it, and leaves nothing of the container: no
-- process, cgroup, mount, state or descriptor. Its id is made up.
--
-- @tparam table fields what a description has (`ctr.describe`: `rootfs`, `args`, `env`, `user`,
-- `cwd`, `limits`, `mounts`, `network`, any key of the configuration; paths are relative to the
-- file that calls), and
--
-- - `stdin`: what the program reads: any string, whatever is in it; or a Lua file or descriptor;
--   nothing without it
-- - `timeout`: seconds, or `"500ms"`, `"1m30s"`: when they are over all in it is killed
-- - `output_limit`: the most of each stream that is kept, in bytes or as `"1M"`; 16 MiB without it.
--   What is more is read and dropped
-- - `stdout`, `stderr`: a function called with each chunk, a file, a path, `"null"`: then the
--   result has no such field
-- - `factory`: of `ctr.new`, in place of one for this call
-- @treturn[1] table `code` (0 … 255) or `signal` ("SIGKILL"); `stdout`, `stderr` (strings);
-- `truncated`: whether some of them was dropped; `timed_out`; `oom`: whether the kernel killed
-- something in it for want of memory; `usage`: `memory_peak` (bytes), `cpu`, `user`, `system`
-- (seconds); `refused`, `calls`, `notify_errors` as `process:wait` has them
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `SystemError`: it could not be run
-- @usage
-- local result = assert(ctr.run({ rootfs = rootfs, args = { "wc", "-l" }, stdin = "one\n",
--   timeout = "5s", limits = { memory = "64M", pids = 16 } }))
-- print(result.code, result.stdout, result.usage.memory_peak)
function M.run(fields)
  if type(fields) ~= "table" then
    error("bad argument #1 to 'run' (table expected, got " .. type(fields) .. ")", 2)
  end
  return require("ctr.run").run(fields, require("ctr.describe.origin").caller(2))
end

local LAZY = {
  errors = function() return require("ctr.errors") end,
  learn = function() return require("ctr.learn") end,
  oci = function() return require("ctr.oci") end,
  default_allowed_devices = function() return require("ctr.config.defaults").allowed_devices end,
  default_auto_created_devices = function()
    return require("ctr.config.defaults").auto_created_devices
  end,
  default_simple_devices = function() return require("ctr.config.defaults").simple_devices end,
  default_capabilities = function() return require("ctr.config.defaults").capabilities end,
}

return setmetatable(M, {
  __index = function(module, key)
    local load = LAZY[key]
    local value = load and load()
    if value then
      rawset(module, key, value)
    end
    return value
  end,
})

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

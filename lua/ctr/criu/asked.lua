--- Whether what is asked for can be had of this CRIU and this kernel: looked at before anything is
-- made. An older CRIU does not know newer fields of a request, and would leave them out silently.
-- @module ctr.criu.asked

local core = require("ctr.core")
local errors = require("ctr.errors")
local options_module = require("ctr.criu.options")
local pipes = require("ctr.criu.pipes")
local program = require("ctr.criu.program")

local M = {}

local READ = { flags = { "rdonly", "noctty", "nonblock" } }

local function check_versions(options, version)
  for _, row in ipairs(options_module.since(options)) do
    local ok, err = program.check_version(version, row.version, row.option)
    if not ok then
      return nil, errors.with_path(err, row.option)
    end
  end
  return true
end

-- CRIU goes on without one that it cannot read.
local function check_config_file(options)
  if options.config_file == "" then
    return true
  end
  local handle, err = core.fd.open(options.config_file, READ)
  if not handle then
    return nil, errors.with_path(err, "config_file")
  end
  local kind = core.fd.type(handle)
  handle:close()
  if kind ~= "file" then
    return nil, errors.new("ConfigInvalid", ("config_file: %s is no file"):format(
      options.config_file), { path = "config_file" })
  end
  return true
end

local function lacks(option, what)
  return nil, errors.new("ConfigInvalid", ("%s: %s is not enabled on this machine"):format(option,
    what), { path = option })
end

--- Checks that labels that a restore is to give are known here.
-- @tparam table options parsed
-- @tparam table machine `apparmor_enabled()`, `selinux_enabled()`, `missing_profile(name)`
-- (`ctr.probe`)
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.labels(options, machine)
  local kind, name = options.lsm_profile:match("^(%l+):(.*)$")
  if kind == "apparmor" and not machine.apparmor_enabled() then
    return lacks("lsm_profile", "AppArmor")
  elseif kind == "selinux" and not machine.selinux_enabled() then
    return lacks("lsm_profile", "SELinux")
  elseif options.lsm_mount_context ~= "" and not machine.selinux_enabled() then
    return lacks("lsm_mount_context", "SELinux")
  end
  local missing = kind == "apparmor" and machine.missing_profile(name)
  if missing then
    return nil, errors.new("ConfigInvalid", ("lsm_profile: AppArmor's profile %s is not loaded")
      :format(missing), { path = "lsm_profile" })
  end
  return true
end

local function check_features(options, version, path)
  local is_tracked = options.pre_dump and "pre_dump"
    or options.parent_image ~= "" and "parent_image"
  local ok, err = true, nil
  if is_tracked then
    ok, err = program.check_feature(path, version, "mem_track", is_tracked)
  end
  if ok and options.lazy_pages then
    ok, err = program.check_feature(path, version, "lazy_pages", "lazy_pages")
  end
  return ok, err
end

local function check_serving(options, host)
  if not options.lazy_pages then
    return true
  elseif not options.page_server then
    return nil, errors.new("ConfigInvalid", "page_server is required by lazy_pages: where "
      .. "pages are served", { path = "page_server" })
  end
  return pipes.check(host, "lazy_pages")
end

--- Checks what a checkpoint is asked for.
-- @tparam table options parsed
-- @tparam number version of CRIU
-- @tparam string path of CRIU
-- @tparam ctr.Host host
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error whose path is the option
function M.of_dump(options, version, path, host)
  local ok, err = program.check_version(version, program.OLDEST, "a checkpoint")
  for _, check in ipairs({ check_versions, check_config_file, check_features }) do
    if ok then
      ok, err = check(options, version, path)
    end
  end
  if ok then
    ok, err = check_serving(options, host)
  end
  return ok, err
end

--- Checks what a restore is asked for: of the same options those that are a checkpoint's alone are
-- not looked at.
-- @tparam table options parsed
-- @tparam number version of CRIU
-- @tparam string path of CRIU
-- @tparam table machine (`ctr.probe`)
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error whose path is the option
function M.of_restore(options, version, path, machine)
  local ok, err = program.check_version(version, program.OLDEST, "a restore")
  for _, check in ipairs({ check_versions, check_config_file }) do
    if ok then
      ok, err = check(options, version)
    end
  end
  if ok then
    ok, err = M.labels(options, machine)
  end
  if ok and options.lazy_pages then
    ok, err = program.check_feature(path, version, "lazy_pages", "lazy_pages")
  end
  return ok, err
end

return M

--- What the options of `lctr checkpoint` and `lctr restore` say to the library.
-- @module ctr.cli.checkpointing

local context_module = require("ctr.cli.context")
local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local IMAGES = "./checkpoint"
local FOLDER_MODE = 448 -- 0700

-- What an administrator wants CRIU to be told: ours, or what runc reads.
local CONFIG_FILES = { "/etc/criu/ctr.conf", "/etc/criu/runc.conf" }

local FLAGS = {
  ["tcp-established"] = "tcp_established", ["ext-unix-sk"] = "external_unix_connections",
  ["shell-job"] = "shell_job", ["file-locks"] = "file_locks", ["auto-dedup"] = "auto_dedup",
  ["lazy-pages"] = "lazy_pages", ["link-remap"] = "link_remap", ["pre-dump"] = "pre_dump",
  ["leave-running"] = "leave_running", ["tcp-skip-in-flight"] = "tcp_skip_in_flight",
  ["tcp-close"] = "tcp_close", ["any-version"] = "any_version",
}
local VALUES = {
  ["manage-cgroups-mode"] = "manage_cgroups_mode", ["network-lock"] = "network_lock",
  ["parent-path"] = "parent_image", ["lsm-profile"] = "lsm_profile",
  ["lsm-mount-context"] = "lsm_mount_context", ["empty-ns"] = "empty_ns",
}
local FOLDERS = { ["image-path"] = "images_directory", ["work-path"] = "work_directory" }

local function config_file()
  for _, path in ipairs(CONFIG_FILES) do
    local file = io.open(path, "r")
    if file then
      file:close()
      return path
    end
  end
  return nil
end

-- An empty path is none, as in other runtimes.
local function given(path)
  return path ~= "" and path or nil
end

--- Translates options of the command line.
-- @tparam table values
-- @treturn table for `container:checkpoint` and `container:restore`
function M.options(values)
  local work = given(values["work-path"])
  local options = {
    images_directory = context_module.absolute(given(values["image-path"]) or IMAGES),
    work_directory = work and context_module.absolute(work),
    config_file = config_file(),
  }
  for name, key in pairs(FLAGS) do
    options[key] = values[name]
  end
  for name, key in pairs(VALUES) do
    options[key] = values[name]
  end
  return options
end

local function option_of(key)
  for _, names in ipairs({ FLAGS, VALUES, FOLDERS }) do
    for name, other in pairs(names) do
      if other == key then
        return "--" .. name
      end
    end
  end
  return nil
end

--- An error of the library, which names options by their keys, in the words of the command line.
-- @tparam ctr.Error err
-- @treturn ctr.Error
function M.in_words(err)
  if err.code ~= "ConfigInvalid" and not option_of(err.path) then
    return err
  end
  return errors.new(err.code, (tostring(err):gsub("[%l_]+_[%l_]+", option_of)))
end

--- Makes a folder and those above it.
-- @tparam string path absolute; what ".." leads out of has to be there
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.make_folder(path)
  local root, err = core.path.open_root("/")
  if not root then
    return nil, err
  end
  local prefix, ok = "", true
  for name in path:gmatch("[^/]+") do
    if name == ".." then
      prefix, err = core.path.realpath(prefix .. "/..")
      ok = prefix ~= nil
    elseif name ~= "." then
      prefix = prefix .. "/" .. name
      ok, err = core.path.mkdir(root, prefix, FOLDER_MODE)
      ok = ok or err.errno == "EEXIST"
    end
    if not ok then
      break
    end
  end
  root:close()
  return ok or nil, err
end

--- Reads the address of a page server, HOST:PORT or [HOST]:PORT.
-- @tparam string text
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.page_server(text)
  local address, port = text:match("^%[([^%]]+)%]:(%d+)$")
  if not address then
    address, port = text:match("^([^:]+):(%d+)$")
  end
  if not address then
    return nil, errors.new("ConfigInvalid", ("--page-server must be HOST:PORT, not %q"):format(
      text))
  end
  return { address = address, port = tonumber(port) }
end

return M

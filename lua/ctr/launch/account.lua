--- Who a process runs as: looked up in the container's own user files, and checked.
-- @module ctr.launch.account

local core = require("ctr.core")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")
local user = require("ctr.user")

local M = {}

-- The most that is read of a user file.
local FILE_MAX = 1024 * 1024

local NO_FOLLOW = { nofollow = true }
local USER_FILES = { ["/etc"] = true, ["/etc/passwd"] = true, ["/etc/group"] = true }
-- What nearly every container mounts, and where no user files lie.
local SYSTEM = { proc = true, sys = true, dev = true }

-- Whether a mount hides the root's user files, and whether one may by a link that leads to it.
local function look_at_mounts(config)
  local may_hide = false
  for _, mount in ipairs(config.mounts) do
    if USER_FILES[mount.destination] then
      return true, true
    end
    may_hide = may_hide or not SYSTEM[mount.destination:match("^/([^/]*)")]
  end
  return false, may_hide
end

local function has_links(root)
  for path in pairs(USER_FILES) do
    local stat = core.path.stat(root, path, NO_FOLLOW)
    if stat and stat.type == "link" then
      return true
    end
  end
  return false
end

--- Reads the user files of a root, unless a mount of the configuration lies where they are: then
-- those of the finished tree count, for which the bootstrap is asked.
-- @tparam table config
-- @tparam function open_root returns the root's descriptor, or nil
-- @treturn ?table `passwd`, `group`: texts, or nil where there is no such file
function M.read_files(config, open_root)
  local hides, may_hide = look_at_mounts(config)
  local root = not hides and open_root()
  if not root then
    return nil
  end
  local files
  if not (may_hide and has_links(root)) then
    files = {
      passwd = core.path.read(root, "etc/passwd", FILE_MAX),
      group = core.path.read(root, "etc/group", FILE_MAX),
    }
  end
  root:close()
  return files
end

local function check_mapped(config, facts, found)
  if not facts.maps then
    return true
  end
  for _, check in ipairs({ { found.uid, config.uid_mappings, "user" },
    { found.gid, config.gid_mappings, "group" } }) do
    if not idmap.to_host(check[2], check[1]) then
      return nil, errors.new("ConfigInvalid", ("%s %d is not mapped in the user namespace"):format(
        check[3], check[1]), { path = "process.user" })
    end
  end
  return true
end

--- Looks up who a process runs as.
-- @tparam table config
-- @tparam table process
-- @tparam table facts `maps`: ids must be mapped by the configuration
-- @tparam ?string passwd the text of the container's /etc/passwd
-- @tparam ?string group the text of its /etc/group
-- @treturn[1] table `uid`, `gid`, `groups`, `home`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.resolve(config, process, facts, passwd, group)
  local found, err = user.resolve({
    user = process.user, additional_groups = process.additional_groups,
    passwd = passwd, group = group,
  })
  if not found then
    return nil, err
  end
  if not facts.can_setgroups and #process.additional_groups > 0 then
    return nil, errors.new("ConfigInvalid",
      "cannot be set: the user namespace does not allow setgroups",
      { path = "process.additional_groups" })
  end
  local ok, problem = check_mapped(config, facts, found)
  if not ok then
    return nil, problem
  end
  return found
end

--- Reads a user file that the bootstrap passed up, and closes it.
-- @tparam ?ctr.fd handle
-- @treturn ?string
function M.read(handle)
  if not handle then
    return nil
  end
  local content = core.path.read_fd(handle, FILE_MAX)
  handle:close()
  return content
end

return M

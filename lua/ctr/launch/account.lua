--- Who a process runs as: looked up in the container's own user files, and checked.
-- @module ctr.launch.account

local core = require("ctr.core")
local errors = require("ctr.errors")
local idmap = require("ctr.idmap")
local user = require("ctr.user")

local M = {}

--- The most that is read of a user file.
M.FILE_MAX = 1024 * 1024

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
  local content = core.path.read_fd(handle, M.FILE_MAX)
  handle:close()
  return content
end

return M

--- Id mappings of a user namespace.
-- @module ctr.idmap

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local HELPER_TIMEOUT = 30 -- seconds
local WORD_MAX = 16
local MAP_MAX = 64 * 1024

--- Translates an id of the container to the host's.
-- @tparam {table,…} mappings
-- @tparam number id
-- @treturn ?number nil where no mapping covers it
function M.to_host(mappings, id)
  for _, row in ipairs(mappings) do
    if id >= row.container_id and id < row.container_id + row.size then
      return row.host_id + (id - row.container_id)
    end
  end
  return nil
end

local function is_own_id(mappings, id)
  return #mappings == 1 and mappings[1].host_id == id and mappings[1].size == 1
end

-- Whether a user namespace that is joined has given setgroups(2) up. Its file is one of a process:
-- of a namespace that is known by another path nothing is known.
local function is_given_up(host, config)
  for _, namespace in ipairs(config.namespaces or {}) do
    local pid = namespace.type == "NEWUSER" and namespace.path:match("^/proc/(%w+)/ns/user$")
    local procfs = pid and host:procfs()
    if procfs then
      return core.path.read(procfs, pid .. "/setgroups", WORD_MAX) == "deny\n"
    end
  end
  return false
end

--- Says whether a container's group mapping leaves setgroups(2) allowed. A user without privilege
-- may map the own group only after giving it up (user_namespaces(7)).
function M.allows_setgroups(host, config)
  return not (host.rootless and is_own_id(config.gid_mappings, host.egid))
    and not is_given_up(host, config)
end

local function map_text(mappings)
  local lines = {}
  for index, row in ipairs(mappings) do
    lines[index] = ("%.0f %.0f %.0f\n"):format(row.container_id, row.host_id, row.size)
  end
  return table.concat(lines)
end

local function write_file(host, pid, name, text)
  local procfs, err = host:procfs()
  if not procfs then
    return nil, err
  end
  return core.path.write(procfs, pid .. "/" .. name, text, { beneath = true })
end

local HELPER_FOLDERS = { "/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/" }

local function find_helper(given, name)
  if given then
    return given
  end
  for _, folder in ipairs(HELPER_FOLDERS) do
    local handle = core.fd.open(folder .. name, { flags = { "path" } })
    if handle then
      handle:close()
      return folder .. name
    end
  end
  return nil
end

local function run_helper(path, name, pid, mappings)
  if not path then
    return nil, errors.new("SystemError", name .. " is not installed: without it, a user can map "
      .. "one id only, the own one")
  end
  local args = { path, tostring(pid) }
  for _, row in ipairs(mappings) do
    for _, number in ipairs({ row.container_id, row.host_id, row.size }) do
      args[#args + 1] = ("%.0f"):format(number)
    end
  end
  local result, err = core.proc.run({
    path = path, args = args, env = {}, timeout = HELPER_TIMEOUT,
  })
  if not result then
    return nil, err
  end
  if result.code ~= 0 then
    local said = (result.stderr or ""):gsub("%s+$", "")
    return nil, errors.new("SystemError", ("%s failed: %s"):format(path, said ~= "" and said
      or "killed by " .. tostring(result.signal or "time-out")))
  end
  return true
end

local function write_map(host, factory, pid, kind, mappings)
  local own = kind == "uid" and host.euid or host.egid
  if host.rootless and not is_own_id(mappings, own) then
    local name = "new" .. kind .. "map"
    return run_helper(find_helper(factory[name .. "_path"], name), name, pid, mappings)
  end
  return write_file(host, pid, kind .. "_map", map_text(mappings))
end

--- Writes the mappings of a process that has made a user namespace and waits.
-- @tparam ctr.Host host
-- @tparam ctr.Factory factory its newuidmap_path and newgidmap_path are used without privilege
-- @tparam table config
-- @tparam number pid
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with path `uid_mappings` or `gid_mappings`
function M.write(host, factory, config, pid)
  local ok, err = write_map(host, factory, pid, "uid", config.uid_mappings)
  if not ok then
    return nil, errors.with_path(err, "uid_mappings")
  end
  if not M.allows_setgroups(host, config) then
    ok, err = write_file(host, pid, "setgroups", "deny")
    if not ok then
      return nil, errors.with_path(err, "gid_mappings")
    end
  end
  ok, err = write_map(host, factory, pid, "gid", config.gid_mappings)
  if not ok then
    return nil, errors.with_path(err, "gid_mappings")
  end
  return true
end

local LISTS = { { "uid_map", "uid_mappings" }, { "gid_map", "gid_mappings" } }

-- The kernel keeps more than five rows in an order of its own.
local function in_order(rows)
  table.sort(rows)
  return table.concat(rows, ", ")
end

--- Compares the mappings of a process' user namespace with those that it is said to have.
-- @tparam ctr.fd procfs
-- @tparam number pid
-- @tparam table config
-- @treturn string|nil the key of the first list that is another; nil where both are the same
-- @treturn string|nil what the namespace has in its place
function M.difference(procfs, pid, config)
  for _, list in ipairs(LISTS) do
    local text = core.path.read(procfs, ("%d/%s"):format(pid, list[1]), MAP_MAX) or ""
    local found, wanted = {}, {}
    for row in text:gmatch("[^\n]+") do
      found[#found + 1] = row:gsub("^ +", ""):gsub(" +", " ")
    end
    for line in map_text(config[list[2]]):gmatch("[^\n]+") do
      wanted[#wanted + 1] = line
    end
    if in_order(found) ~= in_order(wanted) then
      return list[2], in_order(found)
    end
  end
  return nil
end

--- Checks that a process which has joined a user namespace found the mappings there that the
-- configuration says: engines write both, and ids that mean others than whoever wrote them thought
-- are a hole. libcontainer's rule.
-- @tparam ctr.Host host
-- @tparam table config
-- @tparam number pid
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error with path `uid_mappings` or `gid_mappings`
function M.check_joined(host, config, pid)
  local procfs, err = host:procfs()
  if not procfs then
    return nil, err
  end
  local key, found = M.difference(procfs, pid, config)
  if not key then
    return true
  end
  return nil, errors.new("ConfigInvalid",
    ("%s are not those of the user namespace that is joined: it has %s"):format(key,
      found ~= "" and found or "none"), { path = key })
end

return M

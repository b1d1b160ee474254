--- Where a container's cgroup lies: rules on text alone.
--
-- A place is `{ path, absolute, explicit }`: the inner path without slashes at its ends; whether it
-- counts from the hierarchy's mount or from the caller's own cgroup; and whether the configuration
-- named it with `path`.
-- @module ctr.cgroup.place

local errors = require("ctr.errors")

local M = {}

local PREFIX = "ctr-"
local NAME_MAX = 255

local function check_component(name)
  if name == ".." then
    return nil, "must not contain \"..\""
  end
  if name:find("[%z\n]") then
    return nil, "must not contain a NUL or a newline"
  end
  if #name > NAME_MAX then
    return nil, "has a component of more than 255 bytes"
  end
  return true
end

--- Cleans a path: no empty components, no "."; ".." is refused, not resolved.
-- @tparam string text
-- @treturn[1] string without slashes at its ends
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.clean(text)
  local parts = {}
  for name in text:gmatch("[^/]+") do
    local ok, reason = check_component(name)
    if not ok then
      return nil, reason
    end
    if name ~= "." then
      parts[#parts + 1] = name
    end
  end
  return table.concat(parts, "/")
end

local function invalid(key, reason)
  local path = "cgroups." .. key
  return nil, errors.new("ConfigInvalid", path .. " " .. reason, { path = path })
end

local function given(text)
  return text ~= nil and text ~= ""
end

local function from_path(config)
  local path, reason = M.clean(config.path)
  if not path then
    return invalid("path", reason)
  end
  if path == "" then
    return invalid("path", "names no cgroup")
  end
  return { path = path, absolute = config.path:sub(1, 1) == "/", explicit = true }
end

local function from_parent(config, id)
  local parent, reason = M.clean(config.parent or "")
  if not parent then
    return invalid("parent", reason)
  end
  local name
  name, reason = M.clean(given(config.name) and config.name or id)
  if not name then
    return invalid("name", reason)
  end
  if name == "" then
    return invalid("name", "names no cgroup")
  end
  return {
    path = parent == "" and name or parent .. "/" .. name,
    absolute = given(config.parent) and config.parent:sub(1, 1) == "/",
    explicit = false,
  }
end

--- Decides where a container's cgroup lies.
-- @tparam table config `cgroups` of the configuration
-- @tparam string id of the container, at most 255 bytes
-- @treturn[1] table place
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.of(config, id)
  local named = given(config.name) or given(config.parent)
  if given(config.path) then
    if named then
      return invalid("path", "cannot be given together with name or parent")
    end
    return from_path(config)
  end
  if named then
    return from_parent(config, id)
  end
  -- Flat: a folder of our own above would be made and removed nine times over on v1, whenever one
  -- container is alone.
  return { path = PREFIX .. id, absolute = false, explicit = false }
end

--- Splits a relative path into what is above and the last component.
-- @tparam string path
-- @treturn string "" where nothing is above
-- @treturn string
function M.split(path)
  local above, name = path:match("^(.*)/([^/]+)$")
  return above or "", name or path
end

--- Joins two relative paths, of which the first may be "".
function M.join(above, path)
  return above == "" and path or above .. "/" .. path
end

return M

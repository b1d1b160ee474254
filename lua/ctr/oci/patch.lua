--- Differences between two configurations, as data that JSON can hold: a merge patch (RFC 7396)
-- that also reaches into lists, whose items it calls by their number, `"2"`.
-- @module ctr.oci.patch

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local NULL = core.json.null

local function is_list(value)
  return type(value) == "table" and value[1] ~= nil
end

local function unsayable(path, value)
  local text = ("cannot be said in JSON: it is a %s"):format(type(value))
  return nil, errors.new("ConfigInvalid", path .. " " .. text, {
    path = path, problems = { { path = path, text = text } },
  })
end

local function path_to(path, key)
  if type(key) == "number" then
    return ("%s[%d]"):format(path, key)
  end
  if not key:find("^[%a_][%w_]*$") then
    return ("%s[%q]"):format(path, key)
  end
  return path == "" and key or path .. "." .. key
end

-- A copy; nil and an error where something in it is no JSON.
local function copy(value, path)
  if type(value) == "function" or type(value) == "userdata" and value ~= NULL then
    return unsayable(path, value)
  end
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, item in pairs(value) do
    local copied, err = copy(item, path_to(path, key))
    if copied == nil then
      return nil, err
    end
    result[key] = copied
  end
  return is_list(value) and core.json.array(result) or result
end

local diff

local function diff_items(wanted, found, path)
  local patch
  for index, item in ipairs(wanted) do
    local part, err = diff(item, found[index], path_to(path, index))
    if err then
      return nil, err
    end
    if part ~= nil then
      patch = patch or {}
      patch[tostring(index)] = part
    end
  end
  return patch
end

local function sorted_keys(one, other)
  local keys = {}
  for key in pairs(one) do
    keys[#keys + 1] = key
  end
  for key in pairs(other) do
    if one[key] == nil then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys)
  return keys
end

local function diff_fields(wanted, found, path)
  local patch
  for _, key in ipairs(sorted_keys(wanted, found)) do
    local part, err = diff(wanted[key], found[key], path_to(path, key))
    if err then
      return nil, err
    end
    if part ~= nil then
      patch = patch or {}
      patch[key] = part
    end
  end
  return patch
end

function diff(wanted, found, path)
  if type(wanted) ~= "table" or type(found) ~= "table" then
    if wanted == found then
      return nil
    end
    if wanted == nil then
      return NULL
    end
    return copy(wanted, path)
  end
  if not is_list(wanted) and not is_list(found) then
    return diff_fields(wanted, found, path)
  end
  if #wanted == #found then
    return diff_items(wanted, found, path)
  end
  if #wanted == 0 then
    return core.json.array({})
  end
  return copy(wanted, path)
end

--- What has to be changed in one value to get another.
-- @tparam table wanted
-- @tparam table found
-- @treturn[1] ?table nil where they are equal
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`: what is missing has no JSON; `path` says where
function M.diff(wanted, found)
  return diff(wanted, found, "")
end

local ARRAY = getmetatable(core.json.array({}))

-- An array of JSON stands for the whole list.
local function is_whole(value)
  return type(value) ~= "table" or getmetatable(value) == ARRAY or is_list(value)
end

--- Changes a value as a patch says.
-- @param value its tables are changed
-- @param patch of `diff`, or as it comes from JSON
-- @return the value
function M.apply(value, patch)
  if is_whole(patch) then
    return patch
  end
  if type(value) ~= "table" then
    value = {}
  end
  local has_items = is_list(value)
  for key, part in pairs(patch) do
    local place = has_items and tonumber(key) or key
    if part == NULL then
      value[place] = nil
    else
      value[place] = M.apply(value[place], part)
    end
  end
  return value
end

return M

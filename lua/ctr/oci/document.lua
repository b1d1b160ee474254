--- OCI documents: reading one from a bundle, and checking it.
-- @module ctr.oci.document

local core = require("ctr.core")
local errors = require("ctr.errors")
local shape = require("ctr.config.shape")
local shapes = require("ctr.oci.shapes")

local M = {}

local SIZE_MAX = 16 * 1024 * 1024
local NULL = core.json.null
local ARRAY = getmetatable(core.json.array({}))
local NAME = "config.json"

local function invalid(text, path, err)
  return nil, errors.new("ConfigInvalid", text, {
    path = path, errno = err and err.errno, cause = err,
    problems = { { path = path, text = text } },
  })
end

-- What engines take for a missing program must not be said of a file.
local function unreadable(path, err)
  if err.errno == "ENOENT" or err.errno == "ENOTDIR" then
    return invalid(("%s is missing: %s"):format(path:match("[^/]*$"), path), NAME, err)
  end
  return invalid(("%s cannot be read: %s"):format(path, tostring(err.errno)), NAME, err)
end

local function read_handle(handle, path)
  local stat, err = core.path.stat(handle, "")
  if not stat then
    return unreadable(path, err)
  end
  if stat.type ~= "file" then
    return invalid(("%s is not a regular file"):format(path), NAME)
  end
  local text
  text, err = core.path.read_fd(handle, SIZE_MAX)
  if not text then
    if err.errno == "EFBIG" then
      return invalid(("%s is larger than %d MiB"):format(path, SIZE_MAX / 2 ^ 20), NAME, err)
    end
    return unreadable(path, err)
  end
  return text
end

--- Reads a regular file.
-- @tparam string path
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.read(path)
  local handle, err = core.fd.open(path, { flags = { "rdonly", "nonblock" } })
  if not handle then
    return unreadable(path, err)
  end
  local text, problem = read_handle(handle, path)
  handle:close()
  return text, problem
end

-- The member of an object that a name stands for, else the name.
local function member_of(form, name)
  if form.fields[name] then
    return name
  end
  local lower = tostring(name):lower()
  for _, member in ipairs(form.order) do
    if member:lower() == lower then
      return member
    end
  end
  return name
end

local function copy(value)
  local result = setmetatable({}, getmetatable(value))
  for key, item in next, value do
    result[key] = item
  end
  return result
end

-- An object with the members of another one that it has not. Two of anything else are not one.
local function union(value, other)
  if type(value) ~= "table" or type(other) ~= "table" or value[1] ~= nil or other[1] ~= nil then
    return nil
  end
  local result = copy(value)
  for key, item in next, other do
    if result[key] == nil then
      result[key] = item
    else
      result[key] = union(result[key], item) or result[key]
    end
  end
  return result
end

-- What is written in another case, where what is named as it should be has been read.
local function add_renamed(result, names)
  for key, name in pairs(names) do
    local item = result[key]
    if result[name] ~= nil then
      item = union(result[name], item)
    end
    if item ~= nil then
      result[name], result[key] = item, nil
    end
  end
  return result
end

--- Gives members the names that they have in the shape, where a document writes them in another
-- case: Go's decoder takes them so, and with it runc and what is written for runc. Of an object
-- that is there in both the members are put together; else the name of the shape has the say.
-- @tparam table part one of `ctr.oci.shapes`
-- @param value left as it was
-- @return the value itself where nothing is to be changed
function M.with_known_names(part, value)
  local form = type(value) == "table" and shapes.resolve(part)
  if not form or not (form.fields or form.item or form.value) then
    return value
  end
  local result, renamed = value, nil
  for key, item in next, value do
    local name = form.fields and member_of(form, key) or key
    local inner = form.fields and form.fields[name] or form.item or form.value
    local kept = inner and type(item) == "table" and M.with_known_names(inner, item) or item
    if kept ~= item then
      result = result == value and copy(value) or result
      result[key] = kept
    end
    if name ~= key then
      renamed = renamed or {}
      renamed[key] = name
    end
  end
  return renamed and add_renamed(result == value and copy(value) or result, renamed) or result
end

--- Decodes JSON, strictly: one document, no member twice.
-- @tparam string text
-- @tparam string name what to call it in a message
-- @tparam table kind what it is to be, one of `ctr.oci.shapes`
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.decode(text, name, kind)
  local value, err = core.json.decode(text)
  if not value then
    return invalid(("%s is not valid JSON: %s"):format(name, err.target or tostring(err)), NAME,
      err)
  end
  return M.with_known_names(kind, value)
end

-- In our own member null takes something away.
local OWN = "ctr"

local without_null

-- What is kept of an entry. An item of a list that is null stays: that is none of what the list may
-- hold.
local function kept(key, item, seen)
  if item == NULL and type(key) ~= "number" then
    return nil
  end
  if type(item) == "table" and key ~= OWN then
    return without_null(item, seen)
  end
  return item
end

-- Without the members that are null; the same table where there are none. A table that holds itself
-- is looked at once, and refused by who reads it.
function without_null(value, seen)
  if seen[value] then
    return seen[value]
  end
  seen[value] = value
  local result, is_changed = {}, false
  for key, item in next, value do
    result[key] = kept(key, item, seen)
    is_changed = is_changed or result[key] ~= item
  end
  if is_changed then
    seen[value] = setmetatable(result, getmetatable(value))
  end
  return seen[value]
end

local function path_to(path, key)
  if type(key) == "number" then
    return ("%s[%d]"):format(path, key)
  end
  return path == "" and key or path .. "." .. key
end

-- What is an array in place of an object, or the other way round: JSON tells them apart, and Lua
-- tables do not where they are empty.
local function check_brackets(part, value, path, problems)
  local form = shapes.resolve(part)
  local is_array = getmetatable(value) == ARRAY
  if is_array ~= (form.kind == "list") then
    problems[#problems + 1] = { path = path, text = is_array
      and "must be an object, not an array" or "must be an array, not an object" }
    return
  end
  for key, item in next, value do
    local inner = form.item or form.value or form.fields[key]
    if inner and inner.kind ~= "any" and type(item) == "table" then
      check_brackets(inner, item, path_to(path, key), problems)
    end
  end
end

-- What JSON calls null has no name in Lua.
local function name_null(problems)
  for _, problem in ipairs(problems) do
    problem.text = problem.text:gsub("not a userdata$", "not null")
  end
  return problems
end

local function one_line(problems)
  local first = problems[1]
  local more = #problems > 1 and (" (and %d more)"):format(#problems - 1) or ""
  return nil, errors.new("ConfigInvalid", first.path .. " " .. first.text .. more, {
    path = first.path, problems = problems,
  })
end

--- Checks a document by its shape; a member that is null is one that is not there.
-- @tparam table kind one of `ctr.oci.shapes`
-- @tparam table value left as it was
-- @tparam[opt] string prefix what every path starts with
-- @treturn[1] table a new table with the members that the shape has
-- @treturn[1] table the value, without nulls
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `path` is the first problem's, `problems` are all
function M.check(kind, value, prefix)
  local opts = prefix and { prefix = prefix }
  local parsed, err = shape.parse(kind, value, opts)
  if parsed then
    return parsed, value
  end
  local clean = type(value) == "table" and without_null(value, {}) or value
  if clean ~= value then
    parsed, err = shape.parse(kind, clean, opts)
  end
  if not parsed then
    return one_line(name_null(err.problems))
  end
  return parsed, clean
end

--- Checks a document that was decoded from JSON, as `check`, and its brackets.
-- @tparam table kind one of `ctr.oci.shapes`
-- @tparam table value left as it was
-- @treturn[1] table the value, without nulls
-- @treturn[1] table a new table with the members that the shape has
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `path` is the first problem's, `problems` are all
function M.check_decoded(kind, value)
  local parsed, clean = M.check(kind, value)
  if not parsed then
    return nil, clean
  end
  local problems = {}
  check_brackets(kind, clean, "", problems)
  if #problems > 0 then
    table.sort(problems, function(one, other) return one.path < other.path end)
    return one_line(problems)
  end
  return clean, parsed
end

return M

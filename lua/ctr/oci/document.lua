--- OCI documents: reading one from a bundle, and checking it.
-- @module ctr.oci.document

local core = require("ctr.core")
local errors = require("ctr.errors")
local shape = require("ctr.config.shape")

local M = {}

local SIZE_MAX = 16 * 1024 * 1024
local NULL = core.json.null
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

--- Decodes JSON, strictly: one document, no member twice.
-- @tparam string text
-- @tparam string name what to call it in a message
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.decode(text, name)
  local value, err = core.json.decode(text)
  if not value then
    return invalid(("%s is not valid JSON: %s"):format(name, err.target or tostring(err)), NAME,
      err)
  end
  return value
end

-- In our own member null takes something away.
local OWN = "ctr"

-- Without the members that are null; the same table where there are none.
local function without_null(value)
  local copy
  for key, item in next, value do
    local kept = item
    if item == NULL then
      kept = nil
    elseif type(item) == "table" and key ~= OWN then
      kept = without_null(item)
    end
    if kept ~= item then
      copy = copy or {}
      copy[key] = kept == nil and NULL or kept
    end
  end
  if not copy then
    return value
  end
  local result = {}
  for key, item in next, value do
    local changed = copy[key]
    if changed == nil then
      result[key] = item
    elseif changed ~= NULL then
      result[key] = changed
    end
  end
  return setmetatable(result, getmetatable(value))
end

local function one_line(err)
  local problems = err.problems
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
  local clean = type(value) == "table" and without_null(value) or value
  if clean ~= value then
    parsed, err = shape.parse(kind, clean, opts)
  end
  if not parsed then
    return one_line(err)
  end
  return parsed, clean
end

return M

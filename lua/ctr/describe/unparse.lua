--- From what the schema made of a value back to what a person would have written.
-- Whoever writes checks that it reads as the same.
-- @module ctr.describe.unparse

local back_mounts = require("ctr.oci.back_mounts")
local literal = require("ctr.describe.literal")
local mount_schema = require("ctr.config.schema.mount")
local shape = require("ctr.config.shape")
local sorted = require("ctr.sorted")
local words = require("ctr.describe.words")

local M = {}

local UNITS = { { "G", 2 ^ 30 }, { "M", 2 ^ 20 }, { "K", 2 ^ 10 } }

--- Says whether two plain values are equal.
-- @treturn boolean
function M.equal(one, other)
  if type(one) ~= "table" or type(other) ~= "table" then
    return one == other
  end
  for key, value in pairs(one) do
    if not M.equal(value, other[key]) then
      return false
    end
  end
  for key in pairs(other) do
    if one[key] == nil then
      return false
    end
  end
  return true
end

--- Writes a number of bytes.
-- @tparam number bytes
-- @return "512M", or the number
function M.size(bytes)
  for _, unit in ipairs(UNITS) do
    if bytes >= unit[2] and bytes % unit[2] == 0 then
      return ("%.0f%s"):format(bytes / unit[2], unit[1])
    end
  end
  return bytes
end

local unparse
local writers = {}

local function is_default(field, value)
  local default = field.default
  if default == nil or type(default) == "function" then
    return false
  end
  if type(default) ~= "table" then
    return default == value
  end
  return M.equal(shape.parse(field, default), value)
end

function writers.record(form, value)
  local result = {}
  for _, name in ipairs(form.order) do
    local item, field = value[name], form.fields[name]
    if item ~= nil and not is_default(field, item) then
      result[name] = unparse(field, item)
    end
  end
  return result
end

function writers.list(form, value)
  local result = {}
  for index, item in ipairs(value) do
    result[index] = unparse(form.item, item)
  end
  return result
end

function writers.map(form, value)
  local result = {}
  for name, item in pairs(value) do
    result[name] = unparse(form.value, item)
  end
  return result
end

function writers.size(_, value)
  return value > 0 and M.size(value) or value
end

function writers.lazy(form, value)
  return unparse(form.load(), value)
end

-- One word where there is one for exactly that.
function writers.flags(form, value)
  for _, word in ipairs(type(value) == "number" and sorted(form.words) or {}) do
    if form.words[word] == value and word:lower() == word then
      return word
    end
  end
  return value
end

-- A copy: what is written is changed for some keys, and what it came from is the caller's.
local function copy(value)
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, item in pairs(value) do
    result[key] = copy(item)
  end
  return result
end

function unparse(form, value)
  local write = writers[form.kind]
  return write and write(form, value) or copy(value)
end

--- Writes a value of a shape, without what is a default.
-- @tparam table form
-- @param value as `shape.parse` made it
-- @return a plain value that reads as the same
M.value = unparse

local function reads_as(candidate, mount)
  local parsed = shape.parse(mount_schema.mount, candidate)
  return parsed ~= nil and M.equal(parsed, mount)
end

local function options_of(mount)
  local bare = { data = "" }
  for key, value in pairs(mount) do
    bare[key] = bare[key] or value
  end
  return back_mounts.mounts({ mounts = { bare } })[1].options or {}
end

local function relative(path, folder)
  if folder and path:sub(1, #folder + 1) == folder .. "/" then
    return "./" .. path:sub(#folder + 2)
  end
  return path
end

M.relative = relative

local function as_bind(mount, options, folder)
  if options[1] ~= "rbind" or mount.device ~= "bind" then
    return nil
  end
  local rest = table.concat(options, ",", 2)
  local made = words.bind(mount.source, mount.destination, rest ~= "" and rest or nil)
  if not reads_as(made, mount) then
    return nil
  end
  local source = relative(mount.source, folder)
  return literal.call("bind", made, source, mount.destination, rest ~= "" and rest or nil)
end

local function as_tmpfs(mount)
  if mount.device ~= "tmpfs" then
    return nil
  end
  local options = {}
  for option in mount.data:gmatch("[^,]+") do
    local name, value = option:match("^(%w+)=(.*)$")
    options[name or ""] = value
  end
  if options[""] or not options.mode then
    return nil
  end
  options.mode = options.mode ~= "1777" and options.mode or nil
  local made = words.tmpfs(mount.destination, options)
  if not reads_as(made, mount) then
    return nil
  end
  return literal.call("tmpfs", made, mount.destination, next(options) and options or nil)
end

local LONG = { "flags", "cleared_flags", "propagation_flags", "rec_attr", "extensions" }

--- Writes a mount.
-- @tparam table mount as the schema made it
-- @tparam ?string folder to which paths may be relative
-- @treturn table a mount, or a call that makes one (`ctr.describe.literal`)
function M.mount(mount, folder)
  local options = options_of(mount)
  local call = as_bind(mount, options, folder) or as_tmpfs(mount)
  if call then
    return call
  end
  local long = unparse(mount_schema.mount, mount)
  long.device = long.device ~= "" and long.device or nil -- of a remount
  local short = copy(long)
  for _, key in ipairs(LONG) do
    short[key] = nil
  end
  short.id_mapping = short.id_mapping and next(short.id_mapping) and short.id_mapping
  short.flags = #options > 0 and options or nil
  return reads_as(short, mount) and short or reads_as(long, mount) and long or copy(mount)
end

return M

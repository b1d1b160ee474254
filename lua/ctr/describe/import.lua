--- From an OCI bundle to a description of it.
--
-- What the document says without any effect here (members of other runtimes or systems, what the
-- conversion names as ignored) is kept in `oci`, which `lctr spec --from` puts back.
-- @module ctr.describe.import

local core = require("ctr.core")
local defaults = require("ctr.describe.defaults")
local identities = require("ctr.describe.identity")
local limits = require("ctr.oci.back_resources")
local oci = require("ctr.oci")
local origin = require("ctr.describe.origin")
local schema = require("ctr.config.schema")
local shape = require("ctr.config.shape")
local shapes = require("ctr.oci.shapes")
local unparse = require("ctr.describe.unparse")
local write = require("ctr.describe.write")

local M = {}

local VERSION = require("ctr.oci.back").VERSION
local CONSOLE = { major = 5, minor = 1 } -- a default that documents do not have
local SETS = { "namespaces", "mask_paths", "readonly_paths" }

-- The order of these means nothing: what is a default stands as it does there.
local function in_default_order(list, default)
  local rest, result = { unpack(list) }, {}
  for _, item in ipairs(default) do
    for index, other in ipairs(rest) do
      if unparse.equal(item, other) then
        result[#result + 1] = table.remove(rest, index)
        break
      end
    end
  end
  for _, item in ipairs(rest) do
    result[#result + 1] = item
  end
  return result
end

local function is_node(rule, node)
  return node and rule.major == node.major and rule.minor == node.minor
end

local function settle_rules(cgroups, default)
  for _, left_out in ipairs({ false, CONSOLE }) do
    local allowed = {}
    for _, rule in ipairs(default.cgroups.allowed_devices) do
      allowed[#allowed + 1] = not is_node(rule, left_out) and rule or nil
    end
    local settled = { allowed_devices = allowed }
    limits.settle_devices(settled)
    if limits.are_same_rules(settled.devices, cgroups.devices) then
      cgroups.devices, cgroups.allowed_devices = nil, allowed
      return
    end
  end
end

local function without_bundle(labels)
  local result = {}
  for _, label in ipairs(labels) do
    result[#result + 1] = not label:find("^bundle=") and label or nil
  end
  return result
end

-- What means the same as a default becomes one.
local function settle(config, process, identity)
  local default = assert(shape.parse(schema.config, (function()
    local keys = defaults.config(identity)
    keys.rootfs = "/"
    return keys
  end)()))
  for _, key in ipairs(SETS) do
    config[key] = in_default_order(config[key], default[key])
  end
  settle_rules(config.cgroups, default)
  config.labels = without_bundle(config.labels)
  config.version = config.version ~= VERSION and config.version or ""
  process.user = process.user ~= "0:0" and process.user or ""
  process.cwd = process.cwd ~= "" and process.cwd or "/"
end

local function is_object(value)
  return type(value) == "table" and value[1] == nil and next(value) ~= nil
end

-- What says no more than its absence.
local function is_empty(value)
  return value == false or value == "" or value == 0
    or (type(value) == "table" and next(value) == nil)
end

local kept

local function kept_member(form, value, again)
  if again == nil then
    return (not form or not is_empty(value)) and value or nil
  end
  if is_object(value) and is_object(again) then
    return kept(form, value, again)
  end
  local is_list = type(value) == "table" and type(again) == "table"
  return is_list and is_object(value[1]) and kept(form, value, again) or nil
end

local NAMES = { "destination", "type", "path", "name" }

-- Where an item of a list stands now; its own place where it is the same one there.
local function place_of(item, index, list)
  local function is_it(other)
    for _, key in ipairs(NAMES) do
      if type(other) ~= "table" or (key ~= "path" or other.path) and other[key] ~= item[key] then
        return false
      end
    end
    return true
  end
  if type(item) ~= "table" or is_it(list[index]) then
    return index
  end
  for at, other in ipairs(list) do
    if is_it(other) then
      return at
    end
  end
  return nil
end

local function form_of(form, key)
  form = form and shapes.resolve(form)
  if not form then
    return nil
  end
  return form.kind == "list" and form.item or form.kind == "map" and form.value
    or form.fields and form.fields[key]
end

-- The members of a value that its other form has lost: as a merge patch, items by their number.
function kept(form, value, again)
  local result = {}
  for key, item in pairs(value) do
    local place = type(key) == "number" and place_of(item, key, again) or key
    local name = type(place) == "number" and tostring(place) or place
    if type(key) ~= "number" or again[place] ~= nil then
      result[name] = kept_member(form_of(form, key), item, again[place])
    end
  end
  return next(result) ~= nil and result or nil
end

-- Puts a member in whose path is known.
local function keep_at(result, document, path)
  local from, to = document, result
  local keys = origin.keys(path)
  for index, key in ipairs(keys) do
    local item = type(from) == "table" and from[key]
    if item == nil or item == false then
      return
    end
    local name = type(key) == "number" and tostring(key) or key
    local inner = keys[index + 1]
    if not inner or type(item) ~= "table" or type(item[1]) == "string" then
      to[name] = item
      return
    end
    to[name] = type(to[name]) == "table" and to[name] or {}
    from, to = item, to[name]
  end
end

local function rest_of(document, config, process, ignored)
  local again, err = oci.spec(config, process)
  if not again then
    return nil, err
  end
  local result = kept(shapes.spec, document, again) or {}
  result.root = nil
  for _, row in ipairs(ignored) do
    keep_at(result, document, row.path)
  end
  return next(result) ~= nil and result or nil
end

local function read(bundle)
  local document, err = oci.load(bundle)
  if not document then
    return nil, err
  end
  local config, process, ignored = oci.config(document, { bundle = bundle })
  if not config then
    return nil, process
  end
  local parsed
  parsed, err = schema.parse(config)
  if not parsed then
    return nil, err
  end
  local fields
  fields, err = schema.parse_process(process or { args = { "sh" } })
  if not fields then
    return nil, err
  end
  return { document = document, config = parsed, process = fields, ignored = ignored }
end

--- Writes the description of a bundle.
-- @tparam string bundle its folder
-- @tparam[opt] table opts `name` (the folder's without it), `folder` (`ctr.describe.write`),
--   `identity`
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.text(bundle, opts)
  opts = opts or {}
  local read_bundle, err = read(bundle)
  if not read_bundle then
    return nil, err
  end
  local identity = opts.identity or identities.current()
  local config, process = read_bundle.config, read_bundle.process
  settle(config, process, identity)
  local rest
  rest, err = rest_of(read_bundle.document, config, process, read_bundle.ignored)
  if err then
    return nil, err
  end
  local name = opts.name or (core.path.realpath(bundle) or bundle):match("([^/]*)/*$")
  return write.text(name ~= "" and name or "root", config, process,
    { folder = opts.folder, oci = rest, identity = identity })
end

return M

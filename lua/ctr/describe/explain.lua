--- Answers about descriptions: what a key means, and what set what.
-- @module ctr.describe.explain

local handlers = require("ctr.describe.handlers")
local literal = require("ctr.describe.literal")
local origin = require("ctr.describe.origin")
local profiles = require("ctr.describe.profiles")
local schema = require("ctr.config.schema")
local sorted = require("ctr.describe.plain").sorted
local spelling = require("ctr.config.spelling")

local M = {}

-- The words of descriptions that are no keys of the configuration.
local OWN = {
  run = { type = "list of strings", about = "The program and its arguments (args)." },
  env = { type = "list, or table", about = "A table, or a list of NAME=value; PATH is there." },
  limits = { type = "table", about = "What it may use.", keys = {
    memory = { type = "size", about = "Bytes of memory (cgroups.memory)." },
    cpus = { type = "number", about = "Processors, 0.5 is half of one (cgroups.cpu_quota)." },
    pids = { type = "integer", about = "Processes and threads (cgroups.pids_limit)." },
  } },
  network = { type = "list", about = "What is set up in the network namespace (networks)." },
  on = { type = "table of functions", about = "Functions that are told what happens.", keys = {} },
  after = { type = "string, or list",
    about = "Containers of the same file that are started before, and ended after it." },
  extends = { type = "description, table, or list", about = "What it starts from." },
  profile = { type = "string, table, or list", about = "What it stands on.", keys = {} },
  process = { type = "table", about = "What is for the first process alone, under its own names." },
  oci = { type = "table", about = "A merge patch for the OCI document that it comes to." },
}
for name, about in pairs(handlers.about) do
  OWN.on.keys[name] = { type = "function", about = about }
end
for name, about in pairs(profiles.about) do
  OWN.profile.keys[name] = { type = "profile", about = about }
end

local function default_text(shape)
  local value = shape.default
  if value == nil or type(value) == "function" or value == "" then
    return nil
  end
  return literal.inline(value)
end

local function resolved(shape)
  while shape.kind == "lazy" do
    shape = shape.load()
  end
  return shape
end

local TYPES = {
  record = "table", any = "anything", integer = "integer", boolean = "true or false",
  map = "table of names", flags = "words", choice = "list, or table",
  size = "size: bytes, or text such as \"512M\"",
}

local function type_of(shape)
  if shape.takes then
    return shape.takes
  end
  shape = resolved(shape)
  if shape.kind == "list" then
    return "list of " .. type_of(shape.item):gsub("^table$", "tables"):gsub("^string$", "strings")
  end
  if shape.kind == "enum" then
    return "one of " .. shape.choices
  end
  return TYPES[shape.kind] or shape.kind
end

-- The shapes of what is inside, by name.
local function fields_of(shape)
  shape = resolved(shape)
  if shape.kind == "list" then
    return fields_of(shape.item)
  end
  if shape.kind == "map" then
    return fields_of(shape.value)
  end
  return shape.kind == "record" and shape.fields or {}
end

local function row_of(name, shape)
  return { key = name, type = type_of(shape), default = default_text(shape),
    about = shape.about or resolved(shape).about or "" }
end

local function rows_below(name, shape)
  local rows = {}
  local fields = fields_of(shape)
  for _, key in ipairs(sorted(fields)) do
    rows[#rows + 1] = row_of(name .. "." .. key, fields[key])
  end
  return rows
end

local function own_row(name, word)
  return { key = name, type = word.type, about = word.about }
end

local function explain_own(keys)
  local word, name = OWN[keys[1]], keys[1]
  if keys[2] ~= nil then
    word, name = (word.keys or {})[keys[2]], name .. "." .. tostring(keys[2])
  end
  if not word or keys[3] ~= nil then
    return nil
  end
  local rows = { own_row(name, word) }
  for _, key in ipairs(sorted(word.keys or {})) do
    rows[#rows + 1] = own_row(name .. "." .. key, word.keys[key])
  end
  return rows
end

local function top_keys()
  local known = {}
  for _, fields in ipairs({ OWN, schema.process.fields, schema.config.fields }) do
    for key in pairs(fields) do
      known[key] = true
    end
  end
  known.init = nil
  return known
end

local function unknown(name, known)
  return nil, spelling.unknown("there is no such key", name, known)
end

local function prefixed(fields, prefix)
  local names = {}
  for field in pairs(fields) do
    names[prefix .. field] = true
  end
  return names
end

local function explain_shape(keys)
  if keys[1] == "process" then
    table.remove(keys, 1)
  end
  local shape = schema.config.fields[keys[1] or ""] or schema.process.fields[keys[1] or ""]
  if not shape then
    return unknown(tostring(keys[1] or "process"), top_keys())
  end
  local name = keys[1]
  for index = 2, #keys do
    local fields, key = fields_of(shape), keys[index]
    if type(key) == "string" then
      if not fields[key] then
        return unknown(name .. "." .. key, prefixed(fields, name .. "."))
      end
      shape, name = fields[key], name .. "." .. key
    end
  end
  local rows = rows_below(name, shape)
  table.insert(rows, 1, row_of(name, shape))
  return rows
end

--- Tells what a key means: itself, then the keys below it.
-- @tparam string name `limits.memory`, `cgroups.cpu_weight`, `mounts[1].flags`
-- @treturn[1] table rows of `key`, `type`, `about` and, where it has one, `default`
-- @return[2] nil
-- @treturn[2] string what there is in its place
function M.key(name)
  local keys = origin.keys(name)
  if OWN[keys[1] or ""] then
    local rows = explain_own(keys)
    if rows then
      return rows
    end
  end
  return explain_shape(keys)
end

--- Lists the keys of a description.
-- @treturn table rows as of `key`
function M.keys()
  local rows = {}
  for _, key in ipairs(sorted(top_keys())) do
    local word = OWN[key]
    rows[#rows + 1] = word and own_row(key, word)
      or row_of(key, schema.config.fields[key] or schema.process.fields[key])
  end
  return rows
end

local add_rows

local function is_scalar_list(value)
  for key, item in pairs(value) do
    if type(key) ~= "number" or type(item) == "table" then
      return false
    end
  end
  return true
end

local function add_row(rows, key, value, node)
  local layer = node.layer
  rows[#rows + 1] = {
    key = key, value = literal.inline(value), from = origin.label(node),
    file = not layer.label and layer.file or nil,
    line = not layer.label and layer.file and origin.line(node) or nil,
  }
end

local function is_record(value)
  return type(value) == "table" and value[1] == nil and next(value) ~= nil
end

function add_rows(rows, keys, value, node)
  local is_list = type(value) == "table" and value[1] ~= nil
  local is_one = not is_list and not is_record(value)
    or (is_list and not node.kids and is_scalar_list(value))
  -- An item of a list is one thing.
  if is_one or type(keys[#keys]) == "number" then
    add_row(rows, origin.text(keys), value, node)
    return
  end
  for _, key in ipairs(sorted(value)) do
    keys[#keys + 1] = key
    add_rows(rows, keys, value[key], origin.at(node, key))
    keys[#keys] = nil
  end
end

-- What follows from what is said, and why.
local DERIVED = {
  hostname = "the container's name", seccomp = "the capabilities", networks = "the namespaces",
  sysctl = "the namespaces",
}

local function shown(key, value)
  if key == "seccomp" then
    return ("a filter with %d rules"):format(#(value.syscalls or {}))
  end
  return literal.inline(value)
end

local function derived_rows(description)
  local rows = {}
  for _, key in ipairs(sorted(DERIVED)) do
    local value = description.config[key]
    local is_said = description.keys[key] ~= nil or (key == "networks" and description.keys.network)
    if value ~= nil and not is_said then
      rows[#rows + 1] = { key = key, value = shown(key, value),
        from = "the defaults, by " .. DERIVED[key] }
    end
  end
  return rows
end

--- Tells what set what in a description.
-- @tparam ctr.Description description
-- @treturn table rows of `key`, `value` (as Lua writes it), `from` and, where it was said in a
-- file, `file` and `line`; sorted by key
function M.origin(description)
  local rows = derived_rows(description)
  for _, key in ipairs(sorted(description.keys)) do
    add_rows(rows, { key }, description.keys[key], description.node.kids[key])
  end
  for index, row in ipairs(rows) do
    row.order = index
  end
  table.sort(rows, function(one, other)
    local first, second = one.key:match("^[^%.%[]*"), other.key:match("^[^%.%[]*")
    return first < second or (first == second and one.order < other.order)
  end)
  for _, row in ipairs(rows) do
    row.order = nil
  end
  return rows
end

return M

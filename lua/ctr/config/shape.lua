--- Shapes: what a configuration may look like, as data.
--
-- A shape is a table made by one of the constructors below. All of them take these options:
--
-- * `default`: stands in for what was left out; a function is given the record, and returns the
--   value, or nil and what to say instead of "is required"
-- * `optional`: may be left out, and then has no value
-- * `unset`: a value that means "left out" (libcontainer's zero values)
-- * `accept(value)`: turns another way to write it into the shape's own type, before all else
-- * `check(value)`: true, or nil, a text and the key of the part that is to blame
-- * `normalise(value)`: the value to keep, or nil, a text and a key, after all else
-- * `alias`: another spelling of the key
-- * `about`: one sentence for the reference page
-- * `takes`: for the same page, what may be written where the kind does not tell
-- @module ctr.config.shape

local units = require("ctr.config.units")
local walker = require("ctr.config.walker")

local M = {}

--- Reads a value by a shape: `walker.parse`.
-- @function parse
M.parse = walker.parse

local function new(kind, options, parts)
  local shape = { kind = kind, read = walker.readers[kind] }
  for key, value in pairs(options or {}) do
    shape[key] = value
  end
  for key, value in pairs(parts or {}) do
    shape[key] = value
  end
  shape.walk = (shape.accept or shape.check or shape.normalise) and walker.walk or shape.read
  return shape
end

-- Spares the walk of a default that can only become an empty table.
local function starts_empty(options)
  local default = options and options.default
  return type(default) == "table" and next(default) == nil
    and not (options.accept or options.normalise or options.min)
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do
    if type(key) == "string" then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys)
  return keys
end

-- What stands in for fields that were left out: the defaults that are set as they are, and the
-- names of those fields that take more.
local function defaults_of(fields, order)
  local plain, others = {}, {}
  for _, name in ipairs(order) do
    local field = fields[name]
    local kind = type(field.default)
    if kind == "table" or kind == "function" or (kind == "nil" and not field.optional) then
      others[#others + 1] = name
    else
      plain[name] = field.default
    end
  end
  return plain, others
end

--- A table with known keys; problems come in the order of the keys.
-- @tparam table fields shapes by key
-- @tparam[opt] table options also `open` (what is not known is left out without a word)
-- @treturn table a shape
function M.record(fields, options)
  local known, aliases = {}, {}
  for name, field in pairs(fields) do
    known[name] = true
    if field.alias then
      known[field.alias] = true
      aliases[field.alias] = name
    end
  end
  local order = sorted_keys(fields)
  local plain, others = defaults_of(fields, order)
  return new("record", options, {
    fields = fields, order = order, known = known, aliases = aliases,
    plain_defaults = plain, other_defaults = others,
  })
end

--- A list of items of one shape.
-- @tparam table item a shape
-- @tparam[opt] table options also `min` and `max`, its length
-- @treturn table a shape
function M.list(item, options)
  return new("list", options, { item = item, starts_empty = starts_empty(options) })
end

local function any_name(key)
  return key
end

--- A table from names to values of one shape.
-- @tparam table value a shape
-- @tparam[opt] table options also `key(name)`: the name to keep, or nil and a text
-- @treturn table a shape
function M.map(value, options)
  local key = options and options.key or any_name
  return new("map", options, {
    value = value, key = key, starts_empty = starts_empty(options),
  })
end

--- A string without NUL bytes.
-- @tparam[opt] table options also `empty = false` and `max`, its length in bytes
-- @treturn table a shape
function M.string(options)
  return new("string", options)
end

--- True or false, and nothing that looks like it.
-- @tparam[opt] table options
-- @treturn table a shape
function M.boolean(options)
  return new("boolean", options)
end

--- An integer that a Lua number holds exactly.
-- @tparam[opt] table options also `min` and `max`
-- @treturn table a shape
function M.integer(options)
  local range = {
    min = options and options.min or -units.MAX_INTEGER,
    max = options and options.max or units.MAX_INTEGER,
  }
  return new("integer", options, range)
end

--- A size in bytes, or text such as "512M".
-- @tparam[opt] table options also `unlimited`: accept -1 and "unlimited"
-- @treturn table a shape
function M.size(options)
  return new("size", options)
end

--- One of some words.
-- @tparam table words a list of words, or a table from what may be written to what is kept
-- @tparam[opt] table options also `choices`, how a message names them
-- @treturn table a shape
function M.enum(words, options)
  local map = words
  if #words > 0 then
    map = {}
    for _, word in ipairs(words) do
      map[word] = word
    end
  end
  local choices = options and options.choices or table.concat(sorted_keys(map), ", ")
  return new("enum", options, { words = map, choices = choices })
end

--- Flags: a list of words, one word, or a number; they are kept as a number.
-- @tparam table options also `words`, from word to number, and `mask`, what a number may hold.
--   With `split`, a word may stand for `{ set = n }`, `{ clear = n }` or `{ propagation = n }`,
--   and a table with these three is kept (`propagation` is a list); other rows are kept as they
--   are in a list `others`
-- @treturn table a shape
function M.flags(options)
  return new("flags", options)
end

--- Anything but nil, kept as it is.
-- @tparam[opt] table options
-- @treturn table a shape
function M.any(options)
  return new("any", options)
end

--- A shape that is loaded when it is needed: for what most configurations leave out.
-- @tparam func load returns the shape
-- @tparam[opt] table options
-- @treturn table a shape; its `load` is for who reads the schema as a whole
function M.lazy(load, options)
  return new("lazy", options, { load = load })
end

--- One of several shapes, by the look of the value.
-- @tparam func select is given the value, returns the shape to read it by
-- @tparam[opt] table options
-- @treturn table a shape
function M.choice(select, options)
  return new("choice", options, { select = select })
end

return M

--- The walker: reads values by shapes, and collects every problem.
--
-- What is read is never trusted: a table whose metatable could answer for it is refused, so no
-- metamethod runs. A value is first read without regard to the order of its keys and to where one
-- is; only when there is a problem is it read again, in order, to say what is wrong where.
-- @module ctr.config.walker

local bit = require("bit")
local new_table = require("table.new")

local errors = require("ctr.errors")
local spelling = require("ctr.config.spelling")
local units = require("ctr.config.units")

local M = {}

local find = string.find

-- Shapes have a fixed depth, but one may be made to contain itself, and data may be cyclic.
local MAX_DEPTH = 64

-- Enough to mend a configuration by; beyond it problems are only counted.
local MAX_PROBLEMS = 200

-- A longer key is quoted, and cut.
local MAX_NAME = 64

-- What most strings have none of.
local ODD_BYTES = "[%z\128-\255]"

--- How each kind of shape is read: `function(shape, value, ctx)`, nil after a problem.
M.readers = {}

-- "[2]", ".device", '["net.ipv4.ip_forward"]': one step of a path.
local function segment(key, is_first)
  if type(key) == "number" then
    return ("[%.14g]"):format(key)
  end
  if type(key) ~= "string" then
    return "[" .. type(key) .. "]"
  end
  if key:find("^[%a_][%w_]*$") and #key <= MAX_NAME then
    return is_first and key or "." .. key
  end
  return "[" .. spelling.quote(key) .. "]"
end

local function path_of(ctx, key)
  local parts = { ctx.prefix }
  for i = 1, ctx.depth do
    parts[#parts + 1] = segment(ctx.keys[i], #parts == 0)
  end
  if key ~= nil then
    parts[#parts + 1] = segment(key, #parts == 0)
  end
  return #parts > 0 and table.concat(parts) or "config"
end

-- Returns nil, so that a problem is one statement.
local function add_problem(ctx, text, key)
  ctx.found = ctx.found + 1
  if ctx.is_ordered and ctx.found <= MAX_PROBLEMS then
    ctx.problems[ctx.found] = { path = path_of(ctx, key), text = text }
  end
  return nil
end

--- Reads a value by all that a shape says; where that is nothing but its kind, the kind's reader
-- does (`shape.walk`).
function M.walk(shape, value, ctx)
  local text, key
  if shape.accept then
    value, text, key = shape.accept(value)
    if value == nil then
      return add_problem(ctx, text, key)
    end
  end
  value = shape.read(shape, value, ctx)
  if value == nil then
    return nil
  end
  if shape.check then
    local ok
    ok, text, key = shape.check(value)
    if not ok then
      return add_problem(ctx, text, key)
    end
  end
  if shape.normalise then
    value, text, key = shape.normalise(value)
    if value == nil then
      return add_problem(ctx, text, key)
    end
  end
  return value
end

-- Content that only a metamethod shows would be read as absent, and a mask list as empty.
local function hides_content(value)
  local meta = getmetatable(value)
  if meta == nil then
    return false
  end
  return type(meta) ~= "table" or rawget(meta, "__index") ~= nil or rawget(meta, "__len") ~= nil
    or rawget(meta, "__pairs") ~= nil or rawget(meta, "__ipairs") ~= nil
end

--- What is wrong with a value in place of a table, before any of its keys is looked at.
-- @param value
-- @tparam[opt="a table"] string what is wanted
-- @treturn ?string
function M.table_problem(value, what)
  if type(value) ~= "table" then
    return ("must be %s, not a %s"):format(what or "a table", type(value))
  end
  return hides_content(value)
    and "must be a plain table, without a metatable that stands in for its content" or nil
end

local function is_plain_table(value, ctx, what)
  if type(value) == "table" and getmetatable(value) == nil and ctx.depth < MAX_DEPTH then
    return true
  end
  local problem = M.table_problem(value, what)
    or (ctx.depth >= MAX_DEPTH and "is nested too deeply") or nil
  if problem then
    add_problem(ctx, problem)
  end
  return problem == nil
end

-- Keys of mixed types in an order that does not change from run to run.
local function by_key(a, b)
  local type_a, type_b = type(a), type(b)
  if type_a ~= type_b then
    return type_a < type_b
  end
  return (type_a == "string" or type_a == "number") and a < b
end

local function unknown_keys(shape, value)
  local unknown
  for key in next, value do
    if not shape.known[key] then
      unknown = unknown or {}
      unknown[#unknown + 1] = key
    end
  end
  return unknown
end

local function report_unknown(shape, unknown, ctx)
  table.sort(unknown, by_key)
  for _, key in ipairs(unknown) do
    local near
    if type(key) == "string" and ctx.found < MAX_PROBLEMS then
      near = spelling.nearest(key, shape.known)
    end
    add_problem(ctx, near and "is not known here; did you mean `" .. near .. "`?"
      or "is not known here", key)
  end
end

local function read_missing(field, record, ctx)
  local value, text = field.default, nil
  if type(value) == "function" then
    value, text = value(record)
  end
  if value == nil then
    if not field.optional then
      add_problem(ctx, text or "is required")
    end
    return nil
  end
  if type(value) ~= "table" then
    return value
  end
  return field.starts_empty and {} or field:walk(value, ctx)
end

local function read_field(field, name, record, ctx)
  local value = record[name]
  local alias = field.alias
  if alias and record[alias] ~= nil then
    if value ~= nil then
      return add_problem(ctx, "is given twice, here and as `" .. alias .. "`")
    end
    ctx.keys[ctx.depth] = alias
    value = record[alias]
  end
  if value == nil or value == field.unset then
    return read_missing(field, record, ctx)
  end
  return field:walk(value, ctx)
end

local function read_in_order(shape, value, ctx)
  local result, depth = {}, ctx.depth
  for _, name in ipairs(shape.order) do
    ctx.keys[depth] = name
    result[name] = read_field(shape.fields[name], name, value, ctx)
  end
  ctx.depth = depth - 1
  local unknown = not shape.open and unknown_keys(shape, value)
  if unknown then
    report_unknown(shape, unknown, ctx)
  end
  ctx.depth = depth
  return result
end

-- What a problem is need not be said here: it is found again in order.
local function read_given(shape, value, result, ctx)
  local fields, aliases = shape.fields, shape.aliases
  for key, item in next, value do
    local name = aliases[key] or key
    local field = fields[name]
    if not field then
      ctx.found = shape.open and ctx.found or ctx.found + 1
    elseif name ~= key and value[name] ~= nil then
      ctx.found = ctx.found + 1
    elseif item ~= field.unset then
      result[name] = field:walk(item, ctx)
    end
  end
end

-- Most fields of most records are left out: those cost no more than to be set.
local function read_quickly(shape, value, ctx)
  local result = new_table(0, #shape.order)
  for name, default in next, shape.plain_defaults do
    result[name] = default
  end
  read_given(shape, value, result, ctx)
  local others = shape.other_defaults
  for i = 1, #others do
    local name = others[i]
    if result[name] == nil then
      result[name] = read_missing(shape.fields[name], value, ctx)
    end
  end
  return result
end

function M.readers.record(shape, value, ctx)
  if not is_plain_table(value, ctx, "a table") then
    return nil
  end
  local found, depth = ctx.found, ctx.depth
  ctx.depth = depth + 1
  local result = (ctx.is_ordered and read_in_order or read_quickly)(shape, value, ctx)
  ctx.depth = depth
  return ctx.found == found and result or nil
end

local function count_keys(value)
  local count = 0
  for _ in next, value do
    count = count + 1
  end
  return count
end

-- The count of a list, or nil with a problem: no other keys, no gaps.
local function list_length(value, ctx)
  local count = count_keys(value)
  for i = 1, count do
    if value[i] == nil then
      return add_problem(ctx, "must be a list: the keys 1, 2, 3 … without gaps, and no others")
    end
  end
  return count
end

-- Most lists are of plain strings, some of hundreds. Nil where one of them, or the list, needs a
-- closer look.
local function read_strings(shape, value)
  local count, max = count_keys(value), shape.item.max or math.huge
  if count < (shape.min or 0) or count > (shape.max or math.huge) then
    return nil
  end
  local result = new_table(count, 0)
  for i = 1, count do
    local text = value[i]
    if type(text) ~= "string" or text == "" or #text > max or find(text, ODD_BYTES) then
      return nil
    end
    result[i] = text
  end
  return result
end

local function read_items(shape, value, count, ctx)
  local result, found, depth = new_table(count, 0), ctx.found, ctx.depth + 1
  local item, keys = shape.item, ctx.keys
  ctx.depth = depth
  for i = 1, count do
    keys[depth] = i
    result[i] = item:walk(value[i], ctx)
  end
  ctx.depth = depth - 1
  return ctx.found == found and result or nil
end

function M.readers.list(shape, value, ctx)
  if not is_plain_table(value, ctx, "a list") then
    return nil
  end
  local strings = shape.item.walk == M.readers.string and read_strings(shape, value)
  if strings then
    return strings
  end
  local count = list_length(value, ctx)
  if not count then
    return nil
  end
  if count < (shape.min or 0) then
    return add_problem(ctx, ("must have at least %d"):format(shape.min))
  end
  if count > (shape.max or math.huge) then
    return add_problem(ctx, ("must have at most %d"):format(shape.max))
  end
  return read_items(shape, value, count, ctx)
end

local function read_pair(shape, key, value, result, ctx)
  if type(key) ~= "string" then
    return add_problem(ctx, "must have a name as its key, not a " .. type(key))
  end
  if ctx.is_text and not spelling.is_utf8(key) then
    return add_problem(ctx, "must have a name that is UTF-8")
  end
  local name, text = shape.key(key)
  if not name then
    return add_problem(ctx, text)
  end
  if result[name] ~= nil then
    return add_problem(ctx, "is given twice, in two spellings")
  end
  result[name] = shape.value:walk(value, ctx)
end

function M.readers.map(shape, value, ctx)
  if not is_plain_table(value, ctx, "a table") then
    return nil
  end
  local names, count = {}, 0
  for key in next, value do
    count = count + 1
    names[count] = key
  end
  table.sort(names, by_key)
  local result, found, depth = {}, ctx.found, ctx.depth + 1
  ctx.depth = depth
  for i = 1, count do
    ctx.keys[depth] = names[i]
    read_pair(shape, names[i], value[names[i]], result, ctx)
  end
  ctx.depth = depth - 1
  return ctx.found == found and result or nil
end

-- What is wrong with the bytes of a string.
local function odd_bytes(value, ctx)
  if not find(value, ODD_BYTES) then
    return nil
  end
  if find(value, "\0", 1, true) then
    return "must not contain a NUL byte"
  end
  if ctx.is_text and not spelling.is_utf8(value) then
    return "must be UTF-8, for it is kept as JSON"
  end
  return nil
end

function M.readers.string(shape, value, ctx)
  if type(value) ~= "string" then
    return add_problem(ctx, "must be a string, not a " .. type(value))
  end
  if value == "" and shape.empty == false then
    return add_problem(ctx, "must not be empty")
  end
  local problem = odd_bytes(value, ctx)
  if problem then
    return add_problem(ctx, problem)
  end
  if shape.max and #value > shape.max then
    return add_problem(ctx, ("must not be longer than %d bytes"):format(shape.max))
  end
  return value
end

function M.readers.boolean(_, value, ctx)
  if type(value) ~= "boolean" then
    return add_problem(ctx, "must be true or false, not a " .. type(value))
  end
  return value
end

function M.readers.integer(shape, value, ctx)
  if units.is_integer(value) and value >= shape.min and value <= shape.max then
    return value + 0 -- -0 becomes 0
  end
  return add_problem(ctx, ("must be an integer from %.0f to %.0f"):format(shape.min, shape.max))
end

function M.readers.size(shape, value, ctx)
  local size, text = units.size(value, shape.unlimited)
  if not size then
    return add_problem(ctx, text)
  end
  return size
end

function M.readers.enum(shape, value, ctx)
  local kind = type(value)
  local word
  if kind == "string" or kind == "number" then
    word = shape.words[value]
  end
  if word ~= nil then
    return word
  end
  if kind ~= "string" then
    return add_problem(ctx, "must be one of " .. shape.choices)
  end
  return add_problem(ctx, spelling.unknown("must be one of " .. shape.choices, value, shape.words))
end

function M.readers.any(_, value)
  return value
end

function M.readers.lazy(shape, value, ctx)
  return shape.load():walk(value, ctx)
end

function M.readers.choice(shape, value, ctx)
  return shape.select(value):walk(value, ctx)
end

local function add_flag(flags, row)
  if type(row) == "number" then
    flags.set = bit.bor(flags.set, row)
  elseif row.set then
    flags.set = bit.bor(flags.set, row.set)
    flags.clear = bit.band(flags.clear, bit.bnot(row.set))
  elseif row.clear then
    flags.clear = bit.bor(flags.clear, row.clear)
    flags.set = bit.band(flags.set, bit.bnot(row.clear))
  elseif row.propagation then
    flags.propagation[#flags.propagation + 1] = row.propagation
  else
    flags.others = flags.others or {}
    flags.others[#flags.others + 1] = row
  end
end

local function flags_of_number(shape, value, ctx)
  if not units.is_integer(value) or value < 0 or value > shape.mask
    or bit.band(value, bit.bnot(shape.mask)) ~= 0 then
    return add_problem(ctx, "holds bits that mean nothing here")
  end
  return { set = value, clear = 0, propagation = {} }
end

local function read_word(shape, word, flags, ctx, index)
  if type(word) ~= "string" then
    return add_problem(ctx, "must be a word, not a " .. type(word), index)
  end
  local row = shape.words[word]
  if not row then
    return add_problem(ctx, spelling.unknown("is not a known flag", word, shape.words), index)
  end
  add_flag(flags, row)
end

local function read_words(shape, value, flags, ctx)
  if type(value) == "string" then
    return read_word(shape, value, flags, ctx)
  end
  if not is_plain_table(value, ctx, "a word, a list of words or a number") then
    return nil
  end
  for i = 1, list_length(value, ctx) or 0 do
    read_word(shape, value[i], flags, ctx, i)
  end
end

function M.readers.flags(shape, value, ctx)
  local flags
  if type(value) == "number" then
    flags = flags_of_number(shape, value, ctx)
    if not flags then
      return nil
    end
  else
    local found = ctx.found
    flags = { set = 0, clear = 0, propagation = {} }
    read_words(shape, value, flags, ctx)
    if ctx.found > found then
      return nil
    end
  end
  return shape.split and flags or flags.set
end

local function new_context(is_ordered, opts)
  return {
    is_ordered = is_ordered, depth = 0, keys = {}, problems = {}, found = 0,
    prefix = opts and opts.prefix, is_text = opts and opts.text,
  }
end

--- Reads a value by a shape.
-- @tparam table shape
-- @param value left as it was
-- @tparam[opt] table opts `prefix`: what every path starts with; `text`: strings have to be UTF-8
-- @return[1] a new value, with every default
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; `path` is the first problem's, `problems` are all
function M.parse(shape, value, opts)
  local ctx = new_context(false, opts)
  local result = value ~= nil and shape:walk(value, ctx)
  if value ~= nil and ctx.found == 0 then
    return result
  end
  ctx = new_context(true, opts)
  if value == nil then
    add_problem(ctx, "is required")
  else
    shape:walk(value, ctx)
  end
  return nil, errors.invalid(ctx.problems, ctx.found - #ctx.problems)
end

return M

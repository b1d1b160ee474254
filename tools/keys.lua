--- The schema as tables of keys, for the pages that list them (`reference.lua`, `manual.lua`).
-- @module keys

local units = require("ctr.config.units")

local M = {}

local Reader = {}
Reader.__index = Reader

local render = {}

local function resolve(shape)
  return shape.load and shape.load() or shape
end

local function between(shape)
  local min = shape.min > -units.MAX_INTEGER and ("%.0f"):format(shape.min)
  local max = shape.max < units.MAX_INTEGER and ("%.0f"):format(shape.max)
  if min and max then
    return (" from %s to %s"):format(min, max)
  end
  return min and " from " .. min or max and " up to " .. max or ""
end

function render.string()
  return "string"
end

function render.boolean()
  return "boolean"
end

function render.any()
  return "anything"
end

function render.integer(_, shape)
  return shape.min == shape.max and tostring(shape.min) or "integer" .. between(shape)
end

function render.size(_, shape)
  return shape.unlimited and "size, or -1" or "size"
end

function render.enum(_, shape)
  return "word: " .. shape.choices
end

function render.flags()
  return "flags"
end

-- Of the plural.
local function many(text)
  return (text:gsub("^string$", "strings"):gsub("^word:", "words:"))
end

function render.list(reader, shape, path)
  return "list of " .. many(reader:type(shape.item, path .. "[]"))
end

function render.map(reader, shape, path)
  return "table of " .. many(reader:type(shape.value, path .. ".*")) .. " by name"
end

function render.record(reader, shape, path)
  return reader.link(reader:section(shape, path))
end

function render.choice(reader, shape, path)
  local types = {}
  for index, alternative in ipairs(shape.shapes) do
    types[index] = reader:type(alternative, path)
  end
  return table.concat(types, ", or ")
end

function Reader:type(shape, path)
  shape = resolve(shape)
  return shape.takes or render[shape.kind](self, shape, path)
end

local function default(field)
  local value = field.default
  if type(value) == "function" then
    return "derived"
  elseif type(value) == "table" then
    return next(value) == nil and "`{}`" or "derived"
  elseif value ~= nil then
    return value == "" and '`""`' or ("`%s`"):format(tostring(value))
  end
  return field.optional and "–" or "required"
end

-- What is said of a key, and of each item where the items are no records with a table of their own.
local function meaning(field)
  local shape = resolve(field)
  local item = shape.item or shape.value
  local about = field.about or shape.about
  if type(item) == "table" and item.about and not item.fields then
    about = about .. " Each: " .. item.about
  end
  return about
end

-- Without the kernel's names where shorter ones stand for them.
local function sorted_words(shape)
  local short, long = {}, {}
  for word in pairs(shape.words) do
    local list = word:find("^%l") and short or long
    list[#list + 1] = "`" .. word .. "`"
  end
  local words = #short > 0 and short or long
  table.sort(words)
  return table.concat(words, ", ")
end

function Reader:rows(record, path)
  local rows = {}
  for index, name in ipairs(record.order) do
    local field = record.fields[name]
    rows[index] = {
      name = name, alias = field.alias, default = default(field), meaning = meaning(field),
      type = self:type(field, path == "" and name or path .. "." .. name),
      words = field.kind == "flags" and sorted_words(field) or nil,
    }
  end
  return rows
end

local function fingerprint(rows)
  local parts = {}
  for _, row in ipairs(rows) do
    parts[#parts + 1] = table.concat({ row.name, row.alias or "", row.type, row.default,
      row.meaning, row.words or "" }, "\0")
  end
  return table.concat(parts, "\1")
end

-- The title of a record's table; records with the same table share it.
function Reader:section(record, path)
  local place = #self.sections + 1
  self.sections[place] = false
  local rows = self:rows(record, path)
  local print_of = fingerprint(rows)
  if self.titles[print_of] then
    table.remove(self.sections, place)
    return self.titles[print_of]
  end
  self.titles[print_of] = path
  self.sections[place] = { title = path, rows = rows }
  return path
end

--- Makes a function that reads records; those that it has met before it only names.
-- @tparam function link makes the text that leads to a table, of its title
-- @treturn function takes a record and the path before its keys; returns its rows (`name`, `alias`,
-- `type`, `default`, `meaning`, `words`), and the tables beneath: `{ title, rows }` each
function M.reader(link)
  local titles = {}
  return function(record, prefix)
    local reader = setmetatable({ sections = {}, titles = titles, link = link }, Reader)
    return reader:rows(record, prefix), reader.sections
  end
end

return M

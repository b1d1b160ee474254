--- Prints docs/configuration.md: every key of a configuration and of a process, from the schema.
-- usage: luajit tools/reference.lua >docs/configuration.md

package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
local schema = require("ctr.config.schema")
local units = require("ctr.config.units")

local HEAD = [[
# Configuration

*Made by `make reference` from `lua/ctr/config/schema.lua`: change it there.*

These are the keys of `factory:create(id, config)`, of `ctr.process(fields)`, and of descriptions,
which have some shorter ones beside them (`man lctr`) and safe defaults where these here have none.
Names are libcontainer's; another spelling that is read, too, stands in parentheses.
`lctr check` names what is wrong in a description by file and line, `lctr plan` shows what each key
comes to.

A size is a number of bytes, or text as `"64M"`; a duration is a number of seconds, or text as
`"30s"`. Flags are words in a list, one word, or the kernel's number; for `noexec` its own name,
`MS_NOEXEC`, is read, too. "derived" stands for a default that depends on other keys, "–" for none:
nothing is done, or what the last column says.
]]

local Reference = {}
Reference.__index = Reference

local render = {}

local function resolve(shape)
  return shape.load and shape.load() or shape
end

local function quoted(value)
  return value == "" and '`""`' or ("`%s`"):format(tostring(value))
end

local function anchor(title)
  return (title:lower():gsub("[^%w_%- ]", ""))
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

function render.list(reference, shape, path)
  return "list of " .. many(reference:type(shape.item, path .. "[]"))
end

function render.map(reference, shape, path)
  return "table of " .. many(reference:type(shape.value, path .. ".*")) .. " by name"
end

function render.record(reference, shape, path)
  local title = reference:section(shape, path)
  return ("[%s](#%s)"):format(title, anchor(title))
end

function render.choice(reference, shape, path)
  local types = {}
  for index, alternative in ipairs(shape.shapes) do
    types[index] = reference:type(alternative, path)
  end
  return table.concat(types, ", or ")
end

function Reference:type(shape, path)
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
    return quoted(value)
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
  return (about:gsub("|", "\\|"))
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

function Reference:rows(record, path)
  local lines, words = { "| key | type | default | |", "|---|---|---|---|" }, {}
  for _, name in ipairs(record.order) do
    local field = record.fields[name]
    local key = "`" .. name .. "`" .. (field.alias and (" (`%s`)"):format(field.alias) or "")
    lines[#lines + 1] = ("| %s | %s | %s | %s |"):format(key,
      self:type(field, path == "" and name or path .. "." .. name), default(field), meaning(field))
    if field.kind == "flags" then
      words[#words + 1] = ("\nWords of `%s`: %s.\n"):format(name, sorted_words(field))
    end
  end
  return table.concat(lines, "\n") .. "\n" .. table.concat(words)
end

-- The title of a record's table; records with the same table share it.
function Reference:section(record, path)
  local place = #self.sections + 1
  self.sections[place] = false
  local text = self:rows(record, path)
  if self.titles[text] then
    table.remove(self.sections, place)
    return self.titles[text]
  end
  self.titles[text] = path
  self.sections[place] = ("### %s\n\n%s"):format(path, text)
  return path
end

local titles = {}

local function part(title, record, prefix)
  local reference = setmetatable({ sections = {}, titles = titles }, Reference)
  local text = reference:rows(record, prefix)
  return ("\n## %s\n\n%s\n%s"):format(title, text, table.concat(reference.sections, "\n"))
end

io.stdout:write(HEAD, part("A container", schema.config, ""),
  part("A process", schema.process, "process"))

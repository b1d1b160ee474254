--- Values as people read them: cards, tables, lists; what is long is cut, and how much is told.
-- @module ctr.repl.display

local cards = require("ctr.repl.cards")
local errors = require("ctr.errors")
local grid = require("ctr.repl.grid")
local inline = require("ctr.repl.inline")
local text = require("ctr.repl.text")

local M = {}

local COLUMNS_MAX = 8
local PLAIN = { columns = math.huge, rows = math.huge }

local display_methods = {}
local display_metatable = { __index = display_methods }

--- Makes a display.
-- @tparam table style (`ctr.repl.style`)
-- @tparam[opt] table size `columns` and `rows`, how much is shown; without it there is no end
-- @tparam[opt] boolean is_plain strings are written as they are
-- @treturn table
function M.new(style, size, is_plain)
  return setmetatable({ style = style, size = size or PLAIN, is_plain = is_plain },
    display_metatable)
end

local function is_record(value)
  return type(value) == "table" and not cards.kind(value) and next(value) ~= nil
    and #value == 0
end

-- The names of the columns, where a list is one of records that have most of them in common.
local function columns_of(list)
  local seen, names = {}, {}
  for _, item in ipairs(list) do
    if not is_record(item) then
      return nil
    end
    for key in pairs(item) do
      if not inline.is_identifier(key) then
        return nil
      end
      if not seen[key] then
        seen[key] = true
        names[#names + 1] = key
      end
    end
  end
  table.sort(names)
  return #names <= COLUMNS_MAX and names or nil
end

local function cell(value)
  if value == nil then
    return ""
  elseif type(value) == "string" then
    return text.printable(value)
  end
  return inline.of(value, 1)
end

local function to_rows(list, names, count)
  local rows = { names }
  for at = 1, count do
    local row = {}
    for index, name in ipairs(names) do
      row[index] = cell(list[at][name])
    end
    rows[at + 1] = row
  end
  return rows
end

-- How many of a count are shown, so that all of it stays on the screen.
function display_methods:shown(count)
  local room = math.max(5, self.size.rows - 4)
  return count > room and room - 1 or count
end

function display_methods:add_rest(lines, count, shown)
  if shown < count then
    lines[#lines + 1] = self.style:paint("dim", ("… and %d more of %d"):format(count - shown,
      count))
  end
end

function display_methods:table_lines(rows)
  local lines = grid.lines(rows, self.size.columns)
  lines[1] = self.style:paint("bold", lines[1])
  return lines
end

function display_methods:record_list(list, names)
  local shown = self:shown(#list)
  local lines = self:table_lines(to_rows(list, names, shown))
  self:add_rest(lines, #list, shown)
  return lines
end

function display_methods:list(list)
  local names = #list > 1 and columns_of(list)
  if names then
    return self:record_list(list, names)
  end
  local shown, lines = self:shown(#list), {}
  local width = #tostring(#list)
  for index = 1, shown do
    local number = self.style:paint("dim", ("%" .. width .. "d"):format(index))
    lines[index] = number .. "  " .. text.cut(inline.of(list[index]), self.size.columns - width - 2)
  end
  self:add_rest(lines, #list, shown)
  return lines
end

-- A name and a value in each line.
function display_methods:pairs(rows, count)
  local width, lines = 0, {}
  for _, row in ipairs(rows) do
    width = math.max(width, text.width(row[1]))
  end
  for index, row in ipairs(rows) do
    lines[index] = ("  %s  %s"):format(self.style:paint("cyan", text.pad(row[1], width)),
      text.cut(row[2], self.size.columns - width - 4))
  end
  self:add_rest(lines, count or #rows, #rows)
  return lines
end

function display_methods:map(value, keys)
  local rows = {}
  for index = 1, self:shown(#keys) do
    local key = keys[index]
    rows[index] = { text.printable(type(key) == "string" and key or inline.key(key)),
      inline.of(value[key]) }
  end
  return self:pairs(rows, #keys)
end

function display_methods:card(title, lines)
  local rows = {}
  for _, line in ipairs(lines) do
    if line[2] then
      rows[#rows + 1] = { line[1], text.printable(line[2]) }
    end
  end
  local shown = self:pairs(rows)
  table.insert(shown, 1, self.style:paint("bold", text.printable(title)))
  return shown
end

local function shown_if(value, show)
  return value and show(value) or ""
end

function display_methods:containers(list)
  if #list == 0 then
    return { "no containers" }
  end
  local measure = require("ctr.repl.measure")
  local rows, shown = { { "ID", "STATUS", "PID", "MEMORY", "PROCESSES" } }, self:shown(#list)
  for index = 1, shown do
    local sample = measure.of(list[index])
    rows[index + 1] = { text.printable(sample.id), sample.status,
      shown_if(sample.pid, inline.number), shown_if(sample.memory, text.size),
      shown_if(sample.processes, inline.number) }
  end
  local lines = self:table_lines(rows)
  self:add_rest(lines, #list, shown)
  return lines
end

local function split(value)
  local lines = {}
  for line in (value .. "\n"):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
  if lines[#lines] == "" and #lines > 1 then
    lines[#lines] = nil
  end
  return lines
end

-- A text of several lines, as a plan has them.
function display_methods:text(value)
  local all, lines = split(text.printable(value, "\n\t")), {}
  local shown = self:shown(#all)
  for index = 1, shown do
    lines[index] = text.cut(all[index], self.size.columns)
  end
  self:add_rest(lines, #all, shown)
  return lines
end

local function is_container_list(value)
  for _, item in ipairs(value) do
    if cards.kind(item) ~= "ctr.Container" then
      return false
    end
  end
  return #value > 0
end

function display_methods:plain_table(value)
  local keys = inline.keys(value)
  if cards.kind(value) == "ctr.Containers" or is_container_list(value) then
    return self:containers(value)
  elseif #keys == 0 then
    return { "{}" }
  elseif inline.is_list(value, #keys) then
    return self:list(value)
  end
  return self:map(value, keys)
end

local function has_text(value)
  local metatable = getmetatable(value)
  return type(metatable) == "table" and metatable.__tostring ~= nil
end

function display_methods:table(value)
  local title, lines = cards.of(value)
  if title then
    return self:card(title, lines)
  elseif errors.is(value) then
    return { self:error(value) }
  elseif has_text(value) then
    return self:text(tostring(value))
  elseif cards.kind(value) and cards.kind(value) ~= "ctr.Containers" then
    return { "<" .. cards.kind(value) .. ">" }
  end
  return self:plain_table(value)
end

function display_methods:string(value)
  if self.is_plain then
    return { value }
  elseif value:find("\n.") then
    return self:text(value)
  end
  return { text.cut(inline.quoted(value), self.size.columns * 4) }
end

local function is_documented(value)
  local help = type(value) == "function" and require("ctr.repl.help").signature(value)
  return help and "function " .. help or nil
end

--- The lines of a value.
-- @param value
-- @treturn {string,…}
function display_methods:lines(value)
  local kind = type(value)
  if kind == "string" then
    return self:string(value)
  elseif kind == "table" then
    return self:table(value)
  end
  return { is_documented(value) or inline.of(value, 3) }
end

--- An error as a sentence, or several lines.
-- @param err
-- @treturn string
function display_methods:error(err)
  local shown = text.printable(tostring(err), "\n\t")
  return self.style:paint("red", shown == "interrupted" and shown or "error: " .. shown)
end

--- The values of a chunk, one below the other.
-- @tparam table result (`ctr.repl.evaluator`)
-- @treturn string "" where there are none
function display_methods:values(result)
  local lines = {}
  for index = 1, result.count do
    for _, line in ipairs(self:lines(result[index])) do
      lines[#lines + 1] = line
    end
  end
  if result.count == 1 and result[1] == nil and not self.is_plain then
    return self.style:paint("dim", "nil") .. "\n"
  end
  return #lines > 0 and table.concat(lines, "\n") .. "\n" or ""
end

return M

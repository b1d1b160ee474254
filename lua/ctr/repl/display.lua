--- Values as people read them: cards, tables, lists; what is long is cut, and how much is told.
-- @module ctr.repl.display

local cards = require("ctr.repl.cards")
local errors = require("ctr.errors")
local grid = require("ctr.repl.grid")
local text = require("ctr.repl.text")

local M = {}

local COLUMNS_MAX = 8
local INLINE_MAX = 60
local LITERAL_DEPTH = 3
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

local function compare(a, b)
  local one, other = type(a), type(b)
  if one == other and (one == "number" or one == "string") then
    return a < b
  end
  if one == other then
    return tostring(a) < tostring(b)
  end
  return one < other
end

local function sorted_keys(value)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, compare)
  return keys
end

local function is_list(value, count)
  return #value == count and count > 0
end

local function is_identifier(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil
end

local function quoted(value)
  return '"' .. text.printable(value:gsub('[\\"]', "\\%0")) .. '"'
end

local function key_text(key)
  if is_identifier(key) then
    return key
  end
  return "[" .. (type(key) == "string" and quoted(key) or tostring(key)) .. "]"
end

local function number_text(value)
  if value == math.floor(value) and math.abs(value) < 2 ^ 53 then
    return ("%d"):format(value)
  end
  return ("%.14g"):format(value)
end

-- A value in a line: an object by its kind, a table as Lua has it, as deep as it is worth.
local inline

local function inline_table(value, depth)
  local keys, parts, length = sorted_keys(value), {}, 0
  local list = is_list(value, #keys)
  for index, key in ipairs(keys) do
    local item = inline(value[key], depth - 1)
    parts[index] = list and item or key_text(key) .. " = " .. item
    length = length + #parts[index] + 2
    if length > INLINE_MAX and index < #keys then
      parts[index + 1] = ("… %d more"):format(#keys - index)
      break
    end
  end
  return #parts == 0 and "{}" or "{ " .. table.concat(parts, ", ") .. " }"
end

function inline(value, depth)
  local kind = type(value)
  if kind == "string" then
    return quoted(value)
  elseif kind == "number" then
    return number_text(value)
  elseif kind ~= "table" then
    return tostring(value)
  end
  if errors.is(value) then
    return "error: " .. text.printable(tostring(value))
  elseif cards.kind(value) then
    local title = cards.of(value)
    return title and "<" .. text.printable(title) .. ">" or "<" .. cards.kind(value) .. ">"
  elseif depth <= 0 then
    return next(value) == nil and "{}" or "{ … }"
  end
  return inline_table(value, depth)
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
      if not is_identifier(key) then
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
  return inline(value, 1)
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

local function plural(count, one)
  return ("%d %s%s"):format(count, one, count == 1 and "" or "s")
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
    lines[index] = number .. "  " .. text.cut(inline(list[index], 2), self.size.columns - width - 2)
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
    rows[index] = { text.printable(type(key) == "string" and key or key_text(key)),
      inline(value[key], LITERAL_DEPTH - 1) }
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

function display_methods:containers(list)
  if #list == 0 then
    return { "no containers" }
  end
  local measure = require("ctr.repl.measure")
  local rows, shown = { { "ID", "STATUS", "PID", "MEMORY", "PROCESSES" } }, self:shown(#list)
  for index = 1, shown do
    local sample = measure.of(list[index])
    rows[index + 1] = { text.printable(sample.id), sample.status,
      sample.pid and number_text(sample.pid) or "", sample.memory and text.size(sample.memory) or "",
      sample.processes and number_text(sample.processes) or "" }
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
  local keys = sorted_keys(value)
  if cards.kind(value) == "ctr.Containers" or is_container_list(value) then
    return self:containers(value)
  elseif #keys == 0 then
    return { "{}" }
  elseif is_list(value, #keys) then
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
  return { text.cut(quoted(value), self.size.columns * 4) }
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
  return { is_documented(value) or inline(value, LITERAL_DEPTH) }
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

--- A count with its word.
M.plural = plural

return M

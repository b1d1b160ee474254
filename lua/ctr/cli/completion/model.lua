--- What can be completed on lctr's command line, by the table of commands. Pure.
--
-- What stands in a place is a kind: `{ type = "words", words = {…} }`, or of type "id" (of a
-- container), "lua" (a Lua file), "file", "dir", or "any", of which nothing is known.
-- @module ctr.cli.completion.model

local commands = require("ctr.cli.commands")

local M = {}

-- By what the tables of commands call a value or an argument.
local TYPES = { ["FILE.lua"] = "lua", FILE = "file", SOCKET = "file", PATH = "file", DIR = "dir",
  COMMAND = "file", ID = "id", SIGNAL = "signal" }
-- Whose container is yet to be made.
local MAKES = { create = true, run = true, restore = true }
-- More arguments of the last kind may follow.
local MANY = "…"

local function words_of(text)
  local words = {}
  for word in text:gmatch("[^|]+") do
    words[#words + 1] = word
  end
  return words
end

local function signals()
  local words = {}
  for name in pairs(require("ctr.core").proc.signals) do
    words[#words + 1] = name:match("^SIG(%u[%w]*)$")
  end
  table.sort(words)
  return words
end

local function kind_of(name, choices)
  if choices then
    return { type = "words", words = choices }
  elseif name:find("|", 1, true) then
    return { type = "words", words = words_of(name) }
  elseif TYPES[name] == "signal" then
    return { type = "words", words = signals() }
  end
  return { type = TYPES[name] or "any" }
end

local function options_of(rows)
  local list = { { name = "help", flags = { "-h", "--help" }, about = "show this help" } }
  for _, row in ipairs(rows) do
    local flags = {}
    for letter in (row.short or ""):gmatch(".") do
      flags[#flags + 1] = "-" .. letter
    end
    flags[#flags + 1] = "--" .. row.name
    if row.name ~= "help" then
      list[#list + 1] = { name = row.name, flags = flags, about = row.about, many = row.many,
        value = row.value and kind_of(row.value, row.choices), label = row.value }
    end
  end
  return list
end

-- "ID [COMMAND [ARGUMENT…]]": a kind for each word.
local function arguments_of(row)
  local kinds = {}
  for name in row.usage:gmatch("[^%s%[%]]+") do
    if not name:find(MANY, 1, true) then
      kinds[#kinds + 1] = kind_of(name)
    end
  end
  if MAKES[row.name] then
    kinds[1] = { type = "any" }
  end
  return kinds
end

--- The commands: `name`, `about`, `options` (`name`, `flags`, `about`, `value`: a kind, `label`),
-- `arguments` (kinds), `stops` (whether its options end at the first argument).
-- @treturn table a list
function M.commands()
  local list = {}
  for index, row in ipairs(commands.list) do
    list[index] = { name = row.name, about = row.about, options = options_of(row.options),
      arguments = arguments_of(row), stops = row.stops }
  end
  return list
end

--- The options that stand before a command.
-- @treturn table a list
function M.globals()
  return options_of(commands.globals)
end

return M

--- What `lctr --help` says: examples first.
-- @module ctr.cli.help

local commands = require("ctr.cli.commands")

local M = {}

local EXAMPLES = {
  { "lctr web.lua", "run the container that web.lua describes" },
  { "lctr plan web.lua", "show, without root, what that would do" },
  { "lctr check web.lua", "check the description" },
  { "lctr explain --origin web.lua", "tell which file, profile or default set what" },
  { "lctr explain limits.memory", "tell what a key means" },
  { "lctr learn web.lua", "run it, and propose a seccomp profile of what it called" },
  { "lctr tool.lua one two", "run a Lua program that uses the library" },
}

local function rows_to_text(rows)
  local width = 0
  for _, row in ipairs(rows) do
    width = math.max(width, #row[1])
  end
  local lines = {}
  for index, row in ipairs(rows) do
    lines[index] = ("  %-" .. width .. "s  %s"):format(row[1], row[2])
  end
  return table.concat(lines, "\n")
end

local function command_rows()
  local rows = { { "lctr " .. commands.run_file.name, commands.run_file.about } }
  for _, command in ipairs(commands.list) do
    rows[#rows + 1] = { "lctr " .. command.name .. " " .. command.usage, command.about }
  end
  return rows
end

local function option_rows(options)
  local rows = {}
  for index, option in ipairs(options) do
    local name = "--" .. option.name
    for letter in (option.short or ""):reverse():gmatch(".") do
      name = "-" .. letter .. ", " .. name
    end
    if option.value then
      name = name .. " " .. option.value
    end
    rows[index] = { name, option.about }
  end
  return rows
end

--- The help of lctr as a whole.
-- @treturn string
function M.overview()
  return table.concat({
    "Examples:", rows_to_text(EXAMPLES), "",
    "Commands:", rows_to_text(command_rows()), "",
    "Options:", rows_to_text(option_rows(commands.globals)), "",
    "Exit status: the container's or the program's own (128 + n where signal n ended it),",
    "1 when something failed (255 for exec). More: man lctr",
  }, "\n")
end

--- One command's help.
-- @tparam table command
-- @treturn string
function M.command(command)
  local lines = { ("lctr %s [OPTION…] %s"):format(command.name, command.usage), "", command.about }
  if #command.options > 0 then
    lines[#lines + 1] = ""
    lines[#lines + 1] = rows_to_text(option_rows(command.options))
  end
  return table.concat(lines, "\n")
end

return M

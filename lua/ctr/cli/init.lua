--- lctr's command line.
-- @module ctr.cli

local commands = require("ctr.cli.commands")
local options = require("ctr.cli.options")

local M = {}

local FAILED = 1
local USAGE = 2

local HELP = {
  name = "help",
  short = "h",
  about = "show this help",
}

local function complain(text)
  io.stderr:write("lctr: ", text, "\n")
end

local function usage_error(text)
  complain(text)
  io.stderr:write(require("ctr.cli.help").usage(), "\n")
  return USAGE
end

local function is_file(path)
  local file = io.open(path, "r")
  if file then
    file:close()
  end
  return file ~= nil
end

-- The command that the first argument names: one of the table, or the file itself.
local function choose(args, at)
  local command = commands.find(args[at])
  if command then
    return command, at + 1
  end
  if args[at]:find("[/.]") or is_file(args[at]) then
    return commands.run_file, at
  end
  return nil
end

local function unknown_command(name)
  local known = {}
  for _, command in ipairs(commands.list) do
    known[command.name] = true
  end
  local spelling = require("ctr.config.spelling")
  return usage_error(spelling.unknown("there is no such command or file", name, known))
end

local function check_globals(command, values)
  for _, row in ipairs(commands.globals) do
    if values[row.name] and not command.globals[row.name] then
      return nil, ("--%s has no meaning for %s"):format(row.name, command.name)
    end
  end
  return true
end

local function check_count(command, args)
  if #args < command.min then
    return nil, ("%s wants %s"):format(command.name, command.usage)
  end
  if command.max and #args > command.max then
    return nil, ("%s: one argument too many: %s"):format(command.name, args[command.max + 1])
  end
  return true
end

local function arguments_from(args, at)
  local rest = {}
  for index = at, #args do
    rest[#rest + 1] = args[index]
  end
  return rest
end

-- A command's own options, which may follow its arguments. What follows a file is the program's.
local function read_command(command, args, at, values)
  if command == commands.run_file then
    return arguments_from(args, at)
  end
  local rows, found = { HELP, unpack(command.options) }, {}
  while args[at] do
    local next_at, problem = options.read(args, at, rows, values)
    if not next_at then
      return nil, command.name .. ": " .. problem
    end
    found[#found + 1] = args[next_at]
    at = next_at + 1
  end
  return found
end

local function run_command(command, args, at, values)
  local ok, problem = check_globals(command, values)
  if not ok then
    return usage_error(problem)
  end
  local found
  found, problem = read_command(command, args, at, values)
  if not found then
    return usage_error(problem)
  end
  if values.help then
    io.stdout:write(require("ctr.cli.help").command(command), "\n")
    return 0
  end
  ok, problem = check_count(command, found)
  if not ok then
    return usage_error(problem)
  end
  local status, err = require(command.module)(found, values)
  if not status then
    complain(tostring(err))
    return FAILED
  end
  return status
end

local function dispatch(args)
  local values = {}
  local at, problem = options.read(args, 1, commands.globals, values)
  if not at then
    return usage_error(problem)
  end
  if values.help then
    io.stdout:write(require("ctr.cli.help").overview(), "\n")
    return 0
  end
  if values.version then
    io.stdout:write("lctr ", require("ctr").version, "\n")
    return 0
  end
  if not args[at] then
    io.stderr:write(require("ctr.cli.help").usage(), "\n")
    return USAGE
  end
  local command, next_at = choose(args, at)
  if not command then
    return unknown_command(args[at])
  end
  return run_command(command, args, next_at, values)
end

--- Runs lctr.
-- @tparam table args `[0]` is lctr's own name
-- @treturn number the exit status
function M.main(args)
  local ok, status = xpcall(function() return dispatch(args) end, function(err)
    return debug.traceback(tostring(err), 2)
  end)
  io.stdout:flush()
  if not ok then
    complain("this is a bug in lctr: " .. status)
    return FAILED
  end
  return status
end

return M

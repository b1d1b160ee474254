--- lctr's command line.
-- @module ctr.cli

require("ctr.interpreted")
local commands = require("ctr.cli.commands")
local options = require("ctr.cli.options")
local whole = require("ctr.cli.whole")

local M = {}

local FAILED = 1
local HELP = { name = "help", short = "h", about = "show this help" }

-- The one message of a failed command: for people and conmon on standard error, for other engines
-- in the log.
local function complain(text, log)
  if log then
    log:write("error", text)
  end
  io.stderr:write("lctr: " .. text .. "\n")
end

local function is_file(path)
  local file = io.open(path, "r")
  if file then
    file:close()
  end
  return file ~= nil
end

-- The command that the first argument names: one of the table, or the file itself; without one
-- the prompt.
local function choose(args, at)
  if not args[at] then
    return commands.repl, at
  end
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
  return spelling.unknown("there is no such command or file", name, known)
end

local function check_globals(command, values)
  for _, row in ipairs(commands.globals) do
    local takes = command.takes and command.takes[row.name]
    local is_foreign = row.for_files or (row.for_containers and not command.is_oci)
    if is_foreign and values[row.name] ~= nil and not takes then
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

local function append_rest(found, args, at)
  for index = at, #args do
    found[#found + 1] = args[index]
  end
  return found
end

-- A command's own options, which may follow its arguments; what follows a file, or the first
-- argument of a command that says so, is another program's.
local function read_command(command, args, at, values)
  if command == commands.run_file then
    return append_rest({}, args, at)
  end
  local rows, found = { HELP, unpack(command.options) }, {}
  while args[at] do
    local next_at, problem = options.read(args, at, rows, values)
    if not next_at then
      return nil, problem
    end
    if problem or command.stops then
      return append_rest(found, args, next_at)
    end
    found[#found + 1] = args[next_at]
    at = next_at + 1
  end
  return found
end

local function message_of(command, err)
  return command.is_oci and require("ctr.cli.words").line(err) or tostring(err)
end

-- For people alone: an engine's message is one line.
local function point_to_doctor(command, err)
  local check = not command.is_oci and require("ctr.doctor").knows(err)
  if check then
    io.stderr:write(("lctr: see `lctr doctor`: %s\n"):format(check))
  end
end

local function run_command(command, args, values, session)
  whole.for_command(command, values)
  local log = session.log
  local context = require("ctr.cli.context").new(values, log)
  session.runs_foreign_code = not command.is_oci
  log:debug("command: " .. command.name)
  if session.runs_foreign_code then
    require("ctr.cli.compiler")
  end
  if values.criu then
    log:debug("--criu is ignored: criu is found by PATH")
  end
  local status, err, failed = require(command.module)(args, values, context)
  if not status then
    complain(message_of(command, err), log)
    point_to_doctor(command, err)
    return failed or FAILED
  end
  return status
end

local function prepare_command(command, args, at, values)
  local ok, problem = check_globals(command, values)
  if not ok then
    return nil, problem
  end
  local found
  found, problem = read_command(command, args, at, values)
  if not found then
    return nil, command.name .. ": " .. problem
  end
  if values.json then
    values.format = "json"
  end
  if not values.help then
    ok, problem = check_count(command, found)
  end
  if not ok then
    return nil, problem
  end
  return found
end

local function dispatch_command(args, at, values, session)
  local log = session.log
  local command, next_at = choose(args, at)
  if not command then
    complain(unknown_command(args[at]), log)
    return FAILED
  end
  local found, problem = prepare_command(command, args, next_at, values)
  if not found then
    complain(problem, log)
    return FAILED
  end
  if values.help then
    io.stdout:write(require("ctr.cli.help").command(command), "\n")
    return 0
  end
  return run_command(command, found, values, session)
end

local function dispatch(args, session)
  local values = {}
  local at, problem = options.read(args, 1, commands.globals, values)
  if at and values.version then
    io.stdout:write(require("ctr.cli.version").text())
    return 0
  end
  if at and (values.help or not (args[at] or require("ctr.cli.repl").is_wanted())) then
    io.stdout:write(require("ctr.cli.help").overview(), "\n")
    return 0
  end
  -- Before anything that can fail: whoever looks for the reason of a failure looks there.
  local err
  session.log, err = require("ctr.cli.log").open(values)
  if not at or not session.log then
    complain(problem or require("ctr.cli.words").line(err), session.log)
    return FAILED
  end
  return dispatch_command(args, at, values, session)
end

local function traceback(err)
  return debug.traceback(tostring(err), 2)
end

-- Before the streams are flushed: what was said belongs to what was done.
local function close(session)
  if session.log then
    session.log:close()
  end
  io.stdout:flush()
end

--- Runs lctr.
-- @tparam table args `[0]` is lctr's own name
-- @treturn number the exit status
-- @treturn boolean whether code that is not lctr's was run, which may want its objects collected
function M.main(args)
  local session = {}
  local ok, status = xpcall(function() return dispatch(args, session) end, traceback)
  if not ok then
    complain("this is a bug in lctr: " .. require("ctr.cli.words").line(status), session.log)
    status = FAILED
  end
  close(session)
  return status, session.runs_foreign_code == true
end

return M

--- Reads a command line by tables: no command parses anything itself.
--
-- An option is a row: `name` ("root"), `short` ("h"), `value` (what its value is called, where it
-- takes one), `choices` (the values it takes), `about`.
-- @module ctr.cli.options

local spelling = require("ctr.config.spelling")

local M = {}

local function index_of(rows)
  local by_name, known = {}, {}
  for _, row in ipairs(rows) do
    by_name["--" .. row.name] = row
    known["--" .. row.name] = true
    if row.short then
      by_name["-" .. row.short] = row
    end
  end
  return by_name, known
end

local function check_choice(row, name, value)
  if not row.choices then
    return true
  end
  for _, choice in ipairs(row.choices) do
    if choice == value then
      return true
    end
  end
  return nil, ("%s must be one of %s"):format(name, table.concat(row.choices, ", "))
end

-- Takes the value after `=`, or the next argument; returns how many arguments were used.
local function read_value(row, name, inline, args, at)
  if not row.value then
    if inline then
      return nil, name .. " takes no value"
    end
    return 1, nil, true
  end
  local value = inline or args[at + 1]
  if not value then
    return nil, ("%s wants a value: %s"):format(name, row.value)
  end
  local ok, problem = check_choice(row, name, value)
  if not ok then
    return nil, problem
  end
  return inline and 1 or 2, nil, value
end

local function is_option(text)
  return #text > 1 and text:sub(1, 1) == "-"
end

--- Reads options up to the first argument that is none, or beyond `--`.
-- @tparam table args
-- @tparam number at where to begin
-- @tparam table rows the options that are known here
-- @tparam table values what was read is added here, by the option's name
-- @treturn[1] number where the first argument stands that is no option
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.read(args, at, rows, values)
  local by_name, known = index_of(rows)
  while args[at] and is_option(args[at]) do
    if args[at] == "--" then
      return at + 1
    end
    local name, inline = args[at]:match("^(%-%-[^=]+)=(.*)$")
    name = name or args[at]
    local row = by_name[name]
    if not row then
      return nil, spelling.unknown("there is no such option", name, known)
    end
    local used, problem, value = read_value(row, name, inline, args, at)
    if not used then
      return nil, problem
    end
    values[row.name] = value
    at = at + used
  end
  return at
end

return M

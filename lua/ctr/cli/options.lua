--- Reads a command line by tables: no command parses anything itself.
--
-- An option is a row: `name` ("root"), `short` (its letters, "vV"), `value` (what its value is
-- called, where it takes one), `choices` (the values it takes), `many` (whether each use adds to a
-- list), `about`.
-- The grammar is the one that engines expect of a runtime: `--name VALUE`, `--name=VALUE`, the same
-- with one dash, bundled short flags (`-dt`), and of a repeated option the last use counts.
-- @module ctr.cli.options

local spelling = require("ctr.config.spelling")

local M = {}

local BOOLEANS = { ["true"] = true, ["false"] = false, ["1"] = true, ["0"] = false }

local function find(rows, name)
  for _, row in ipairs(rows) do
    if row.name == name then
      return row
    end
  end
  return nil
end

local function find_short(rows, letter)
  for _, row in ipairs(rows) do
    if row.short and row.short:find(letter, 1, true) then
      return row
    end
  end
  return nil
end

local function unknown(rows, text)
  local known = {}
  for _, row in ipairs(rows) do
    known["--" .. row.name] = true
  end
  return spelling.unknown("there is no such option", text, known)
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

local function keep(row, values, value)
  if row.many then
    values[row.name] = values[row.name] or {}
    table.insert(values[row.name], value)
  else
    values[row.name] = value
  end
end

local function set_flag(row, values, name, inline)
  local value = true
  if inline then
    value = BOOLEANS[inline]
  end
  if value == nil then
    return nil, ("%s is true or false, not %q"):format(name, inline)
  end
  keep(row, values, value)
  return 1
end

-- Takes the value after `=`, or the next argument; returns how many arguments were used.
local function set_value(row, values, name, inline, following)
  local value = inline or following
  if not value then
    return nil, "flag needs an argument: " .. name
  end
  local ok, problem = check_choice(row, name, value)
  if not ok then
    return nil, problem
  end
  keep(row, values, value)
  return inline and 1 or 2
end

local function set(row, values, name, inline, following)
  if row.value then
    return set_value(row, values, name, inline, following)
  end
  return set_flag(row, values, name, inline)
end

-- `-dt`, `-d=false`, and `-b DIR`, `-bDIR`, `-b=DIR`: the first that takes a value takes the rest.
local function read_short(rows, values, text, following)
  for at = 2, #text do
    local name = "-" .. text:sub(at, at)
    local row = find_short(rows, text:sub(at, at))
    if not row then
      return nil, unknown(rows, #text == 2 and text or name .. " of " .. text)
    end
    if row.value then
      local rest = text:sub(at + 1):gsub("^=", "")
      return set_value(row, values, name, at < #text and rest or nil, following)
    end
    if text:sub(at + 1, at + 1) == "=" then
      return set_flag(row, values, name, text:sub(at + 2))
    end
    keep(row, values, true)
  end
  return 1
end

local function read_option(rows, values, text, following)
  local dashes, name, inline = text:match("^(%-%-?)([^=]+)=(.*)$")
  if not name then
    dashes, name = text:match("^(%-%-?)(.+)$")
  end
  -- A long name may have one dash: containerd says `-no-subreaper`.
  local row = (dashes == "--" or #name > 1) and find(rows, name)
  if row then
    return set(row, values, "--" .. name, inline, following)
  end
  if dashes == "-" then
    return read_short(rows, values, text, following)
  end
  return nil, unknown(rows, "--" .. name)
end

--- Reads options up to the first argument that is none, or beyond `--`.
-- @tparam table args
-- @tparam number at where to begin
-- @tparam table rows the options that are known here
-- @tparam table values what was read is added here, by the option's name
-- @treturn[1] number where the first argument stands that is no option
-- @treturn[1] boolean whether `--` ended the options
-- @return[2] nil
-- @treturn[2] string what is wrong
function M.read(args, at, rows, values)
  while args[at] and #args[at] > 1 and args[at]:sub(1, 1) == "-" do
    if args[at] == "--" then
      return at + 1, true
    end
    local used, problem = read_option(rows, values, args[at], args[at + 1])
    if not used then
      return nil, problem
    end
    at = at + used
  end
  return at, false
end

return M

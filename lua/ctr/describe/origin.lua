--- Where a value of a description was written: for messages that name file and line.
-- @module ctr.describe.origin

local M = {}

--- The place from which a function was called.
-- @tparam number level as for `debug.getinfo`, 1 being the function that calls this one
-- @treturn table `file` and `line`; both nil where the caller was not read from a file
function M.caller(level)
  local info = debug.getinfo(level + 1, "Sl")
  local file = info and info.source:match("^@(.*)$")
  return { file = file, line = file and info.currentline }
end

--- Remembers where a table was made. The table's own fields stay as they are.
-- @tparam table value
-- @tparam table place
-- @treturn table value
function M.mark(value, place)
  return setmetatable(value, { origin = place })
end

--- The place that was remembered for a table.
-- @treturn ?table
function M.of(value)
  local metatable = type(value) == "table" and getmetatable(value)
  return type(metatable) == "table" and metatable.origin or nil
end

local function lines_of(path)
  local file = path and io.open(path, "r")
  if not file then
    return {}
  end
  local lines = {}
  for line in file:lines() do
    lines[#lines + 1] = line
  end
  file:close()
  return lines
end

local function find_key(lines, from, key)
  local pattern = "%f[%w_]" .. key .. "%f[^%w_]%]?%s*="
  for number = from, #lines do
    if lines[number]:gsub("%-%-.*$", ""):find(pattern) then
      return number
    end
  end
  return nil
end

--- Finds the line of a key by a look at the text: `limits.memory` is looked for after `limits`.
-- What stands in a list cannot be told from its neighbours: the list's line is taken.
-- @tparam table place of the description
-- @tparam string path
-- @treturn table a place
function M.find(place, path)
  local lines = lines_of(place.file)
  local line = place.line
  for key, rest in path:gmatch("([%a_][%w_]*)([^%.]*)") do
    local found = line and find_key(lines, line, key)
    if not found then
      break
    end
    line = found
    if rest ~= "" then
      break
    end
  end
  return { file = place.file, line = line }
end

--- A place as it stands before a message.
-- @tparam table place
-- @treturn string `web.lua:12: `, or nothing where the place is not known
function M.prefix(place)
  if not place.file then
    return ""
  end
  return place.line and ("%s:%d: "):format(place.file, place.line) or place.file .. ": "
end

return M

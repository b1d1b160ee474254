--- A descriptor with the methods of a Lua file.
-- @module ctr.file

local core = require("ctr.core")

local M = {}

local CHUNK = 65536

local file_methods = {}
local file_metatable = { __index = file_methods, __name = "ctr.File" }

--- Wraps a descriptor, which the file then owns.
-- @tparam ctr.fd handle
-- @treturn ctr.File
function M.new(handle)
  return setmetatable({ handle = handle, buffer = "", at_end = false }, file_metatable)
end

local function fill(file)
  if file.at_end then
    return false
  end
  local data, err = core.fd.read(file.handle, CHUNK)
  if not data then
    return nil, err
  end
  file.at_end = data == ""
  file.buffer = file.buffer .. data
  return not file.at_end
end

local function fill_until(file, is_enough)
  while not is_enough(file.buffer) do
    local more, err = fill(file)
    if more == nil then
      return nil, err
    end
    if not more then
      break
    end
  end
  return true
end

local function take(file, count, skip)
  local data = file.buffer:sub(1, count)
  file.buffer = file.buffer:sub(count + 1 + (skip or 0))
  return data
end

local function read_line(file, keep_end)
  local ok, err = fill_until(file, function(buffer) return buffer:find("\n", 1, true) end)
  if not ok then
    return nil, err
  end
  local stop = file.buffer:find("\n", 1, true)
  if stop then
    return keep_end and take(file, stop) or take(file, stop - 1, 1)
  end
  return file.buffer ~= "" and take(file, #file.buffer) or nil
end

local function read_all(file)
  local parts = { file.buffer }
  file.buffer = ""
  while not file.at_end do
    local more, err = fill(file)
    if more == nil then
      return nil, err
    end
    parts[#parts + 1] = file.buffer
    file.buffer = ""
  end
  return table.concat(parts)
end

local function read_count(file, count)
  local ok, err = fill_until(file, function(buffer) return #buffer >= count end)
  if not ok then
    return nil, err
  end
  if file.buffer == "" and count > 0 then
    return nil
  end
  return take(file, count)
end

--- Reads, as `file:read` does: "*l" (the default), "*L", "*a", or a number of bytes.
-- @return[1] string, or nil at the end
-- @return[2] nil
-- @treturn[2] ctr.Error
function file_methods:read(format)
  if type(format) == "number" then
    return read_count(self, format)
  end
  local letter = (format or "*l"):gsub("^%*", ""):sub(1, 1)
  if letter == "a" then
    return read_all(self)
  end
  if letter == "l" or letter == "L" then
    return read_line(self, letter == "L")
  end
  error("bad argument #1 to 'read' (invalid format)", 2)
end

--- Iterates over the lines.
function file_methods:lines()
  return function()
    return self:read("*l")
  end
end

--- Writes strings and numbers, all of them.
-- @treturn[1] ctr.File itself
-- @return[2] nil
-- @treturn[2] ctr.Error
function file_methods:write(...)
  for index = 1, select("#", ...) do
    local ok, err = core.fd.write_all(self.handle, tostring((select(index, ...))))
    if not ok then
      return nil, err
    end
  end
  return self
end

--- The number of the descriptor, for an event loop.
function file_methods:fd()
  return self.handle:fd()
end

function file_methods:flush()
  return self
end

function file_methods:close()
  return self.handle:close()
end

return M

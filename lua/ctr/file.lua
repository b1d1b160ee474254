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

--- Reads, as `file:read` does.
-- @tparam[opt="*l"] string|number format "*l", "*L", "*a", or a number of bytes
-- @treturn[1] ?string nil at the end
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local echo = ctr.process({ args = { "/bin/echo", "hello" } })
-- local streams = assert(echo:initialize_io())
-- assert(container:run(echo))
-- assert(streams.stdout:read("*a") == "hello\n")
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
-- @treturn function
-- @usage
-- local echo = ctr.process({ args = { "/bin/echo", "hello" } })
-- local streams = assert(echo:initialize_io())
-- assert(container:run(echo))
-- for line in streams.stdout:lines() do
--   print(line)
-- end
function file_methods:lines()
  return function()
    return self:read("*l")
  end
end

--- Writes, all of it.
-- @tparam string|number ...
-- @treturn[1] ctr.File itself
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local cat = ctr.process({ args = { "/bin/cat" }, stdout = "null" })
-- local streams = assert(cat:initialize_io())
-- assert(streams.stdin:write("one ", 2, "\n"))
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
-- @treturn number
-- @usage
-- local streams = assert(ctr.process({ args = { "/bin/cat" } }):initialize_io())
-- print(streams.stdout:fd())
function file_methods:fd()
  return self.handle:fd()
end

--- Does nothing: nothing is kept back.
-- @treturn ctr.File itself
-- @usage
-- local streams = assert(ctr.process({ args = { "/bin/cat" } }):initialize_io())
-- streams.stdin:flush()
function file_methods:flush()
  return self
end

--- Closes the descriptor.
-- @treturn boolean true
-- @usage
-- local streams = assert(ctr.process({ args = { "/bin/cat" } }):initialize_io())
-- streams.stdin:close()
function file_methods:close()
  return self.handle:close()
end

return M

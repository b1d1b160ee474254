--- Documents that a command is given by name: a file, a pipe (`/dev/fd/63` of a shell's
-- `<(…)`), or what stands on standard input.
-- @module ctr.cli.input

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local SIZE_MAX = 16 * 1024 * 1024
local CHUNK = 65536

local function invalid(text, ...)
  return nil, errors.new("ConfigInvalid", text:format(...))
end

-- What engines take for a missing program must not be said of a file.
local function unreadable(path, err)
  if err.errno == "ENOENT" or err.errno == "ENOTDIR" then
    return invalid("%s is missing: %s", path:match("[^/]*$"), path)
  end
  return invalid("%s cannot be read: %s", path, tostring(err.errno))
end

local function read_all(handle, name)
  local parts, size = {}, 0
  while true do
    local data, err = core.fd.read(handle, CHUNK)
    if not data then
      return unreadable(name, err)
    end
    size = size + #data
    if size > SIZE_MAX then
      return invalid("%s is larger than %d MiB", name, SIZE_MAX / 2 ^ 20)
    end
    if data == "" then
      return table.concat(parts)
    end
    parts[#parts + 1] = data
  end
end

--- Reads to the end, 16 MiB at most.
-- @tparam string path "-" is standard input
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, which names the path
function M.read(path)
  if path == "-" then
    return read_all(0, "standard input")
  end
  local handle, err = core.fd.open(path, { flags = { "rdonly", "noctty" } })
  if not handle then
    return unreadable(path, err)
  end
  local text, problem = read_all(handle, path)
  handle:close()
  return text, problem
end

return M

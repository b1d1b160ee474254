--- The standard streams of a process in all the forms that a user may give them.
-- @module ctr.stream

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local NAMES = { "stdin", "stdout", "stderr" }
local INHERITED = { stdin = 0, stdout = 1, stderr = 2 }

-- A fifo with nobody at its other end would keep the caller waiting, with the lock held.
local READ = { flags = { "rdonly", "noctty", "nonblock" } }
local APPEND = { flags = { "wronly", "creat", "append", "noctty", "nonblock" }, mode = 438 } -- 0666
local READ_WRITE = { flags = { "rdwr" } }

-- What was opened for the child is closed once it has it; what the caller owns stays open.
local function open_path(set, name, path)
  local handle, err = core.fd.open(path, name == "stdin" and READ or APPEND)
  if not handle then
    return nil, err
  end
  set.owned[#set.owned + 1] = handle
  core.fd.set_nonblock(handle, false)
  return handle
end

local function open_null(set)
  if not set.null then
    local handle, err = core.fd.open("/dev/null", READ_WRITE)
    if not handle then
      return nil, err
    end
    set.owned[#set.owned + 1] = handle
    set.null = handle
  end
  return set.null
end

-- A memory file, not a pipe: nobody has to feed it while the process runs.
local function open_content(set, content)
  local handle, err = core.fd.memfd("stdin", content)
  if not handle then
    return nil, err
  end
  set.owned[#set.owned + 1] = handle
  return handle
end

local function open_callback(set, callback)
  local read_end, write_end = core.fd.pipe()
  if not read_end then
    return nil, write_end
  end
  set.owned[#set.owned + 1] = write_end
  set.readers[#set.readers + 1] = { handle = read_end, callback = callback }
  core.fd.set_nonblock(read_end, true)
  return write_end
end

local function open_string(set, name, value)
  if value == "null" then
    return open_null(set)
  end
  if value == "inherit" then
    local is_open, err = core.fd.type(INHERITED[name])
    return is_open and INHERITED[name] or nil, err
  end
  if name == "stdin" and value:sub(1, 1) ~= "/" then
    return open_content(set, value)
  end
  return open_path(set, name, value)
end

--- What a user may give as a descriptor: a number, a handle, a file of Lua's or of this library's.
-- @return[1] what the core takes for one
-- @return[2] nil
function M.descriptor(value)
  local is_object = type(value) == "table"
  if is_object then
    value = rawget(value, "handle")
  end
  local is_one = (type(value) == "number" and not is_object or type(value) == "userdata")
    and pcall(core.fd.number, value)
  return is_one and value or nil
end

local function open_one(set, name, value)
  local kind = type(value)
  if kind == "nil" then
    return open_null(set)
  end
  if kind == "string" then
    return open_string(set, name, value)
  end
  if kind == "function" and name ~= "stdin" then
    return open_callback(set, value)
  end
  local fd = M.descriptor(value)
  if fd then
    return fd
  end
  local forms = "a Lua file, a descriptor, a path, \"null\", \"inherit\" or "
  forms = forms .. (name == "stdin" and "a string" or "a function")
  return nil, errors.new("ConfigInvalid", "must be " .. forms, { path = "process." .. name })
end

local function close_all(handles)
  for _, handle in ipairs(handles) do
    handle:close()
  end
end

local set_methods = {}
local set_metatable = { __index = set_methods }

--- Closes what the child has by now.
function set_methods:close_owned()
  close_all(self.owned)
  self.owned = {}
end

--- Closes everything, after a failed start.
function set_methods:close()
  self:close_owned()
  for _, reader in ipairs(self.readers) do
    reader.handle:close()
  end
  self.readers = {}
end

local function add(set, name, value, target)
  local fd, err = open_one(set, name, value)
  if not fd then
    set:close()
    return nil, errors.is(err) and errors.with_path(err, "process." .. name) or err
  end
  set.fds[target] = fd
  return true
end

-- What stands for a number that is left out is closed when the program is executed.
local function open_extra_file(set, value, index)
  if value == false then
    return open_null(set)
  end
  local fd = M.descriptor(value)
  if fd then
    return fd
  end
  return nil, errors.new("ConfigInvalid", "must be a Lua file or a descriptor",
    { path = ("process.extra_files[%d]"):format(index) })
end

local function add_extra_files(set, files)
  for index, value in ipairs(files) do
    local fd, err = open_extra_file(set, value, index)
    if not fd then
      set:close()
      return nil, err
    end
    set.fds[3 + index] = fd
  end
  return true
end

--- Opens the streams and extra files of a process.
-- @tparam table process normalised
-- @tparam boolean terminal all three are a console's, and must not be given
-- @treturn[1] table `fds`: what becomes descriptor 0, 1, …; `readers`: output that functions want
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `ConsoleExists`, `SystemError`
function M.open(process, terminal)
  local set = setmetatable({ fds = {}, owned = {}, readers = {} }, set_metatable)
  for index, name in ipairs(NAMES) do
    if terminal and process[name] ~= nil then
      set:close()
      return nil, errors.new("ConsoleExists", "the process has a console: it takes no " .. name,
        { path = "process." .. name })
    end
    local ok, err = add(set, name, process[name], index)
    if not ok then
      return nil, err
    end
  end
  local ok, err = add_extra_files(set, process.extra_files)
  if not ok then
    return nil, err
  end
  return set
end

return M

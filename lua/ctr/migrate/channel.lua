--- What both ends of a migration say to each other, over a stream of the caller's.
--
-- A message is its length (4 bytes, the most significant first) and a JSON object with a `type`. A
-- message `file` is followed by as many bytes as its `size` says. Whoever is at the other end has
-- been let in by the caller, and is still not trusted with memory: lengths have bounds.
-- @module ctr.migrate.channel

local bit = require("bit")
local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local CHUNK = 256 * 1024
local MESSAGE_MAX = 4 * 1024 * 1024
local HEADER = 4
local QUIET = 1 -- seconds

--- The protocol's version: both ends have to have the same.
M.VERSION = 1

local channel_methods = {}
local channel_metatable = { __index = channel_methods }

local function problem(text, errno)
  return errors.new("SystemError", text, { op = "migrate", errno = errno })
end

local function set_nonblock(channel, is_nonblock)
  local ok, err = core.fd.set_nonblock(channel.input, is_nonblock)
  if ok then
    ok, err = core.fd.set_nonblock(channel.output, is_nonblock)
  end
  return ok, err
end

--- Makes a channel of a stream. It does not wait from then on.
-- @param stream a descriptor that is open for both ways, or `{ input =, output = }`
-- @tparam number timeout seconds
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.new(stream, timeout)
  local is_pair = type(stream) == "table"
  local channel = setmetatable({ input = is_pair and stream.input or stream,
    output = is_pair and stream.output or stream, timeout = timeout, buffer = "", sent = 0,
    received = 0 }, channel_metatable)
  local ok, err = set_nonblock(channel, true)
  return ok and channel, err
end

--- Has the stream wait again, as its owner knows it.
function channel_methods:release()
  set_nonblock(self, false)
end

-- Waits until something can be read, or written, or either; what that is.
local function await(channel, reads, writes)
  local write = { fd = channel.output, events = "w" }
  local set = { reads and { fd = channel.input, events = "r" } or write,
    reads and writes and write or nil }
  local ready, err = core.poll.wait(set, channel.timeout)
  if not ready then
    return nil, err
  elseif next(ready) == nil then
    return nil, problem(("the other end has said nothing for %s seconds"):format(channel.timeout),
      "ETIMEDOUT")
  end
  return ready[1] and reads and "r" or "w"
end

-- Waits until it can write. Who is spoken to while a file is on its way has nobody who listens.
local function await_writing(channel, is_file)
  local ready, err = await(channel, is_file, true)
  if ready == "r" then
    return nil, problem("the other end does not listen", "EPROTO")
  end
  return ready, err
end

--- Writes all of the data.
-- @tparam string data
-- @tparam[opt] boolean is_file it is a part of one
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function channel_methods:write(data, is_file)
  while data ~= "" do
    local ok, err = await_writing(self, is_file)
    local count
    if ok then
      count, err = core.fd.write(self.output, data)
    end
    if not count and err.errno ~= "EAGAIN" then
      return nil, errors.wrap(err, "write to the other end")
    end
    self.sent = self.sent + (count or 0)
    data = count ~= #data and data:sub((count or 0) + 1) or ""
  end
  return true
end

-- At most so many bytes, and at least one.
local function read_some(channel, max)
  if channel.buffer ~= "" then
    local data = channel.buffer:sub(1, max)
    channel.buffer = channel.buffer:sub(max + 1)
    return data
  end
  while true do
    local ok, err = await(channel, true)
    local data
    if ok then
      data, err = core.fd.read(channel.input, math.min(max, CHUNK))
    end
    if data == "" then
      return nil, problem("the other end went away", "ECONNRESET")
    elseif data then
      channel.received = channel.received + #data
      return data
    elseif err.errno ~= "EAGAIN" then
      return nil, errors.wrap(err, "read from the other end")
    end
  end
end

local function read_exactly(channel, count)
  local parts = {}
  while count > 0 do
    local data, err = read_some(channel, count)
    if not data then
      return nil, err
    end
    parts[#parts + 1] = data
    count = count - #data
  end
  return table.concat(parts)
end

--- Sends a message.
-- @tparam table message with a `type`
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function channel_methods:send(message)
  local text, err = core.json.encode(message)
  if not text then
    return nil, err
  elseif #text > MESSAGE_MAX then
    return nil, problem(("a message of %d bytes is too long"):format(#text), "EMSGSIZE")
  end
  local size = #text
  return self:write(string.char(bit.rshift(size, 24), bit.band(bit.rshift(size, 16), 255),
    bit.band(bit.rshift(size, 8), 255), bit.band(size, 255)) .. text)
end

--- Waits for a message.
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function channel_methods:receive()
  local header, err = read_exactly(self, HEADER)
  if not header then
    return nil, err
  end
  local a, b, c, d = header:byte(1, HEADER)
  local size = ((a * 256 + b) * 256 + c) * 256 + d
  if size > MESSAGE_MAX then
    return nil, problem("the other end does not speak this protocol", "EPROTO")
  end
  local text
  text, err = read_exactly(self, size)
  if not text then
    return nil, err
  end
  local message = core.json.decode(text)
  if type(message) ~= "table" or type(message.type) ~= "string" then
    return nil, problem("the other end does not speak this protocol", "EPROTO")
  end
  return message
end

--- Sends a file: its message, then what is in it.
-- @tparam string name
-- @tparam ctr.fd file
-- @tparam number size
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function channel_methods:send_file(name, file, size)
  local ok, err = self:send({ type = "file", name = name, size = size })
  while ok and size > 0 do
    local data
    data, err = core.fd.read(file, math.min(size, CHUNK))
    if data == "" then
      return nil, problem(name .. " is shorter than it was")
    end
    ok = data
    if data then
      size = size - #data
      ok, err = self:write(data, true)
    end
  end
  return ok, err
end

--- Takes what is in a file.
-- @tparam number size
-- @tparam func take is called with each piece
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error of the stream alone
function channel_methods:receive_file(size, take)
  while size > 0 do
    local data, err = read_some(self, size)
    if not data then
      return nil, err
    end
    size = size - #data
    take(data)
  end
  return true
end

--- Reads what nobody wants, until the other end has been quiet for a while: it is to find time to
-- hear why.
function channel_methods:drain()
  local deadline = core.proc.clock() + self.timeout
  self.timeout = math.min(self.timeout, QUIET)
  while core.proc.clock() < deadline and read_some(self, CHUNK) do
    self.buffer = ""
  end
end

--- Puts an error into a message.
-- @tparam ctr.Error err
-- @treturn table
function M.failed(err)
  return { type = "failed", code = err.code, message = tostring(err), path = err.path,
    errno = err.errno, log = err.log }
end

--- Makes the error of a message `failed`.
-- @tparam table message
-- @treturn ctr.Error
function M.error_of(message)
  local code = errors.codes[message.code] and message.code or "SystemError"
  local err = errors.new(code, "the other end: " .. tostring(message.message):gsub("%c", "?"),
    { op = "migrate" })
  for _, name in ipairs({ "path", "errno", "log" }) do
    err[name] = type(message[name]) == "string" and message[name] or nil
  end
  return err
end

return M

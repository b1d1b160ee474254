--- The receiving end of a migration whose source is at the other end of a stream.
-- @module ctr.migrate.serve

local channel_module = require("ctr.migrate.channel")
local core = require("ctr.core")
local errors = require("ctr.errors")
local images = require("ctr.migrate.images")
local targets = require("ctr.migrate.target")

local M = {}

local FILES_MAX = 65536 -- of a round

local function unexpected(message)
  return nil, errors.new("SystemError", ("the source says %q, which is not its turn"):format(
    message.type), { op = "migrate", errno = "EPROTO" })
end

local function check_file(self, message)
  local name, size = message.name, message.size
  if type(name) ~= "string" or #name > 255 or not images.is_image(name) or type(size) ~= "number"
    or size < 0 or size % 1 ~= 0 then
    return nil, errors.new("SystemError", "the source sends a file that is no image",
      { op = "migrate", errno = "EPROTO" })
  end
  self.files, self.bytes = self.files + 1, self.bytes + size
  if self.bytes > self.max_bytes or self.files > FILES_MAX then
    return nil, errors.new("SystemError", ("the images are larger than %.0f bytes"):format(
      self.max_bytes), { op = "migrate", path = "max_bytes", errno = "EFBIG" })
  end
  return true
end

-- What cannot be written is read all the same, so that the source hears why.
local function take_file(self, message)
  local ok, err = check_file(self, message)
  if not ok then
    return nil, err
  end
  local file
  file, err = self.target.images:create(self.target.number, message.name)
  self.problem = self.problem or err
  ok, err = self.channel:receive_file(message.size, function(data)
    local written, problem = true, nil
    if not self.problem then
      written, problem = core.fd.write_all(file, data)
    end
    self.problem = self.problem or not written and problem or nil
  end)
  if file then
    file:close()
  end
  return ok, err
end

local function where_lazy(message)
  local lazy = message.lazy
  if lazy == nil then
    return nil
  elseif type(lazy) == "table" and type(lazy.address) == "string" and type(lazy.port) == "number"
    and not lazy.address:find("^%-") then
    return lazy
  end
  return nil, errors.new("SystemError", "the source does not say where its pages are",
    { op = "migrate", errno = "EPROTO" })
end

-- What may be said, by what was said before; each answers, and returns what is next.
local turns = { first = {}, between = {}, within = {}, restored = {} }

function turns.first.offer(self, message)
  local ok, err = self.target:offer(message)
  return ok and { type = "accepted" }, err, "between"
end

function turns.between.round(self, message)
  local where, err = self.target:begin_round(message.page_server == true)
  self.files = 0
  return where and { type = "ready", address = where.address, port = where.port }, err, "within"
end

function turns.within.file(self, message)
  local ok, err = take_file(self, message)
  return ok, err, "within"
end

turns.within["end"] = function(self)
  local ok, err = nil, self.problem
  if not err then
    ok, err = self.target:end_round()
  end
  return ok and { type = "taken" }, err, "between"
end

function turns.between.restore(self, message)
  if self.target.number == 0 then
    return unexpected(message)
  end
  local lazy, err = where_lazy(message)
  local ok
  if not err then
    ok, err = self.target:restore(lazy)
  end
  return ok and { type = "restored" }, err, "restored"
end

function turns.restored.go(self)
  local ok, err = self.target:go()
  return ok and { type = "running" }, err, "running"
end

local function hear(self, turn)
  local message, err = self.channel:receive()
  if not message then
    return nil, err
  end
  if message.type == "failed" then
    self.is_told = true
    return nil, channel_module.error_of(message)
  end
  local action = turns[turn][message.type]
  if not action then
    return unexpected(message)
  end
  local reply, problem, after = action(self, message)
  if not reply then
    return nil, problem
  end
  -- That the container runs is so whether or not anybody hears it.
  if reply ~= true then
    local ok
    ok, err = self.channel:send(reply)
    if not ok and after ~= "running" then
      return nil, err
    end
  end
  return after
end

local function converse(self)
  local turn, err = "first", nil
  while turn and turn ~= "running" do
    self.turn = turn
    turn, err = hear(self, turn)
  end
  local ok = turn
  if ok then
    ok, err = self.target:finish()
  end
  return ok, err
end

-- Where it was complete, and the source has said nothing more, that one may have ended: these
-- images are perhaps all that is left of it.
local function give_up(self, err)
  if self.turn ~= "restored" or self.is_told then
    self.target:give_up(err)
  else
    err.images = self.target.images.path
    self.target.images:close()
  end
  self.channel:send(channel_module.failed(err))
  if self.turn == "within" then
    self.channel:drain()
  end
end

--- Receives one container.
-- @param socket a descriptor of the stream
-- @tparam table settings parsed (`ctr.migrate.options`)
-- @treturn[1] table `container`, `process`, `bytes`
-- @return[2] nil
-- @treturn[2] ctr.Error nothing runs here
function M.run(socket, settings)
  local channel, err = channel_module.new(socket, settings.timeout)
  if not channel then
    return nil, errors.with_path(err, "socket")
  end
  local target = targets.new(settings)
  local self = { channel = channel, target = target, bytes = 0, files = 0,
    max_bytes = settings.max_bytes }
  local ok
  ok, err = converse(self)
  if ok then
    channel:send({ type = "done" })
  else
    target:abort(err)
    give_up(self, err)
  end
  channel:release()
  return ok and { container = target.container, process = target.process,
    bytes = channel.received }, err
end

return M

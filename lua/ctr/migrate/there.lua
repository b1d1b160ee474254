--- A receiving end behind a stream, as the sending end sees it.
-- @module ctr.migrate.there

local channel_module = require("ctr.migrate.channel")
local errors = require("ctr.errors")
local images = require("ctr.migrate.images")

local M = {}

local peer_methods = {}
local peer_metatable = { __index = peer_methods }

--- Makes it.
-- @param socket a descriptor of the stream
-- @tparam table options parsed (`ctr.migrate.options`)
-- @tparam ctr.Container container
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.new(socket, options, container)
  if options.directory == "" then
    return nil, errors.invalid({ { path = "directory", text = "is required" } })
  end
  local channel, err = channel_module.new(socket, options.timeout)
  if not channel then
    return nil, errors.with_path(err, "socket")
  end
  local folder
  folder, err = images.new(options.directory, container:id())
  if not folder then
    channel:release()
    return nil, err
  end
  return setmetatable({ channel = channel, images = folder, number = 0,
    group = images.group_of(container.configuration) }, peer_metatable)
end

-- The answer to what was asked; the third result is whether it was answered at all.
local function answer(self, wanted)
  local message, err = self.channel:receive()
  if not message then
    return nil, err, false
  elseif message.type == "failed" then
    return nil, channel_module.error_of(message), true
  elseif message.type ~= wanted then
    return nil, errors.new("SystemError", "the other end answers something else", { op = "migrate",
      errno = "EPROTO" }), false
  end
  return message
end

local function ask(self, message, wanted)
  local ok, err = self.channel:send(message)
  if not ok then
    return nil, err
  end
  return answer(self, wanted)
end

function peer_methods:offer(offer)
  offer.type = "offer"
  return ask(self, offer, "accepted")
end

function peer_methods:begin_round(with_server)
  self.number = self.number + 1
  local ok, err = self.images:make_round(self.number, self.group)
  if not ok then
    return nil, err
  end
  return ask(self, { type = "round", page_server = with_server }, "ready")
end

function peer_methods:place()
  return self.images:place(self.number)
end

local function send_file(self, file)
  local handle, err = self.images:open(self.number, file.name)
  if not handle then
    return nil, err
  end
  local ok
  ok, err = self.channel:send_file(file.name, handle, file.size)
  handle:close()
  return ok, err
end

-- What the other end has to say when it does not listen any more.
local function last_words(self, err)
  local message = self.channel:receive()
  return message and message.type == "failed" and channel_module.error_of(message) or err
end

--- Sends a round's files.
-- @treturn[1] number bytes that were sent
-- @return[2] nil
-- @treturn[2] ctr.Error
function peer_methods:end_round()
  local before = self.channel.sent
  local files, err = self.images:list(self.number)
  local ok = files
  for _, file in ipairs(files or {}) do
    if ok then
      ok, err = send_file(self, file)
    end
  end
  if files and not ok then
    return nil, last_words(self, err)
  elseif ok then
    ok, err = ask(self, { type = "end" }, "taken")
  end
  return ok and self.channel.sent - before, err
end

function peer_methods:restore(lazy)
  return ask(self, { type = "restore", lazy = lazy }, "restored")
end

-- Where not all was written the other end has at most heard a part, and does not run.
function peer_methods:go()
  local ok, err = self.channel:send({ type = "go" })
  if not ok then
    return nil, err, true
  end
  return answer(self, "running")
end

function peer_methods:finish()
  local ok, err = answer(self, "done")
  return ok and {}, err
end

-- If it cannot be told the other end sees the stream's end, and does the same.
function peer_methods:abort(err)
  self.channel:send(channel_module.failed(err))
end

function peer_methods:close(err)
  self.channel:release()
  if err then
    self.images:give_up(err)
  else
    self.images:remove()
  end
  self.images:close()
end

return M

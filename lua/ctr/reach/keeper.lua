--- The keeper of a process: who holds its terminal, or its pipes, while nobody is attached.
--
-- It is a copy of the program that started the container, and child of nobody in particular; it has
-- nothing open but what it keeps. It reads what the process writes, whoever listens, and remembers
-- the last of it; whoever is attached gets that, then what follows. Nobody can make it wait: what a
-- slow reader does not take is left out, and he is told how much; of what is typed no more is read
-- than the process takes. It ends with the process.
-- @module ctr.reach.keeper

local core = require("ctr.core")
local frames = require("ctr.reach.frames")

local M = {}

local CHUNK = 65536
local CAPACITY = 65536 -- of a pipe
local CLIENTS_MAX = 16
local QUEUE_MAX = 1024 * 1024 -- bytes that wait for one reader
local INPUT_MAX = 65536 -- bytes that wait for the process
local STATUS_SECONDS = 2 -- until whoever started the process has told how it ended
local LINGER_SECONDS = 5 -- for readers who have not got everything

local keeper_methods = {}
local keeper_metatable = { __index = keeper_methods }

--- Makes a keeper.
-- @tparam table fields `listener`, `channel`, `pidfd`, `input`: descriptors; `outputs`: a list of
-- `{ fd =, kind = "o" or "e" }`; `is_terminal`; `kept_max`: bytes; `uid`: who may attach, with root
function M.new(fields)
  fields.clients, fields.ring, fields.ring_size = {}, {}, 0
  fields.pending = ""
  core.fd.set_nonblock(fields.input, true)
  core.fd.set_nonblock(fields.channel, true)
  for _, output in ipairs(fields.outputs) do
    core.fd.set_nonblock(output.fd, true)
  end
  return setmetatable(fields, keeper_metatable)
end

local function drop_client(keeper, client)
  for index, known in ipairs(keeper.clients) do
    if known == client then
      table.remove(keeper.clients, index)
    end
  end
  client.handle:close()
  client.is_gone = true
end

local function queue(client, frame)
  client.queue[#client.queue + 1] = frame
  client.queued = client.queued + #frame
end

local function queue_pieces(client, kind, data)
  for at = 1, #data, frames.DATA_MAX do
    queue(client, frames.pack(kind, data:sub(at, at + frames.DATA_MAX - 1)))
  end
end

-- The last that was written, as much of it as was kept.
local function queue_last(keeper, client, size)
  local skipped = math.max(0, keeper.ring_size - size)
  for _, piece in ipairs(keeper.ring) do
    local cut = math.min(skipped, #piece.data)
    skipped = skipped - cut
    queue_pieces(client, piece.kind, piece.data:sub(cut + 1))
  end
end

-- Writes what the reader takes now. Who reads no longer may have typed something before.
local function write_queue(client)
  while client.queue[1] do
    local text = client.queue[1]
    local count, err = core.fd.write(client.handle, text)
    if not count then
      if err.errno ~= "EAGAIN" then
        client.is_deaf, client.queue, client.queued, client.lost = true, {}, 0, 0
      end
      return
    end
    client.queued = client.queued - count
    if count < #text then
      client.queue[1] = text:sub(count + 1)
      return
    end
    table.remove(client.queue, 1)
  end
end

-- Who was too slow is told how much was left out, and goes on with the last that was written.
local function flush(keeper, client)
  write_queue(client)
  while client.lost > 0 and not client.queue[1] do
    local gone = client.lost - keeper.ring_size
    if gone > 0 then
      queue(client, frames.pack("l", tostring(gone)))
    end
    queue_last(keeper, client, client.lost)
    client.lost = 0
    write_queue(client)
  end
end

local function offer(keeper, client, kind, data)
  if client.is_deaf then
    return
  elseif client.lost > 0 or client.queued + #data > QUEUE_MAX then
    client.lost = client.lost + #data
  else
    queue(client, frames.pack(kind, data))
  end
  flush(keeper, client)
end

local function remember(keeper, kind, data)
  local ring = keeper.ring
  ring[#ring + 1] = { kind = kind, data = data }
  keeper.ring_size = keeper.ring_size + #data
  while keeper.ring_size > keeper.kept_max do
    local over, first = keeper.ring_size - keeper.kept_max, ring[1]
    local cut = math.min(over, #first.data)
    first.data = first.data:sub(cut + 1)
    keeper.ring_size = keeper.ring_size - cut
    if first.data == "" then
      table.remove(ring, 1)
    end
  end
end

local function all_clients(keeper)
  return { unpack(keeper.clients) }
end

-- Reads once; what came of it in bytes, 0 when there is nothing now, nil at the end.
local function read_output(keeper, output)
  local data, err = core.fd.read(output.fd, CHUNK)
  if not data or data == "" then
    return err and err.errno == "EAGAIN" and 0 or nil
  end
  remember(keeper, output.kind, data)
  for _, client in ipairs(all_clients(keeper)) do
    offer(keeper, client, output.kind, data)
  end
  return #data
end

local function drop_output(keeper, output)
  for index, known in ipairs(keeper.outputs) do
    if known == output then
      table.remove(keeper.outputs, index)
    end
  end
end

local function greet(keeper, client)
  queue(client, frames.pack("h", keeper.is_terminal and "t" or "p"))
  queue_last(keeper, client, keeper.ring_size)
  flush(keeper, client)
end

-- The socket's mode lets nobody else in; who got in nevertheless is asked for his name.
local function accept(keeper)
  local handle, uid = core.fd.accept(keeper.listener)
  if not handle then
    return
  end
  local is_allowed = uid == 0 or uid == keeper.uid
  if not is_allowed or #keeper.clients >= CLIENTS_MAX then
    handle:close()
    return
  end
  local client = { handle = handle, queue = {}, queued = 0, lost = 0, reader = frames.reader("iw") }
  table.insert(keeper.clients, client)
  greet(keeper, client)
end

local handle_frame = {}

function handle_frame.i(keeper, data)
  keeper.pending = keeper.pending .. data
  return true
end

function handle_frame.w(keeper, data)
  local columns, rows = data:match("^(%d+)x(%d+)$")
  columns, rows = tonumber(columns), tonumber(rows)
  if not columns or columns < 1 or rows < 1 or columns > 65535 or rows > 65535 then
    return false
  end
  if keeper.is_terminal then
    core.tty.set_size(keeper.input, columns, rows)
  end
  return true
end

local function read_client(keeper, client)
  local data, err = core.fd.read(client.handle, CHUNK)
  if not data or data == "" then
    if not (err and err.errno == "EAGAIN") then
      drop_client(keeper, client)
    end
    return
  end
  client.reader:feed(data)
  local kind, content = client.reader:next()
  while kind and handle_frame[kind](keeper, content) do
    kind, content = client.reader:next()
  end
  if kind ~= false then
    drop_client(keeper, client) -- no frame, or nonsense in one
  end
end

local function write_input(keeper)
  local count, err = core.fd.write(keeper.input, keeper.pending)
  if count then
    keeper.pending = keeper.pending:sub(count + 1)
  elseif err.errno ~= "EAGAIN" then
    keeper.pending, keeper.input_is_gone = "", true
  end
end

local function add(set, actions, fd, events, action)
  set[#set + 1] = { fd = fd, events = events }
  actions[#set] = action
end

local function client_events(keeper, client)
  local reads = #keeper.pending < INPUT_MAX and "r" or ""
  return client.queue[1] and reads .. "w" or reads
end

local function watch_clients(keeper, set, actions)
  for _, client in ipairs(keeper.clients) do
    add(set, actions, client.handle, client_events(keeper, client), function(events)
      if events:find("[reh]") then
        read_client(keeper, client)
      end
      if not client.is_gone and events:find("w", 1, true) then
        flush(keeper, client)
      end
    end)
  end
end

local function watched(keeper)
  local set, actions = {}, {}
  for _, output in ipairs(keeper.outputs) do
    add(set, actions, output.fd, "r", function()
      if not read_output(keeper, output) then
        drop_output(keeper, output)
      end
    end)
  end
  if keeper.pending ~= "" and not keeper.input_is_gone then
    add(set, actions, keeper.input, "w", function() write_input(keeper) end)
  end
  add(set, actions, keeper.listener, "r", function() accept(keeper) end)
  watch_clients(keeper, set, actions)
  return set, actions
end

local function step(keeper, timeout)
  local set, actions = watched(keeper)
  add(set, actions, keeper.pidfd, "r", function() keeper.has_ended = true end)
  local ready = core.poll.wait(set, timeout) or {}
  for index in pairs(set) do
    if ready[index] then
      actions[index](ready[index])
    end
  end
  if keeper.input_is_gone then
    keeper.pending = ""
  end
end

-- What the process itself left; others may have its streams still.
local function drain(keeper)
  for _, output in ipairs(keeper.outputs) do
    local left = CAPACITY
    local size
    repeat
      size = read_output(keeper, output)
      left = left - (size or 0)
    until not size or size == 0 or left <= 0
  end
end

-- Whoever started the process tells how it ended, unless he is gone.
local function ask_ending(keeper)
  core.poll.wait({ { fd = keeper.channel, events = "r" } }, STATUS_SECONDS)
  local text = core.fd.read(keeper.channel, 64)
  if text and text ~= "" then
    return text
  end
  local result = core.proc.wait(keeper.pidfd, { nohang = true, nowait = true })
  return frames.ending(result or nil)
end

-- Whether the reader has something to read still; the ending comes behind all of it.
local function end_client(keeper, client)
  flush(keeper, client)
  if not client.queue[1] and client.ending and not client.is_deaf then
    queue(client, client.ending)
    client.ending = nil
    flush(keeper, client)
  end
  if client.queue[1] then
    return true
  end
  drop_client(keeper, client)
  return false
end

local function say_goodbye(keeper)
  local ending = frames.pack("x", ask_ending(keeper))
  for _, client in ipairs(all_clients(keeper)) do
    client.ending = ending
    flush(keeper, client)
  end
  local deadline = core.proc.clock() + LINGER_SECONDS
  while #keeper.clients > 0 and core.proc.clock() < deadline do
    local set = {}
    for _, client in ipairs(all_clients(keeper)) do
      if end_client(keeper, client) then
        set[#set + 1] = { fd = client.handle, events = "w" }
      end
    end
    core.poll.wait(set, #set > 0 and deadline - core.proc.clock() or 0)
  end
end

--- Keeps, until the process has ended.
function keeper_methods:run()
  while not self.has_ended do
    step(self)
  end
  drain(self)
  self.listener:close()
  say_goodbye(self)
end

return M

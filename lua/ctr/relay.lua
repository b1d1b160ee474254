--- Copies bytes from descriptors to others while other things are waited for.
--
-- A relay is a *part* of what is waited for, as a process is: `part:watched(set)` adds entries to a
-- set for `core.poll.wait`, `part:dispatch(ready, first)` does what there is to do. `M.step` waits
-- for several parts.
-- What a relay writes to may be shared with others, so it stays blocking: a little is written at a
-- time, and only where there is room for it. Nothing is read while something is to be written.
-- @module ctr.relay

local core = require("ctr.core")

local M = {}

local CHUNK = 65536
local CAPACITY = 65536 -- of a pipe, unless somebody changed it
local PIECE = 4096 -- PIPE_BUF: what is said to be writable takes as much without waiting

local relay_methods = {}
local relay_metatable = { __index = relay_methods }

--- Makes a relay.
function M.new()
  return setmetatable({ channels = {}, entries = {} }, relay_metatable)
end

--- Adds a channel.
-- @tparam table channel `from`, `to`: descriptors; `owned`: the one that is closed at the end;
-- `is_input`: whether it ends with the process; `at_end`: a function that is called with the
-- channel when `from` has ended, and returns what is written last; `on_end`: one that is called
-- when the channel has ended
-- @treturn table the channel; `last_byte` that was read; `is_broken` when what it wrote to could
-- take no more, and `err`, where that was said
function relay_methods:add(channel)
  if channel.owned and channel.owned == channel.to then
    core.fd.set_nonblock(channel.to, true)
    channel.never_waits = true
  end
  channel.count = 0
  table.insert(self.channels, channel)
  return channel
end

local function remove(relay, channel)
  for index, known in ipairs(relay.channels) do
    if known == channel then
      table.remove(relay.channels, index)
      break
    end
  end
  channel.has_ended = true
  if channel.owned then
    channel.owned:close()
  end
  if channel.on_end then
    channel.on_end(channel)
  end
end

-- Whoever could read it is gone, or the disk is full: so is whoever writes, who is told by EPIPE.
local function break_off(relay, channel, err)
  channel.is_broken, channel.err, channel.data = true, err, nil
  remove(relay, channel)
end

local function has_room(channel)
  return channel.never_waits
    or core.poll.wait({ { fd = channel.to, events = "w" } }, 0)[1] ~= nil
end

-- Writes what there is room for.
local function flush(relay, channel)
  while channel.data and has_room(channel) do
    local piece = channel.data
    if not channel.never_waits then
      piece = piece:sub(channel.at, channel.at + PIECE - 1)
    elseif channel.at > 1 then
      piece = piece:sub(channel.at)
    end
    local count, err = core.fd.write(channel.to, piece)
    if not count then
      if err.errno ~= "EAGAIN" then
        break_off(relay, channel, err)
      end
      return
    end
    channel.at = channel.at + count
    if channel.at > #channel.data then
      channel.data = nil
    end
  end
  if channel.is_last and not channel.data then
    remove(relay, channel)
  end
end

local function put(relay, channel, data)
  channel.data, channel.at = data, 1
  flush(relay, channel)
end

-- A pty's master reads EIO once its last slave is closed, and so does a terminal that hung up.
local function fill(relay, channel)
  local data, err = core.fd.read(channel.from, CHUNK)
  if data and data ~= "" then
    channel.last_byte = data:sub(-1)
    channel.count = channel.count + #data
    return put(relay, channel, data)
  end
  if err and err.errno == "EAGAIN" then
    return
  end
  if channel.at_end then
    channel.is_last = true
    return put(relay, channel, channel.at_end(channel))
  end
  remove(relay, channel)
end

--- Adds what the channels wait for to a set: room in what is written to, and else something to
-- read. What is read from is left out while it cannot be read: it may have hung up already.
-- @tparam table set
function relay_methods:watched(set)
  self.entries = {}
  for index, channel in ipairs(self.channels) do
    self.entries[index] = channel
    set[#set + 1] = { fd = channel.to, events = channel.data and "w" or "" }
    set[#set + 1] = not channel.data and { fd = channel.from, events = "r" } or nil
    channel.entry_count = channel.data and 1 or 2
  end
end

-- What is written to is of no use after a hang-up.
local function serve(relay, channel, output, input)
  if channel.data then
    if output then
      flush(relay, channel)
    end
  elseif output then
    break_off(relay, channel)
  elseif input then
    fill(relay, channel)
  end
end

--- Copies what can be copied without waiting.
-- @tparam table ready as `core.poll.wait` returned it
-- @tparam number first where in the set the relay's entries begin
function relay_methods:dispatch(ready, first)
  local at = first
  for _, channel in ipairs(self.entries) do
    local has_input = channel.entry_count == 2
    if not channel.has_ended then
      serve(self, channel, ready[at], has_input and ready[at + 1])
    end
    at = at + (has_input and 2 or 1)
  end
end

--- Ends the channels that lead to the process: it has ended.
function relay_methods:stop_input()
  for index = #self.channels, 1, -1 do
    local channel = self.channels[index]
    if channel.is_input then
      remove(self, channel)
    end
    channel.count = 0
  end
end

-- What the process left in its pipe comes before what others write to it by now.
local function is_emptied(channel)
  return not channel.data and (channel.count >= CAPACITY
    or core.poll.wait({ { fd = channel.from, events = "r" } }, 0)[1] == nil)
end

--- Says whether all has arrived, once there is no more input: no channel is left.
-- @tparam[opt] boolean of_process nothing of what the process itself wrote is on its way; others
-- may still have its streams
function relay_methods:is_drained(of_process)
  for _, channel in ipairs(self.channels) do
    if not (of_process and is_emptied(channel)) then
      return false
    end
  end
  return true
end

--- Ends all channels, whatever is in them.
function relay_methods:close()
  while self.channels[1] do
    remove(self, self.channels[1])
  end
end

--- Waits once for parts, and has each do what there is to do.
-- @tparam table parts
-- @tparam[opt] number timeout seconds
-- @treturn[1] table by part, what its `dispatch` returned; empty when time ran out
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.step(parts, timeout)
  local set, firsts = {}, {}
  for index, part in ipairs(parts) do
    firsts[index] = #set + 1
    part:watched(set)
  end
  local ready, err = core.poll.wait(set, timeout)
  if not ready then
    return nil, err
  end
  local results = {}
  for index, part in ipairs(parts) do
    results[part] = part:dispatch(ready, firsts[index])
  end
  return results
end

return M

--- Runs described containers in the background: a copy of lctr waits for them, and takes them away.
-- @module ctr.cli.detached

local core = require("ctr.core")
local foreground = require("ctr.cli.foreground")
local forks = require("ctr.reach.fork")
local host = require("ctr.host")

local M = {}

local ANSWER_MAX = 65536
local STARTED = "started"

-- Whoever started lctr is told how the start went, and no more: what comes later is nobody's.
local function supervise(channel, list, context, adjust)
  local status, err = foreground.run(list, context, adjust, function()
    core.fd.write_all(channel, STARTED)
    channel:close()
  end)
  if not status and channel:is_open() then
    core.fd.write_all(channel, tostring(err))
  end
end

local function read_answer(child)
  local ok, err = child:go()
  if ok then
    ok, err = child:await()
  end
  if not ok then
    return nil, err
  end
  local text
  text, err = child:receive_all(ANSWER_MAX)
  if not text then
    return nil, err
  end
  return text == STARTED or nil, text == "" and "the start was broken off" or text
end

--- Starts containers, and leaves them to a copy of this program.
-- @tparam table list descriptions
-- @tparam table context (`ctr.cli.context`)
-- @tparam[opt] function adjust is given the fields of each process, to change them
-- @treturn[1] number 0: all of them run
-- @return[2] nil
-- @return[2] an error, or its text
function M.run(list, context, adjust)
  local own = host.new()
  local child, err = forks.fork(own, { is_orphan = true }, function(channel)
    supervise(channel, list, context, adjust)
  end)
  if not child then
    own:close()
    return nil, err
  end
  local ok
  ok, err = read_answer(child)
  core.proc.wait(child.pidfd, {})
  child.pidfd:close()
  child.channel:close()
  own:close()
  if not ok then
    return nil, err
  end
  for _, description in ipairs(list) do
    io.stdout:write(description.name, "\n")
  end
  return 0
end

return M

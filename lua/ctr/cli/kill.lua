--- `lctr kill`: sends a signal.
-- @module ctr.cli.kill

local core = require("ctr.core")
local shown = require("ctr.cli.shown")
local statuses = require("ctr.status")

local SIGKILL, RTMIN, RTMAX = 9, 34, 64

-- "RTMIN+3", "RTMAX-1", without SIG.
local function real_time(name)
  local anchor, sign, distance = name:match("^RT(M[AI][XN])([+-]?)(%d*)$")
  if not anchor or (sign == "") ~= (distance == "") then
    return nil
  end
  local number = anchor == "MIN" and RTMIN or RTMAX
  local offset = tonumber(distance) or 0
  number = number + (sign == "-" and -offset or offset)
  return number >= RTMIN and number <= RTMAX and number or nil
end

-- A number, or a name in any case, with or without SIG.
local function signal_number(text)
  if text:find("^%d+$") then
    local number = tonumber(text)
    return number <= RTMAX and number or nil
  end
  local name = text:upper():gsub("^SIG", "")
  return core.proc.signals["SIG" .. name] or real_time(name)
end

local function not_running()
  return nil, "container not running"
end

-- What is frozen on v1 dies when it is thawed; one that is not frozen refuses to be.
local function signal_init(container, number)
  if shown.is_being_created(container) then
    return not_running()
  end
  local ok, err = container:signal(number)
  if not ok then
    if err.code == "ContainerNotRunning" or err.errno == "ESRCH" then
      return not_running()
    end
    return nil, err
  end
  if number == SIGKILL then
    container:resume()
  end
  return 0
end

local function signal_all(container, number)
  local ok, err = container:signal(number, true)
  if not ok and err.code ~= "ContainerNotRunning" and err.errno ~= "ESRCH" then
    return nil, err
  end
  return 0
end

-- Nobody else ends those who share a pid namespace with others, whether the first process lives or
-- not.
local function has_stragglers(container)
  if statuses.has_own_pids(container.configuration) then
    return false
  end
  local pids = container:processes()
  return pids ~= nil and #pids > 0
end

return function(args, values, context)
  local number = signal_number(args[2] or "TERM")
  if not number then
    return nil, "unknown signal: " .. args[2]
  end
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  if values.all then
    return signal_all(container, number)
  end
  if number == SIGKILL and has_stragglers(container) then
    return signal_all(container, number)
  end
  return signal_init(container, number)
end

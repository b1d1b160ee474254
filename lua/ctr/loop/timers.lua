--- Timers in the order of their times.
-- @module ctr.loop.timers

local M = {}

local list_methods = {}
local list_metatable = { __index = list_methods }

--- Makes an empty list.
function M.new()
  return setmetatable({ items = {} }, list_metatable)
end

-- Where a time belongs: behind those of the same time.
local function place_of(items, when)
  local low, high = 1, #items + 1
  while low < high do
    local middle = math.floor((low + high) / 2)
    if items[middle].when <= when then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end

--- Adds a timer.
-- @tparam table timer
-- @tparam number when
function list_methods:add(timer, when)
  timer.when = when
  table.insert(self.items, place_of(self.items, when), timer)
end

--- Removes a timer, where it is there.
function list_methods:remove(timer)
  for index, other in ipairs(self.items) do
    if other == timer then
      table.remove(self.items, index)
      return
    end
  end
end

--- The time of the first timer.
-- @treturn ?number
function list_methods:first_time()
  return self.items[1] and self.items[1].when
end

--- Takes away the timers whose time has come.
-- @tparam number now
-- @treturn table them, in order
function list_methods:take_due(now)
  local due = {}
  while self.items[1] and self.items[1].when <= now do
    due[#due + 1] = table.remove(self.items, 1)
  end
  return due
end

--- All timers, in order.
-- @treturn table a new list
function list_methods:all()
  return { unpack(self.items) }
end

return M

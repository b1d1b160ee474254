--- `plot(c, "memory")`: what a container uses, drawn while it goes on.
-- @module ctr.repl.plot

local cards = require("ctr.repl.cards")
local core = require("ctr.core")
local measure = require("ctr.repl.measure")
local screens = require("ctr.repl.screen")
local spark = require("ctr.repl.spark")
local text = require("ctr.repl.text")

local M = {}

local INTERVAL = 1 -- seconds
local KEPT = 2000
local AXIS = 12 -- columns for what the rows stand for

local function per_second(value)
  return text.size(value) .. "/s"
end

-- What can be drawn: its value from two samples, and how that is told.
local KINDS = {
  memory = { of = function(_, now) return now.memory end, show = text.size },
  cpu = { of = measure.cpu, show = function(value) return ("%.0f %%"):format(value * 100) end },
  processes = {
    of = function(_, now) return now.processes end,
    show = function(value) return ("%.0f"):format(value) end,
  },
  disk = { of = function(a, b) return measure.rate(a, b, "disk") end, show = per_second },
  network = { of = function(a, b) return measure.rate(a, b, "network") end, show = per_second },
}

--- What can be drawn.
M.names = { "cpu", "disk", "memory", "network", "processes" }

local function axis(value, kind)
  return text.pad(value and kind.show(value) or "", AXIS - 2, true) .. "  "
end

local function lines_of(state, columns, rows)
  local height = math.max(1, rows - 3)
  local chart, most = spark.chart(state.values, math.max(1, columns - AXIS), height)
  local now = state.values[#state.values]
  local lines = { ("%s %s: %s"):format(state.id, state.name, now and state.kind.show(now) or "?") }
  for index, line in ipairs(chart) do
    local mark = index == 1 and most or index == math.ceil(height / 2) and most / 2 or nil
    lines[index + 1] = axis(mark, state.kind) .. line
  end
  lines[#lines + 1] = axis(0, state.kind) .. "one column a second; q ends"
  return lines
end

local function summary(state, is_ascii)
  local least, most = math.huge, 0
  for _, value in ipairs(state.values) do
    least, most = math.min(least, value), math.max(most, value)
  end
  if #state.values == 0 then
    return state.id .. " " .. state.name .. ": nothing was measured"
  end
  return ("%s %s: %s to %s  %s"):format(state.id, state.name, state.kind.show(least),
    state.kind.show(most), spark.line(state.values, math.min(#state.values, 40),
      { is_ascii = is_ascii }))
end

-- False when the container does not run any longer.
local function sample(state, container)
  local now = measure.of(container)
  local value = state.kind.of(state.before, now)
  if value then
    state.values[#state.values + 1] = value
    if #state.values > KEPT then
      table.remove(state.values, 1)
    end
  end
  state.before = now
  return now.pid ~= nil
end

local function run_on_screen(session, state, container)
  screens.with(session, function(screen)
    local key
    while sample(state, container) and key ~= "quit" and key ~= "q" do
      screen:draw(lines_of(state, session:size()))
      key = screen:key(INTERVAL)
    end
  end)
end

-- Without a screen: a line each second.
local function run_in_lines(state, container)
  while sample(state, container) do
    local now = state.values[#state.values]
    io.stdout:write(now and state.kind.show(now) or "", "\n")
    io.stdout:flush()
    if not core.poll.wait({}, INTERVAL) then
      return
    end
  end
end

--- The word.
-- @tparam table session
-- @tparam ctr.Container container
-- @tparam[opt="memory"] string name of `names`
function M.word(session, container, name)
  if cards.kind(container) ~= "ctr.Container" then
    error("bad argument #1 to 'plot' (a container expected)", 2)
  end
  name = name or "memory"
  local kind = KINDS[name]
  if not kind then
    error("plot: " .. require("ctr.config.spelling").unknown("there is no such measure",
      tostring(name), KINDS) .. "; there are " .. table.concat(M.names, ", "), 2)
  end
  local state = { id = container:id(), name = name, kind = kind, values = {} }
  local has_screen = screens.is_there(session)
  if has_screen then
    run_on_screen(session, state, container)
  else
    run_in_lines(state, container)
  end
  io.stdout:write(summary(state, not has_screen), "\n")
end

return M

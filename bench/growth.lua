--- What one more container costs when there are many: starts, statistics and lists as they grow.
-- @module bench.growth

local core = require("ctr.core")
local ctr = require("ctr")
local stats = require("stats")

local M = {}

local STEPS = { 1, 250, 500, 750, 1000 }
local SAMPLE = 20

local function timed(action)
  local from = core.proc.clock()
  action()
  return core.proc.clock() - from
end

local function median_of(count, action)
  local times = {}
  for index = 1, count do
    times[index] = timed(action)
  end
  return stats.median(times)
end

local function add(running, factory, config, env)
  local container = assert(factory:create("bench-many-" .. #running + 1, config))
  local process = ctr.process({ args = { "/bin/sleep", "100000" }, env = env })
  assert(container:run(process))
  running[#running + 1] = { container = container, process = process }
end

-- Each beside as many others as there are by now.
local function look(running, factory, one_start)
  one_start(factory)
  return {
    count = #running,
    start = median_of(SAMPLE, function() one_start(factory) end),
    stats = median_of(SAMPLE, function()
      for _, item in ipairs(running) do
        assert(item.container:stats())
      end
    end) / #running,
    list = median_of(SAMPLE, function() assert(#factory:list() >= #running) end) / #running,
  }
end

local function end_all(running)
  for _, item in ipairs(running) do
    item.container:signal("SIGKILL")
    item.process:wait()
    assert(item.container:destroy())
  end
end

--- Measures.
-- @tparam ctr.Factory factory
-- @tparam table config
-- @tparam {string,…} env
-- @tparam func one_start starts a container, waits for it and destroys it
-- @treturn {table,…} `count`, `start`, `stats`, `list`: seconds of one container
function M.measure(factory, config, env, one_start)
  local running, rows = {}, {}
  for index, step in ipairs(STEPS) do
    while #running < step do
      add(running, factory, config, env)
    end
    rows[index] = look(running, factory, one_start)
  end
  end_all(running)
  return rows
end

--- Prints what `measure` returns.
function M.print(rows)
  local lines = {}
  for index, row in ipairs(rows) do
    lines[index] = { tostring(row.count), ("%.2f"):format(row.start * 1e3),
      ("%.0f"):format(row.stats * 1e6), ("%.1f"):format(row.list * 1e6) }
  end
  print("\nas containers grow in number, of each one")
  stats.print_table({ "containers", "start ms", "stats us", "list us" }, lines)
end

return M

-- One of several programs that want the same: it gets ready, says so, waits for its input to end,
-- acts, and writes a line for each outcome: "ok", or the error's code.
-- Arguments: the project's folder, the state root, the container's root, its id, the action, the
-- number of its rounds.

local project, state, root, id, action, rounds = unpack(arg)
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. project .. "/?.lua;"
  .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local box = require("specs.support.box")
local ctr = require("ctr")

local KNOWN = { IdInUse = true, ContainerNotExists = true, ContainerNotStopped = true,
  ContainerNotRunning = true }

local factory = assert(ctr.new(state))

local function tell(ok, err)
  if ok then
    io.stdout:write("ok\n")
  else
    io.stdout:write(KNOWN[err.code] and err.code or tostring(err):gsub("\n", " "), "\n")
  end
end

local function create()
  return factory:create(id, box.config(root, { cgroups = {} }))
end

local function sleeper()
  return ctr.process({ args = { "/bin/sleep", "1000" } })
end

local actions = {}

function actions.create()
  return function()
    tell(create())
  end
end

function actions.exec()
  local container = assert(factory:load(id))
  return function()
    tell(container:exec())
  end
end

function actions.run()
  local container = assert(factory:load(id))
  return function()
    tell(container:run(sleeper()))
  end
end

function actions.destroy()
  local container = assert(factory:load(id))
  return function()
    tell(container:destroy())
  end
end

-- Whatever is found under the id.
local function look()
  local container, err = factory:load(id)
  if not container then
    return nil, err
  end
  local status, problem = container:status()
  return status, problem
end

local function load_and_destroy()
  local container, err = factory:load(id)
  if not container then
    return nil, err
  end
  return container:destroy()
end

function actions.look()
  return function()
    for _ = 1, tonumber(rounds) do
      tell(look())
    end
  end
end

function actions.churn()
  return function()
    for _ = 1, tonumber(rounds) do
      tell(create())
      tell(load_and_destroy())
    end
  end
end

local act = actions[action]()
io.stdout:write("ready\n")
io.stdout:flush()
io.stdin:read("*a")
act()

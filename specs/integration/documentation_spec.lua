-- The examples of the API's documentation do what they say: each asserts it.

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local documentation = require("ctr.documentation")
local machine = require("specs.support.machine")

-- What they say is tried in specs/integration: criu_spec.lua, criu_clone_spec.lua, migrate_spec.lua
-- and reach_attach_spec.lua.
local TRIED = {}
for _, key in ipairs({ "container:checkpoint", "container:restore", "factory:clone", "ctr.migrate",
  "ctr.receive_migration", "container:attach" }) do
  TRIED[key] = true
end

local function examples()
  local keys = {}
  for key, entry in pairs(documentation) do
    if entry.example and not TRIED[key] then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys)
  return keys
end

-- What an example finds: a running container, its process, and what it takes to make more of them.
local function surroundings(b)
  local container, process = b:sleeper()
  local config = box.config(b.root)
  local own = { factory = b.factory, container = container, process = process, config = config,
    adopted = assert(b.factory:adopt(process:pid())), rootfs = b.root, ctr = ctr,
    loop = assert(ctr.loop()), print = function() end }
  return setmetatable(own, { __index = _G })
end

local function finish(b, found)
  found.loop:close()
  found.adopted:close()
  for _, id in ipairs(assert(b.factory:list())) do
    local container = assert(b.factory:load(id))
    container:resume()
    container:signal("SIGKILL", true)
  end
  assert(found.process:wait(60))
end

local function destroy_all(b)
  for _, id in ipairs(assert(b.factory:list())) do
    local container = assert(b.factory:load(id))
    local deadline = core.proc.clock() + 60
    while not container:destroy() do
      assert(core.proc.clock() < deadline, id .. " is still there")
      core.poll.wait({}, 0.01)
    end
  end
end

describe("an example of", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  for _, key in ipairs(examples()) do
    it(key .. " runs", function()
      if not machine.is_root() then
        pending("needs root")
        return
      end
      local found = surroundings(b)
      local chunk = setfenv(assert(loadstring(documentation[key].example, "=" .. key)), found)
      local ok, problem = xpcall(chunk, debug.traceback)
      finish(b, found)
      destroy_all(b)
      assert(ok, problem)
    end)
  end
end)

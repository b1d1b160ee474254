--- What specs kill a program at: each function makes what there is before, and returns the action.
-- @module specs.support.crash_actions

local box = require("specs.support.box")
local ctr = require("ctr")

local M = {}

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }

local function create(factory, root, id, changes)
  return assert(factory:create(id, box.config(root, changes)))
end

local function sleeper()
  return ctr.process({ args = { "/bin/sleep", "1000" } })
end

function M.create(factory, root, id)
  return function()
    create(factory, root, id)
  end
end

function M.run(factory, root, id)
  -- The folder above the cgroup is made by this start.
  local container = create(factory, root, id, { cgroups = { parent = "/" .. id .. "/above" } })
  return function()
    assert(container:run(sleeper()))
  end
end

M["run in a unit"] = function(factory, root, id)
  local container = create(factory, root, id, { cgroups = { pids_limit = 20 } })
  return function()
    assert(container:run(sleeper()))
  end
end

local INTERFACES = {
  { type = "veth", bridge = "br7", address = "10.7.0.2/24", gateway = "10.7.0.1" },
}

M["run behind a bridge"] = function(factory, root, id)
  local container = create(factory, root, id, { networks = INTERFACES, cgroups = {} })
  return function()
    assert(container:run(sleeper()))
  end
end

M["run with a device that is given back"] = function(factory, root, id)
  local container = create(factory, root, id, { cgroups = {},
    net_devices = { dev7 = { name = "lan0", give_back = true } } })
  return function()
    assert(container:run(sleeper()))
  end
end

M["destroy with interfaces"] = function(factory, root, id)
  local container = create(factory, root, id, { cgroups = {}, networks = INTERFACES,
    net_devices = { dev7 = { name = "lan0", give_back = true } } })
  assert(container:start(sleeper()))
  return function()
    assert(container:destroy())
  end
end

M["run in a user namespace"] = function(factory, root, id)
  local container = create(factory, root, id, {
    namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
    uid_mappings = MAPPING, gid_mappings = MAPPING, cgroups = {} })
  return function()
    assert(container:run(sleeper()))
  end
end

function M.start(factory, root, id)
  local container = create(factory, root, id, { cgroups = {} })
  return function()
    assert(container:start(sleeper()))
  end
end

function M.exec(factory, root, id)
  local container = create(factory, root, id, { cgroups = {} })
  assert(container:start(sleeper()))
  return function()
    assert(container:exec())
  end
end

M["run with hooks"] = function(factory, root, id)
  local host, inside = { { path = "/bin/true" } }, { { path = "/bin/true" }, { func = type } }
  local container = create(factory, root, id, { cgroups = {}, hooks = { createRuntime = host,
    createContainer = host, startContainer = inside, poststart = host } })
  return function()
    assert(container:run(sleeper()))
  end
end

M["run of a further process"] = function(factory, root, id)
  local container = create(factory, root, id, { cgroups = {} })
  assert(container:run(sleeper()))
  return function()
    assert(container:run(sleeper()))
  end
end

M["run that fails"] = function(factory, root, id)
  local container = create(factory, root, id, { cgroups = {} })
  return function()
    assert(not container:run(ctr.process({ args = { "/bin/nonesuch" } })))
  end
end

function M.destroy(factory, root, id)
  local container = create(factory, root, id, { cgroups = { parent = "/" .. id .. "/above" } })
  assert(container:start(sleeper()))
  return function()
    assert(container:destroy())
  end
end

return M

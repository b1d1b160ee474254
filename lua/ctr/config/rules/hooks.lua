--- Rules about hooks: nothing of the container's runs with the host's rights (D14).
-- @module ctr.config.rules.hooks

local checks = require("ctr.config.checks")

local M = {}

-- Those that run programs of the host.
local OF_HOST = { "prestart", "createRuntime", "createContainer", "poststart", "poststop" }

local function is_inside(path, rootfs)
  return rootfs ~= "/" and checks.is_below(path, rootfs)
end

local function check_hook(add, hook, path, rootfs)
  if hook.func then
    return
  end
  if is_inside(hook.path, rootfs) then
    add(path .. ".path", "must not be inside the rootfs: its programs are the container's")
  end
  if is_inside(hook.dir, rootfs) then
    add(path .. ".dir", "must not be inside the rootfs")
  end
end

--- Finds what is wrong with the hooks of a configuration.
-- @tparam func add takes a path and a text
-- @tparam table config as the schema normalised it
function M.check(add, config)
  for _, kind in ipairs(OF_HOST) do
    for index, hook in ipairs(config.hooks[kind]) do
      check_hook(add, hook, ("hooks.%s[%d]"):format(kind, index), config.rootfs)
    end
  end
end

return M

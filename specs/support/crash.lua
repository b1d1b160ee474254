-- Calls the library, and is killed at the given one of the core's calls that change something.
-- Arguments: the project's folder, the state root, the container's root, its id, the action, the
-- number of the call, and the cgroup manager, if it is not the usual one. Exits 0 when the action
-- had fewer calls.

local project, state, root, id, action, last, manager = unpack(arg)
last = tonumber(last)
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. project .. "/?.lua;"
  .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local core = require("ctr.core")
local ctr = require("ctr")
local actions = require("specs.support.crash_actions")

local families = { netlink = require("ctr.core.netlink") }
for name, family in pairs(core) do
  families[name] = family
end

local CALLS = {
  path = { "mkdir", "rmdir", "unlink", "rename", "replace", "mkfifo", "write", "remove_tree",
    "lock" },
  fd = { "send", "recv", "write", "socketpair", "memfd" },
  mount = { "clone", "attach", "detach" },
  netlink = { "open", "adopt", "add_veth", "set_link", "delete_link", "add_address", "add_route" },
  ns = { "open" },
  proc = { "spawn", "wait", "send_signal", "pidfd_open", "stat" },
  poll = { "wait" },
}

local function die()
  local self = assert(core.proc.pidfd_open(core.proc.getpid()))
  core.proc.send_signal(self, core.proc.signals.SIGKILL)
end

if manager == "systemd" then
  families.systemd = require("ctr.core.systemd")
  CALLS.systemd = { "open" }
end

local factory = assert(ctr.new(state, { cgroup_manager = manager }))
local act = actions[action](factory, root, id)

local count = 0
local send_signal, pidfd_open = core.proc.send_signal, core.proc.pidfd_open
for family, names in pairs(CALLS) do
  for _, name in ipairs(names) do
    local original = families[family][name]
    families[family][name] = function(...)
      count = count + 1
      if count == last then
        core.proc.send_signal, core.proc.pidfd_open = send_signal, pidfd_open
        die()
      end
      return original(...)
    end
  end
end
act()

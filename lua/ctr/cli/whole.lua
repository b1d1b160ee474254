--- When the static lctr goes on as the whole one, which loads C modules: people's Lua may want
-- some, and the library has its own to speak with systemd and netlink (docs/architecture.md).
--
-- The command begins from its first argument then. So each of these is asked before anything is
-- done, and before anything is read that can be read only once. Where the whole one is not found
-- they return, and the command goes as far as it can.
-- @module ctr.cli.whole

local asked_manager = require("ctr.cli.context").asked_manager
local networks = require("ctr.config.schema.network")

local M = {}

-- Returns at once in the whole one, and in other programs that have `ctr.cli`.
local function become()
  local go_on = package.preload["ctr.cli.become_whole"]
  if go_on then
    go_on()
  end
end

--- For a command whose options are known.
-- @tparam table command its row (`ctr.cli.commands`)
-- @tparam table values its options, the global ones among them
function M.for_command(command, values)
  local is_whole = not command.is_oci or command.is_whole
  if is_whole or command.makes and (asked_manager(values) == "systemd" or values.config) then
    become()
  end
end

--- For a container that is to be made.
-- @tparam table config normalised
function M.for_config(config)
  if networks.has_interfaces(config) then
    become()
  end
end

--- For a process that is added to a container.
-- @tparam ctr.Container container
function M.for_process(container)
  if container.cgroup:joins_by_pid() then
    become()
  end
end

--- For a container that is to be taken away.
-- @tparam ctr.Container container
function M.for_end(container)
  if container.manager == "systemd" or networks.has_interfaces(container.configuration) then
    become()
  end
end

return M

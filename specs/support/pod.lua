--- A pod of podman's whose two containers share what a pod may share.
-- @module specs.support.pod

local M = {}

local SHOW = "sh -c 'hostname; "
  .. "for n in net ipc uts pid user mnt; do readlink /proc/self/ns/$n; done'"

local function namespaces(podman, container)
  local text = podman("exec %s %s", container, SHOW)
  return (text:gsub("\nmnt:(.*)$", "")), text:match("mnt:.*$")
end

--- Makes one, and takes it away.
-- @tparam func podman runs podman with the words of a format, and returns what it said
-- @treturn table `one`, `two`: the host name and the namespaces that each sees, but for the mounts,
-- which are `one_mounts`, `two_mounts`; `sleepers`: how many programs the second sees
function M.look(podman)
  podman("pod create --name together --share net,ipc,uts,pid --network none --hostname both")
  podman("run -d -q --pod together --name one busybox sleep 1000")
  podman("run -d -q --pod together --name two busybox sleep 1000")
  local seen = {}
  seen.one, seen.one_mounts = namespaces(podman, "one")
  seen.two, seen.two_mounts = namespaces(podman, "two")
  seen.sleepers = select(2, podman("exec two ps -o args"):gsub("sleep 1000", ""))
  podman("pod rm -f -t 0 together")
  return seen
end

return M

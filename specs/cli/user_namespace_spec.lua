-- lctr for users without privilege, and as root of a user namespace, as podman calls it then.

local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")
local rootfs = require("specs.support.rootfs")

local NOBODY = 65534
-- Of its own name alone a cgroup could be left: others come and go beside the specs.
local ID = "ID=" .. command.NAME
local AS_NOBODY = { "/usr/bin/setpriv", "--reuid=" .. NOBODY, "--regid=" .. NOBODY,
  "--clear-groups" }
local AS_ROOT_OF_ITS_OWN = { "/usr/bin/unshare", "--user", "--map-root-user", "--mount" }

local SCRIPT = [[
set -e
./lctr create --bundle . --pid-file pid $ID </dev/null >out
./lctr state $ID | grep status
./lctr start $ID
until grep -q ready out; do sleep 0.01; done
./lctr exec $ID id -u
test "$(./lctr ps --format json $ID)" = "[$(cat pid)]" && echo "one process"
./lctr kill $ID KILL
./lctr delete --force $ID
./lctr list --format json
]]

-- In a user namespace with many ids, which root maps from outside.
local AS_NESTED = [[
unshare --user --mount sh -c 'until grep -q 65536 /proc/self/uid_map && grep -q 65536 \
  /proc/self/gid_map; do sleep 0.01; done; exec ./lctr run --bundle . $ID' &
for map in uid_map gid_map; do
  until echo 0 0 65536 >/proc/$!/$map; do sleep 0.01; done 2>/dev/null
done
wait $!
]]

local function config_of(namespaces, mapping)
  return {
    ociVersion = "1.2.0", root = { path = "rootfs" }, hostname = "c",
    process = { user = { uid = 0, gid = 0 }, cwd = "/", env = { "PATH=/bin" },
      args = { "sh", "-c", "id -u; echo a >/dev/null; echo ready; sleep 1000" } },
    mounts = {
      { destination = "/proc", type = "proc", source = "proc" },
      { destination = "/dev", type = "tmpfs", source = "tmpfs" },
      { destination = "/dev/pts", type = "devpts", source = "devpts",
        options = { "newinstance", "ptmxmode=0666" } },
    },
    linux = { namespaces = namespaces, uidMappings = mapping, gidMappings = mapping },
  }
end

local function namespaces(...)
  local list = {}
  for index, kind in ipairs({ "pid", "mount", "ipc", "uts", "network", ... }) do
    list[index] = { type = kind }
  end
  return list
end

local function one_id(host)
  return { { containerID = 0, hostID = host, size = 1 } }
end

local function joined(...)
  local list = {}
  for _, part in ipairs({ ... }) do
    for _, item in ipairs(part) do
      list[#list + 1] = item
    end
  end
  return list
end

describe("lctr", function()
  if not (machine.is_root() and machine.has("user_namespaces")) then
    pending("needs root, to step down from, and user namespaces")
    return
  end

  for _, case in ipairs({
    { "by a user without privilege", AS_NOBODY, config_of(namespaces("user"), one_id(NOBODY)) },
    { "by root of a user namespace", joined(AS_NOBODY, AS_ROOT_OF_ITS_OWN),
      config_of(namespaces()) },
    { "by root of a user namespace, in one of its own", joined(AS_NOBODY, AS_ROOT_OF_ITS_OWN),
      config_of(namespaces("user"), one_id(0)) },
  }) do
    it("leads a container's life when it is called " .. case[1], function()
      orphans.adopt()
      local before = machine.snapshot(command.PATTERN)
      local folder, remove = command.folder({
        ["config.json"] = assert(core.json.encode(case[3])), ["script"] = SCRIPT,
      })
      rootfs.make(folder .. "/rootfs")
      os.execute(("cp build/lctr %s && mkdir %s/run && chown -R %d %s"):format(folder, folder,
        NOBODY, folder))
      local result = command.run(joined(case[2], { "/bin/sh", "script" }),
        { dir = folder, env = { "PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=" .. folder .. "/run",
          ID } })
      orphans.reap("the script")
      remove()
      assert.same({ 0, "", '  "status": "created",\n0\none process\n[]\n' },
        { result.code, result.stderr, result.stdout })
      assert.same(before, machine.snapshot(command.PATTERN))
    end)
  end

  -- podman without root, and a range of the user's ids for each container (--userns=auto): what it
  -- binds lies in folders that only the user enters, who is nobody in the container.
  it("opens what a container binds, where the container's own root may not", function()
    local folder, remove = command.folder({ ["private/given"] = "given\n", ["script"] = AS_NESTED })
    local config = config_of(namespaces("user"), { { containerID = 0, hostID = 1000, size = 10 } })
    config.process.args = { "cat", "/given" }
    table.insert(config.mounts, { destination = "/given", type = "bind",
      options = { "rbind", "ro" }, source = folder .. "/private/given" })
    local file = assert(io.open(folder .. "/config.json", "w"))
    file:write((assert(core.json.encode(config))))
    file:close()
    rootfs.make(folder .. "/rootfs")
    os.execute(("cp build/lctr %s && cd %s && mkdir run && chmod 700 private && "
      .. "chown -R 1000 rootfs"):format(folder, folder))
    local result = command.run({ "/bin/sh", "script" },
      { dir = folder, env = { "PATH=/usr/bin:/bin", "XDG_RUNTIME_DIR=" .. folder .. "/run", ID } })
    remove()
    assert.same({ 0, "", "given\n" }, { result.code, result.stderr, result.stdout })
  end)
end)

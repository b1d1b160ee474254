--- What specs of migrations share: hosts that are network namespaces with bridges, behind one
-- switch; a client that asks all the time; a receiving end in a program of its own.
-- @module specs.support.migration

local box = require("specs.support.box")
local core = require("ctr.core")
local netns = require("specs.support.netns")

local M = {}

local SECONDS = 120
local SIGKILL = 9

--- Where the container is reached, on every host.
M.ADDRESS, M.PORT = "10.7.0.2", "7000"

--- What the container's configuration has of it.
M.NETWORKS = { { type = "loopback" }, { type = "veth", bridge = "br7",
  address = M.ADDRESS .. "/24" } }

local function run(namespace, ...)
  for _, words in ipairs({ ... }) do
    local result = netns.run(namespace, words)
    assert(result.code == 0, words .. ": " .. result.stderr)
  end
end

-- A cable from a namespace to the switch.
local function plug(world, namespace, name)
  run(namespace, ("ip link add port type veth peer name %s netns %s"):format(name,
    netns.path(world.switch)), "ip link set port up")
  run(world.switch, ("ip link set %s master sw up"):format(name))
end

local function add_host(world, name, namespace, address)
  run(namespace, "ip link set lo up", "ip link add br7 type bridge",
    "ip address add " .. address .. "/24 dev br7", "ip link set br7 up")
  plug(world, namespace, name)
  run(namespace, "ip link set port master br7")
end

--- Makes the network; this program is on the first host from then on.
-- @treturn table `here`, `there`, `client` (network namespaces), `addresses` of both hosts;
-- `close()`
function M.world()
  local leave = netns.enter()
  local world = { here = assert(core.ns.open("/proc/self/ns/net")), there = netns.new(),
    client = netns.new(), switch = netns.new(),
    addresses = { here = "10.7.0.11", there = "10.7.0.12" } }
  run(world.switch, "ip link add sw type bridge", "ip link set sw up")
  add_host(world, "pa", world.here, world.addresses.here)
  add_host(world, "pb", world.there, world.addresses.there)
  plug(world, world.client, "pc")
  run(world.client, "ip address add 10.7.0.9/24 dev port")
  function world.close()
    for _, name in ipairs({ "here", "there", "client", "switch" }) do
      world[name]:close()
    end
    leave()
  end
  return world
end

local PIPE_MAX = "/proc/sys/fs/pipe-max-size"
local PIPE_WANTED = 4 * 1024 * 1024

local function set_pipe_max(value)
  local file = io.open(PIPE_MAX, "w")
  local ok = file and file:write(value)
  return file and file:close() and ok
end

--- Says whether the machine allows the pipe that CRIU serves pages through.
function M.allows_pipes()
  local file = assert(io.open(PIPE_MAX))
  local allowed = file:read("*n")
  file:close()
  local names = table.concat(assert(core.caps.of()).effective, " ")
  return allowed >= PIPE_WANTED or names:find("CAP_SYS_RESOURCE", 1, true) ~= nil, allowed
end

--- Has the machine allow it.
-- @treturn[1] function puts the value back
-- @return[2] nil it may not be changed
function M.allow_pipes()
  local is_allowed, before = M.allows_pipes()
  if is_allowed then
    return function() end
  end
  return set_pipe_max(PIPE_WANTED) and function() set_pipe_max(before) end or nil
end

local program_methods = {}
local program_metatable = { __index = program_methods }

-- A Lua program of specs/support; `input` is its standard input.
local function start(name, input, ...)
  local read, output = assert(core.fd.pipe())
  local stderr = assert(core.fd.dup(2))
  local child = assert(core.proc.spawn({ path = "/usr/bin/env",
    argv = { "env", "luajit", ("specs/support/%s.lua"):format(name), ... },
    env = { "PATH=" .. os.getenv("PATH") }, fds = { input, output, stderr } }))
  input:close()
  output:close()
  stderr:close()
  return setmetatable({ pidfd = child.pidfd, pid = child.pid, output = read, text = "" },
    program_metatable)
end

--- The next line of its output; nil at its end.
function program_methods:line()
  while not self.text:find("\n", 1, true) do
    local ready = assert(core.poll.wait({ { fd = self.output, events = "r" } }, SECONDS))
    assert(ready[1], "the program says nothing")
    local data = assert(core.fd.read(self.output, 4096))
    if data == "" then
      return nil
    end
    self.text = self.text .. data
  end
  local line, rest = self.text:match("^([^\n]*)\n(.*)$")
  self.text = rest
  return line
end

--- Kills it.
function program_methods:kill()
  core.proc.send_signal(self.pidfd, SIGKILL)
end

--- Waits for its end.
function program_methods:finish()
  if self.input then
    self.input:close()
  end
  local ready = assert(core.poll.wait({ { fd = self.pidfd, events = "r" } }, SECONDS))
  if not ready[1] then
    self:kill()
  end
  local result = assert(core.proc.wait(self.pidfd, {}))
  self.pidfd:close()
  self.output:close()
  assert(ready[1], "the program does not end")
  return result
end

--- How many answers the client has had without a gap.
function program_methods:count()
  assert(core.fd.write_all(self.input, "?"))
  local line = self:line()
  return assert(tonumber(line), line)
end

--- Waits until the client has had so many more answers.
function program_methods:await_more(more)
  local wanted = self:count() + more
  local deadline = core.proc.clock() + SECONDS
  while self:count() < wanted do
    assert(core.proc.clock() < deadline, "the client gets no answers any more")
    core.poll.wait({}, 0.01)
  end
end

--- Starts a client that asks all the time, and waits for its first answers.
function M.client(world)
  local input, write = assert(core.fd.pipe())
  local client = start("migration_client", input, netns.path(world.client), M.ADDRESS, M.PORT)
  client.input = write
  client:await_more(2)
  return client
end

--- Starts a sending end that kills itself at a phase.
-- @tparam table b box
-- @tparam ctr.Container container
-- @tparam ctr.fd socket which it gets
-- @tparam string phase
-- @treturn table the program
function M.killed_source(b, container, socket, phase)
  return start("migration_source", socket, b.folder .. "/state", b.factory.criu_path,
    container:id(), b.folder, phase)
end

--- Starts a receiving end.
-- @tparam table b box
-- @tparam[opt] table options `world`, `changes` (Lua text of a table), `root`
-- @treturn table the program
-- @treturn ctr.fd the stream to it
function M.receiver(b, options)
  options = options or {}
  local ours, theirs = assert(core.fd.socketpair("stream"))
  local criu = b.factory.criu_path
  local program = start("migration_receiver", theirs, b.folder .. "/there", options.root or b.root,
    criu, b.folder, options.world and netns.path(options.world.there) or "-",
    box.PARENT .. "-there", options.changes or "{}")
  return program, ours
end

return M

--- A client that never stops asking: it sends a word over one connection, waits for the counter's
-- answer, and sends the next. A byte on its standard input has it say how far it is.
-- Arguments: path of the network namespace, address, port.

package.path = "./lua/?.lua;./lua/?/init.lua;./?.lua;" .. package.path
package.cpath = "./build/?.so;" .. package.cpath

local core = require("ctr.core")

local namespace, address, port = unpack(arg)
local STDIN, STDOUT, SIGKILL = 0, 1, 9
local PAUSE = 0.005 -- seconds between an answer and the next question
local AGAIN = 100 -- times that a connection is tried

assert(core.ns.enter(assert(core.ns.open(namespace))))

local function connect()
  local input, write = assert(core.fd.pipe())
  local read, output = assert(core.fd.pipe())
  local child = assert(core.proc.spawn({ path = "/bin/busybox",
    argv = { "busybox", "nc", address, port }, fds = { input, output, output } }))
  input:close()
  output:close()
  return { write = write, read = read, child = child }
end

local function disconnect(nc)
  nc.write:close()
  nc.read:close()
  core.proc.send_signal(nc.child.pidfd, SIGKILL)
  core.proc.wait(nc.child.pidfd, {})
  nc.child.pidfd:close()
end

local nc
local count, problem = 0, nil

-- Answers whoever asks how far it is; ends with them.
local function report()
  local word = assert(core.fd.read(STDIN, 1))
  if word == "" then
    disconnect(nc)
    os.exit(0)
  end
  assert(core.fd.write_all(STDOUT, (problem or tostring(count)) .. "\n"))
end

-- Waits for the connection, and answers meanwhile.
local function await(timeout, ignores_connection)
  local ready = assert(core.poll.wait({ { fd = STDIN, events = "r" },
    not ignores_connection and { fd = nc.read, events = "r" } or nil }, timeout))
  if ready[1] then
    report()
  end
  return ready[2]
end

local function ask()
  local word = "word" .. count
  if not core.fd.write(nc.write, word .. "\n") then
    return "the connection broke"
  end
  local text = ""
  while text:sub(-1) ~= "\n" do
    if await() then
      local data = core.fd.read(nc.read, 4096)
      if not data or data == "" then
        return "the connection ended"
      end
      text = text .. data
    end
  end
  if text ~= ("%d %s\n"):format(count + 1, word) then
    return "a gap: " .. text
  end
  count = count + 1
end

for _ = 1, AGAIN do
  nc = connect()
  problem = ask()
  if not problem then
    break
  end
  disconnect(nc)
  await(PAUSE, true)
end
while not problem do
  await(PAUSE, true)
  problem = ask()
end
problem = ("%s, after %d"):format(problem, count)
while true do
  await(nil, true)
end

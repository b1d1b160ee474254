-- A caller at a terminal: runs the typist as the first and as a further process of a container,
-- with the terminal as their streams, then without one, and writes how much was typed each time.
-- Arguments: the project's folder, the state root, the container's root, where to write.

local project, state, root, output = arg[1], arg[2], arg[3], arg[4]
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. project .. "/?.lua;"
  .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local ffi = require("ffi")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

ffi.cdef([[
int ioctl(int fd, unsigned long request, ...);
int tcflush(int fd, int queue);
int getsid(int pid);
]])
local FIONREAD = 0x541B

assert(core.tty.raw(0)) -- else only whole lines would count
local lines = {}

local function tell(who)
  local count = ffi.new("int[1]")
  assert(ffi.C.ioctl(0, FIONREAD, count) == 0)
  lines[#lines + 1] = ("%s typed %d"):format(who, count[0])
  ffi.C.tcflush(0, 0)
end

local STREAMS = { stdin = "inherit", stdout = "inherit", stderr = "inherit" }
local function process(args)
  local spec = { args = args }
  for name, value in pairs(STREAMS) do
    spec[name] = value
  end
  return ctr.process(spec)
end

local factory = assert(ctr.new(state))
local container = assert(factory:create("typed-at", box.config(root, { cgroups = {} })))
local first = process({ "/typist" })
assert(container:run(first))
assert(first:wait(60))
tell("the first process")
local sleeper = process({ "/bin/sleep", "1000" })
assert(container:run(sleeper))
local further = process({ "/typist" })
assert(container:run(further))
assert(further:wait(60))
tell("a further process")
local waiting = process({ "/bin/sleep", "1000" })
assert(container:run(waiting))
local stat = io.open(("/proc/%d/stat"):format(waiting:pid())):read("*a")
lines[#lines + 1] = "terminal " .. stat:match("%) %a %d+ %d+ %d+ (%-?%d+)")
assert(container:signal("SIGKILL"))
assert(waiting:wait(60))
assert(sleeper:wait(60))
assert(container:destroy())
-- As root it takes the terminal away from us: so this comes last.
os.execute(root .. "/typist")
tell("the caller")
local file = assert(io.open(output, "w"))
file:write(table.concat(lines, "\n"), "\n")
file:close()

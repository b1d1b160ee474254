-- Containers in coroutines of cqueues (Debian: lua-cqueues).
-- usage (as root): luajit examples/cqueues.lua [ROOTFS]
--
-- What cqueues polls is any object with pollfd and events: an event source becomes one.

local cqueues = require("cqueues")
local core = require("ctr.core")
local ctr = require("ctr")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local rootfs = assert(core.path.realpath(arg[1] or here .. "/../build/rootfs"))

local factory = assert(ctr.new())

-- Waits in a coroutine until a process has ended.
local function await(process)
  local source = assert(process:source())
  local pollable = { pollfd = source:fd(), events = "r" }
  local status
  repeat
    cqueues.poll(pollable)
    status = source:serve()
  until status ~= false
  cqueues.cancel(source:fd())
  source:close()
  return status
end

local function run(name, seconds)
  local description = assert(ctr.container(name) {
    rootfs = rootfs, run = { "/bin/sh", "-c", "sleep " .. seconds .. "; echo done" },
  })
  description.process.stdout = function(text) io.stdout:write(name, ": ", text) end
  local container = assert(factory:create(name, description.config))
  local process = ctr.process(description.process)
  assert(container:run(process))
  local status = assert(await(process))
  print(name .. ": ended with " .. (status.code or status.signal))
  assert(container:destroy())
end

local loop = cqueues.new()
for name, seconds in pairs({ ["in-cqueues-1"] = 0.6, ["in-cqueues-2"] = 0.2 }) do
  loop:wrap(function() run(name, seconds) end)
end
assert(loop:loop())
factory:close()

-- An autoscaler: a container that is short of memory gets more of it, up to a bound.
-- usage (as root): lctr examples/autoscaler.lua [ROOTFS]
--
-- The kernel tells when it has to look for memory in the container, and when it had to kill: the
-- limit is doubled then. The program needs some 20 MiB, begins with 8, and tries until it fits.

local core = require("ctr.core")
local ctr = require("ctr")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local rootfs = assert(core.path.realpath(arg[1] or here .. "/../build/rootfs"))

local MIB = 2 ^ 20
local FIRST, MOST = 8 * MIB, 128 * MIB
local SECONDS = 300 -- for a machine that tells of nothing

local description = assert(ctr.container("autoscaled") {
  rootfs = rootfs,
  limits = { memory = FIRST },
  run = { "/bin/sh", "-c", [[
    until head -c 20m /dev/zero | tail -c 20m >/dev/null 2>&1; do sleep 0.1; done
    echo "it fits"
  ]] },
})
description.process.stdout = function(text) io.stdout:write(text) end

local factory = assert(ctr.new())
local container = assert(factory:create("autoscaled", description.config))
local process = ctr.process(description.process)
assert(container:run(process))
local loop = assert(ctr.loop())
local limit = FIRST

local function grow(why)
  if limit < MOST then
    limit = math.min(limit * 2, MOST)
    assert(container:set({ cgroups = { memory = limit } }))
    print(("%s: it may have %d MiB now"):format(why, limit / MIB))
  end
end

for why, source in pairs({
  ["short of memory"] = assert(container:notify_memory_pressure("medium")),
  ["out of memory"] = assert(container:notify_oom()),
}) do
  local watch
  watch = assert(loop:add(source, function()
    local what = source:wait(0)
    if what then
      grow(why)
    elseif what == false then -- the container has ended
      watch:cancel()
      source:close()
    end
  end))
end
assert(loop:process(process, function(status)
  print("ended with " .. (status.code or status.signal))
  loop:stop()
end))
assert(loop:run(SECONDS))
loop:close()
assert(container:destroy())
factory:close()

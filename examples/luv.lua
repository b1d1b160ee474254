-- A container among the events of libuv (Debian: lua-luv).
-- usage (as root): luajit examples/luv.lua [ROOTFS]
--
-- A process is an event source: one descriptor for its end and its output.

local ctr = require("ctr")
local uv = require("luv")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local rootfs = assert(uv.fs_realpath(arg[1] or here .. "/../build/rootfs"))

local description = assert(ctr.container("in-luv") {
  rootfs = rootfs,
  run = { "/bin/sh", "-c", "for i in 1 2 3; do echo line $i; sleep 0.2; done; exit 7" },
})
local fields = description.process
fields.stdout = function(text) io.stdout:write("container: ", text) end

local factory = assert(ctr.new())
local container = assert(factory:create("in-luv", description.config))
local process = ctr.process(fields)
assert(container:run(process))

local source = assert(process:source())
local poll = assert(uv.new_poll(source:fd()))
local timer = uv.new_timer()
local ticks = 0

timer:start(50, 50, function() ticks = ticks + 1 end)
poll:start("r", function()
  local status, err = source:serve()
  assert(status ~= nil, err)
  if status then
    poll:close()
    timer:close()
    source:close()
    print(("ended with %s; the loop went on meanwhile: %s"):format(status.code or status.signal,
      tostring(ticks > 0)))
  end
end)
uv.run()
assert(container:destroy())
factory:close()

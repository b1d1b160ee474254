-- Hooks: what runs at the turns of a container's life, as commands and as Lua functions.
-- usage (as root): lctr examples/hooks.lua [ROOTFS]

local ctr = require("ctr")
local core = require("ctr.core")

local here = arg[0]:match("^(.*)/[^/]*$") or "."
local rootfs = assert(core.path.realpath(arg[1] or here .. "/../build/rootfs"))

-- A function is given the state, and runs in this program.
local function tell(kind)
  return { func = function(state)
    print(("%-15s the container is %s"):format(kind, state.status))
  end }
end

local description = assert(ctr.container("hooked") {
  rootfs = rootfs,
  run = { "/bin/sh", "-c", "echo the program; exit 3" },
  hooks = {
    createRuntime = { tell("createRuntime") },
    -- A program of the host in the container's namespaces, which it still sees from outside.
    createContainer = { tell("createContainer"), {
      path = "/bin/mount", args = { "mount", "-t", "tmpfs", "none", rootfs .. "/mnt" },
      timeout = 10,
    } },
    -- A program of the container, as the user of its own.
    startContainer = { { path = "/bin/test", args = { "test", "-d", "/mnt" } },
      tell("startContainer") },
    poststart = { tell("poststart") },
    poststop = { tell("poststop") },
  },
})

local factory = assert(ctr.new())
local container = assert(factory:create("hooked", description.config))
local process = ctr.process(description.process)
local streams = assert(process:initialize_io())
assert(container:run(process))
print("                " .. streams.stdout:read("*l"))
print("                it ended with " .. assert(process:wait()).code)
assert(container:destroy())

-- A hook that fails undoes the start, and says what it printed.
description.config.hooks = { prestart = {
  { path = "/bin/sh", args = { "sh", "-c", "echo no bridge >&2; exit 1" } },
} }
container = assert(factory:create("hooked", description.config))
local _, err = container:run(ctr.process(description.process))
print(err)
assert(container:destroy())

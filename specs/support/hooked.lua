-- A program with hooks, or another one that finds its container. Arguments: the project's folder,
-- the state root, the container's root, its id, what to do, and a file where hooks say something.

local project, state, root, id, action, said = unpack(arg)
package.path = project .. "/?.lua;" .. project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;"
  .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

local factory = assert(ctr.new(state))
local KINDS = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
  "poststop" }

local function sh(script, fields)
  local hook = { path = "/bin/sh", args = { "sh", "-c", script }, env = { "PATH=/usr/bin:/bin" } }
  for key, value in pairs(fields or {}) do
    hook[key] = value
  end
  return hook
end

local function sleeper()
  return ctr.process({ args = { "/bin/sleep", "1000" } })
end

local function create(hooks)
  return assert(factory:create(id, box.config(root, { hooks = hooks, cgroups = {} })))
end

local function tell(ok, err)
  print(ok, err and tostring(err), err and err.path)
end

local function live(container)
  container:run(sleeper())
  container:signal("SIGKILL")
  container.init_process:wait()
  container:destroy()
end

local actions = {}

-- Is in a hook of the kind until it is killed; the hook has told its number.
function actions.hang(kind)
  local hook = sh("setsid sleep 1000 & echo $$ > " .. said .. "; exec sleep 1000")
  live(create({ [kind] = { hook } }))
end

-- The same in a function, which is told by what comes out of here.
function actions.hang_in_function(kind)
  live(create({ [kind] = { { func = function()
    local file = io.open(said, "w")
    file:write("here\n")
    file:close()
    core.poll.wait({})
  end } } }))
end

-- Leaves a created container with functions among its hooks.
function actions.start(kinds)
  local hooks = {}
  for kind in kinds:gmatch("%a+") do
    hooks[kind] = { { func = function() end } }
  end
  assert(create(hooks):start(sleeper()))
end

-- Leaves a created container with commands.
function actions.start_commands()
  local hooks = {}
  for _, kind in ipairs(KINDS) do
    local place = kind == "startContainer" and "/tmp/said" or said
    hooks[kind] = { sh("echo " .. kind .. " >> " .. place) }
  end
  assert(create(hooks):start(sleeper()))
end

function actions.exec()
  tell(assert(factory:load(id)):exec())
end

function actions.destroy()
  tell(assert(factory:load(id)):destroy())
end

function actions.again()
  tell(assert(factory:load(id)):start(sleeper()))
end

local ffi = require("ffi")
ffi.cdef([[
void (*signal(int number, void (*handler)(int)))(int);
int prctl(int option, ...);
]])
local PR_GET_CHILD_SUBREAPER = 37

-- Says what the program is afterwards, who ignores its children.
function actions.neutral()
  ffi.C.signal(core.proc.signals.SIGCHLD, ffi.cast("void (*)(int)", 1))
  for _, kind in ipairs(KINDS) do
    local container = create({ [kind] = { sh("true"),
      sh("setsid sleep 1000 & exec sleep 1000", { timeout = 0.2 }) } })
    local ok, err = container:run(sleeper())
    if ok then
      container:signal("SIGKILL")
      container.init_process:wait(60)
      ok, err = container:destroy()
    else
      container:destroy()
    end
    print(kind, ok, err.path, err.errno)
  end
  local is_reaper = ffi.new("int[1]")
  ffi.C.prctl(PR_GET_CHILD_SUBREAPER, is_reaper)
  local children = io.open("/proc/self/task/" .. core.proc.getpid() .. "/children"):read("*a")
  print(is_reaper[0], #children)
end

local function rootless_config(hooks)
  local ids = core.proc.ids()
  return {
    rootfs = root, hooks = hooks,
    namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
    uid_mappings = { { container_id = 0, host_id = ids.euid, size = 1 } },
    gid_mappings = { { container_id = 0, host_id = ids.egid, size = 1 } },
    mounts = { { source = "proc", destination = "/proc", device = "proc" } },
  }
end

-- The whole life of a container without privilege.
function actions.rootless()
  local hooks = {}
  for _, kind in ipairs(KINDS) do
    local place = kind == "startContainer" and "/tmp/said" or said
    hooks[kind] = { sh("cat > /dev/null; echo " .. kind .. " $(id -u) >> " .. place),
      { func = function(given) io.stdout:write(kind, " ", given.status, "\n") end } }
  end
  -- It enters the namespaces, which only that of a dumpable process lets it.
  table.insert(hooks.createRuntime, sh("pid=$(sed 's/.*\"pid\":\\([0-9]*\\).*/\\1/'); "
    .. "nsenter -t $pid -U --preserve-credentials -n -m ls -d " .. root .. "/proc/1 >> " .. said))
  local container = assert(factory:create(id, rootless_config(hooks)))
  assert(container:run(sleeper()))
  assert(container:signal("SIGKILL"))
  assert(container.init_process:wait(60))
  tell(container:destroy())
  for _, kind in ipairs(KINDS) do
    container = assert(factory:create(id, rootless_config({ [kind] = {
      sh("setsid sleep 1000 & exec sleep 1000", { timeout = 0.2 }) } })))
    local ok, err = container:run(sleeper())
    if ok then
      container:signal("SIGKILL")
      container.init_process:wait(60)
      ok, err = container:destroy()
    else
      assert(container:destroy())
    end
    print(kind, ok, err.path, err.errno)
  end
end

actions[action:match("^[%w_]+")](action:match(":(.*)$"))

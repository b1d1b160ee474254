local box = require("specs.support.box")
local core = require("ctr.core")
local machine = require("specs.support.machine")
local netns = require("specs.support.netns")
local orphans = require("specs.support.orphans")

-- The cgroups have the id in their names: the specs may run twice at a time.
local ID = "crash-" .. core.proc.getpid()
local PATTERN = "crash%-" .. core.proc.getpid()
local CALLS_MAX = 500
local ACTIONS = { "create", "run", "run in a user namespace", "start", "exec",
  "run with hooks", "run of a further process", "run that fails", "destroy", "run behind a bridge",
  "run with a device that is given back", "destroy with interfaces" }

describe("a caller that is killed", function()
  local b, project, leave, network

  setup(function()
    leave = netns.enter()
    netns.bridge("br7", { "10.7.0.1/24" })
    netns.ip("link add dev7 type veth peer name far7", "address add 10.8.0.2/24 dev dev7",
      "link set dev7 up", "link set far7 up")
    network = netns.snapshot()
    b = box.new()
    orphans.adopt()
    project = core.path.realpath(".")
    -- What a first start opens for all later ones is open before the counting.
    assert(b:sh("true"))
  end)

  teardown(function()
    b:close()
    leave()
  end)

  -- What a failed spec left would fail the next one.
  after_each(function()
    local container = b.factory:load(ID)
    if container then
      container:signal("SIGKILL", true)
      container:destroy()
    end
  end)

  -- Runs the action in a program of its own up to the call; true when it was killed there.
  local function crash(action, call)
    local result = assert(core.proc.run({
      path = "/usr/bin/luajit", timeout = 60,
      args = { "luajit", project .. "/specs/support/crash.lua", project, b.factory.root, b.root,
        ID, action, tostring(call) },
    }))
    if result.signal == "SIGKILL" and not result.timed_out then
      return true
    end
    assert.same({ 0, "" }, { result.code, result.stderr })
    return false
  end

  -- The program of the first process; nil where there is none.
  local function program_of(container)
    local pid = assert(container:state()).init_process_pid
    local folder = pid > 0 and core.path.open_root("/proc/" .. pid)
    local program = folder and core.path.readlink(folder, "exe")
    if folder then
      folder:close()
    end
    return program
  end

  local function end_init(container, where)
    local runs = (program_of(container) or ""):find("busybox", 1, true)
    local status = assert(container:status())
    assert.is_false(status == "created" and runs ~= nil, where .. ": it is told to be created")
    if status ~= "running" then
      return
    end
    -- It may be the bootstrap, which ends by itself.
    local ok, err = container:signal("SIGKILL")
    assert.is_true(ok or err.code == "ContainerNotRunning" or err.errno == "ESRCH")
    orphans.reap(where)
  end

  local function destroy(where)
    local container, err = b.factory:load(ID)
    if not container then
      assert.equal("ContainerNotExists", err.code, where)
      return
    end
    end_init(container, where)
    local ok, problem = container:destroy()
    assert.is_true(ok, ("%s: %s"):format(where, tostring(problem)))
  end

  local function check(where)
    destroy(where)
    orphans.reap(where)
    local again = assert(b.factory:create(ID, box.config(b.root)))
    assert(again:destroy())
    assert.same({}, b.factory:list())
    assert.same(network, netns.snapshot(), where)
  end

  for _, action in ipairs(ACTIONS) do
    it("at any call of " .. action .. " leaves what destroy removes", function()
      local before = machine.snapshot(PATTERN)
      local call = 0
      repeat
        call = call + 1
        local killed = crash(action, call)
        check(("%s, call %d"):format(action, call))
      until not killed or call == CALLS_MAX
      assert.is_true(call > 1 and call < CALLS_MAX)
      assert.same(before, machine.snapshot(PATTERN))
    end)
  end
end)

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

local RIVALS = 8
-- The cgroups have the id in their names: the specs may run twice at a time.
local ID = "shared-" .. core.proc.getpid()
local PATTERN = "shared%-" .. core.proc.getpid()

local function spawn(args)
  local input, start = assert(core.fd.pipe())
  local out, output = assert(core.fd.pipe())
  local child = assert(core.proc.spawn({ path = "/usr/bin/luajit", argv = args, env = {},
    fds = { input, output, 2 } }))
  input:close()
  output:close()
  child.start, child.out, child.text = start, out, ""
  return child
end

local function read_more(child)
  local data = assert(core.fd.read(child.out, 4096))
  child.text = child.text .. data
  return data ~= ""
end

describe("several programs", function()
  local b, project

  setup(function()
    b = box.new()
    project = core.path.realpath(".")
    orphans.adopt()
    assert(b:sh("true"))
  end)

  -- What a failed spec left would fail the next one.
  after_each(function()
    local container = b.factory:load(ID)
    if container then
      container:signal("SIGKILL", true)
      orphans.reap("after a failure")
      container:destroy()
    end
  end)

  teardown(function()
    b:close()
  end)

  -- Starts a program for each action, lets them all go at once, and counts the outcomes of each
  -- kind of action.
  local function race(actions, rounds)
    local children, counts = {}, {}
    for index, action in ipairs(actions) do
      children[index] = spawn({ "luajit", project .. "/specs/support/rival.lua", project,
        b.factory.root, b.root, ID, action, tostring(rounds or 1) })
    end
    for _, child in ipairs(children) do
      repeat until child.text:find("ready\n", 1, true) or not read_more(child)
    end
    for _, child in ipairs(children) do
      child.start:close()
    end
    for index, child in ipairs(children) do
      repeat until not read_more(child)
      assert.equal(0, assert(core.proc.wait(child.pidfd, {})).code)
      child.pidfd:close()
      child.out:close()
      local outcomes = counts[actions[index]] or {}
      counts[actions[index]] = outcomes
      for line in child.text:gsub("^ready\n", ""):gmatch("[^\n]+") do
        outcomes[line] = (outcomes[line] or 0) + 1
      end
    end
    return counts
  end

  local function many(action, count)
    local actions = {}
    for index = 1, count or RIVALS do
      actions[index] = action
    end
    return actions
  end

  local function leaves_nothing(act)
    local before = machine.snapshot(PATTERN)
    act()
    assert.same({}, b.factory:list())
    assert.same(before, machine.snapshot(PATTERN))
  end

  local function new()
    return assert(b.factory:create(ID, box.config(b.root, { cgroups = {} })))
  end

  local function started()
    local container = new()
    local process = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:start(process))
    return container, process
  end

  it("that create one id: one of them does", function()
    leaves_nothing(function()
      assert.same({ create = { ok = 1, IdInUse = RIVALS - 1 } }, race(many("create")))
      assert.equal("stopped", assert(b.factory:load(ID)):status())
      assert(assert(b.factory:load(ID)):destroy())
    end)
  end)

  it("that execute a created container: one of them does", function()
    leaves_nothing(function()
      local container, process = started()
      local outcomes = race(many("exec")).exec
      assert.equal(1, outcomes.ok)
      outcomes.ok = nil
      assert.matches("is running already", (next(outcomes)))
      assert.equal("running", container:status())
      assert(container:signal("SIGKILL"))
      process:wait(60)
      assert(container:destroy())
    end)
  end)

  it("that start a first process: one of them does, the others add theirs", function()
    leaves_nothing(function()
      local container = new()
      assert.same({ run = { ok = RIVALS } }, race(many("run")))
      assert.equal("running", container:status())
      assert.equal(RIVALS, #container:processes())
      assert(container:signal("SIGKILL", true))
      orphans.reap("the processes of the losers")
      assert(container:destroy())
    end)
  end)

  it("that destroy a container: all have done it, or find it gone", function()
    leaves_nothing(function()
      local container, process = started()
      local outcomes = race(many("destroy")).destroy
      assert.is_true(outcomes.ok >= 1)
      assert.equal(RIVALS, outcomes.ok + (outcomes.ContainerNotExists or 0))
      assert.equal("ContainerNotExists", select(2, container:status()).code)
      assert.equal("SIGKILL", process:wait(60).signal)
    end)
  end)

  it("that create and destroy one id, and look at it, never get in each other's way", function()
    leaves_nothing(function()
      local actions = many("churn", 4)
      actions[5], actions[6] = "look", "look"
      local counts = race(actions, 60)
      local made, looked = counts.churn, counts.look
      local known = (made.ok or 0) + (made.IdInUse or 0) + (made.ContainerNotExists or 0)
      assert.equal(4 * 60 * 2, known, require("pl.pretty").write(made))
      assert.equal(2 * 60, (looked.ok or 0) + (looked.ContainerNotExists or 0),
        require("pl.pretty").write(looked))
      local last = b.factory:load(ID)
      assert.is_true(last == nil or last:destroy())
    end)
  end)

  it("that run and destroy one container leave it running or gone", function()
    for _ = 1, 10 do
      leaves_nothing(function()
        local container = new()
        race({ "run", "destroy", "destroy", "run" })
        local found = b.factory:load(ID)
        if found then
          assert.equal("running", found:status())
          assert(found:signal("SIGKILL", true))
        else
          assert.equal("ContainerNotExists", select(2, container:status()).code)
        end
        orphans.reap("after the race")
        if found then
          assert(found:destroy())
        end
      end)
    end
  end)
end)

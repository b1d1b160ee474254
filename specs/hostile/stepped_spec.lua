local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ffi = require("ffi")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

local ID = "stepped-" .. core.proc.getpid()
local PATTERN = "stepped%-" .. core.proc.getpid()
local SECONDS = 60
-- EPERM, ENOSPC, EINTR, EIO, EAGAIN, ENOMEM, EMFILE
local ERRNOS = { 1, 28, 4, 5, 11, 12, 24 }
local ACTIONS = { "create", "run", "run in a user namespace", "start", "exec",
  "run of a further process", "run that fails", "destroy" }
local CALLER_KILLED = 201

-- Whoever makes the call: some points of each action, more of them with CTR_HOSTILE_RUNS.
describe("at any system call", function()
  local b, project, stepper

  setup(function()
    if ffi.arch ~= "x64" then
      return
    end
    b = box.new()
    orphans.adopt()
    project = core.path.realpath(".")
    stepper = attack.compile("stepper", b.folder)
    assert(b:sh("true"))
  end)

  teardown(function()
    if b then
      b:close()
    end
  end)

  before_each(function()
    if not b then
      pending("calls are changed in the registers of x86-64 only")
    end
  end)

  -- What a failed spec left would fail the next one.
  after_each(function()
    local container = b and b.factory:load(ID)
    if container then
      container:signal("SIGKILL", true)
      container:destroy()
    end
  end)

  local function step(mode, action, point, errno)
    local result = assert(core.proc.run({ path = stepper, timeout = SECONDS,
      env = { "PATH=/usr/bin:/bin" },
      args = { "stepper", mode, tostring(point), tostring(errno or 0), "luajit",
        project .. "/specs/support/stepped.lua", project, b.factory.root, b.root, ID, action } }))
    local where = ("%s: %s of %s, call %d%s"):format(mode, errno and "errno " .. errno or "kill",
      action, point, ": " .. result.stdout:gsub("\n", " ") .. result.stderr)
    assert.is_falsy(result.timed_out, where)
    return result.code, tonumber(result.stdout:match("\nstepper (%d+)")), where
  end

  local function end_init(container, where)
    if assert(container:status()) ~= "running" then
      return
    end
    local ok, err = container:signal("SIGKILL")
    assert.is_true(ok or err.code == "ContainerNotRunning" or err.errno == "ESRCH", where)
    orphans.reap(where)
  end

  -- Whatever there is can be destroyed, and the id be used again.
  local function check(where)
    local container, err = b.factory:load(ID)
    if container then
      end_init(container, where)
      local ok, problem = container:destroy()
      assert.is_true(ok, ("%s: %s"):format(where, tostring(problem)))
    else
      assert.equal("ContainerNotExists", err.code, where)
    end
    orphans.reap(where)
    assert.same({}, b.factory:list(), where)
    assert(assert(b.factory:create(ID, box.config(b.root))):destroy())
  end

  local function at_points(mode, action, count, try)
    local before = machine.snapshot(PATTERN)
    local code, total, where = step(mode, action, 0)
    assert.equal(0, code, where)
    check(where)
    assert.is_true(total > 10, where)
    for index, point in ipairs(attack.points(total, count)) do
      try(point, index)
    end
    assert.same(before, machine.snapshot(PATTERN))
  end

  for _, action in ipairs(ACTIONS) do
    it("the caller may be killed: what " .. action .. " leaves can be destroyed", function()
      local killed = 0
      at_points("caller", action, 8, function(point)
        local code, _, where = step("caller", action, point)
        assert.is_true(code == CALLER_KILLED or code == 0, where)
        killed = killed + (code == CALLER_KILLED and 1 or 0)
        check(where)
      end)
      assert.is_true(killed > 5)
    end)
  end

  for _, action in ipairs({ "run", "run in a user namespace", "start",
    "run of a further process" }) do
    it("the bootstrap may be killed: " .. action .. " fails and leaves nothing", function()
      at_points("children", action, 6, function(point)
        local code, _, where = step("children", action, point)
        assert.equal(0, code, where)
        check(where)
      end)
    end)
  end

  for _, action in ipairs(ACTIONS) do
    it("an error may come back: " .. action .. " fails or succeeds, and leaves nothing", function()
      at_points("fail", action, 8, function(point, index)
        local errno = ERRNOS[index % #ERRNOS + 1]
        local code, _, where = step("fail", action, point, errno)
        assert.equal(0, code, where)
        check(where)
      end)
    end)
  end
end)

local box = require("specs.support.box")
local core = require("ctr.core")

local ID = "odd-" .. core.proc.getpid()

-- What a process sees that nobody told anything, and how it ends.
local SEEN = "Umask: 0022 SigBlk: 0000000000000000 SigIgn: 0000000000000000 input  7"
local LIFE = { SEEN, SEEN, "killed SIGKILL" }

local function expected(inherited)
  local lines = {}
  for _ = 1, 3 do
    for _, line in ipairs(LIFE) do
      lines[#lines + 1] = line
    end
  end
  lines[#lines + 1] = "fails nil process.args[1] ENOENT"
  lines[#lines + 1] = "inherits " .. inherited
  lines[#lines + 1] = "is as it was true true"
  return table.concat(lines, "\n") .. "\n"
end

-- Since Linux 6.15 the kernel tells how a process ended that it reaped itself.
local function tells_of_reaped()
  local major, minor = io.open("/proc/sys/kernel/osrelease"):read("*l"):match("^(%d+)%.(%d+)")
  return tonumber(major) * 100 + tonumber(minor) >= 615
end

describe("a program that uses the library", function()
  local b, output

  setup(function()
    b = box.new()
    output = b.folder .. "/result"
  end)

  teardown(function()
    b:close()
  end)

  -- What a failed program left would fail the next one.
  after_each(function()
    local container = b.factory:load(ID)
    if container then
      container:signal("SIGKILL", true)
      container:destroy()
    end
  end)

  local function run(habits)
    local project = core.path.realpath(".")
    local args = { "luajit", project .. "/specs/support/odd_host.lua", project, b.factory.root,
      b.root, output, ID }
    for _, habit in ipairs(habits) do
      args[#args + 1] = habit
    end
    local file = assert(io.open(output, "w"))
    file:close()
    local result = assert(core.proc.run({ path = "/usr/bin/luajit", args = args, timeout = 60 }))
    assert.same({ 0, "", false }, { result.code, result.stderr, result.timed_out })
    return io.open(output):read("*a")
  end

  it("stays as it was", function()
    assert.equal(expected("its input"), run({}))
  end)

  it("may ignore SIGCHLD", function()
    local said = run({ "ignores_children" })
    if not tells_of_reaped() then
      pending("the kernel is older than 6.15: it tells nobody how a process ended")
    end
    assert.equal(expected("its input"), said)
  end)

  it("may ignore SIGPIPE", function()
    assert.equal(expected("its input"), run({ "ignores_pipes" }))
  end)

  it("may block all signals", function()
    assert.equal(expected("its input"), run({ "blocks_signals" }))
  end)

  it("may have a umask that forbids all", function()
    assert.equal(expected("its input"), run({ "masks_all_modes" }))
  end)

  it("may have closed its standard streams, which are nobody else's then", function()
    assert.equal(expected("process.stdin EBADF"), run({ "has_no_streams" }))
  end)

  it("may have few descriptors", function()
    assert.equal(expected("its input"), run({ "has_few_descriptors" }))
  end)

  it("may do all of this at once", function()
    local said = run({ "ignores_children", "ignores_pipes", "blocks_signals", "masks_all_modes",
      "has_few_descriptors", "has_no_streams" })
    if not tells_of_reaped() then
      pending("the kernel is older than 6.15: it tells nobody how a process ended")
    end
    assert.equal(expected("process.stdin EBADF"), said)
  end)
end)

local core = require("ctr.core")
local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

describe("lctr state", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local e, before

  before_each(function()
    before = machine.snapshot(engine.PATTERN)
  end)

  after_each(function()
    e:close()
    assert.same(before, machine.snapshot(engine.PATTERN))
  end)

  it("shows the members that the standard has", function()
    e = engine.new()
    local config = assert(core.json.decode(e.bundle:read("config.json")))
    config.annotations = { ["org.example.key"] = "a value" }
    e.bundle:file("config.json", config)
    local pid = e:create()
    local state = e:state()
    assert.matches("^%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+Z$", state.created)
    state.created = nil
    assert.same({
      ociVersion = "1.2.0", id = e.id, pid = pid, status = "created", bundle = e.folder,
      rootfs = core.path.realpath("build/rootfs"), owner = "root",
      annotations = { ["org.example.key"] = "a value" },
    }, state)
  end)

  it("follows the container's life", function()
    e = engine.new()
    local pid = e:create()
    local seen = { e:state().status }
    for _, args in ipairs({ { "start" }, { "pause" }, { "resume" } }) do
      e:succeeds(args[1], e.id)
      seen[#seen + 1] = e:state().status
    end
    e:succeeds("kill", e.id, "KILL")
    engine.await(pid)
    seen[#seen + 1] = e:state().status
    assert.same({ "created", "running", "paused", "running", "stopped" }, seen)
    assert.equal(0, e:state().pid)
  end)

  it("shows one whose creator was killed before it wrote anything", function()
    e = engine.new()
    e:create()
    e:delete()
    os.execute(("mkdir -m 711 %s/state/%s"):format(e.folder, e.id))
    local state = e:state()
    assert.same({ "stopped", 0 }, { state.status, state.pid })
    e:succeeds("delete", "--force", e.id)
    assert.equal("container does not exist", e:fails("state", e.id))
  end)

  it("needs no root folder to say that there is none", function()
    e = engine.new()
    assert.equal("container does not exist", e:fails("--root", e.folder .. "/none", "state", "x"))
    assert.is_nil(core.path.realpath(e.folder .. "/none"))
  end)

  it("reads while somebody else changes the container", function()
    e = engine.new()
    e:create()
    local folder = assert(core.path.open_root(e.folder .. "/state/" .. e.id))
    local lock = assert(core.path.lock(folder, "lock"))
    assert.equal("created", e:state().status)
    assert.equal(1, #core.json.decode(e:succeeds("list", "-f", "json")))
    assert.equal("[" .. e:state().pid .. "]\n", e:succeeds("ps", "-f", "json", e.id))
    lock:close()
    folder:close()
  end)
end)

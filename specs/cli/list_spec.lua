local core = require("ctr.core")
local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

describe("lctr list and ps", function()
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

  it("show nothing of nothing", function()
    e = engine.new()
    os.execute("mkdir " .. e.folder .. "/state")
    assert.equal("[]\n", e:succeeds("list", "--format", "json"))
    assert.equal("", e:succeeds("list", "-q"))
    assert.equal("ID   PID   STATUS   BUNDLE   CREATED   OWNER\n", e:succeeds("list"))
  end)

  -- The default one is made by the first container; one that is named may be misspelled.
  it("refuse a state root that is named and is not there", function()
    e = engine.new()
    local none = e.folder .. "/none"
    assert.equal("--root: there is no such state root: " .. none,
      e:fails("--root", none, "list", "-q"))
  end)

  it("have the members of a container in the order that scripts know", function()
    e = engine.new()
    e:create()
    local one = '^{"ociVersion":"[^"]+","id":"[^"]+","pid":%d+,"status":"created","bundle":"[^"]+",'
      .. '"rootfs":"[^"]+","created":"[^"]+","owner":"root"}$'
    assert.matches(one, (e:succeeds("list", "--format=json"):match("^%[(.*)%]\n$")))
    assert.matches(one, (e:succeeds("state", e.id):gsub("\n *", ""):gsub(": ", ":")))
    assert.matches('^{\n  "ociVersion": ', e:succeeds("state", e.id))
  end)

  it("show containers as state does", function()
    e = engine.new()
    e:create()
    assert.same({ e:state() }, core.json.decode(e:succeeds("list", "--format=json")))
    assert.equal(e.id .. "\n", e:succeeds("list", "--quiet"))
    local state = e:state()
    local row = e:succeeds("list"):match("\n([^\n]*)\n")
    local cells = {}
    for cell in row:gmatch("%S+") do
      cells[#cells + 1] = cell
    end
    assert.same({ e.id, tostring(state.pid), "created", e.folder, state.created, "root" }, cells)
  end)

  it("leave out what is damaged", function()
    e = engine.new()
    e:create()
    os.execute(("mkdir -p %s/state/bad && echo nonsense >%s/state/bad/state.json"):format(e.folder,
      e.folder))
    assert.equal(1, #core.json.decode(e:succeeds("list", "--format=json")))
  end)

  it("show the processes of the cgroup and of those below it", function()
    e = engine.new({ args = { "sh", "-c", "sleep 1000 & sleep 1000 & wait" } })
    local pid = e:start()
    local pids = core.json.decode(e:succeeds("ps", "--format", "json", e.id))
    while #pids < 3 do
      pids = core.json.decode(e:succeeds("ps", "--format", "json", e.id))
    end
    assert.equal(3, #pids)
    assert.equal(pid, pids[1])
    e:succeeds("pause", e.id)
    local lines = {}
    for line in e:succeeds("ps", e.id):gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    assert.matches("^UID +PID +PPID", lines[1])
    assert.equal(4, #lines)
    local text = e:succeeds("ps", e.id, "-o", "pid,args")
    assert.matches("^ *PID COMMAND\n", text)
    assert.matches(("\n *%d sh %%-c"):format(pid), text)
    assert.equal("ps shows no column PID with these options", e:fails("ps", e.id, "-o", "args"))
    e:succeeds("resume", e.id)
  end)

  it("show none of a container that has ended", function()
    e = engine.new()
    local pid = e:start()
    e:succeeds("kill", e.id, "KILL")
    engine.await(pid)
    assert.equal("[]\n", e:succeeds("ps", "-f", "json", e.id))
  end)
end)

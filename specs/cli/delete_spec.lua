local core = require("ctr.core")
local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

describe("lctr delete", function()
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

  -- Which shares the pid namespace of the caller.
  local SHARED = { namespaces = { { type = "mount" }, { type = "ipc" }, { type = "uts" } } }

  local function with_hook(kind, command)
    local config = assert(core.json.decode(e.bundle:read("config.json")))
    config.hooks = { [kind] = { { path = "/bin/sh", args = { "sh", "-c", command } } } }
    e.bundle:file("config.json", config)
  end

  it("removes a container that was created", function()
    e = engine.new()
    local pid = e:create()
    e:succeeds("delete", e.id)
    engine.await(pid)
    assert.equal("[]\n", e:succeeds("list", "-f", "json"))
  end)

  it("refuses one that runs", function()
    e = engine.new()
    e:start()
    assert.equal(("cannot delete container %s that is not stopped: running"):format(e.id),
      e:fails("delete", e.id))
    assert.equal("running", e:state().status)
  end)

  it("ends whoever the first process left behind", function()
    e = engine.new({ args = { "sh", "-c", "sleep 1000 & exit 0" } }, SHARED)
    engine.await(e:start())
    e:succeeds("delete", e.id)
  end)

  it("removes cgroups that the container made", function()
    e = engine.new()
    e:start()
    local folder = e.id
    os.execute(("for d in $(find /sys/fs/cgroup -type d -name 'ctr-%s'); do mkdir -p $d/a/b; done")
      :format(folder))
    e:succeeds("delete", "--force", e.id)
  end)

  it("runs poststop hooks, whose failures are records", function()
    e = engine.new()
    with_hook("poststop", "cat >" .. e.folder .. "/given; exit 3")
    e:create()
    e:succeeds("--log", e.folder .. "/log", "--log-level", "warning", "--log-format", "json",
      "delete", e.id)
    assert.equal("stopped", core.json.decode(e.bundle:read("given")).status)
    local record = core.json.decode(e.bundle:read("log"))
    assert.equal("warning", record.level)
    assert.matches("poststop", record.msg)
  end)

  it("says nothing of them at the usual level", function()
    e = engine.new()
    with_hook("poststop", "exit 3")
    e:create()
    e:succeeds("delete", e.id)
  end)

  it("ends by force a creator whose hook takes its time, and the hook", function()
    e = engine.new()
    with_hook("createRuntime", "echo $$ >" .. e.folder .. "/hook; exec sleep 1000")
    local fds = e:streams()
    local child = e.bundle:start({ "create", "--bundle", e.folder, e.id }, fds)
    for _, handle in ipairs(fds) do
      handle:close()
    end
    while not (e.bundle:read("hook") or ""):find("\n") do -- luacheck: ignore 542
    end
    local result = e.bundle:lctr({ "delete", "--force", e.id })
    assert.same({ 0, "", "" }, { result.code, result.stdout, result.stderr })
    assert.equal(1, child.wait().code)
    assert.matches("init ended while the hook ran", e.bundle:read("err"), 1, true)
    assert.is_nil(core.path.realpath("/proc/" .. e.bundle:read("hook"):match("%d+")))
    assert.equal("", e:succeeds("list", "-q"))
  end)

  it("removes by force what a killed creator left", function()
    e = engine.new()
    e:create()
    e:delete()
    os.execute(("mkdir -m 711 %s/state/%s && touch %s/state/%s/lock"):format(e.folder, e.id,
      e.folder, e.id))
    e:succeeds("delete", "--force", e.id)
    assert.equal("", e:succeeds("list", "-q"))
  end)

  -- Nobody knows what such a container has on the host.
  it("leaves one whose state file is damaged alone", function()
    e = engine.new()
    e:create()
    e:delete()
    os.execute(("mkdir -m 711 %s/state/%s && echo '{' >%s/state/%s/state.json"):format(e.folder,
      e.id, e.folder, e.id))
    assert.matches("state.json", e:fails("delete", "--force", e.id), 1, true)
    os.remove(e.folder .. "/state/" .. e.id .. "/state.json")
    e:succeeds("delete", "--force", e.id)
    assert.equal("", e:succeeds("list", "-q"))
  end)
end)

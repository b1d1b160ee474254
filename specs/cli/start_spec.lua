local core = require("ctr.core")
local engine = require("specs.support.engine")
local machine = require("specs.support.machine")

describe("lctr start", function()
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

  local function change(edit)
    local config = assert(core.json.decode(e.bundle:read("config.json")))
    edit(config)
    e.bundle:file("config.json", config)
  end

  local function with_hooks(hooks)
    change(function(config) config.hooks = hooks end)
  end

  it("tells who runs hooks, in their order and with the status of then", function()
    e = engine.new()
    local said = e.folder .. "/said"
    local function hook(kind)
      return { { path = "/bin/sh", args = { "sh", "-c",
        ("printf '%s ' >>%s; grep -o '\"status\":\"[a-z]*\"' >>%s"):format(kind, said, said) } } }
    end
    with_hooks({ prestart = hook("prestart"), createRuntime = hook("createRuntime"),
      poststart = hook("poststart"), poststop = hook("poststop") })
    e:create()
    assert.equal('prestart "status":"creating"\ncreateRuntime "status":"creating"\n',
      e.bundle:read("said"))
    e:succeeds("start", e.id)
    e:succeeds("delete", "--force", e.id)
    assert.equal('poststart "status":"running"\npoststop "status":"stopped"\n',
      e.bundle:read("said"):match('\n(poststart.*)$'))
  end)

  for _, case in ipairs({ { "poststart", "/bin/false" }, { "startContainer", "/bin/false" } }) do
    it("ends a container whose hook fails: " .. case[1], function()
      e = engine.new()
      with_hooks({ [case[1]] = { { path = case[2] } } })
      local pid = e:create()
      assert.equal(("error running %s hook #0: /bin/false exited with 1"):format(case[1]),
        e:fails("start", e.id))
      engine.await(pid)
      assert.equal("stopped", e:state().status)
    end)
  end

  it("says that the program has gone since", function()
    e = engine.new({ args = { "/program/run" } })
    os.execute(("mkdir %s/program && cp build/rootfs/bin/busybox %s/program/run"):format(e.folder,
      e.folder))
    change(function(config)
      table.insert(config.mounts, { destination = "/program", source = e.folder .. "/program",
        type = "bind", options = core.json.array({ "bind" }) })
    end)
    local pid = e:create()
    os.remove(e.folder .. "/program/run")
    assert.equal('exec: "/program/run": no such file or directory', e:fails("start", e.id))
    engine.await(pid)
    assert.equal("stopped", e:state().status)
    assert.equal("cannot start a container that has stopped", e:fails("start", e.id))
  end)

  it("knows no container that is not there", function()
    e = engine.new()
    assert.equal("container does not exist", e:fails("start", e.id))
  end)
end)

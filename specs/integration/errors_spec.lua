local box = require("specs.support.box")
local ctr = require("ctr")

local function code_of(value, err)
  assert.is_nil(value)
  assert.is_truthy(tostring(err):find("%w"))
  assert.equal(err.number, ctr.errors.codes[err.code])
  return err.code
end

describe("the error code", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  it("IdInUse answers a second container of the same id", function()
    assert(b:create(nil, "twice"))
    assert.equal("IdInUse", code_of(b:create(nil, "twice")))
  end)

  it("InvalidIdFormat answers an id that is no file name of ours", function()
    for _, id in ipairs({ "", ".", "..", "a/b", "a b", "a\n", "é", "a\0b", ("x"):rep(1025) }) do
      assert.equal("InvalidIdFormat", code_of(b:create(nil, id)), id)
      assert.equal("InvalidIdFormat", code_of(b.factory:load(id)), id)
    end
  end)

  it("ContainerNotExists answers an id that no container has", function()
    assert.equal("ContainerNotExists", code_of(b.factory:load("nobody")))
  end)

  it("ContainerNotExists answers an object whose container another one destroyed", function()
    local container = assert(b.factory:create("gone", box.config(b.root)))
    local other = assert(b.factory:load("gone"))
    assert(other:destroy())
    assert.equal("ContainerNotExists", code_of(container:status()))
    assert.equal("ContainerNotExists", code_of(container:pause()))
  end)

  it("ContainerPaused answers the destruction of a paused container", function()
    local container, process = b:sleeper()
    assert(container:pause())
    assert.equal("paused", container:status())
    assert.equal("ContainerPaused", code_of(container:destroy()))
    local further = ctr.process({ args = { "/bin/true" } })
    assert.equal("ContainerPaused", code_of(container:run(further)))
    b:finish(container, process)
  end)

  it("ContainerNotStopped answers a destruction while running, and a second init", function()
    local container, process = b:sleeper()
    assert.equal("ContainerNotStopped", code_of(container:destroy()))
    local second = ctr.process({ args = { "/bin/true" }, init = true })
    assert.equal("ContainerNotStopped", code_of(container:run(second)))
    b:finish(container, process)
  end)

  it("ContainerNotRunning answers what needs a running container", function()
    local container = assert(b:create())
    assert.equal("ContainerNotRunning", code_of(container:pause()))
    assert.equal("ContainerNotRunning", code_of(container:signal("SIGTERM")))
    assert.equal("ContainerNotRunning", code_of(container:exec()))
    local further = ctr.process({ args = { "/bin/true" }, init = false })
    assert.equal("ContainerNotRunning", code_of(container:run(further)))
  end)

  it("ContainerNotPaused answers the resumption of what runs", function()
    local container, process = b:sleeper()
    assert.equal("ContainerNotPaused", code_of(container:resume()))
    b:finish(container, process)
  end)

  it("NoProcessOps answers a process that was not started", function()
    local process = ctr.process({ args = { "/bin/true" } })
    assert.equal("NoProcessOps", code_of(process:pid()))
    assert.equal("NoProcessOps", code_of(process:signal("SIGTERM")))
    assert.equal("NoProcessOps", code_of(process:wait(1)))
  end)

  it("ConfigInvalid answers a configuration, with the path of each problem", function()
    local value, err = b:create({ hostname = 5, mounts = { { destination = "data" } } })
    assert.equal("ConfigInvalid", code_of(value, err))
    assert.is_true(#err.problems >= 2)
    local container = assert(b:create())
    value, err = container:run(ctr.process({ args = {} }))
    assert.equal("ConfigInvalid", code_of(value, err))
    assert.matches("^process%.args", err.path)
  end)

  it("ConfigInvalid answers a root that is not there or behind a link", function()
    local _, err = b:create({ rootfs = "/nonesuch/root" })
    assert.equal("ConfigInvalid", err.code)
    assert.equal("rootfs", err.path)
    os.execute(("ln -sfn %s %s/link"):format(b.root, b.folder))
    _, err = b:create({ rootfs = b.folder .. "/link" })
    assert.equal("rootfs", err.path)
  end)

  it("ConsoleExists answers a stream given to a process with a console", function()
    local container = assert(b:create())
    local process = ctr.process({ args = { "/bin/true" }, terminal = true, stdout = io.stdout })
    assert.equal("ConsoleExists", code_of(container:run(process)))
  end)

  it("SystemError names what was tried, on what, and why", function()
    local container = assert(b:create({
      mounts = { { source = "tmpfs", destination = "/data", device = "tmpfs", data = "size=12Q" } },
    }))
    local value, err = container:run(ctr.process({ args = { "/bin/true" } }))
    assert.equal("SystemError", code_of(value, err))
    assert.equal("mounts[1]", err.path)
    assert.equal("EINVAL", err.errno)
    local expected = "^mounts%[1%]: mount tmpfs on /data: invalid argument %(.*size.*%)"
    assert.matches(expected, tostring(err))
  end)
end)

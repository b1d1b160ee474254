local box = require("specs.support.box")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local migration = require("specs.support.migration")
local orphans = require("specs.support.orphans")

local SECONDS = 60

-- Kills the program whose hook it is: between both is the hook's keeper.
local KILL = "read a b c pid rest < /proc/$PPID/stat; kill -9 $pid"

describe("a migration that fails", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, other, world

  setup(function()
    world = migration.world()
    b = criu.box()
    other = assert(ctr.new(b.folder .. "/other", { criu_path = criu.path }))
    orphans.adopt()
  end)

  teardown(function()
    other:close()
    b:close()
    world.close()
  end)

  local function config_of(config)
    config.cgroups = { path = box.PARENT .. "-there" }
    return config
  end

  local function here(changes)
    local target = { factory = other, directory = b.folder, config = config_of }
    for key, value in pairs(changes or {}) do
      target[key] = value
    end
    return target
  end

  -- Hooks are the target's alone.
  local function with_hook(kind, script)
    return here({ config = function(config)
      config = config_of(config)
      config.hooks = { [kind] = { { path = "/bin/sh", args = { "sh", "-c", script } } } }
      return config
    end })
  end

  local function hook_text(kind, script)
    return ("{ config = function(config) config = config_of(config) config.hooks = { %s = {"
      .. "{ path = '/bin/sh', args = { 'sh', '-c', %q } } } } return config end }"):format(kind,
      script)
  end

  local function folders()
    return host.sh(("ls -d %s/migrate-*"):format(b.folder)).stdout
  end

  local function remove_folders()
    host.sh(("rm -r %s/migrate-*"):format(b.folder))
  end

  -- A migration within this program that fails; the source goes on, and nothing else is left.
  local function fails(target, opts, before_it)
    local container, client = criu.counter(b)
    assert.equal("1 a", client:ask("a"))
    local before = machine.snapshot(box.PATTERN)
    if before_it then
      before_it(container)
    end
    local report, err = ctr.migrate(container, target, opts)
    assert.is_nil(report)
    assert.equal("2 b", client:ask("b"))
    assert.equal("running", container:status())
    assert.same({}, other:list())
    assert.same(before, machine.snapshot(box.PATTERN))
    client:finish()
    assert(container:destroy())
    return err
  end

  it("for want of an option touches nothing", function()
    local container = { id = function() error("it is looked at") end }
    local refused = {
      { here({ directory = false }), {}, "directory" },
      { here({ factory = 1 }), {}, "factory" },
      { here({ network_namespace = "/proc/self/ns/mnt" }), nil, "network_namespace", true },
      { here(), { method = "teleport" }, "method" },
      { here(), { method = "post-copy" }, "lazy_server" },
      { here(), { timeout = 0 }, "timeout" },
      { here({ socket = 0 }), {}, "socket" },
      { { socket = 0 }, {}, "directory", true },
    }
    local real, client = criu.counter(b)
    for _, row in ipairs(refused) do
      local ok, err = ctr.migrate((row[4] or row[3] == "directory" or row[3] == "factory") and real
        or container, row[1], row[2])
      assert.is_nil(ok)
      assert.equal(row[3], err.path, tostring(err))
    end
    for name, target in pairs({ config = { factory = other, directory = b.folder },
      directory = { factory = other, config = {} },
      network_namespace = here({ network_namespace = "/proc/self/ns/net" }) }) do
      local ok, err = ctr.receive_migration(0, target)
      assert.is_nil(ok)
      assert.equal(name, err.path)
    end
    client:finish()
    assert(real:destroy())
  end)

  it("because the container does not run says so", function()
    local container = assert(b:create())
    local ok, err = ctr.migrate(container, here())
    assert.is_nil(ok)
    assert.equal("ContainerNotRunning", err.code)
    assert(container:destroy())
  end)

  it("because the target refuses it leaves the source as it was", function()
    local err = fails(here({ config = function() return nil, "not here" end }))
    assert.matches("the container is refused: not here", tostring(err), 1, true)
    assert.equal("running", err.source)
    assert.equal("", folders())
  end)

  it("for want of a root at the target leaves the source as it was", function()
    local err = fails(here({ config = function(config)
      config = config_of(config)
      config.rootfs = b.folder .. "/nowhere"
      return config
    end }))
    assert.equal("running", err.source)
    assert.matches("nowhere", tostring(err), 1, true)
    remove_folders()
  end)

  -- What a restore that failed kills is what is in its cgroups.
  it("because the cgroups are the source's leaves the source as it was", function()
    local err = fails(here({ config = function(config) return config end }))
    assert.equal("cgroups.path", err.path)
    assert.equal("EBUSY", err.errno)
    assert.equal("", folders())
  end)

  it("because there is no page server leaves the source as it was", function()
    local err = fails(here(), { page_server = true })
    assert.equal("page_server", err.path)
  end)

  it("in a hook of the target leaves the source as it was", function()
    local err = fails(with_hook("createRuntime", "echo no; exit 1"))
    assert.matches("hooks.createRuntime[1]", tostring(err), 1, true)
    assert.equal("running", err.source)
    assert.equal("", folders())
  end)

  it("at the caller's wish leaves the source as it was", function()
    for _, phase in ipairs({ "dump", "transfer", "restore" }) do
      local err = fails(here(), { progress = function(info)
        if info.phase == phase then
          error("enough", 0)
        end
      end })
      assert.matches("enough", tostring(err), 1, true)
      assert.equal("running", err.source)
      remove_folders()
    end
  end)

  it("when the source has ended restores it of its images", function()
    local container, client = criu.counter(b)
    assert.equal("1 a", client:ask("a"))
    local again = criu.client()
    local report, err = ctr.migrate(container, here(), { process = again.process,
      progress = function(info)
        if info.phase == "go" then
          error("enough", 0)
        end
      end })
    assert.is_nil(report)
    assert.equal("enough", err.message)
    assert.equal("restored", err.source)
    assert.equal(again.process, err.process)
    assert.equal("SIGKILL", client.process:wait(SECONDS).signal)
    client:close()
    assert.equal("2 b", again:ask("b"))
    assert.same({}, other:list())
    assert.equal("", folders())
    again:finish()
    assert(container:destroy())
  end)

  it("in a hook that runs beside the target restores the source", function()
    local container, client = criu.counter(b)
    assert.equal("1 a", client:ask("a"))
    local again = criu.client()
    local report, err = ctr.migrate(container, with_hook("poststart", "exit 1"),
      { process = again.process })
    assert.is_nil(report)
    assert.equal("restored", err.source)
    assert.equal(again.process, err.process)
    assert.equal("SIGKILL", client.process:wait(SECONDS).signal)
    client:close()
    assert.equal("2 b", again:ask("b"))
    assert.same({}, other:list())
    assert.equal("", folders())
    again:finish()
    assert(container:destroy())
  end)

  describe("between two programs", function()
    local function migrate(changes, opts, fields)
      local container, client = criu.counter(b, nil, nil, fields)
      if not fields then
        assert.equal("1 a", client:ask("a"))
      end
      local receiver, socket = migration.receiver(b, { changes = changes })
      local all = { directory = b.folder }
      for key, value in pairs(opts or {}) do
        all[key] = value
      end
      local report, err = ctr.migrate(container, { socket = socket }, all)
      assert.is_nil(report)
      socket:close()
      local there = receiver:line()
      receiver:finish()
      return err, container, client, there
    end

    -- The source goes on, and the receiving end has nothing but what can be destroyed.
    local function goes_on(container, client)
      assert.equal("2 b", client:ask("b"))
      assert.equal("running", container:status())
      client:finish()
      assert(container:destroy())
      local factory = assert(ctr.new(b.folder .. "/there"))
      for _, id in ipairs(factory:list()) do
        local left = assert(factory:load(id))
        left:signal("SIGKILL", true)
        assert(left:destroy())
      end
      factory:close()
      orphans.reap("the receiving end")
    end

    it("tells the source why it was refused", function()
      local err, container, client, there = migrate(
        "{ config = function() return nil, 'not here' end }")
      assert.matches("the other end: .*not here", tostring(err))
      assert.equal("running", err.source)
      assert.matches("^failed\t.*not here", there)
      goes_on(container, client)
      assert.equal("", folders())
    end)

    it("tells the source that its images are too large", function()
      local err, container, client, there = migrate("{ max_bytes = 1000 }")
      assert.matches("larger than 1000 bytes", tostring(err), 1, true)
      assert.matches("^failed\t.*larger than 1000 bytes", there)
      goes_on(container, client)
    end)

    it("leaves the source as it was where the target cannot be restored", function()
      local err, container, client, there = migrate(hook_text("createRuntime", "exit 1"))
      assert.matches("hooks.createRuntime", tostring(err), 1, true)
      assert.equal("running", err.source)
      assert.matches("^failed", there)
      goes_on(container, client)
    end)

    it("leaves the source as it was where the receiving end is killed", function()
      for _, changes in ipairs({ "{ config = kill }",
        hook_text("createRuntime", KILL) }) do
        local err, container, client, there = migrate(changes)
        assert.is_nil(there)
        assert.matches("went away", tostring(err), 1, true)
        assert.equal("running", err.source)
        goes_on(container, client)
      end
      remove_folders()
    end)

    it("restores the source where the target fails when it is told to run", function()
      local again = criu.client()
      local err, container, client = migrate(hook_text("poststart", "exit 1"),
        { process = again.process })
      assert.equal("restored", err.source)
      client.process:wait(SECONDS)
      client:close()
      goes_on(container, again)
      remove_folders()
    end)

    -- Nobody can know: the source does not come back.
    it("leaves one copy where the receiving end is killed when it was told to run", function()
      local err, container, client, there = migrate(hook_text("poststart", KILL), nil,
        { args = criu.WAITING })
      assert.is_nil(there)
      assert.equal("stopped", err.source)
      assert.matches("it is not known whether the target runs", tostring(err), 1, true)
      client.process:wait(SECONDS)
      client:close()
      assert.equal("stopped", container:status())
      assert(container:destroy())
      local factory = assert(ctr.new(b.folder .. "/there"))
      local moved = assert(factory:load(factory:list()[1]))
      assert.equal("running", moved:status())
      assert(moved:signal("SIGKILL", true))
      assert(moved:destroy())
      factory:close()
      orphans.reap("the receiving end")
      remove_folders()
    end)

    it("gives up an end that says nothing", function()
      local ours, theirs = assert(core.fd.socketpair("stream"))
      local container, client = criu.counter(b)
      assert.equal("1 a", client:ask("a"))
      local ok, err = ctr.migrate(container, { socket = ours }, { directory = b.folder,
        timeout = 0.2 })
      assert.is_nil(ok)
      assert.equal("ETIMEDOUT", err.errno)
      ours:close()
      theirs:close()
      goes_on(container, client)
      assert.equal("", folders())
    end)

    it("leaves one copy where the sending end is killed", function()
      for _, phase in ipairs({ "dump", "transfer", "restore" }) do
        local container, client = criu.counter(b)
        assert.equal("1 a", client:ask("a"))
        local receiver, socket = migration.receiver(b)
        local source = migration.killed_source(b, container, socket, phase)
        assert.is_nil(source:line())
        source:finish()
        assert.matches("^failed", receiver:line())
        receiver:finish()
        goes_on(container, client)
      end
      remove_folders()
    end)
  end)

  it("where the sending end is killed in the last moment leaves nothing that runs", function()
    local container, client = criu.counter(b)
    assert.equal("1 a", client:ask("a"))
    local receiver, socket = migration.receiver(b)
    local source = migration.killed_source(b, container, socket, "go")
    assert.is_nil(source:line())
    source:finish()
    local images = assert(receiver:line():match("^failed\t.*\t(/.*)$"))
    receiver:finish()
    assert.equal("SIGKILL", client.process:wait(SECONDS).signal)
    client:close()
    assert.equal("stopped", container:status())
    -- They are all that is left of it.
    local last = host.sh(("ls %s | sort -n | tail -n 1"):format(images)).stdout:match("%d+")
    local again = assert(criu.restore(container, images .. "/" .. last))
    assert.equal("2 b", again:ask("b"))
    again:finish()
    assert(container:destroy())
    orphans.reap("the sending end")
    remove_folders()
  end)

  describe("of a server with a client", function()
    local SERVER = { args = { "/bin/nc", "-l", "-p", migration.PORT, "-e", "/bin/sh", "-c",
      "while read word; do i=$((i+1)); echo $i $word; done" }, env = { "PATH=/bin" } }

    it("keeps the connection", function()
      local container = assert(b:create({ networks = migration.NETWORKS }))
      local process = ctr.process(SERVER)
      assert(container:run(process))
      local client = migration.client(world)
      for _ = 1, 2 do
        local target = with_hook("createRuntime", "exit 1")
        target.network_namespace = world.there
        local report, err = ctr.migrate(container, target, { tcp_established = true })
        assert.is_nil(report)
        assert.equal("running", err.source)
        client:await_more(10)
      end
      local report, err = ctr.migrate(container, here({ network_namespace = world.there }),
        { tcp_established = true, progress = function(info)
          if info.phase == "go" then
            error("enough", 0)
          end
        end })
      assert.is_nil(report)
      assert.equal("restored", err.source)
      process:wait(SECONDS)
      process = err.process
      client:await_more(10)
      client:finish()
      assert.equal(0, process:wait(SECONDS).code)
      assert(container:destroy())
    end)
  end)
end)

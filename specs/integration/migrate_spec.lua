local box = require("specs.support.box")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local migration = require("specs.support.migration")
local program = require("ctr.criu.program")

local SECONDS = 60

-- Much memory, of which little is written to.
local LARGE = { args = { "/bin/sh", "-c", "x=$(seq 1 200000); while read word; do "
  .. "if test $word = length; then echo ${#x}; else i=$((i+1)); echo $i $word; fi; done" },
  env = { "PATH=/bin" } }
local LENGTH = "1288894"

local STAGED = { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
  gid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } } }

describe("a migration", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, other, world, has_tracking

  setup(function()
    world = migration.world()
    b = criu.box()
    other = assert(ctr.new(b.folder .. "/other", { criu_path = criu.path }))
    local version, path = assert(program.version(b.factory))
    has_tracking = program.check_feature(path, version, "mem_track", "pre_dump")
  end)

  teardown(function()
    other:close()
    b:close()
    world.close()
  end)

  -- The receiving end in this program.
  local function here(client, changes)
    local target = { factory = other, directory = b.folder, process = client and client.process,
      config = function(config)
        config.cgroups = { path = box.PARENT .. "-there" }
        return config
      end }
    for key, value in pairs(changes or {}) do
      target[key] = value
    end
    return target
  end

  -- What is left of migrations in the folder of the images.
  local function folders()
    return host.sh(("ls -d %s/migrate-*"):format(b.folder)).stdout
  end

  -- A container that runs in the other factory, and then no more.
  local function end_there(report, client)
    assert.equal(0, client:finish().code)
    assert(report.container:destroy())
  end

  describe("within one program", function()
    it("moves a container to another state root, and says how it went", function()
      local before = machine.snapshot(box.PATTERN)
      local container, client = criu.counter(b)
      assert.equal("1 a", client:ask("a"))
      local there = criu.client()
      local report = assert(ctr.migrate(container, here(there), { method = "stop-and-copy" }))
      assert.equal("SIGKILL", client.process:wait(SECONDS).signal)
      client:close()
      assert.equal("2 b", there:ask("b"))
      assert.equal("stop-and-copy", report.method)
      assert.equal(1, #report.rounds)
      assert.is_true(report.rounds[1].bytes > 0
        and report.rounds[1].bytes == 4096 * report.rounds[1].pages)
      assert.is_true(report.down_time > 0 and report.down_time < report.total)
      assert.equal("", folders())
      assert.is_nil(b.factory:load(container:id()))
      assert.equal("running", report.container:status())
      end_there(report, there)
      container, report = nil, nil -- luacheck: ignore 311
      assert.same(before, machine.snapshot(box.PATTERN))
    end)

    it("says why memory was not taken ahead", function()
      if has_tracking then
        pending("this kernel tracks which pages are written to")
        return
      end
      local container, client = criu.counter(b)
      local ok, err = ctr.migrate(container, here(), { method = "pre-copy" })
      assert.is_nil(ok)
      assert.equal("method", err.path)
      assert.matches("does not have mem_track", tostring(err), 1, true)
      local there = criu.client()
      local report = assert(ctr.migrate(container, here(there)))
      assert.equal("stop-and-copy", report.method)
      assert.matches("does not have mem_track", report.fallback, 1, true)
      client.process:wait(SECONDS)
      client:close()
      end_there(report, there)
    end)

    it("takes memory ahead until little is written to", function()
      if not has_tracking then
        pending("this kernel does not know which pages were written to")
        return
      end
      local container = assert(b:create())
      local client, there = criu.client(LARGE), criu.client()
      assert(container:run(client.process))
      assert.equal("1 a", client:ask("a"))
      local numbers = {}
      local report = assert(ctr.migrate(container, here(there), { max_rounds = 3,
        dirty_limit = "512K", progress = function(info) numbers[#numbers + 1] = info.number end }))
      client.process:wait(SECONDS)
      client:close()
      assert.equal("2 b", there:ask("b"))
      assert.equal(LENGTH, there:ask("length"))
      assert.equal("pre-copy", report.method)
      local first, last = report.rounds[1].bytes, report.rounds[#report.rounds].bytes
      assert.is_true(#report.rounds >= 3 and first > 512 * 1024 and last < first / 2)
      assert.equal(#report.rounds - 1, #numbers) -- the last dump is no pre-dump
      end_there(report, there)
    end)

    it("moves a container with a user namespace", function()
      local container, client = criu.counter(b, STAGED)
      assert.equal("1 a", client:ask("a"))
      local there = criu.client()
      local report = assert(ctr.migrate(container, here(there)))
      client.process:wait(SECONDS)
      client:close()
      assert.equal("2 b", there:ask("b"))
      end_there(report, there)
    end)
  end)

  describe("between two programs", function()
    -- Moves a counter with a receiver's changes; what both ends say.
    local function move(changes, options, fields)
      local container = assert(b:create())
      local process = ctr.process(fields or { args = criu.WAITING })
      assert(container:run(process))
      local receiver, socket = migration.receiver(b, { world = world, changes = changes })
      local all = { directory = b.folder }
      for key, value in pairs(options or {}) do
        all[key] = value
      end
      local report = assert(ctr.migrate(container, { socket = socket }, all))
      socket:close()
      assert.equal("SIGKILL", process:wait(SECONDS).signal)
      return report, receiver, container:id()
    end

    -- Ends what was moved there.
    local function finish(receiver, id)
      local factory = assert(ctr.new(b.folder .. "/there"))
      assert(assert(factory:load(id)):signal("SIGKILL"))
      assert.equal("ended\tSIGKILL", receiver:line())
      receiver:finish()
      assert.same({}, factory:list())
      factory:close()
    end

    it("sends the images through a stream", function()
      local before = machine.snapshot(box.PATTERN)
      local report, receiver, id = move()
      assert.equal(("received\t%s"):format(id), receiver:line():match("^received\t[^\t]+"))
      assert.is_true(report.bytes > report.rounds[#report.rounds].bytes)
      assert.is_nil(report.container)
      finish(receiver, id)
      assert.equal("", folders())
      report = nil -- luacheck: ignore 311
      assert.same(before, machine.snapshot(box.PATTERN))
    end)

    it("gives the container another id, where the receiving end wants that", function()
      local _, receiver = move("{ id = 'renamed' }")
      assert.matches("^received\trenamed\t", receiver:line())
      finish(receiver, "renamed")
    end)

    it("sends pages to a page server", function()
      local server = ("{ page_server = { address = %q, port = 7072 } }"):format(
        world.addresses.there)
      local report, receiver, id = move(server, { page_server = true })
      local pages = 0
      for _, round in ipairs(report.rounds) do
        pages = pages + round.bytes
        assert.is_true(round.sent < 256 * 1024)
      end
      assert.is_true(pages > 0 and report.bytes > pages)
      assert.matches("^received", receiver:line())
      finish(receiver, id)
    end)

    it("does not begin a post-copy where CRIU cannot serve pages", function()
      if migration.allows_pipes() then
        pending("CRIU's pipes may have any size here")
        return
      end
      local container, client = criu.counter(b)
      local ok, err = ctr.migrate(container, here(), { method = "post-copy",
        lazy_server = { address = world.addresses.here, port = 7073 } })
      assert.is_nil(ok)
      assert.equal("method", err.path)
      assert.matches("fs.pipe%-max%-size is %d+", tostring(err))
      client:finish()
      assert(container:destroy())
    end)

    it("lets memory follow, where that is asked for", function()
      local put_back = migration.allow_pipes()
      if not put_back then
        pending("fs.pipe-max-size cannot be changed")
        return
      end
      finally(put_back)
      local report, receiver, id = move("{}", { method = "post-copy",
        lazy_server = { address = world.addresses.here, port = 7073 } })
      assert.equal("post-copy", report.method)
      assert.matches("^received", receiver:line())
      finish(receiver, id)
    end)
  end)

  describe("of a server with a client", function()
    local SERVER = { args = { "/bin/nc", "-l", "-p", migration.PORT, "-e", "/bin/sh", "-c",
      "while read word; do i=$((i+1)); echo $i $word; done" }, env = { "PATH=/bin" } }

    local function serve()
      local container = assert(b:create({ networks = migration.NETWORKS }))
      local process = ctr.process(SERVER)
      assert(container:run(process))
      return container, process, migration.client(world)
    end

    it("keeps the connection, from host to host", function()
      local container, process, client = serve()
      local receiver, socket = migration.receiver(b, { world = world })
      assert(ctr.migrate(container, { socket = socket }, { directory = b.folder,
        tcp_established = true }))
      socket:close()
      client:await_more(10)
      assert.equal("SIGKILL", process:wait(SECONDS).signal)
      assert.matches("^received", receiver:line())
      client:finish()
      assert.equal("ended\t0", receiver:line())
      receiver:finish()
    end)

    it("keeps the connection, within one program", function()
      local before = machine.snapshot(box.PATTERN)
      local container, process, client = serve()
      local report = assert(ctr.migrate(container, here(nil,
        { network_namespace = world.there }), { tcp_established = true }))
      client:await_more(10)
      process:wait(SECONDS)
      client:finish()
      assert.equal(0, report.process:wait(SECONDS).code)
      assert(report.container:destroy())
      container, report = nil, nil -- luacheck: ignore 311
      assert.same(before, machine.snapshot(box.PATTERN))
    end)

    it("keeps the connection after a post-copy", function()
      local put_back = migration.allow_pipes()
      if not put_back then
        pending("fs.pipe-max-size cannot be changed")
        return
      end
      finally(put_back)
      local container, process, client = serve()
      local report = assert(ctr.migrate(container, here(nil,
        { network_namespace = world.there }), { tcp_established = true, method = "post-copy",
        lazy_server = { address = world.addresses.here, port = 7074 } }))
      client:await_more(10)
      process:wait(SECONDS)
      client:finish()
      assert.equal(0, report.process:wait(SECONDS).code)
      assert(report.container:destroy())
    end)
  end)
end)

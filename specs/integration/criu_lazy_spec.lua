local core = require("ctr.core")
local criu = require("specs.support.criu")
local host = require("specs.support.host")
local netns = require("specs.support.netns")
local pipes = require("ctr.criu.pipes")
local program = require("ctr.criu.program")

local SECONDS = 120
local PORT = 7272
local READ = { flags = { "rdwr", "nonblock" } }

describe("lazy pages", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, leave, can_serve

  setup(function()
    leave = netns.enter()
    b = criu.box()
    can_serve = pipes.check(b:create().host, "lazy_pages")
  end)

  teardown(function()
    b:close()
    leave()
  end)

  local function spawn(argv, path)
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    local child = assert(core.proc.spawn({ path = path, argv = argv,
      env = program.environment(), fds = { null, null, null } }))
    null:close()
    return child
  end

  local function wait(child)
    assert(core.poll.wait({ { fd = child.pidfd, events = "r" } }, SECONDS)[1])
    local result = core.proc.wait(child.pidfd, {})
    child.pidfd:close()
    return result
  end

  -- A checkpoint in another program, for it ends only when all pages were fetched.
  local function dump(container, folder, fifo)
    assert.equal(0, host.sh("mkfifo " .. fifo).code)
    local pipe = assert(core.fd.open(fifo, READ))
    local options = core.json.encode({ images_directory = folder, lazy_pages = true,
      page_server = { address = "127.0.0.1", port = PORT }, status_fd = fifo })
    local child = spawn({ "luajit", "specs/support/criu_dumper.lua", b.folder, criu.path,
      container:id(), options }, "/usr/bin/luajit")
    assert(core.poll.wait({ { fd = pipe, events = "r" } }, SECONDS)[1], "not ready")
    assert.equal("\0", core.fd.read(pipe, 10))
    pipe:close()
    return child
  end

  local function fetch(folder)
    local server = spawn({ "criu", "lazy-pages", "--images-dir", folder, "--page-server",
      "--address", "127.0.0.1", "--port", tostring(PORT), "-o", "lazy.log" }, criu.path)
    assert.equal(0, host.sh(("for i in $(seq 1200); do test -S %s/lazy-pages.socket && exit 0; "
      .. "sleep 0.05; done; exit 1"):format(folder)).code)
    return server
  end

  it("follow when they are asked for, and the container ends when all have", function()
    if not can_serve then
      pending("CRIU cannot serve pages on this machine")
      return
    end
    local container, client = criu.counter(b, {}, "x=$(seq 1 100000)")
    assert.equal("1 a", client:ask("a"))
    local folder = criu.folder(b)
    local source = dump(container, folder, b.folder .. "/ready")
    local server = fetch(folder)
    local other = assert(b:create())
    local restored = assert(criu.restore(other, folder, { lazy_pages = true }))
    assert.equal("2 b", restored:ask("b"))
    assert.equal(0, wait(server).code)
    assert.equal(0, wait(source).code)
    client.process:wait(SECONDS)
    client:close()
    assert.equal("stopped", container:status())
    assert.equal("3 c", restored:ask("c"))
    restored:finish()
    assert(other:destroy())
    assert(container:destroy())
  end)

  it("are refused where CRIU could not serve them", function()
    if can_serve then
      pending("it can on this machine")
      return
    end
    local container, client = criu.counter(b)
    local folder = criu.folder(b)
    local ok, err = container:checkpoint({ images_directory = folder, lazy_pages = true,
      page_server = { address = "127.0.0.1", port = PORT } })
    assert.is_nil(ok)
    assert.equal("lazy_pages", err.path)
    assert.matches("fs.pipe-max-size is", tostring(err), 1, true)
    assert.not_equal(0, host.sh("test -e " .. folder).code)
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
  end)

  it("want to know where they are served, and whom to tell", function()
    local container, client = criu.counter(b)
    for _, case in ipairs({
      { { lazy_pages = true }, "page_server" },
      { can_serve and { lazy_pages = true, status_fd = b.folder .. "/none/fifo",
        page_server = { address = "127.0.0.1", port = PORT } }, "status_fd" },
    }) do
      if case[1] then
        case[1].images_directory = criu.folder(b)
        local ok, err = container:checkpoint(case[1])
        assert.is_nil(ok)
        assert.equal(case[2], err.path)
      end
    end
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
  end)

  it("are not restored where nobody serves them", function()
    local container, client = criu.counter(b)
    local folder = criu.dump(b, container, client)
    local ok, err = criu.restore(container, folder, { lazy_pages = true })
    assert.is_nil(ok)
    assert.matches("lazy-pages", tostring(err), 1, true)
    assert.equal("stopped", container:status())
    client = assert(criu.restore(container, folder))
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
  end)
end)

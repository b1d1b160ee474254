local core = require("ctr.core")
local criu = require("specs.support.criu")
local folders = require("ctr.criu.folders")
local host = require("specs.support.host")
local netns = require("specs.support.netns")
local program = require("ctr.criu.program")

local SECONDS = 60
local PORT = 7070

describe("a checkpoint in parts", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, has_tracking, leave

  setup(function()
    leave = netns.enter()
    b = criu.box()
    local version, path = assert(program.version(b.factory))
    has_tracking = program.check_feature(path, version, "mem_track", "pre_dump")
  end)

  teardown(function()
    b:close()
    leave()
  end)

  it("wants a kernel that knows which pages were written to", function()
    if has_tracking then
      pending("this kernel does")
      return
    end
    local container, client = criu.counter(b)
    local folder = criu.folder(b)
    local ok, err = container:checkpoint({ images_directory = folder, pre_dump = true })
    assert.is_nil(ok)
    assert.equal("pre_dump", err.path)
    assert.matches("does not have mem_track", tostring(err), 1, true)
    ok, err = container:checkpoint({ images_directory = folder, parent_image = "../before" })
    assert.is_nil(ok)
    assert.equal("parent_image", err.path)
    assert.not_equal(0, host.sh("test -e " .. folder).code)
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
  end)

  it("tells that the earlier checkpoint is not there", function()
    local images = assert(core.fd.open(b.folder, { flags = { "rdonly", "directory" } }))
    assert.is_true(folders.check_parent(images, "../" .. b.folder:match("[^/]+$")))
    for _, path in ipairs({ "../nonesuch", "rootfs/etc/passwd" }) do
      local ok, err = folders.check_parent(images, path)
      assert.is_nil(ok)
      assert.equal("parent_image", err.path)
      assert.matches(path, tostring(err), 1, true)
    end
    images:close()
  end)

  local function blocks(folder)
    return tonumber(host.sh(("stat -c %%b %s/pages-1.img"):format(folder)).stdout)
  end

  it("takes memory ahead, and last what has changed since", function()
    if not has_tracking then
      pending("this kernel does not know which pages were written to")
      return
    end
    local container = assert(b:create())
    local client = criu.client({ args = { "/bin/sh", "-c", "x=$(seq 1 200000); while read word; do "
      .. "if test $word = length; then echo ${#x}; else i=$((i+1)); echo $i $word; fi; done" },
      env = { "PATH=/bin" } })
    assert(container:run(client.process))
    assert.equal("1 a", client:ask("a"))
    local first, second, last = criu.folder(b), criu.folder(b), criu.folder(b)
    local pages = {}
    local function count(info)
      if info.step == "done" then
        pages[#pages + 1] = info.pages_written
        assert.equal(#pages, info.iteration)
      end
    end
    assert(container:checkpoint({ images_directory = first, pre_dump = true, progress = count }))
    assert.equal("running", container:status())
    assert.equal("2 b", client:ask("b"))
    local before = blocks(first)
    assert(container:checkpoint({ images_directory = second, pre_dump = true, progress = count,
      auto_dedup = true, parent_image = "../" .. first:match("[^/]+$") }))
    assert(container:checkpoint({ images_directory = last, progress = count,
      parent_image = "../" .. second:match("[^/]+$") }))
    client.process:wait(SECONDS)
    client:close()
    -- What the last ones have is taken out of the first.
    assert.is_true(blocks(first) < before)
    assert.is_true(pages[1] > 200 and pages[2] < pages[1] / 2 and pages[3] < pages[1] / 2,
      table.concat(pages, " "))
    client = assert(criu.restore(container, last))
    assert.equal("3 c", client:ask("c"))
    assert.equal("1288894", client:ask("length"))
    client:finish()
    assert(container:destroy())
  end)

  -- A page server that writes to a folder.
  local function serve(folder)
    assert.equal(0, host.sh("mkdir -p " .. folder).code)
    local read, write = assert(core.fd.pipe())
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    local child = assert(core.proc.spawn({ path = criu.path, env = program.environment(),
      argv = { "criu", "page-server", "--images-dir", folder, "--port", tostring(PORT),
        "--address", "127.0.0.1", "--status-fd", "3" }, fds = { null, null, null, write } }))
    write:close()
    null:close()
    assert(core.poll.wait({ { fd = read, events = "r" } }, SECONDS)[1])
    read:close()
    return child
  end

  it("sends memory to a page server", function()
    local container, client = criu.counter(b)
    assert.equal("1 a", client:ask("a"))
    local folder, there = criu.folder(b), criu.folder(b)
    local server = serve(there)
    local told = {}
    assert(container:checkpoint({ images_directory = folder,
      page_server = { address = "127.0.0.1", port = PORT },
      progress = function(info) told[info.step] = info end }))
    assert.equal(0, told["network-lock"].bytes_written)
    assert.is_true(told["post-dump"].pages_written > 0)
    assert.equal(told.done.pages_written, told["post-dump"].pages_written)
    assert(core.proc.wait(server.pidfd, {}))
    server.pidfd:close()
    client.process:wait(SECONDS)
    client:close()
    assert.not_equal(0, host.sh(("ls %s/pages-*.img"):format(folder)).code)
    assert.equal(0, host.sh(("cp %s/*.img %s/"):format(there, folder)).code)
    client = assert(criu.restore(container, folder))
    assert.equal("2 b", client:ask("b"))
    client:finish()
    assert(container:destroy())
  end)

  it("says that nobody is at the page server's address", function()
    local container, client = criu.counter(b)
    local ok, err = container:checkpoint({ images_directory = criu.folder(b),
      page_server = { address = "127.0.0.1", port = 1 } })
    assert.is_nil(ok)
    assert.matches("nobody answers at the page server's address", tostring(err), 1, true)
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
  end)
end)

local box = require("specs.support.box")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local hierarchy = require("ctr.criu.hierarchy")
local host = require("specs.support.host")
local machine = require("specs.support.machine")

describe("checkpoint and restore", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b

  setup(function()
    b = criu.box()
  end)

  teardown(function()
    b:close()
  end)

  it("go on with what was in memory", function()
    local container, client = criu.counter(b)
    assert.equal("1 a", client:ask("a"))
    assert.equal("2 b", client:ask("b"))
    local folder = criu.dump(b, container, client)
    assert.equal("stopped", container:status())
    client = assert(criu.restore(container, folder))
    assert.equal("running", container:status())
    assert.equal("3 c", client:ask("c"))
    assert.equal(container:state().init_process_pid, client.process:pid())
    assert.equal(0, client:finish().code)
    assert.equal("stopped", container:status())
    assert(container:destroy())
  end)

  it("make another container of it, under another id", function()
    local container, client = criu.counter(b)
    assert.equal("1 a", client:ask("a"))
    local folder = criu.dump(b, container, client)
    assert(container:destroy())
    container = assert(b:create())
    client = assert(criu.restore(container, folder))
    assert.equal("2 b", client:ask("b"))
    local second = assert(b:run(container, "cat /proc/1/cmdline | tr '\\0' ' '", { init = false }))
    assert.matches("^/bin/sh %-c", second.out)
    assert.equal(0, client:finish().code)
    assert(container:destroy())
  end)

  -- The folder that a link among the images leads to was not shown to CRIU.
  it("find the images that images build on", function()
    local container, client = criu.counter(b)
    local first, second = criu.folder(b), criu.dump(b, container, client)
    assert.equal(0, host.sh(("cp -r %s %s && ln -s ../%s %s/parent"):format(second, first,
      first:match("[^/]+$"), second)).code)
    client = assert(criu.restore(container, second))
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
  end)

  it("leave nothing that was not there before", function()
    local before = machine.snapshot(box.PATTERN)
    local container, client = criu.counter(b)
    local folder = criu.dump(b, container, client)
    client = assert(criu.restore(container, folder))
    client:finish()
    assert(container:destroy())
    container, client = nil, nil -- luacheck: ignore 311
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  -- CRIU mounts the cgroup2 hierarchy for itself, without nsdelegate: so it was gone on the host.
  it("leave the host's cgroup2 hierarchy the options that it has", function()
    local before = hierarchy.options()
    local container, client = criu.counter(b)
    local folder = criu.folder(b)
    -- Not even for a while: the caller may be killed then.
    local seen = {}
    local function look(info)
      seen[info.step] = hierarchy.options()
    end
    assert(container:checkpoint({ images_directory = folder, leave_running = true,
      progress = look }))
    client:finish()
    client = assert(criu.restore(container, folder, { progress = look }))
    assert.is_not_nil(seen["post-dump"] and seen["post-restore"])
    for _, options in pairs(seen) do
      assert.equal(before, options)
    end
    assert.equal(before, hierarchy.options())
    client:finish()
    assert(container:destroy())
  end)

  it("let the container go on where that is said", function()
    local container, client = criu.counter(b)
    local folder = criu.folder(b)
    assert(container:checkpoint({ images_directory = folder, leave_running = true }))
    assert.equal("running", container:status())
    assert.equal("1 a", client:ask("a"))
    assert.equal(0, client:finish().code)
    client = assert(criu.restore(container, folder))
    assert.equal("1 b", client:ask("b"))
    client:finish()
    assert(container:destroy())
  end)

  it("are refused to a container that does not run, or runs", function()
    local container = assert(b:create())
    local ok, err = container:checkpoint({ images_directory = criu.folder(b) })
    assert.is_nil(ok)
    assert.equal("ContainerNotRunning", err.code)
    local process = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:start(process))
    ok, err = container:checkpoint({ images_directory = criu.folder(b) })
    assert.is_nil(ok)
    assert.equal("ContainerNotRunning", err.code)
    assert(container:exec())
    ok, err = container:restore(ctr.process({}), { images_directory = criu.folder(b) })
    assert.is_nil(ok)
    assert.equal("ContainerNotStopped", err.code)
    b:finish(container, process)
  end)

  it("name an option that is wrong, before anything is made", function()
    local container, process = b:sleeper()
    local folder = criu.folder(b)
    for _, case in ipairs({
      { {}, "images_directory" },
      { { images_directory = folder, images = "x" }, "images" },
      { { images_directory = folder, manage_cgroups_mode = "hard" }, "manage_cgroups_mode" },
      { { images_directory = folder, page_server = { address = "::1" } }, "page_server.port" },
      { { images_directory = folder, parent_image = "/x" }, "parent_image" },
    }) do
      local ok, err = container:checkpoint(case[1])
      assert.is_nil(ok)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(case[2], err.path)
    end
    assert.not_equal(0, host.sh("test -e " .. folder).code)
    b:finish(container, process)
  end)

  it("tell how far they are", function()
    local container, client = criu.counter(b)
    local steps, last = {}, nil
    local folder = criu.dump(b, container, client, { progress = function(info)
      steps[info.step], last = info, info
    end })
    assert.is_not_nil(steps["network-lock"] and steps["post-dump"])
    assert.equal("done", last.step)
    assert.is_true(last.pages_written > 0 and last.frozen_time > 0)
    assert.equal(last.pages_written * 4096, last.bytes_written)
    -- Steps say how much is there already.
    assert.equal(0, steps["network-lock"].pages_written)
    assert.equal(last.bytes_written, steps["post-dump"].bytes_written)
    assert.equal(1, last.iteration)
    assert.is_true(last.pages_expected > 0)
    client = assert(criu.restore(container, folder, { progress = function(info)
      steps[info.step], last = info, info
    end }))
    assert.is_not_nil(steps["post-restore"])
    assert.equal("done", last.step)
    assert.is_true(last.pages_restored > 0)
    client:finish()
    assert(container:destroy())
  end)
end)

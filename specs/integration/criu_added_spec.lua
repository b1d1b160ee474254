local criu = require("specs.support.criu")
local ctr = require("ctr")
local host = require("specs.support.host")

local SECONDS = 60
local ADMIN = { "CAP_NET_ADMIN" }
local GRANTED = { bounding = ADMIN, permitted = ADMIN, effective = ADMIN, inheritable = {},
  ambient = {} }

-- Leaves a program behind that answers to a signal, as a daemon does.
local LEAVE = "(exec >/tmp/said 2>&1 </dev/null; trap 'echo heard' USR1; "
  .. "while :; do sleep 1000 & wait $!; done) & echo $!"

describe("a checkpoint of a container that processes were added to", function()
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

  local function finish(container, client)
    client:close()
    container:signal("SIGKILL", true)
    client.process:wait(SECONDS)
    assert(container:destroy())
  end

  it("takes along what they left in the container", function()
    local container, client = criu.counter(b)
    local pid = b:run(container, LEAVE, { init = false }).out:match("%d+")
    local folder = criu.folder(b)
    assert.same({ true }, { container:checkpoint({ images_directory = folder }) })
    client.process:wait(SECONDS)
    client:close()
    client = assert(criu.restore(container, folder))
    b:run(container, ("kill -USR1 %s; until grep -q heard /tmp/said; do usleep 1000; done"):format(
      pid), { init = false })
    assert.equal("1 x", client:ask("x"))
    finish(container, client)
  end)

  -- As `lctr exec -d` begins one.
  it("takes along the host's null device that they have as a stream", function()
    local container, client = criu.counter(b)
    local added = ctr.process({ args = { "/bin/sh", "-c", "tail -f /dev/null & :" }, init = false,
      env = { "PATH=/bin" }, stdin = "null", stdout = "null", stderr = "null" })
    assert(container:run(added))
    assert.equal(0, assert(added:wait(SECONDS)).code)
    local folder = criu.folder(b)
    assert.same({ true }, { container:checkpoint({ images_directory = folder }) })
    client.process:wait(SECONDS)
    client:close()
    client = assert(criu.restore(container, folder))
    assert.equal(2, #container:processes())
    assert.equal("1 a", client:ask("a"))
    finish(container, client)
  end)

  -- CRIU goes from parent to child, and the parent of such a process is not in the container.
  it("says which of them it does not have", function()
    local container, client = criu.counter(b)
    local added = ctr.process({ args = { "/bin/sleep", "1000" }, init = false })
    assert(container:run(added))
    local folder = criu.folder(b)
    local ok, warning = container:checkpoint({ images_directory = folder, leave_running = true })
    assert.is_true(ok)
    assert.same({ added:pid() }, warning.pids)
    assert.matches(("not in the checkpoint: %d (sleep)"):format(added:pid()), tostring(warning), 1,
      true)
    assert.equal("1 a", client:ask("a"))
    -- It goes on with the container, and ends with it.
    assert.is_true(host.sh(("test -d /proc/%d"):format(added:pid())).code == 0)
    ok, warning = container:checkpoint({ images_directory = folder .. "-2" })
    assert.is_true(ok)
    assert.same({ added:pid() }, warning.pids)
    assert.equal("SIGKILL", assert(added:wait(SECONDS)).signal)
    client.process:wait(SECONDS)
    client:close()
    client = assert(criu.restore(container, folder .. "-2"))
    assert.equal("2 b", client:ask("b"))
    assert.equal(1, #container:processes())
    finish(container, client)
  end)

  it("is refused before anything is made where a restore would refuse one of them", function()
    local container, client = criu.counter(b)
    local pid = b:run(container, LEAVE, { init = false, capabilities = GRANTED }).out:match("%d+")
    local folder = criu.folder(b)
    local ok, err = container:checkpoint({ images_directory = folder })
    assert.is_nil(ok)
    assert.equal("EPERM", err.errno)
    assert.equal("capabilities.permitted", err.path)
    assert.matches("a restore would refuse the checkpoint: capabilities.permitted: process %d+ has "
      .. "CAP_NET_ADMIN", tostring(err))
    assert.not_equal(0, host.sh("test -e " .. folder).code)
    assert.equal("1 a", client:ask("a"))
    -- What goes on loses nothing: there it is said only.
    local warning
    ok, warning = container:checkpoint({ images_directory = folder, leave_running = true })
    assert.is_true(ok)
    assert.equal("capabilities.permitted", warning.path)
    b:run(container, ("all='%s '$(cat /proc/%s/task/*/children); kill -9 $all; for pid in $all; do "
      .. "while grep -q '^State:.[RSD]' /proc/$pid/status; do usleep 1000; done; done"):format(pid,
      pid), { init = false })
    assert.equal("2 b", client:ask("b"))
    folder = criu.dump(b, container, client)
    client = assert(criu.restore(container, folder))
    assert.equal("3 c", client:ask("c"))
    finish(container, client)
  end)

  it("says what is wrong with a stream of theirs that leads out of the container", function()
    local container, client = criu.counter(b)
    local path = b.folder .. "/outside"
    host.sh("touch " .. path)
    local file = assert(io.open(path, "w"))
    local added = ctr.process({ args = { "/bin/sh", "-c", "tail -f /dev/null & :" }, init = false,
      env = { "PATH=/bin" }, stdout = file })
    assert(container:run(added))
    assert.equal(0, assert(added:wait(SECONDS)).code)
    local ok, err = container:checkpoint({ images_directory = criu.folder(b) })
    assert.is_nil(ok)
    assert.matches("outside of the container's mounts", err.meaning, 1, true)
    assert.equal("1 a", client:ask("a"))
    file:close()
    finish(container, client)
  end)

  it("is refused where one was stopped before the container was paused", function()
    local container, client = criu.counter(b)
    local node = container.cgroup:find("freezer")
    local left = b:run(container, "sleep 1000 > /dev/null 2>&1 & kill -STOP $!; "
      .. "until grep -q '^State:.T' /proc/$!/status; do usleep 1000; done; echo $!",
      { init = false })
    assert(container:pause())
    local ok, err = container:checkpoint({ images_directory = criu.folder(b) })
    if node.hierarchy.type == "cgroup2" then
      assert(ok, tostring(err))
      client.process:wait(SECONDS)
    else
      assert.is_nil(ok)
      assert.matches("process %d+ was stopped by a signal before the container was paused",
        tostring(err))
      assert.equal("paused", container:status())
      assert(container:resume())
      b:run(container, "kill -CONT " .. left.out, { init = false })
      assert.equal("1 a", client:ask("a"))
    end
    finish(container, client)
  end)
end)

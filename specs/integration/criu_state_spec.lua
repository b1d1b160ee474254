local box = require("specs.support.box")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")

local SECONDS = 60

describe("a checkpoint takes along", function()
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

  -- What a shell was doing when it was taken down it goes on with, for each line that it is given.
  local function shell(before, script, changes)
    local container = assert(b:create(changes))
    local client = criu.client({ args = { "/bin/sh", "-c", before .. "\nwhile read word; do "
      .. script .. "; done" }, env = { "PATH=/bin" } })
    assert(container:run(client.process))
    return container, client
  end

  local function taken_along(container, client, options)
    local folder = criu.dump(b, container, client, options)
    return assert(criu.restore(container, folder, options))
  end

  local function finish(container, client)
    assert.equal(0, client:finish().code)
    assert(container:destroy())
  end

  it("open files and where they are", function()
    local container, client = shell("exec 5</tmp/lines 6>>/tmp/log", "read line <&5; "
      .. "echo $word >&6; echo $line", {})
    client:close()
    client.process:wait(SECONDS)
    assert(container:destroy())
    assert.equal(0, host.sh(("seq 1 9 > %s/tmp/lines"):format(b.root)).code)
    container, client = shell("exec 5</tmp/lines 6>>/tmp/log", "read line <&5; "
      .. "echo $word >&6; echo $line")
    assert.equal("1", client:ask("a"))
    assert.equal("2", client:ask("b"))
    client = taken_along(container, client)
    assert.equal("3", client:ask("c"))
    finish(container, client)
    assert.equal("a\nb\nc\n", host.sh(("cat %s/tmp/log"):format(b.root)).stdout)
  end)

  it("a file that was unlinked", function()
    local container, client = shell("echo text > /tmp/gone; exec 5</tmp/gone; rm /tmp/gone",
      "cat <&5; echo end")
    client = taken_along(container, client)
    assert.equal("text", client:ask("a"))
    finish(container, client)
  end)

  it("pipes with what is in them, and the processes at their ends", function()
    local container, client = shell("mkfifo /run/fifo; (while read x; do echo got $x; done) "
      .. "< /run/fifo & exec 5>/run/fifo; rm /run/fifo", "echo $word >&5")
    assert.equal("got a", client:ask("a"))
    client = taken_along(container, client)
    assert.equal("got b", client:ask("b"))
    finish(container, client)
  end)

  it("file locks, where that is said", function()
    assert.equal(0, host.sh(("musl-gcc -static -D_GNU_SOURCE -O1 -Wall -Wextra -o %s/locker "
      .. "specs/support/locker.c"):format(b.root)).code)
    local container = assert(b:create())
    local client = criu.client({ args = { "/locker", "/tmp/lock" } })
    assert(container:run(client.process))
    assert.equal("a", client:ask("a"))
    local ok, err = container:checkpoint({ images_directory = criu.folder(b) })
    assert.is_nil(ok)
    assert.matches("file_locks takes the locks along", tostring(err))
    assert.equal("running", container:status())
    assert.equal("b", client:ask("b"))
    client = taken_along(container, client, { file_locks = true })
    local second = assert(b:run(container, "/locker /tmp/lock", { init = false }))
    assert.equal(1, second.code)
    assert.equal("c", client:ask("c"))
    finish(container, client)
  end)

  it("an established TCP connection, where that is said", function()
    local container, client = shell("mkfifo /run/in /run/out; nc -l -p 7000 -e /bin/cat & "
      .. "until grep -q :1B58 /proc/net/tcp*; do usleep 1000; done; "
      .. "nc 127.0.0.1 7000 < /run/in > /run/out & exec 5>/run/in 6</run/out",
      "echo $word >&5; read back <&6; echo $back")
    assert.equal("a", client:ask("a"))
    local ok, err = container:checkpoint({ images_directory = criu.folder(b) })
    assert.is_nil(ok)
    assert.matches("tcp_established takes it along", tostring(err))
    assert.equal("b", client:ask("b"))
    client = taken_along(container, client, { tcp_established = true })
    assert.equal("c", client:ask("c"))
    finish(container, client)
  end)

  it("limits, and puts them in force again", function()
    local changes = { cgroups = { parent = box.PARENT, memory = 64 * 1024 * 1024,
      pids_limit = 40 } }
    local container, client = criu.counter(b, changes)
    client = taken_along(container, client)
    local stats = assert(container:stats()).cgroup_stats
    assert.equal(64 * 1024 * 1024, stats.memory_stats.usage.limit)
    assert.equal(40, stats.pids_stats.limit)
    assert.same({ client.process:pid() }, container:processes())
    finish(container, client)
  end)

  it("the clock of the container", function()
    if not machine.has("time_namespaces") then
      pending("this kernel has no time namespaces")
      return
    end
    local container, client = shell("", "cut -d. -f1 /proc/uptime")
    local before = tonumber(client:ask("a"))
    client = taken_along(container, client)
    assert.is_true(tonumber(client:ask("b")) - before < SECONDS)
    local further = b:run(container, "readlink /proc/self/ns/time /proc/1/ns/time",
      { init = false })
    local own, first = further.out:match("(%S+)\n(%S+)\n")
    assert.equal(first, own)
    finish(container, client)
  end)

  it("what another process left in the container", function()
    local container, client = criu.counter(b)
    local left = b:run(container, "(exec >/tmp/said 2>&1 </dev/null; trap 'echo heard' USR1; "
      .. "while :; do sleep 1000 & wait $!; done) & echo $!", { init = false })
    local pid = left.out:match("%d+")
    client = taken_along(container, client)
    b:run(container, ("kill -USR1 %s; until grep -q heard /tmp/said; do usleep 1000; done"):format(
      pid), { init = false })
    assert.equal("1 x", client:ask("x"))
    finish(container, client)
  end)

  -- `wait` would take the terminal of whoever runs this for the container's.
  local function await_end(process)
    local source = assert(process:source())
    assert(source:wait(SECONDS))
    source:close()
  end

  it("its terminal, whose master is handed over", function()
    local container = assert(b:create())
    local process = ctr.process({ terminal = true, args = { "/bin/sh", "-c",
      "stty -echo rows 33; while read w; do i=$((i+1)); echo $i $w; stty size; done" },
      env = { "PATH=/bin" } })
    assert(container:run(process))
    local console = process:console()
    console:write("a\n")
    local function line()
      return (console:read("*l"):gsub("\r", ""))
    end
    repeat
      local said = line()
    until said == "1 a"
    assert.matches("^33 ", line())
    local folder = criu.folder(b)
    assert(container:checkpoint({ images_directory = folder }))
    await_end(process)
    process = ctr.process({})
    assert(container:restore(process, { images_directory = folder }))
    console = process:console()
    console:write("b\n")
    assert.equal("2 b", line())
    assert.matches("^33 ", line())
    assert(container:signal("SIGKILL"))
    await_end(process)
    assert(container:destroy())
  end)
end)

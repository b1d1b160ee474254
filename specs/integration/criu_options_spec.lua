local box = require("specs.support.box")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local host = require("specs.support.host")

local SECONDS = 60
local MISSING = { "lsm_profile", "lsm_mount_context" }

describe("an option of checkpoint and restore", function()
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

  local function fails(container, options, words)
    local all = { images_directory = criu.folder(b) }
    for key, value in pairs(options or {}) do
      all[key] = value
    end
    local ok, err = container:checkpoint(all)
    assert.is_nil(ok)
    assert.matches(words, tostring(err), 1, true)
    assert.equal("running", container:status())
    return err
  end

  local CONNECT = "mkfifo /run/in /run/out; nc -l -p 7000 -e /bin/cat & "
    .. "until grep -q :1B58 /proc/net/tcp*; do usleep 1000; done; "
    .. "nc 127.0.0.1 7000 < /run/in > /run/out & exec 5>/run/in 6</run/out; "
    .. "until grep -q ':1B58 .* 01 ' /proc/net/tcp*; do usleep 1000; done"

  it("closes TCP connections: tcp_close", function()
    for _, options in ipairs({ { tcp_established = true }, { tcp_close = true } }) do
      local container, client = criu.counter(b, {}, CONNECT .. "; rm /run/in /run/out")
      assert.equal("1 a", client:ask("a"))
      local folder = criu.dump(b, container, client, options)
      client = assert(criu.restore(container, folder, { tcp_close = true }))
      local left = b:run(container, "for i in $(seq 600); do "
        .. "grep -q :1B58 /proc/net/tcp* || exec echo gone; sleep 0.1; done; cat /proc/net/tcp*",
        { init = false })
      assert.equal("gone\n", left.out)
      assert.equal("2 b", client:ask("b"))
      finish(container, client)
    end
  end)

  -- Of two connections a server that was stopped has accepted one at most. The freezer of cgroup v1
  -- had CRIU wait for ever for a process that was stopped.
  it("leaves connections out that nobody has accepted: tcp_skip_in_flight", function()
    local container, client = criu.counter(b, {}, "nc -ll -p 7000 -e /bin/cat & server=$!; "
      .. "until grep -q :1B58 /proc/net/tcp*; do usleep 1000; done; kill -STOP $server; "
      .. "for i in 1 2; do sleep 1000 | nc 127.0.0.1 7000 > /dev/null & done; "
      .. "until grep -q ' 0A 00000000:0000000[12] ' /proc/net/tcp*; do usleep 1000; done; i=0")
    assert.equal("1 a", client:ask("a"))
    fails(container, { tcp_established = true }, "tcp_skip_in_flight leaves it out")
    assert.equal("2 b", client:ask("b"))
    local options = { tcp_established = true, tcp_skip_in_flight = true }
    local folder = criu.dump(b, container, client, options)
    client = assert(criu.restore(container, folder, options))
    assert.equal("3 c", client:ask("c"))
    finish(container, client)
  end)

  it("links an unlinked file again that has another name: link_remap", function()
    local container, client = criu.counter(b, {}, "echo text > /tmp/one; exec 5</tmp/one; "
      .. "ln /tmp/one /tmp/two; rm /tmp/one")
    fails(container, {}, "link_remap")
    assert.equal("1 a", client:ask("a"))
    local folder = criu.dump(b, container, client, { link_remap = true })
    client = assert(criu.restore(container, folder, { link_remap = true }))
    assert.equal("2 b", client:ask("b"))
    local seen = b:run(container, "ls /tmp; cat /proc/1/fd/5; rm /tmp/two", { init = false })
    assert.equal("two\ntext\n", seen.out)
    finish(container, client)
  end)

  -- A CRIU that finds no other programs than these.
  local function poor_criu(programs)
    local path = b.folder .. "/poor-criu"
    assert.equal(0, host.sh(("mkdir -p %s/bin && cd %s/bin && for name in %s; do "
      .. "ln -sf $(command -v $name) $name; done && printf '#!/bin/sh\\nPATH=%s/bin exec %s "
      .. "\"$@\"' > %s && chmod 755 %s"):format(b.folder, b.folder, programs, b.folder,
      criu.path, path, path)).code)
    return path
  end

  it("chooses what holds packets back: network_lock", function()
    local factory = assert(ctr.new(b.folder .. "/other", { criu_path = poor_criu("tar gzip ip") }))
    local function begin()
      return criu.counter({ create = function()
        return factory:create("locked", box.config(b.root, { cgroups = { parent = box.PARENT } }))
      end })
    end
    for _, lock in ipairs({ "nftables", "skip" }) do
      local container, client = begin()
      local folder = criu.dump(b, container, client, { network_lock = lock })
      client = assert(criu.restore(container, folder, { network_lock = lock }))
      assert.equal("1 a", client:ask("a"))
      finish(container, client)
    end
    local container, client = begin()
    local err = fails(container, { network_lock = "iptables" }, "iptables is not installed")
    assert.matches("network_lock", err.meaning, 1, true)
    assert.equal("1 a", client:ask("a"))
    finish(container, client)
  end)

  it("is said in a file of CRIU's own: config_file", function()
    local container, client = criu.counter(b)
    local path = b.folder .. "/criu.conf"
    local file = assert(io.open(path, "w"))
    file:write("log-file other.log\n")
    file:close()
    local folder = criu.dump(b, container, client, { config_file = path })
    assert.equal(0, host.sh(("test -s %s/other.log"):format(folder)).code)
    client = assert(criu.restore(container, folder))
    for _, wrong in ipairs({ path .. ".gone", b.folder }) do
      local err = fails(container, { config_file = wrong }, wrong)
      assert.equal("config_file", err.path)
    end
    finish(container, client)
  end)

  it("takes pages out of the images that are restored: auto_dedup", function()
    local container, client = criu.counter(b, {}, "x=$(seq 1 100000)")
    assert.equal("1 a", client:ask("a"))
    local folder = criu.dump(b, container, client)
    local function blocks()
      return tonumber(host.sh(("stat -c %%b %s/pages-1.img"):format(folder)).stdout)
    end
    local before = blocks()
    client = assert(criu.restore(container, folder, { auto_dedup = true }))
    assert.equal("2 b", client:ask("b"))
    assert.is_true(blocks() < before / 2, blocks() .. " of " .. before)
    finish(container, client)
  end)

  it("is refused where this machine has no such labels: lsm_profile, lsm_mount_context", function()
    if host.sh("test -e /sys/fs/selinux/enforce -o -e /sys/module/apparmor").code == 0 then
      pending("this machine has some")
      return
    end
    local container, client = criu.counter(b)
    local folder = criu.dump(b, container, client)
    for index, value in ipairs({ "selinux:a:b:c:s0", "a:b:c:s0" }) do
      local ok, err = criu.restore(container, folder, { [MISSING[index]] = value })
      assert.is_nil(ok)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(MISSING[index], err.path)
      assert.not_equal(0, host.sh(("test -e %s/restore.log"):format(folder)).code)
    end
    assert(container:destroy())
  end)

  it("lets a unix socket lead out of the container: external_unix_connections", function()
    assert.equal(0, host.sh(("musl-gcc -static -O1 -Wall -Wextra -o %s/sender "
      .. "specs/support/sender.c && mkdir %s/sockets"):format(b.root, b.folder)).code)
    -- CRIU connects by the name that the other end was bound with.
    local folder, path = b.folder .. "/sockets", b.folder .. "/sockets/log"
    local listener = assert(core.fd.bind_unix(path))
    local mounts = { unpack(box.config(b.root).mounts) }
    mounts[#mounts + 1] = { source = folder, destination = folder, flags = { "bind" } }
    local options = { external_unix_connections = true }
    local client
    local function begin(changes)
      changes.mounts = mounts
      local container = assert(b:create(changes))
      client = criu.client({ args = { "/sender", path } })
      assert(container:run(client.process))
      return container
    end
    local function sends(word)
      assert.equal(word, client:ask(word))
      assert.equal(word .. "\n", core.fd.recv(listener, 100))
    end
    local container = begin({})
    sends("a")
    -- CRIU looks for the other end in the container's network namespace.
    fails(container, options, "where the network is the host's")
    sends("b")
    finish(container, client)
    container = begin({ networks = {}, namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID" } })
    fails(container, {}, "external_unix_connections")
    sends("c")
    local images = criu.dump(b, container, client, options)
    client = assert(criu.restore(container, images, options))
    sends("d")
    finish(container, client)
    listener:close()
  end)

  -- A caller at a terminal, which the container has no other than.
  local function at_terminal(options)
    local master, path = core.tty.open_pty()
    local slave = assert(core.fd.open(path, { flags = { "rdwr", "noctty" } }))
    local function process(fields)
      fields.stdin, fields.stdout, fields.stderr = slave, slave, slave
      return ctr.process(fields)
    end
    local seen = ""
    local function ask(word, answer)
      core.fd.write(master, word .. "\n")
      while not seen:find(answer, 1, true) do
        assert(core.poll.wait({ { fd = master, events = "r" } }, SECONDS)[1], seen)
        seen = seen .. core.fd.read(master, 4096)
      end
    end
    local container = assert(b:create())
    local first = process({ args = { "/bin/sh", "-c",
      "while read w; do i=$((i+1)); echo $i-$w; done" }, env = { "PATH=/bin" } })
    assert(container:run(first))
    ask("a", "1-a")
    options.images_directory = criu.folder(b)
    assert(container:checkpoint(options))
    -- Where there is no terminal its settings cannot be restored.
    local ok, err = container:restore(ctr.process({}), options)
    assert.is_nil(ok)
    assert.equal("stdin", err.path)
    assert.matches("was a terminal", tostring(err), 1, true)
    local second = process({})
    assert(container:restore(second, options))
    ask("b", "2-b")
    container:signal("SIGKILL")
    local source = assert(second:source())
    assert(source:wait(SECONDS))
    source:close()
    assert(container:destroy())
    slave:close()
    master:close()
  end

  it("has the terminal be the caller's: shell_job", function()
    at_terminal({ shell_job = true })
    at_terminal({})
  end)
end)

local box = require("specs.support.box")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local hierarchy = require("ctr.criu.hierarchy")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local netns = require("specs.support.netns")
local orphans = require("specs.support.orphans")

local SECONDS = 60
local MEBIBYTE = 1024 * 1024

-- A counter that has counted to 1, in images; it is gone unless it is to go on.
local function warm_up(b, changes, before, options)
  local container, client = criu.counter(b, changes, before)
  assert.equal("1 a", client:ask("a"))
  if options and options.leave_running then
    options.images_directory = criu.folder(b)
    assert(container:checkpoint(options))
    return options.images_directory, container, client
  end
  local folder = criu.dump(b, container, client, options)
  assert(container:destroy())
  return folder
end

local function finish(client)
  assert.equal(0, client:finish().code)
  assert(client.container:destroy())
end

-- Why there is no clone; nothing is left of it.
local function refused(b, folder, overrides, id)
  local before = machine.snapshot(box.PATTERN)
  local container, err = b.factory:clone(folder, id or "refused", overrides)
  assert.is_nil(container)
  assert.same(before, machine.snapshot(box.PATTERN))
  assert.is_nil((b.factory:load(id or "refused")))
  return err
end

describe("clones of a checkpoint", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, folder

  setup(function()
    b = criu.box()
    folder = warm_up(b)
  end)

  teardown(function()
    b:close()
  end)

  it("go on from where it was, side by side, each for itself", function()
    local before, clients, pids = machine.snapshot(box.PATTERN), {}, {}
    for index = 1, 5 do
      -- A folder above the cgroups would stay, where others were in it.
      clients[index] = assert(criu.clone(b, folder,
        { cgroups = { path = ("%s-%d"):format(box.PARENT, index) } }))
      pids[clients[index].process:pid()] = true
    end
    for index, client in ipairs(clients) do
      assert.equal("running", client.container:status())
      for count = 2, 1 + index do
        assert.equal(count .. " x", client:ask("x"))
      end
      assert.same({ client.process:pid() }, client.container:processes())
      assert.equal(client.process:pid(), client.container:state().init_process_pid)
    end
    assert.equal(5, #require("ctr.sorted")(pids))
    for index, client in ipairs(clients) do
      assert.equal(2 + index .. " y", client:ask("y"))
      finish(client)
    end
    clients = nil -- luacheck: ignore 311
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("are made beside the container that goes on", function()
    local images, container, client = warm_up(b, nil, nil, { leave_running = true })
    local clone = assert(criu.clone(b, images))
    assert.equal("2 x", clone:ask("x"))
    assert.equal("2 y", client:ask("y"))
    finish(clone)
    client:finish()
    assert(container:destroy())
  end)

  it("have names, limits and statistics of their own", function()
    local first = assert(criu.clone(b, folder, { hostname = "first", domainname = "one",
      cgroups = { memory = "64M", pids_limit = 20 } }))
    local second = assert(criu.clone(b, folder, { hostname = "second",
      cgroups = { memory = "32M" } }))
    local third = assert(criu.clone(b, folder))
    for client, wanted in pairs({ [first] = { "first one", 64, 20 },
      [second] = { "second (none)", 32, 0 }, [third] = { "box (none)" } }) do
      local shown = b:run(client.container, "echo $(hostname) $(cat /proc/sys/kernel/domainname)",
        { init = false })
      assert.equal(wanted[1] .. "\n", shown.out)
      local stats = assert(client.container:stats()).cgroup_stats
      if wanted[2] then
        assert.equal(wanted[2] * MEBIBYTE, stats.memory_stats.usage.limit)
        assert.equal(wanted[3], stats.pids_stats.limit)
      end
      assert.equal("2 x", client:ask("x"))
    end
    assert.equal(64 * MEBIBYTE, first.container:config().cgroups.memory)
    for _, client in ipairs({ first, second, third }) do
      finish(client)
    end
  end)

  it("are made of a clone's checkpoint as well", function()
    local client = assert(criu.clone(b, folder, { hostname = "one" }))
    assert.equal("2 x", client:ask("x"))
    local images = criu.dump(b, client.container, client)
    assert(client.container:destroy())
    local pair = { assert(criu.clone(b, images, { hostname = "two" })),
      assert(criu.clone(b, images)) }
    for index, name in ipairs({ "two", "one" }) do
      assert.equal("3 x", pair[index]:ask("x"))
      assert.equal(name .. "\n", b:run(pair[index].container, "hostname", { init = false }).out)
      finish(pair[index])
    end
  end)

  it("are made by several programs at the same time", function()
    -- A file that was unlinked has the same name in all of them while it is restored.
    local container, process = assert(b:create()), ctr.process({ args = { "/bin/sh", "-c",
      "echo text > /tmp/gone; exec 5</tmp/gone; rm /tmp/gone; exec tail -f /dev/null" } })
    assert(container:run(process))
    b:run(container, "until grep -q tail /proc/1/cmdline; do usleep 1000; done", { init = false })
    local images = criu.folder(b)
    assert(container:checkpoint({ images_directory = images }))
    process:wait(SECONDS)
    local lines, ids = {}, {}
    for index = 1, 5 do
      ids[index] = "parallel-" .. index
      lines[index] = ("luajit specs/support/criu_cloner.lua %s %s %s %s '{ hostname = \"h%d\" }' &")
        :format(b.folder, criu.path, images, ids[index], index)
    end
    orphans.adopt()
    local result = host.sh(table.concat(lines, "\n") .. "\nwait")
    assert.equal("", result.stderr)
    local clones = {}
    for index, id in ipairs(ids) do
      clones[index] = assert(b.factory:load(id))
      local pid = clones[index]:state().init_process_pid
      assert(result.stdout:find(pid, 1, true))
      local name = host.sh(("nsenter -u -t %d cat /proc/sys/kernel/hostname"):format(pid)).stdout
      assert.equal("h" .. index .. "\n", name)
    end
    for _, clone in ipairs(clones) do
      clone:signal("SIGKILL")
    end
    orphans.reap("clones of several programs")
    for _, clone in ipairs(clones) do
      assert(clone:destroy())
    end
    assert.equal("", host.sh("ls " .. b.root .. "/tmp").stdout)
  end)

  it("have roots and mounts of their own where that is said", function()
    assert.equal(0, host.sh(("cp -a %s %s/own && mkdir -p %s/one %s/two"):format(b.root, b.folder,
      b.folder, b.folder)).code)
    local images = warm_up(b, { mounts = { { source = "proc", destination = "/proc",
      device = "proc" }, { source = b.folder .. "/one", destination = "/data", device = "bind",
      flags = { "bind" } } } })
    local client = assert(criu.clone(b, images, { rootfs = b.folder .. "/own",
      mounts = { { destination = "/data", source = b.folder .. "/two" } } }))
    assert.equal("2 x", client:ask("x"))
    b:run(client.container, "echo a > /in-root; echo b > /data/in-data", { init = false })
    assert.equal("a\nb\n", host.sh(("cat %s/own/in-root %s/two/in-data; ls %s/one"):format(
      b.folder, b.folder, b.folder)).stdout)
    finish(client)
  end)

  it("have another user namespace of the same mappings", function()
    if not machine.has("user_namespaces") then
      pending("this kernel has no user namespaces")
      return
    end
    host.sh("chmod 755 " .. b.folder)
    local maps = { { container_id = 0, host_id = 100000, size = 65536 } }
    local images = warm_up(b, { uid_mappings = maps, gid_mappings = maps,
      namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" },
      networks = { { type = "loopback" }, { type = "veth" } } })
    local pair = { assert(criu.clone(b, images, { hostname = "one" })),
      assert(criu.clone(b, images, { hostname = "two" })) }
    for index, name in ipairs({ "one", "two" }) do
      assert.equal("2 x", pair[index]:ask("x"))
      assert.equal(name .. "\n0\n", b:run(pair[index].container, "hostname; id -u",
        { init = false }).out)
      finish(pair[index])
    end
  end)

  it("have terminals of their own", function()
    local container = assert(b:create())
    local process = ctr.process({ terminal = true, args = { "/bin/sh", "-c",
      "stty -echo; while read w; do i=$((i+1)); echo $i $w; done" }, env = { "PATH=/bin" } })
    assert(container:run(process))
    local function ask(console, word)
      console:write(word .. "\n")
      local said
      repeat
        said = console:read("*l"):gsub("\r", "")
      until said:find("^%d " .. word .. "$")
      return said
    end
    -- `wait` would take the terminal of whoever runs this for the container's.
    local function finish_one(object, first)
      assert(object:signal("SIGKILL"))
      local source = assert(first:source())
      assert(source:wait(SECONDS))
      source:close()
      assert(object:destroy())
    end
    assert.equal("1 a", ask(process:console(), "a"))
    local images = criu.folder(b)
    assert(container:checkpoint({ images_directory = images, leave_running = true }))
    local one, first = assert(b.factory:clone(images, "terminal-1"))
    local two, second = assert(b.factory:clone(images, "terminal-2"))
    assert.equal("2 b", ask(first:console(), "b"))
    assert.equal("2 c", ask(second:console(), "c"))
    assert.equal("2 d", ask(process:console(), "d"))
    finish_one(one, first)
    finish_one(two, second)
    finish_one(container, process)
  end)

  it("run hooks as for a start, and want functions anew", function()
    local seen = {}
    local function note(name)
      return { { func = function(state) seen[#seen + 1] = name .. " " .. state.id end } }
    end
    local said = b.folder .. "/said"
    local images = warm_up(b, { hooks = { createRuntime = { { path = "/bin/sh",
      args = { "sh", "-c", "cat >> " .. said } } }, poststart = note("old") } })
    seen = {}
    local err = refused(b, images)
    assert.equal("hooks.poststart[1]", err.path)
    local client = assert(criu.clone(b, images, { hooks = { poststart = note("poststart"),
      poststop = note("poststop") } }, "hooked"))
    assert.equal("2 x", client:ask("x"))
    finish(client)
    assert.same({ "poststart hooked", "poststop hooked" }, seen)
    assert.matches('"id":"hooked"', host.sh("cat " .. said).stdout)
  end)

  it("have connections closed, unless both ends are inside", function()
    local images = warm_up(b, nil, "mkfifo /run/in /run/out; nc -l -p 7000 -e /bin/cat & "
      .. "until grep -q :1B58 /proc/net/tcp*; do usleep 1000; done; "
      .. "nc 127.0.0.1 7000 </run/in >/run/out & exec 5>/run/in 6</run/out; echo x >&5; read y <&6",
      { tcp_established = true })
    local show = "cat /proc/net/tcp* | awk '$4 == \"01\"' | wc -l"
    local closed = assert(criu.clone(b, images))
    local open = assert(criu.clone(b, images, { criu = { tcp_established = true } }))
    assert.equal("0\n", b:run(closed.container, show, { init = false }).out)
    assert.equal("2\n", b:run(open.container, show, { init = false }).out)
    finish(closed)
    finish(open)
  end)
end)

-- The network is the spec's own from here to its end.
describe("the network of clones", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local leave, b

  setup(function()
    leave = netns.enter()
    netns.bridge("br7", { "10.7.0.1/24" })
    netns.bridge("br8", { "10.8.0.1/24" })
    b = criu.box()
  end)

  teardown(function()
    b:close()
    leave()
  end)

  local NETWORKS = { { type = "loopback" }, { type = "veth", bridge = "br7",
    address = "10.7.0.2/24", gateway = "10.7.0.1", mac_address = "02:00:00:00:00:07" } }
  local SERVER = "while :; do i=$((i+1)); echo $i $(hostname) | nc -l -p 7000 >/dev/null; done"
  local READY = "until grep -q :1B58 /proc/net/tcp*; do usleep 1000; done"

  local function ask_once(address)
    local input, write = assert(core.fd.pipe())
    local read, output = assert(core.fd.pipe())
    local child = assert(core.proc.spawn({ path = "/bin/busybox",
      argv = { "busybox", "nc", address, "7000" }, fds = { input, output, input } }))
    input:close()
    output:close()
    assert(core.poll.wait({ { fd = read, events = "r" } }, SECONDS)[1], "no answer")
    local said = core.fd.read(read, 4096)
    write:close()
    read:close()
    core.proc.send_signal(child.pidfd, 9)
    core.proc.wait(child.pidfd, {})
    child.pidfd:close()
    return said:match("^(.-)\n")
  end

  -- The next answer of a server, which listens anew after each.
  local function ask(address)
    local deadline, said = core.proc.clock() + SECONDS
    repeat
      assert(core.proc.clock() < deadline, "no answer")
      said = ask_once(address)
    until said
    return said
  end

  local function serve(changes, more)
    local all = { networks = NETWORKS, sysctl = { ["net.ipv4.ip_default_ttl"] = 99 } }
    for key, value in pairs(changes or {}) do
      all[key] = value
    end
    local container = assert(b:create(all))
    local process = ctr.process({ args = { "/bin/sh", "-c", more or SERVER },
      env = { "PATH=/bin" } })
    assert(container:run(process))
    return container, process
  end

  local function finish_one(container, process)
    container:signal("SIGKILL")
    process:wait(SECONDS)
    assert(container:destroy())
  end

  it("has addresses of their own, by which all are reached at once", function()
    local before = netns.snapshot()
    local container, process = serve()
    assert.equal("1 box", ask("10.7.0.2"))
    b:run(container, READY, { init = false })
    local folder = criu.folder(b)
    assert(container:checkpoint({ images_directory = folder, leave_running = true }))
    local one, first = assert(b.factory:clone(folder, "net-1", { hostname = "one",
      networks = { { name = "eth0", address = "10.7.0.3/24" } } }))
    local two, second = assert(b.factory:clone(folder, "net-2", { hostname = "two",
      networks = { { bridge = "br8", address = "10.8.0.3/24", gateway = "10.8.0.1",
        mac_address = "02:00:00:00:00:08" } } }))
    assert.equal("2 box", ask("10.7.0.3")) -- it was written before the checkpoint
    assert.equal("2 box", ask("10.8.0.3"))
    assert.equal("3 one", ask("10.7.0.3"))
    assert.equal("3 two", ask("10.8.0.3"))
    assert.equal("2 box", ask("10.7.0.2"))
    assert.equal("3 box", ask("10.7.0.2"))
    local shown = b:run(two, "cat /proc/sys/net/ipv4/ip_default_ttl; ip -o link show eth0; "
      .. "ip route; ip -o -4 addr show lo", { init = false }).out
    assert.matches("^99\n.* 02:00:00:00:00:08 .*default via 10.8.0.1 dev eth0.*127.0.0.1/8", shown)
    assert.equal("eth0", one:stats().interfaces[1].name)
    finish_one(one, first)
    finish_one(two, second)
    finish_one(container, process)
    assert.same(before, netns.snapshot())
  end)

  it("is not taken from the checkpoint's container", function()
    local folder = warm_up(b, { networks = NETWORKS })
    local err = refused(b, folder, { networks = { { name = "eth1", address = "10.7.0.3/24" } } })
    assert.equal("networks[1].name", err.path)
    err = refused(b, folder)
    assert.equal("networks[2].address", err.path)
    assert.matches("10.7.0.2/24", tostring(err), 1, true)
    err = refused(b, folder, { networks = { { address = "10.9.0.3/24" } } })
    assert.equal("networks[2].gateway", err.path)
    err = refused(b, folder, { networks = { { address = "10.7.0.3/24", bridge = "br9" } } })
    assert.equal("networks[2].bridge", err.path)
  end)

  it("is gone after a clone that failed", function()
    local before = netns.snapshot()
    local container, process = serve(nil, "exec httpd -f -p 10.7.0.2:7000")
    b:run(container, READY, { init = false })
    local folder = criu.folder(b)
    assert(container:checkpoint({ images_directory = folder }))
    process:wait(SECONDS)
    assert(container:destroy())
    local err = refused(b, folder, { networks = { { address = "10.7.0.3/24" } } })
    assert.matches("listens at an address that the clone does not have", tostring(err), 1, true)
    assert.same(before, netns.snapshot())
    local one, first = assert(b.factory:clone(folder, "same", { networks = {
      { address = "10.7.0.2/24" } } }))
    finish_one(one, first)
    assert.same(before, netns.snapshot())
  end)
end)

describe("a clone that cannot be", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, folder

  setup(function()
    b = criu.box()
    folder = warm_up(b)
  end)

  teardown(function()
    b:close()
  end)

  it("is refused by the path of what is wrong, before anything is made", function()
    for path, overrides in pairs({
      ["rlimits"] = { rlimits = { { type = "RLIMIT_NOFILE", hard = 7, soft = 7 } } },
      ["colour"] = { colour = "red" },
      ["hostname"] = { hostname = {} },
      ["mounts[1].destination"] = { mounts = { { destination = "/other" } } },
      ["mounts[1].flags"] = { mounts = { { destination = "/proc", flags = { "ro" } } } },
      ["namespaces[1].path"] = { namespaces = { { type = "mount", path = "/proc/self/ns/mnt" } } },
      ["rootfs"] = { rootfs = b.folder .. "/nothing" },
      ["cgroups.memory"] = { cgroups = { memory = "much" } },
      ["process"] = { process = 7 },
      ["process.args"] = { process = { args = { "/bin/sh" } } },
      ["process.extra_files"] = { process = { extra_files = { 1 } } },
      ["criu.leave_running"] = { criu = { leave_running = true } },
      ["criu.tcp_close"] = { criu = { tcp_close = "yes" } },
    }) do
      local err = refused(b, folder, overrides)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(path, err.path)
    end
    assert.equal("InvalidIdFormat", refused(b, folder, nil, "a/b").code)
    assert.equal("ENOENT", refused(b, folder .. "-not").errno)
    assert.has_error(function() b.factory:clone(folder, "id", 7) end)
  end)

  it("keeps a null device what it was", function()
    local container = assert(b:create())
    local process = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:run(process))
    local images = criu.folder(b)
    assert(container:checkpoint({ images_directory = images, leave_running = true }))
    local err = refused(b, images, { process = { stdout = function() end } })
    assert.equal("process.stdout", err.path)
    local clone, object = assert(b.factory:clone(images, "null", { process = { stdout = "null" } }))
    b:finish(clone, object)
    b:finish(container, process)
  end)

  it("needs a pid namespace", function()
    local images = warm_up(b, { namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWNET" } })
    local err = refused(b, images)
    assert.equal("namespaces", err.path)
    assert.matches("pid namespace", tostring(err))
  end)

  it("leaves the id and the cgroup to whoever has them", function()
    local path = box.PARENT .. "/place"
    local images, container, client = warm_up(b, { cgroups = { path = path } }, nil,
      { leave_running = true })
    local clone = assert(criu.clone(b, images))
    assert.not_same(container:state().cgroup_paths, clone.container:state().cgroup_paths)
    assert.equal("IdInUse", select(2, b.factory:clone(images, container:id())).code)
    local err = refused(b, images, { cgroups = { path = path } })
    assert.equal("EBUSY", err.errno)
    assert.equal("cgroups.path", err.path)
    assert.equal("2 x", client:ask("x"))
    assert.equal("2 y", clone:ask("y"))
    finish(clone)
    client:finish()
    assert(container:destroy())
  end)

  it("holds no lock that is held", function()
    if host.sh("command -v musl-gcc").code ~= 0 then
      pending("needs musl-gcc")
      return
    end
    assert.equal(0, host.sh(("musl-gcc -static -D_GNU_SOURCE -O1 -Wall -Wextra -o %s/locker "
      .. "specs/support/locker.c"):format(b.root)).code)
    local container = assert(b:create())
    local client = criu.client({ args = { "/locker", "/tmp/lock" } })
    assert(container:run(client.process))
    assert.equal("a", client:ask("a"))
    local images = criu.folder(b)
    assert(container:checkpoint({ images_directory = images, file_locks = true,
      leave_running = true }))
    assert.equal("rootfs", refused(b, images).path)
    local clone = assert(criu.clone(b, images, { criu = { file_locks = false } }))
    assert.equal("b", clone:ask("b"))
    finish(clone)
    client:finish()
    assert(container:destroy())
  end)

  it("is not made of what others may write", function()
    local copy = criu.folder(b)
    host.sh(("cp -a %s %s && chmod g+w %s"):format(folder, copy, copy))
    local err = refused(b, copy)
    assert.equal("images_directory", err.path)
    host.sh(("chmod 700 %s && chown 65534 %s/ctr.json"):format(copy, copy))
    assert.equal("EPERM", refused(b, copy).errno)
    host.sh(("chown 0 %s/ctr.json && sed -i 's/\"config\":/\"other\":/' %s/ctr.json"):format(copy,
      copy))
    assert.matches("does not have the container's configuration", tostring(refused(b, copy)))
  end)

  it("leaves nothing at whatever step it fails", function()
    for _, step in ipairs({ "setup-namespaces", "post-restore", "pre-resume" }) do
      local err = refused(b, folder, { hostname = "x", criu = { progress = function(info)
        if info.step == step then
          error("not " .. step, 0)
        end
      end } })
      assert.equal("not " .. step, err.message)
    end
  end)

  it("leaves the log beside the images, and nothing else", function()
    local copy = criu.folder(b)
    host.sh(("cp -a %s %s && cd %s && printf xxxxxxxx | dd conv=notrunc of=mm-1.img"):format(folder,
      copy, copy))
    local err = refused(b, copy, nil, "logged")
    assert.equal(copy .. "/clone-logged.log", err.log)
    assert.matches(err.log, tostring(err), 1, true)
    assert.equal(0, host.sh("test -s " .. err.log).code)
    local work = criu.folder(b)
    err = refused(b, copy, { criu = { work_directory = work } })
    assert.equal(work .. "/restore.log", err.log)
  end)

  it("leaves what destroy takes away where the caller is killed", function()
    for _, step in ipairs({ "setup-namespaces", "post-restore", "pre-resume" }) do
      local id = "cloned-" .. step
      orphans.adopt()
      local before, options = machine.snapshot(box.PATTERN), hierarchy.options()
      local result = host.sh(("exec luajit specs/support/criu_cloner.lua %s %s %s %s {} %s"):format(
        b.folder, criu.path, folder, id, step))
      assert.equal("SIGKILL", result.signal, result.stderr)
      local container = assert(b.factory:load(id))
      container:signal("SIGKILL", true)
      assert(container:destroy())
      container = nil -- luacheck: ignore 311
      orphans.reap("a clone that was killed at " .. step)
      -- CRIU took them from the cgroup2 hierarchy, and nobody was left to put them back.
      hierarchy.put_back(options)
      assert.same(before, machine.snapshot(box.PATTERN))
    end
  end)
end)

local core = require("ctr.core")
local criu = require("specs.support.criu")
local host = require("specs.support.host")

describe("namespaces of a restored container", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, owner, process

  setup(function()
    b = criu.box()
    owner, process = b:sleeper({ hostname = "owner", namespaces = { "NEWNS", "NEWUTS", "NEWIPC",
      "NEWPID", "NEWNET" } })
  end)

  teardown(function()
    b:finish(owner, process)
    b:close()
  end)

  local function path(kind)
    return owner:state().namespace_paths[kind]
  end

  local function spaces(joined)
    local list = {}
    for _, kind in ipairs({ "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET" }) do
      list[#list + 1] = { type = kind, path = joined[kind] and path(kind) or nil }
    end
    return { namespaces = list, hostname = joined.NEWUTS and "" or "box" }
  end

  local KINDS = "for kind in uts ipc net pid; do readlink /proc/1/ns/$kind; done"

  local function links(container)
    local result = assert(b:run(container, KINDS, { init = false }))
    local found = {}
    for kind, number in result.out:gmatch("(%w+):%[(%d+)%]") do
      found[kind] = number
    end
    return found
  end

  for kind, file in pairs({ NEWNET = "net", NEWUTS = "uts", NEWIPC = "ipc" }) do
    it(("are those of its owner where %s is joined, and new ones else"):format(kind), function()
      local changes = spaces({ [kind] = true })
      local container, client = criu.counter(b, changes)
      local theirs = links(owner)
      assert.equal(theirs[file], links(container)[file])
      local folder = criu.dump(b, container, client)
      client = assert(criu.restore(container, folder))
      local now = links(container)
      for name, number in pairs(theirs) do
        if name == file then
          assert.equal(number, now[name])
        else
          assert.not_equal(number, now[name])
        end
      end
      assert.equal("1 x", client:ask("x"))
      client:finish()
      assert(container:destroy())
    end)
  end

  -- Of the processes below its own first one a restore makes the same pids again.
  it("are its owner's where NEWPID is joined", function()
    local container, client = criu.counter(b, spaces({ NEWPID = true }))
    assert.equal("1 a", client:ask("a"))
    assert.equal(links(owner).pid, links(container).pid)
    local folder = criu.dump(b, container, client)
    assert.equal("running", owner:status())
    client = assert(criu.restore(container, folder))
    assert.equal(links(owner).pid, links(container).pid)
    assert.equal("2 b", client:ask("b"))
    client:finish()
    assert(container:destroy())
  end)

  it("say that a pid of theirs is in use", function()
    local container, client = criu.counter(b, spaces({ NEWPID = true }))
    local pid = core.path.read(container.host:procfs(), client.process:pid() .. "/status", 65536)
      :match("NSpid:%s+%d+%s+(%d+)")
    local folder = criu.dump(b, container, client)
    -- The next process of the owner's has it.
    assert.equal(0, host.sh(("nsenter -t %d -p -m /bin/sh -c 'echo %d "
      .. "> /proc/sys/kernel/ns_last_pid; sleep 1000 > /dev/null 2>&1 & test $! = %s'"):format(
      owner:state().init_process_pid, pid - 1, pid)).code)
    local ok, err = criu.restore(container, folder)
    assert.is_nil(ok)
    assert.matches("its process id is in use here", tostring(err), 1, true)
    assert(container:destroy())
  end)

  it("are refused where one that was joined is gone, or is another kind", function()
    local container, client = criu.counter(b, spaces({ NEWNET = true }))
    local folder = criu.dump(b, container, client)
    assert(container:destroy())
    local changes = spaces({ NEWNET = true })
    for _, wrong in ipairs({ path("NEWUTS"), "/proc/self/ns/nothing", false }) do
      changes.namespaces[5].path = wrong or nil
      local other, err = b:create(changes)
      local ok = other
      if other then
        ok, err = criu.restore(other, folder)
        assert(other:destroy())
      end
      assert.is_nil(ok)
      assert.matches("namespaces", err.path, 1, true)
    end
  end)

  local ADMIN = { "CAP_NET_ADMIN" }
  local CAPABILITIES = { bounding = ADMIN, effective = ADMIN, permitted = ADMIN }
  local SHOW = "ip address show lo; cat /proc/sys/kernel/shmmax; hostname"

  -- What a container says of itself, set up and restored.
  local function set_up(options)
    local container, client = criu.counter(b, { capabilities = CAPABILITIES,
      sysctl = { ["kernel.shmmax"] = "123456" } })
    local before = b:run(container, "ip address add 127.0.0.5/8 dev lo; " .. SHOW,
      { init = false })
    assert.matches("127.0.0.5", before.out, 1, true)
    local folder = criu.dump(b, container, client, options)
    client = assert(criu.restore(container, folder, options))
    local after = b:run(container, SHOW, { init = false })
    client:finish()
    assert(container:destroy())
    return after.out
  end

  it("have one of cgroups of their own also where CRIU leaves cgroups alone", function()
    local changes = spaces({})
    table.insert(changes.namespaces, { type = "NEWCGROUP" })
    local container, client = criu.counter(b, changes)
    local options = { manage_cgroups_mode = "ignore" }
    local folder = criu.dump(b, container, client, options)
    client = assert(criu.restore(container, folder, options))
    assert.equal("1 x", client:ask("x"))
    local said = b:run(container, "readlink /proc/1/ns/cgroup; cut -d: -f3 /proc/1/cgroup "
      .. "| sort -u", { init = false })
    assert.matches("^cgroup:%[%d+%]\n/\n$", said.out)
    local hosts = host.sh("readlink /proc/self/ns/cgroup").stdout
    assert.not_equal(hosts, said.out:match("^[^\n]*\n"))
    assert.equal(0, client:finish().code)
    assert(container:destroy())
  end)

  it("keep what was set in them", function()
    local seen = set_up()
    assert.matches("127.0.0.5", seen, 1, true)
    assert.matches("\n123456\nbox\n$", seen)
  end)

  it("may leave out what is in the network's", function()
    local seen = set_up({ empty_ns = { "network" } })
    assert.is_nil(seen:find("127.0.0.5", 1, true))
    assert.matches("\n123456\nbox\n$", seen)
  end)
end)

local box = require("specs.support.box")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local netns = require("specs.support.netns")

local SECONDS = 60

-- The network is the spec's own from here to its end.
describe("the network of a restored container", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local leave, b

  setup(function()
    leave = netns.enter()
    netns.bridge("br7", { "10.7.0.1/24" })
    b = criu.box()
  end)

  teardown(function()
    b:close()
    leave()
  end)

  local CHANGES = { networks = { { type = "loopback" }, { type = "veth", bridge = "br7",
    address = "10.7.0.2/24", gateway = "10.7.0.1" } } }

  local function script(container, text)
    return assert(b:run(container, text, { init = false })).out
  end

  local function state_of_machine()
    local found = machine.snapshot(box.PATTERN)
    found.network = netns.snapshot()
    return found
  end

  -- A connection from outside, over the bridge.
  local function connect()
    local input, write = assert(core.fd.pipe())
    local read, output = assert(core.fd.pipe())
    local child = assert(core.proc.spawn({ path = "/bin/busybox",
      argv = { "busybox", "nc", "10.7.0.2", "7000" }, fds = { input, output, output } }))
    input:close()
    output:close()
    return { ask = function(word)
      assert(core.fd.write(write, word .. "\n"))
      assert(core.poll.wait({ { fd = read, events = "r" } }, SECONDS)[1], "no answer")
      return core.fd.read(read, 4096)
    end, close = function()
      write:close()
      read:close()
      core.proc.send_signal(child.pidfd, 9)
      core.proc.wait(child.pidfd, {})
      child.pidfd:close()
    end }
  end

  local SHOW = "ip -4 -o addr show eth0 | tr -s ' ' | sed 's/^[0-9]*//'; ip route; "
    .. "cat /proc/net/arp | wc -l"

  it("has its interface, on the bridge, and its connections", function()
    local before = state_of_machine()
    local container = assert(b:create(CHANGES))
    local process = ctr.process({ args = { "/bin/nc", "-l", "-p", "7000", "-e", "/bin/cat" } })
    assert(container:run(process))
    script(container, "until grep -q :1B58 /proc/net/tcp*; do usleep 1000; done")
    local client = connect()
    assert.equal("a\n", client.ask("a"))
    local shown = script(container, SHOW)
    local folder = criu.folder(b)
    assert(container:checkpoint({ images_directory = folder, tcp_established = true }))
    process:wait(SECONDS)
    process = ctr.process({})
    assert(container:restore(process, { images_directory = folder, tcp_established = true }))
    assert.equal("b\n", client.ask("b"))
    assert.equal(shown, script(container, SHOW))
    assert.equal("eth0", container:stats().interfaces[1].name)
    client.close()
    container:signal("SIGKILL") -- which may have ended with its client
    process:wait(SECONDS)
    assert(container:destroy())
    container, process = nil, nil -- luacheck: ignore 311
    assert.same(before, state_of_machine())
  end)

  it("has interfaces that others have given it, where their other ends are named", function()
    local container, client = criu.counter(b)
    local pid = container:state().init_process_pid
    assert.equal(0, host.sh(("ip link add outer7 type veth peer name inner7 && ip link set inner7 "
      .. "netns %d && nsenter -t %d -n ip address add 10.8.0.2/24 dev inner7"):format(pid,
      pid)).code)
    local folder = criu.dump(b, container, client)
    client = assert(criu.restore(container, folder, { veth_pairs = { {
      container_interface_name = "inner7", host_interface_name = "outer8" } } }))
    assert.matches("10.8.0.2/24", script(container, "ip -4 -o address show inner7"), 1, true)
    assert.equal(0, host.sh("ip link show outer8").code)
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
    -- The kernel takes its time.
    assert.equal(0, host.sh("for i in $(seq 600); do ip link show outer8 > /dev/null 2>&1 "
      .. "|| exit 0; sleep 0.1; done; exit 1").code)
  end)

  it("is not there after a restore that failed", function()
    local before = netns.snapshot()
    local container, client = criu.counter(b, CHANGES)
    local folder = criu.dump(b, container, client)
    local steps = 0
    local ok = criu.restore(container, folder, { progress = function(info)
      if info.step == "pre-resume" then
        steps = steps + 1
        error("no", 0)
      end
    end })
    assert.is_nil(ok)
    assert.equal(1, steps)
    assert.same(before, netns.snapshot())
    client = assert(criu.restore(container, folder))
    assert.equal("1 x", client:ask("x"))
    client:finish()
    assert(container:destroy())
  end)
end)

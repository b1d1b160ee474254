local command = require("specs.support.command")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local netns = require("specs.support.netns")
local rootfs = require("specs.support.rootfs")

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function examples()
  local list = {}
  for block in read("README.md"):gmatch("\n```lua\n(.-)\n```") do
    list[#list + 1] = block
  end
  return list
end

describe("README.md", function()
  local folder, remove

  after_each(function()
    if remove then
      remove()
      remove = nil
    end
  end)

  it("has a first program that does what is said of it", function()
    if not machine.is_root() then
      pending("needs root")
      return
    end
    rootfs.shared()
    -- A path in a program is relative to the program's file, and this one stands in the clone.
    local text = examples()[1]:gsub('"build/rootfs"', ("%q"):format(rootfs.shared()))
    folder, remove = command.folder({ ["first.lua"] = text })
    local result = command.run({ "build/lctr", folder .. "/first.lua" })
    assert.equal("", result.stderr)
    assert.equal("I am process 1 on first\n", result.stdout)
  end)

  it("has a description that is right", function()
    folder, remove = command.folder({ ["web.lua"] = examples()[2] })
    local result = command.run({ "build/lctr", "check", folder .. "/web.lua" })
    assert.equal("", result.stderr)
    assert.equal("web: ok\n", result.stdout)
  end)

  it("has no other example that no spec looks at", function()
    assert.equal(2, #examples())
  end)
end)

describe("examples/", function()
  it("hello.lua shows a life, and leaves nothing", function()
    if not machine.is_root() then
      pending("needs root")
      return
    end
    local before = machine.snapshot("/ctr%-hello")
    local result = command.run({ "build/lctr", "examples/hello.lua", rootfs.shared() })
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    for _, line in ipairs({
      "host name:     hello-from-lua\n", "process id:    1\n", "capabilities:  00000000800405fb\n",
      "system calls:  filtered\n",
      "namespaces of its own: mnt uts ipc pid net cgroup user\n",
      "it ended with 7; the container is stopped\n", "nothing is left: no state, no cgroup\n",
    }) do
      assert.truthy(result.stdout:find(line, 1, true), line .. " is missing in\n" .. result.stdout)
    end
    assert.same(before, machine.snapshot("/ctr%-hello"))
  end)

  it("supervisor.lua answers a container's system calls, and leaves nothing", function()
    if not machine.is_root() then
      pending("needs root")
      return
    end
    local before = machine.snapshot("/ctr%-supervised")
    local result = command.run({ "build/lctr", "examples/supervisor.lua", rootfs.shared() })
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    for _, line in ipairs({
      "  asked: mkdir /var/lib/app\n", "app folder: made\n", "elsewhere: refused\n",
      "fifo: made\n", "device: refused\n", "secret: known to nobody else\n", "ended with 0\n",
    }) do
      assert.truthy(result.stdout:find(line, 1, true), line .. " is missing in\n" .. result.stdout)
    end
    assert.same(before, machine.snapshot("/ctr%-supervised"))
  end)

  it("hooks.lua shows hooks in their order, and leaves nothing", function()
    if not machine.is_root() then
      pending("needs root")
      return
    end
    local before = machine.snapshot("/ctr%-hooked")
    local result = command.run({ "build/lctr", "examples/hooks.lua", rootfs.shared() })
    assert.equal("", result.stderr)
    assert.equal([[
createRuntime   the container is creating
createContainer the container is creating
startContainer  the container is created
poststart       the container is running
                the program
                it ended with 3
poststop        the container is stopped
hooks.prestart[1]: /bin/sh exited with 1, stderr: no bridge
]], result.stdout)
    assert.same(before, machine.snapshot("/ctr%-hooked"))
  end)

  it("bridge.lua serves behind a bridge, by IPv4 and by IPv6", function()
    if not machine.is_root() then
      pending("needs root")
      return
    end
    rootfs.shared()
    local leave = netns.enter()
    local before = netns.snapshot()
    -- As the example says.
    for line in read("examples/bridge.lua"):gmatch("\n%-%-     ip ([^\n]+)") do
      netns.ip(line)
    end
    local state, remove_state = command.folder()
    local result = host.sh(([[
      build/lctr --root %s/state examples/bridge.lua & server=$!
      for address in 10.0.0.2 '[fd00::2]'; do
        until busybox wget -q -O - "http://$address:8080/bridge.lua" 2>/dev/null; do
          busybox usleep 10000
        done
      done
      # The server ends at no signal that it may ignore; the second one is not passed on.
      while kill $server 2>/dev/null; do busybox usleep 10000; done; wait $server]]):format(state))
    assert.equal(read("examples/bridge.lua"):rep(2), result.stdout)
    assert.equal("lctr: info: bridge ended with SIGKILL\n", result.stderr)
    netns.ip("link del br0")
    assert.same(before, netns.snapshot())
    remove_state()
    leave()
  end)

  it("web.lua is right", function()
    assert.equal("web: ok\n", command.run({ "build/lctr", "check", "examples/web.lua" }).stdout)
  end)
end)

describe("docs/configuration.md", function()
  it("is what the schema says (make reference)", function()
    local result = command.run({ "/usr/bin/luajit", "tools/reference.lua" })
    assert.equal("", result.stderr)
    assert.is_true(result.stdout == read("docs/configuration.md"), "make reference writes it anew")
  end)

  it("has the same keys as ctr-config(5) (make reference)", function()
    local result = command.run({ "/usr/bin/luajit", "tools/manual.lua" })
    assert.equal("", result.stderr)
    assert.is_true(result.stdout == read("docs/man/ctr-config.5"), "make reference writes it anew")
  end)

  it("has the place that each link leads to", function()
    local page, places = read("docs/configuration.md"), {}
    for title in page:gmatch("\n##+ ([^\n]+)") do
      places[title:lower():gsub("[^%w_%- ]", "")] = true
    end
    local count = 0
    for place in page:gmatch("%]%(#([^)]*)%)") do
      assert.is_true(places[place], place)
      count = count + 1
    end
    assert.is_true(count > 50)
  end)
end)

local function check_page(name, is_wanted)
  local page = read("docs/man/" .. name):gsub("\\%-", "-")
  local commands = require("ctr.cli.commands")
  for _, option in ipairs(commands.globals) do
    if is_wanted(option) then
      assert.truthy(page:find("--" .. option.name, 1, true), option.name)
    end
  end
  for _, row in ipairs(commands.list) do
    if is_wanted(row) then
      assert.truthy(page:find("lctr " .. row.name, 1, true), row.name)
      for _, option in ipairs(row.options) do
        assert.truthy(page:find("--" .. option.name, 1, true), option.name)
      end
    end
  end
end

describe("docs/man/lctr.1", function()
  it("has every command and every option for people", function()
    check_page("lctr.1", function(row)
      return not row.is_oci and not (row.for_containers and row.name ~= "root")
    end)
  end)
end)

describe("docs/man/lctr.8", function()
  it("has every command and every option for engines", function()
    check_page("lctr.8", function(row)
      return not row.for_files and (row.is_oci or not row.module)
    end)
  end)
end)

describe("docs/man/", function()
  it("has pages about which man says nothing", function()
    for _, page in ipairs({ "lctr.1", "lctr.8", "ctr-config.5" }) do
      local result = command.run({ "/usr/bin/man", "--warnings", "-l", "docs/man/" .. page },
        { env = { "LC_ALL=C.UTF-8", "PATH=/usr/bin:/bin", "MANWIDTH=100" } })
      assert.equal(0, result.code)
      assert.equal("", result.stderr)
      assert.truthy(#result.stdout > 1000)
    end
  end)
end)

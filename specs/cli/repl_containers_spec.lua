local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")
local prompts = require("specs.support.prompt")
local rootfs = require("specs.support.rootfs")

-- At the prompt: a container that waits for a line of its fifo, does something, and ends.
local SETUP = [[
local core, PARENT = require("ctr.core"), "%s"
function up(id, script, memory)
  local c = assert(factory:create(id, {
    rootfs = "%s", hostname = id, namespaces = { "NEWNS", "NEWPID", "NEWUTS", "NEWIPC" },
    cgroups = { parent = PARENT, memory = memory },
    mounts = {
      { source = "proc", destination = "/proc", device = "proc" },
      { source = "tmpfs", destination = "/dev", device = "tmpfs" },
      { source = "devpts", destination = "/dev/pts", device = "devpts",
        data = "newinstance,ptmxmode=0666,mode=0620" },
    },
    devices = ctr.default_auto_created_devices,
  }))
  p = ctr.process({ args = { "/bin/sh", "-c", script }, env = { "PATH=/bin" } })
  assert(c:run(p))
  return c
end
function down(c)
  c:resume()
  c:signal("SIGKILL", true)
  p:wait(60)
  return c:destroy()
end
]]

describe("lctr's prompt and containers", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local prompt, folder, remove
  local parent = "/ctr-specs-" .. core.proc.getpid()

  local function start(opts)
    prompt = prompts.start(opts)
    prompt:expect("lctr> ")
    prompt:run(("setfenv(loadfile('%s/setup.lua'), getfenv())()"):format(folder))
  end

  before_each(function()
    folder, remove = command.folder({ ["setup.lua"] = SETUP:format(parent, rootfs.shared()) })
  end)

  -- What a failed spec left is taken away by the same root's lctr.
  after_each(function()
    for _, id in ipairs({ "web", "db" }) do
      command.run({ "build/lctr", "--root", prompt.root, "delete", "--force", id })
    end
    prompt:close()
    remove()
  end)

  local function lctr(...)
    return command.run({ "build/lctr", "--root", prompt.root, ... })
  end

  it("draws a container as a card, and all of them as a table", function()
    start()
    assert.equal("no containers", prompt:run("containers()"))
    prompt:run("c = up('web', 'exec sleep 1000')")
    local card = prompt:run("c")
    assert.truthy(card:find("^container web\n  status +running\n  pid +%d+\n"), card)
    assert.truthy(card:find("\n  memory +%d.*\n  cpu time +%d"), card)
    local list = prompt:run("containers()")
    assert.truthy(list:find("^ID +STATUS +PID +MEMORY +PROCESSES\nweb +running +%d+"), list)
    assert.equal('"running"', prompt:run("containers.web:status()"))
    assert.equal('error: container "nobody" does not exist', prompt:run("containers.nobody"))
    prompt:run("down(c)")
  end)

  it("completes ids, methods and paths inside", function()
    start()
    prompt:run("c = up('web', 'mkdir -p /dev/inside/deeper; exec sleep 1000')")
    prompt:run("q = ctr.process({ args = { '/bin/sh', '-c', 'until [ -d /dev/inside/deeper ]; "
      .. "do sleep 0.1; done' }, env = { 'PATH=/bin' } }) c:run(q) return q:wait().code")
    prompt:type("containers.w\t")
    prompt:expect("containers.web")
    prompt:type(":stat\t")
    prompt:expect("stat")
    prompt:type("u\t)\r")
    prompt:expect('"running"')
    prompt:expect("lctr> ")
    prompt:type("x = c:run(ctr.process({ args = { '/dev/insi\t")
    prompt:expect("/dev/inside/")
    prompt:type("\t")
    prompt:expect("deeper/")
    prompt:type("\3")
    prompt:expect("lctr> ")
    prompt:type("factory:load('w\t")
    prompt:expect("web'")
    prompt:type("\3")
    prompt:expect("lctr> ")
    prompt:run("down(c)")
  end)

  it("shows what there is to choose from above the line, which stays", function()
    start()
    prompt:type("c = 5; x = string.f\t")
    prompt:expect("find")
    prompt:expect("format")
    prompt:expect("lctr> c = 5; x = string.f")
    prompt:type("ormat('%d', 3) return x\r")
    prompt:expect('"3"')
  end)

  it("tells above the line that a container has ended, and keeps what is typed", function()
    start()
    prompt:run("c = up('web', 'read line </dev/null; exec sleep 1000')")
    prompt:expect("* web has started")
    prompt:type("6 *")
    prompt:expect("6 *")
    assert.equal(0, lctr("kill", "--all", "web", "KILL").code)
    prompt:expect("* web has ended\n")
    prompt:expect("lctr> 6 *")
    prompt:type(" 7\r")
    prompt:expect("42")
    prompt:expect("lctr> ")
    prompt:run("down(c)")
  end)

  it("tells that one ran out of memory", function()
    start()
    prompt:run("c = up('web', 'until [ -e /dev/go ]; do sleep 0.1; done; tail /dev/zero', '16M')")
    prompt:expect("* web has started")
    prompt:run("q = ctr.process({ args = { '/bin/touch', '/dev/go' } }) c:run(q) q:wait()")
    prompt:expect("* web ran out of memory")
    prompt:run("")
    prompt:run("down(c)")
  end)

  it("has what a chunk reads from the container ended by Ctrl-C", function()
    start()
    prompt:run("c = up('web', 'exec sleep 1000')")
    prompt:type("print('rea' .. 'dy') return p:wait()\r")
    prompt:expect("ready\n")
    prompt:type("\3")
    prompt:expect("interrupted")
    prompt:expect("lctr> ")
    assert.equal('"running"', prompt:run("c:status()"))
    prompt:run("down(c)")
  end)

  it("gives the terminal to a process, and gets it back", function()
    start()
    prompt:run("c = up('web', 'exec sleep 1000')")
    prompt:type("q = ctr.process({ args = { '/bin/sh', '-c', 'tty; read line; echo got $line' }, "
      .. "env = { 'PATH=/bin' }, terminal = true }) assert(c:run(q)) return q:wait().code\r")
    prompt:expect("/dev/pts/0")
    prompt:type("this\r")
    prompt:expect("got this")
    prompt:expect("\n0\n")
    prompt:expect("lctr> ")
    assert.equal("2", prompt:run("1 + 1"))
    prompt:run("down(c)")
  end)

  describe("top", function()
    it("shows all, and its keys choose, pause, resume and kill", function()
      start()
      prompt:run("c = up('db', 'exec sleep 1000') d = p; c = up('web', 'exec sleep 1000')")
      prompt:type("top()\r")
      prompt:expect("STATUS")
      prompt:expect("> db")
      prompt:type("\27[B")
      prompt:expect("> web")
      prompt:type("p")
      prompt:expect("web is paused")
      assert.equal("paused", lctr("state", "web").stdout:match('"status": ?"(%a+)"'))
      prompt:type("p")
      prompt:expect("web goes on")
      prompt:type("k")
      prompt:expect("kill web?")
      prompt:type("n")
      prompt:expect("web was not killed")
      prompt:type("k")
      prompt:expect("kill web?")
      prompt:type("y")
      prompt:expect("web was killed")
      prompt:type("q")
      prompt:expect("lctr> ")
      prompt:run("p:wait(60) c:destroy() p = d c = containers.db")
      prompt:run("down(c)")
    end)

    it("enters one, and comes back", function()
      start()
      prompt:run("c = up('web', 'exec sleep 1000')")
      prompt:type("top()\r")
      prompt:expect("> web")
      prompt:type("\r")
      prompt:expect("# ")
      prompt:type("hostname; exit\r")
      prompt:expect("\nweb\n")
      prompt:expect("back from web")
      prompt:type("\3")
      prompt:expect("lctr> ")
      prompt:run("down(c)")
    end)
  end)

  it("plots what a container uses until it is told to end", function()
    start()
    prompt:run("c = up('web', 'exec sleep 1000')")
    prompt:type("plot(c, 'memory')\r")
    prompt:expect("web memory: ")
    prompt:expect("█")
    prompt:type("q")
    prompt:expect("web memory: ")
    prompt:expect(" to ")
    prompt:expect("lctr> ")
    assert.truthy(prompt:run("plot(c, 'colour')"):find("there are cpu, disk, memory", 1, true))
    prompt:run("down(c)")
  end)

  it("watches a value until Ctrl-C", function()
    start()
    prompt:run("n = 0")
    prompt:type("watch(0.1, 'n = n + 1 return n')\r")
    prompt:expect("every 0.1 s: n = n + 1 return n\n3\n")
    prompt:type("\3")
    prompt:expect("lctr> ")
    assert.truthy(prompt:run("watch(0, 'n')"):find("from 0.1 expected", 1, true))
  end)

  it("plots and shows all in lines where there is no screen", function()
    start({ env = { TERM = "dumb" } })
    prompt:type("c = up('web', 'exec sleep 1000')\r")
    prompt:expect("lctr> ")
    prompt:type("top()\r")
    prompt:expect("STATUS")
    prompt:expect("> web")
    prompt:type("\3")
    prompt:expect("lctr> ")
    prompt:type("plot(c, 'processes')\r")
    prompt:expect("\n1\n1\n")
    prompt:type("\3")
    prompt:expect("web processes: 1 to 1")
    prompt:expect("lctr> ")
    prompt:type("down(c)\r")
    prompt:expect("lctr> ")
    assert.is_nil(prompt.seen:find("\27", 1, true))
  end)

  it("compares and explains what containers were configured to", function()
    start()
    prompt:run("c = up('web', 'exec sleep 1000')")
    prompt:run("d = c:config() d.hostname = 'other'")
    assert.equal('~ hostname: "web" → "other"', prompt:run("diff(c, d)"))
    local said = prompt:run("explain(c)")
    assert.truthy(said:find('hostname +"web" +The host\'s name in the container.'), said)
    prompt:run("down(c)")
  end)

  it("saves a container as a file", function()
    start()
    prompt:run("c = up('web', 'exec sleep 1000')")
    -- In place of the module that writes descriptions: what it is given counts here.
    prompt:run("package.loaded['ctr.describe.write'] = { text = function(name, config, process) "
      .. "return table.concat({ name, config.hostname, process.args[1] }, ' ') end }")
    local path = folder .. "/web.lua"
    assert.equal("saved: " .. path, prompt:run(("save(c, %q)"):format(path)))
    local file = assert(io.open(path))
    assert.equal("web web /bin/sh", file:read("*a"))
    file:close()
    assert.truthy(prompt:run(("save(c, %q)"):format(path)):find("is there already", 1, true))
    prompt:run("down(c)")
  end)
end)

describe("lctr's prompt without privilege", function()
  if not machine.is_root() then
    pending("needs root, to give it up")
    return
  end

  it("runs, and keeps its history", function()
    local folder, remove = command.folder()
    assert.is_truthy(os.execute(("cp build/lctr %s/ && mkdir -p %s/ctr/core %s/home && "
      .. "cp build/ctr/lctr %s/ctr/ && cp build/ctr/core/*.so %s/ctr/core/ && "
      .. "chown 65534 %s/home && chmod -R a+rX %s"):format(folder, folder, folder, folder, folder,
      folder, folder)))
    local prompt = prompts.start({ program = folder .. "/lctr", user = 65534,
      env = { HOME = folder .. "/home", XDG_STATE_HOME = false } })
    prompt:expect("lctr> ")
    assert.equal("2", prompt:run("1 + 1"))
    assert.truthy(prompt:run("factory"):find("^error: "))
    prompt:type("\4")
    assert.equal(0, prompt:wait().code)
    local file = assert(io.open(folder .. "/home/.local/state/ctr/history"))
    assert.equal("1 + 1\nfactory\n", file:read("*a"))
    file:close()
    prompt:close()
    remove()
  end)
end)

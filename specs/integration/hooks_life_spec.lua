local box = require("specs.support.box")
local core = require("ctr.core")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

local ID = "hooked-" .. core.proc.getpid()
local PATTERN = "hooked%-" .. core.proc.getpid()
local USER = 4321
local SECONDS = 60
local KINDS = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
  "poststop" }

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

-- Hooks where the program that has them is not alone, has no privilege, or ends.
describe("hooks of a program", function()
  local b, project, said

  setup(function()
    b = box.new()
    orphans.adopt()
    os.execute("chmod 1777 " .. b.root .. "/tmp " .. b.folder)
    project = core.path.realpath(".")
    said = b.folder .. "/said"
    assert(b:sh("true"))
  end)

  teardown(function()
    b:close()
  end)

  -- What a failed spec left would fail the next one.
  after_each(function()
    local container = b.factory:load(ID)
    if container then
      container:signal("SIGKILL", true)
      container:destroy()
    end
    os.remove(said)
    os.remove(b.root .. "/tmp/said")
  end)

  local function arguments(action, from)
    from = from or project
    return { "luajit", from .. "/specs/support/hooked.lua", from, b.factory.root, b.root, ID,
      action, action:find("startContainer") and "/tmp/said" or said }
  end

  local function run(action)
    local result = assert(core.proc.run({ path = "/usr/bin/luajit", args = arguments(action),
      timeout = 60 }))
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    return result.stdout
  end

  -- Starts a program, and waits until its hook has spoken into the fifo.
  local function start_and_wait(action, fifo)
    os.execute("mkfifo -m 666 " .. fifo)
    local reader = assert(core.fd.open(fifo, { flags = { "rdwr", "nonblock" } }))
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    local child = assert(core.proc.spawn({ path = "/usr/bin/luajit", argv = arguments(action),
      env = {}, fds = { null, null, null } }))
    null:close()
    local heard = core.poll.wait({ { fd = reader, events = "r" } }, SECONDS)[1]
    reader:close()
    assert(heard, "no hook has spoken")
    return child
  end

  local function kill(child)
    assert(core.proc.send_signal(child.pidfd, 9))
    assert(core.proc.wait(child.pidfd, {}))
    child.pidfd:close()
  end

  local function destroy()
    local container = b.factory:load(ID)
    if container then
      if container:status() == "running" then
        container:signal("SIGKILL")
        orphans.reap("init")
      end
      assert(container:destroy())
    end
    assert.same({}, b.factory:list())
  end

  for _, kind in ipairs(KINDS) do
    it("that is killed in one of " .. kind .. " end with it, and leave what can be destroyed",
      function()
      local before = machine.snapshot(PATTERN)
      local fifo = kind == "startContainer" and b.root .. "/tmp/said" or said
      local child = start_and_wait("hang:" .. kind, fifo)
      kill(child)
      if kind ~= "poststart" then
        -- The program of a container that runs already is not a hook.
        orphans.reap("the hook's tree")
      end
      destroy()
      orphans.reap("what is left")
      os.remove(fifo)
      assert.same(before, machine.snapshot(PATTERN))
    end)

    if kind ~= "startContainer" then
      it("that is killed in a function of " .. kind .. " leaves what can be destroyed", function()
        local before = machine.snapshot(PATTERN)
        local child = start_and_wait("hang_in_function:" .. kind, said)
        kill(child)
        destroy()
        orphans.reap("what is left")
        os.remove(said)
        assert.same(before, machine.snapshot(PATTERN))
      end)
    end
  end

  it("are run by whoever lets the container execute, and destroys it, where they are commands",
    function()
      run("start_commands")
      assert.equal("prestart\ncreateRuntime\ncreateContainer\n", read(said))
      assert.equal("true\tnil\tnil\n", run("exec"))
      assert.equal("startContainer\n", read(b.root .. "/tmp/said"))
      assert.equal("prestart\ncreateRuntime\ncreateContainer\npoststart\n", read(said))
      assert.equal("running", assert(b.factory:load(ID)):status())
      assert(assert(b.factory:load(ID)):signal("SIGKILL"))
      orphans.reap("init")
      assert.equal("true\tnil\tnil\n", run("destroy"))
      assert.equal("prestart\ncreateRuntime\ncreateContainer\npoststart\npoststop\n", read(said))
    end)

  for _, kind in ipairs({ "startContainer", "poststart" }) do
    it("that are functions of " .. kind .. " keep another one from letting the container execute",
      function()
        run("start:" .. kind)
        local out = run("exec")
        assert.matches("^nil\thooks%." .. kind .. "%[1%]: is a function of the program that "
          .. "created the container, which is not this one\thooks%." .. kind .. "%[1%]\n$", out)
        assert.equal("created", assert(b.factory:load(ID)):status())
        assert.equal("true\tnil\tnil\n", run("destroy"))
        orphans.reap("init")
      end)
  end

  it("that are functions of the end are missed by another one, which destroys the container",
    function()
      run("start:poststop")
      assert.equal("true\tnil\tnil\n", run("exec"))
      assert(assert(b.factory:load(ID)):signal("SIGKILL"))
      orphans.reap("init")
      assert.matches("^true\thooks%.poststop%[1%]: is a function of the program that created", run(
        "destroy"))
      assert.same({}, b.factory:list())
    end)

  it("that are functions keep another one from starting the container again", function()
    run("start:createRuntime prestart")
    assert(assert(b.factory:load(ID)):signal("SIGKILL"))
    orphans.reap("init")
    assert.matches("^nil\thooks%.prestart%[1%]: is a function of the program", run("again"))
    assert.equal("true\tnil\tnil\n", run("destroy"))
  end)

  -- The container waits for an answer that nobody gives any more.
  it("that are asked for again when who let the container execute was killed", function()
    local ctr = require("ctr")
    local calls = 0
    local container = assert(b.factory:create(ID, box.config(b.root, { hooks = {
      startContainer = { { func = function()
        calls = calls + 1
      end } } } })))
    local process = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:start(process))
    local fifo = assert(container.store:open_fifo())
    local questions = assert(container.store:open_questions())
    assert(core.fd.write(fifo, "0"))
    assert.is_truthy(core.poll.wait({ { fd = questions, events = "r" } }, 60)[1])
    fifo:close()
    questions:close()
    assert.equal("created", container:status())
    assert(container:exec())
    assert.equal(1, calls)
    assert.equal("running", container:status())
    process:signal("SIGKILL")
    process:wait(60)
    assert(container:destroy())
  end)

  it("leave it as it was, and need nothing of it", function()
    local lines = {}
    for index, kind in ipairs(KINDS) do
      lines[index] = ("%s\t%s\thooks.%s[2]\tETIMEDOUT\n"):format(kind,
        kind == "poststop" and "true" or "nil", kind)
    end
    assert.equal(table.concat(lines) .. "0\t0\n", run("neutral"))
  end)

  it("run without privilege", function()
    local library = b:library()
    os.execute((("mkdir -p F/user L/specs && cp -r specs/support L/specs/ && chmod -R a+rX L && "
      .. "chown U:U F/user"):gsub("%f[%u]%u%f[%U]", { F = b.folder, L = library, U = USER })))
    local args = arguments("rootless", library)
    args[4] = b.folder .. "/user/state"
    args[8] = b.folder .. "/user/said"
    local result = assert(core.proc.run({
      path = "/usr/bin/setpriv", timeout = 60, env = { "PATH=/usr/bin:/bin" },
      args = { "setpriv", "--reuid", tostring(USER), "--regid", tostring(USER), "--clear-groups",
        "/usr/bin/luajit", select(2, unpack(args)) },
    }))
    assert.equal("", result.stderr)
    local lines = { "prestart creating", "createRuntime creating", "createContainer creating",
      "startContainer created", "poststart running", "poststop stopped", "true\tnil\tnil" }
    for _, kind in ipairs(KINDS) do
      lines[#lines + 1] = ("%s\t%s\thooks.%s[1]\tETIMEDOUT"):format(kind,
        kind == "poststop" and "true" or "nil", kind)
    end
    assert.equal(table.concat(lines, "\n") .. "\n", result.stdout)
    assert.equal(("prestart USER\ncreateRuntime USER\n%s/proc/1\ncreateContainer 0\n"
      .. "poststart USER\npoststop USER\n"):format(b.root):gsub("USER", USER),
      (read(b.folder .. "/user/said")))
    assert.equal("startContainer 0\n", read(b.root .. "/tmp/said"))
  end)
end)

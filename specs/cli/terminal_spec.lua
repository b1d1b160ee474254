local bundles = require("specs.support.bundle")
local core = require("ctr.core")
local machine = require("specs.support.machine")
local rootfs = require("specs.support.rootfs")

local OPEN = { flags = { "rdwr", "noctty" } }
local SETSID = "/usr/bin/setsid"

describe("lctr at a terminal", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local b, before, master, slave, path

  before_each(function()
    before = machine.snapshot(bundles.PATTERN)
    master, path = assert(core.tty.open_pty())
    slave = assert(core.fd.open(path, OPEN))
    assert(core.tty.set_size(master, 77, 11))
  end)

  after_each(function()
    b:close()
    slave:close()
    master:close()
    assert.same(before, machine.snapshot(bundles.PATTERN))
  end)

  local function mode()
    local pipe = assert(io.popen("stty -g <" .. path))
    local text = pipe:read("*a")
    pipe:close()
    return text
  end

  local function script(text)
    b = bundles.sh(text, { terminal = true })
  end

  local function run(fds)
    return b:start({ "run", "-b", b.folder, b.id }, fds or { slave, slave, slave })
  end

  local function shows(text)
    return bundles.read_until(master, text)
  end

  it("gives the process a terminal of its own, of the same size", function()
    script("tty; stty size; echo ready; read line; test $line = hello && exit 5")
    local child = run()
    assert.equal("/dev/pts/0\r\n11 77\r\nready\r\n", shows("ready\r\n"))
    assert(core.fd.write_all(master, "hello\r"))
    assert.equal(5, child.wait().code)
  end)

  -- The two terminals together write one carriage return with each newline.
  it("has the inner terminal leave newlines to the outer one", function()
    script("stty -a | tr ' ' '\\n' | grep -e opost -e onlcr; echo ready")
    local child = run()
    assert.equal("opost\r\n-onlcr\r\nready\r\n", shows("ready\r\n"))
    assert.equal(0, child.wait().code)
  end)

  it("is raw meanwhile: what is typed is the process' to interpret", function()
    script("trap 'echo interrupted; exit 6' INT; echo ready; "
      .. "while :; do sleep 1000 & wait $!; done")
    local usual = mode()
    local child = run()
    shows("ready")
    assert.not_equal(usual, mode())
    assert(core.fd.write_all(master, "\3"))
    assert.truthy(shows("interrupted\r\n"):find("^.*%^C"))
    assert.equal(6, child.wait().code)
    assert.equal(usual, mode())
  end)

  -- BuildKit changes the size and tells lctr by a signal, for its terminal is no controlling one.
  it("passes a new size on at SIGWINCH", function()
    script("trap 'stty size' WINCH; trap 'exit 7' TERM; echo ready; "
      .. "while :; do sleep 1000 & wait $!; done")
    local child = run()
    shows("ready\r\n")
    for _, size in ipairs({ { 100, 40 }, { 90, 30 } }) do
      assert(core.tty.set_size(master, size[1], size[2]))
      child.signal("SIGWINCH")
      assert.equal(("%d %d\r\n"):format(size[2], size[1]), shows("\n"))
    end
    child.signal("SIGTERM")
    assert.equal(7, child.wait().code)
  end)

  for _, name in ipairs({ "SIGTERM", "SIGHUP", "SIGINT", "SIGQUIT" }) do
    it("is put back when " .. name .. " ends the process", function()
      script("trap 'exit 9' TERM HUP INT QUIT; echo ready; while :; do sleep 1000 & wait $!; done")
      local usual = mode()
      local child = run()
      shows("ready")
      child.signal(name)
      assert.equal(9, child.wait().code)
      assert.equal(usual, mode())
    end)
  end

  it("is put back when the container is removed meanwhile", function()
    script("echo ready; exec sleep 1000")
    local usual = mode()
    local child = run()
    shows("ready")
    assert.equal(0, b:lctr({ "delete", "--force", b.id }).code)
    assert.equal(128 + 9, child.wait().code)
    assert.equal(usual, mode())
  end)

  it("is left alone when the program cannot be executed", function()
    b = bundles.new({ args = { "nothing" }, terminal = true })
    local usual = mode()
    local child = run()
    assert.equal('lctr: exec: "nothing": executable file not found in $PATH\r\n', shows("\n"))
    assert.equal(1, child.wait().code)
    assert.equal(usual, mode())
  end)

  it("shows all that was written before the process ended", function()
    script("seq 1 20000; exit 3")
    local child = run()
    local seen = shows("\n20000\r\n")
    assert.equal(3, child.wait().code)
    local count = 0
    for number in seen:gmatch("(%d+)\r\n") do
      count = count + 1
      assert.equal(count, tonumber(number))
    end
    assert.equal(20000, count)
  end)

  it("takes all that is typed at once", function()
    script("stty raw -echo; echo ready; head -c 300000 | tr -d '\\n' | wc -c")
    local child = run()
    shows("ready")
    core.fd.set_nonblock(master, true)
    local typed, left = ("x"):rep(300000), 300000
    while left > 0 do
      core.poll.wait({ { fd = master, events = "w" } }, 60)
      left = left - (core.fd.write(master, typed:sub(1, left)) or 0)
    end
    shows("300000")
    assert.equal(0, child.wait().code)
  end)

  it("may be one of the streams alone", function()
    script("stty size; cat; exit 4")
    local from, to = core.fd.pipe()
    local out, writer = core.fd.pipe()
    local usual = mode()
    local child = run({ from, writer, slave })
    from:close()
    writer:close()
    assert.equal("11 77\n", bundles.read_until(out, "\n"))
    assert.not_equal(usual, mode())
    assert(core.fd.write_all(to, "half a line"))
    to:close() -- typed as the terminal's own end of input
    assert.equal("half a linehalf a line", (bundles.read_until(out):gsub("%^D\8\8", "")))
    out:close()
    assert.equal(4, child.wait().code)
    assert.equal(usual, mode())
  end)

  it("need not be there for a process that wants one", function()
    script("tty; exit 3")
    local null = assert(core.fd.open("/dev/null", OPEN))
    local out, writer = core.fd.pipe()
    -- In a session of its own: the spec's terminal is not lctr's.
    local child = b:spawn({ SETSID, "--wait", unpack(b:arguments("run", "-b", b.folder, b.id)) },
      { null, writer, null })
    writer:close()
    null:close()
    assert.equal("/dev/pts/0\n", bundles.read_until(out))
    out:close()
    assert.equal(3, child.wait().code)
  end)

  it("is found where it is no stream but the controlling one", function()
    script("stty size; exit 3")
    local null = assert(core.fd.open("/dev/null", OPEN))
    local out, writer = core.fd.pipe()
    local call = table.concat(b:arguments("run", "-b", b.folder, b.id), " ")
    local child = b:spawn({ SETSID, "--ctty", "--wait", "/bin/sh", "-c",
      call .. " <&3 >&4 2>&3; exit $?" }, { slave, slave, slave, null, writer })
    writer:close()
    null:close()
    assert.equal("11 77\n", bundles.read_until(out))
    out:close()
    assert.equal(3, child.wait().code)
  end)

  describe("with Lua in place of a bundle", function()
    local SCRIPT = "trap 'stty size' WINCH; trap 'exit 7' TERM; stty -a | tr ' ' '\\n' | "
      .. "grep onlcr; echo ready; while :; do sleep 1000 & wait $!; done"

    local function check(child)
      assert.equal("onlcr\r\nready\r\n", shows("ready\r\n"))
      assert(core.tty.set_size(master, 100, 40))
      child.signal("SIGWINCH")
      assert.equal("40 100\r\n", shows("\n"))
    end

    it("passes a new size on to a description's container", function()
      b = bundles.new()
      local usual = mode()
      local file = b:file("web.lua", ("return container(%q) { rootfs = %q, "
        .. "run = { '/bin/sh', '-c', %q } }"):format(b.id, rootfs.shared(), SCRIPT))
      local child = b:spawn(b:arguments(file), { slave, slave, slave })
      check(child)
      child.signal("SIGTERM")
      assert.equal(7, child.wait().code)
      assert.equal(usual, mode())
    end)

    it("passes a new size on while a program waits for a process", function()
      b = bundles.new()
      local usual = mode()
      local file = b:file("tool.lua", ([[
local ctr = require("ctr")
local factory = assert(ctr.new(%q))
local config, fields = ctr.oci.config(assert(ctr.oci.load(%q)), { bundle = %q })
local container = assert(factory:create(%q, config))
fields.terminal, fields.args = true, { "/bin/sh", "-c", %q }
fields.console_width, fields.console_height = 77, 11
local process = ctr.process(fields)
assert(container:run(process))
local early, err = process:wait(0)
assert(early == nil and err.errno == "ETIMEDOUT")
local status = process:wait()
assert(container:destroy())
os.exit(status.code)
]]):format(b.folder .. "/state", b.folder, b.folder, b.id, SCRIPT))
      local child = b:spawn(b:arguments(file), { slave, slave, slave })
      check(child)
      assert.equal(0, b:lctr({ "kill", b.id, "TERM" }).code)
      assert.equal(7, child.wait().code)
      assert.equal(usual, mode())
    end)
  end)

  describe("that hangs up", function()
    local function hang_up(text)
      script(text)
      local child = b:spawn({ SETSID, "--ctty", "--wait", unpack(b:arguments("run", "--keep", "-b",
        b.folder, "--pid-file", b.folder .. "/pid", b.id)) }, { slave, slave, slave })
      shows("ready\r\n")
      slave:close()
      master:close()
      local result = child.wait()
      master, path = assert(core.tty.open_pty())
      slave = assert(core.fd.open(path, OPEN))
      return result
    end

    it("ends a first process that leaves SIGHUP to the kernel", function()
      hang_up("echo ready; exec sleep 1000")
      local state = core.json.decode(b:lctr({ "state", b.id }).stdout)
      assert.equal("stopped", state.status)
    end)

    it("is told to one that handles it", function()
      hang_up("trap 'exit 5' HUP; echo ready; while :; do sleep 1000 & wait $!; done")
      local state = core.json.decode(b:lctr({ "state", b.id }).stdout)
      assert.equal("stopped", state.status)
    end)
  end)

  describe("exec", function()
    local function sleeper()
      b = bundles.new({ args = { "sleep", "1000" } })
      local null = assert(core.fd.open("/dev/null", OPEN))
      assert.equal(0, b:start({ "run", "-d", "-b", b.folder, b.id }, { null, null, null }).wait()
        .code)
      null:close()
    end

    it("--tty gives a terminal", function()
      sleeper()
      local usual = mode()
      local child = b:start({ "exec", "--tty", b.id, "sh", "-c",
        "tty; stty size; read line; echo got $line; exit 6" }, { slave, slave, slave })
      assert.equal("/dev/pts/0\r\n11 77\r\n", shows("77\r\n"))
      assert(core.fd.write_all(master, "this\r"))
      assert.equal("this\r\ngot this\r\n", shows("got this\r\n"))
      assert.equal(6, child.wait().code)
      assert.equal(usual, mode())
    end)

    it("--process gives one as well, as CRI-O asks for it", function()
      sleeper()
      local file = b:file("process.json", { terminal = true, cwd = "/", env = { "PATH=/bin" },
        user = { uid = 0, gid = 0 }, args = { "sh", "-c", "tty; exit 2" } })
      local child = b:start({ "exec", "--process", file, b.id }, { slave, slave, slave })
      assert.equal("/dev/pts/0\r\n", shows("\n"))
      assert.equal(2, child.wait().code)
    end)

    it("without --tty keeps lctr's terminal from the process", function()
      sleeper()
      local child = b:start({ "exec", b.id, "sh", "-c", "tty; exit 2" }, { slave, slave, slave })
      assert.equal("not a tty\r\n", shows("\n"))
      assert.equal(2, child.wait().code)
    end)

    it("is over although somebody else has the terminal still open", function()
      sleeper()
      local child = b:start({ "exec", "--tty", b.id, "sh", "-c",
        "trap '' HUP; sleep 1000 & echo done" }, { slave, slave, slave })
      assert.equal("done\r\n", shows("\n"))
      assert.equal(0, child.wait().code)
    end)
  end)
end)

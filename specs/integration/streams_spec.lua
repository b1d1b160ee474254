local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

describe("a process' streams", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function read_file(path)
    local file = assert(io.open(path))
    local text = file:read("*a")
    file:close()
    return text
  end

  local function run(spec)
    local container = assert(b:create())
    spec.env = { "PATH=/bin" }
    local process = ctr.process(spec)
    assert(container:run(process))
    local result = assert(process:wait(60))
    assert(container:destroy())
    return result
  end

  it("are the null device when nothing is said", function()
    local result = assert(b:sh("readlink /proc/self/fd/0"))
    assert.equal("/dev/null\n", result.out)
  end)

  it("take a string as input", function()
    assert.equal("some text", assert(b:sh("cat", nil, { stdin = "some text" })).out)
  end)

  it("take a large string as input and give large output", function()
    local text = ("0123456789abcdef"):rep(65536)
    local result = assert(b:sh("cat", nil, { stdin = text }))
    assert.equal(#text, #result.out)
    assert.is_true(text == result.out)
  end)

  it("are opened by path", function()
    local path = b.folder .. "/output"
    run({ args = { "/bin/echo", "to a file" }, stdout = path })
    assert.equal("to a file\n", read_file(path))
    local lines = {}
    local function keep(data)
      lines[#lines + 1] = data
    end
    run({ args = { "/bin/cat" }, stdin = path, stdout = keep })
    assert.equal("to a file\n", table.concat(lines))
  end)

  it("do not wait for the other end of a fifo", function()
    local path = b.folder .. "/fifo"
    os.execute("mkfifo " .. path)
    assert.equal(0, run({ args = { "/bin/cat" }, stdin = path }).code)
    local container = assert(b:create())
    local ok, err = container:run(ctr.process({ args = { "/bin/true" }, stdout = path }))
    assert.is_nil(ok)
    assert.equal("ENXIO", err.errno)
    assert.equal("process.stdout", err.path)
  end)

  it("may be Lua files and descriptors", function()
    local path = b.folder .. "/lua-file"
    local file = assert(io.open(path, "w"))
    run({ args = { "/bin/sh", "-c", "echo out; echo err >&2" }, stdout = file, stderr = file })
    file:close()
    assert.equal("out\nerr\n", read_file(path))
    local read, write = core.fd.pipe()
    run({ args = { "/bin/echo", "through a pipe" }, stdout = write:fd() })
    write:close()
    assert.equal("through a pipe\n", core.fd.read(read, 100))
    read:close()
  end)

  it("keep output and errors apart", function()
    local result = assert(b:sh("echo out; echo err >&2"))
    assert.equal("out\n", result.out)
    assert.equal("err\n", result.err)
  end)

  it("refuse what is no stream, before anything is done", function()
    local container = assert(b:create())
    local ok, err = container:run(ctr.process({ args = { "/bin/true" }, stdin = {} }))
    assert.is_nil(ok)
    assert.equal("ConfigInvalid", err.code)
    assert.equal("process.stdin", err.path)
    assert.equal("stopped", container:status())
  end)

  describe("initialize_io", function()
    it("gives the other ends as files", function()
      local container = assert(b:create())
      local script = "read x; echo got $x; echo bad >&2"
      local process = ctr.process({ args = { "/bin/sh", "-c", script } })
      local io_ends = assert(process:initialize_io(0, 0))
      assert(container:run(process))
      assert(io_ends.stdin:write("this\n"))
      io_ends.stdin:close()
      assert.equal("got this", io_ends.stdout:read("*l"))
      assert.equal("bad\n", io_ends.stderr:read("*a"))
      assert.equal(0, process:wait(60).code)
      io_ends.stdout:close()
      io_ends.stderr:close()
    end)
  end)

  describe("a console", function()
    it("is sent to the socket that was given", function()
      local container = assert(b:create())
      local ours, theirs = core.fd.socketpair("stream")
      local script = "stty size; tty; readlink /proc/self/fd/2"
      local process = ctr.process({ args = { "/bin/sh", "-c", script },
        env = { "PATH=/bin" }, console_socket = theirs, console_width = 100, console_height = 40 })
      assert(container:run(process))
      theirs:close()
      local name, handles = core.fd.recv(ours, 100)
      assert.equal("/dev/ptmx", name)
      local master = handles[1]
      assert.is_true(core.tty.is_tty(master))
      local text = ""
      while true do
        local data = core.fd.read(master, 4096)
        if not data or data == "" then
          break
        end
        text = text .. data
      end
      assert.equal("40 100\r\n/dev/pts/0\r\n/dev/pts/0\r\n", text)
      assert.equal(0, process:wait(60).code)
      master:close()
      ours:close()
    end)

    it("is /dev/console as well", function()
      local container = assert(b:create())
      local process = ctr.process({ args = { "/bin/sh", "-c", "echo hello > /dev/console" },
        env = { "PATH=/bin" }, terminal = true })
      assert(container:run(process))
      local console = process:console()
      assert.equal("hello\r", console:read("*l"))
      process.detached = true
      assert.equal(0, process:wait(60).code)
    end)
  end)

  describe("wait", function()
    it("runs out with ETIMEDOUT and can be called again", function()
      local container, process = b:sleeper()
      local result, err = process:wait(0.05)
      assert.is_nil(result)
      assert.equal("ETIMEDOUT", err.errno)
      assert(process:signal("KILL"))
      assert.equal("SIGKILL", process:wait(60).signal)
      assert.equal("SIGKILL", process:wait(60).signal)
      assert(container:destroy())
    end)
  end)
end)

local bundles = require("specs.support.bundle")
local command = require("specs.support.command")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local listeners = require("specs.support.listener")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

describe("lctr checkpoint and restore, asked what they take,", function()
  it("need neither CRIU nor a root", function()
    local result = command.run({ "build/lctr", "checkpoint", "--help" }, { env = {} })
    assert.equal(0, result.code)
    assert.equal("", result.stderr)
    result = command.run({ "build/lctr", "restore", "--lsm-mount-context" }, { env = {} })
    assert.equal(1, result.code)
    assert.equal("", result.stdout)
    assert.matches("flag needs an argument: --lsm-mount-context", result.stderr, 1, true)
  end)
end)

describe("lctr checkpoint and restore", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local ENV = { "PATH=" .. criu.path:match("^(.*)/") .. ":/usr/sbin:/usr/bin:/sbin:/bin" }
  local b, before

  before_each(function()
    before = machine.snapshot(bundles.PATTERN)
  end)

  after_each(function()
    b:close()
    assert.same(before, machine.snapshot(bundles.PATTERN))
  end)

  local COUNT = "while read word; do i=$((i+1)); echo $i $word; done"

  local function lctr(...)
    return b:lctr({ ... }, { env = ENV })
  end

  local function status()
    local result = lctr("state", b.id)
    return result.code == 0 and core.json.decode(result.stdout).status or result.stderr
  end

  -- Begins a container with pipes that are this program's, as an engine does.
  local function begin(...)
    local input, write = assert(core.fd.pipe())
    local read, output = assert(core.fd.pipe())
    local argv = { "lctr", "--root", b.folder .. "/state", ... }
    local child = assert(core.proc.spawn({ path = core.path.realpath("build/lctr"), argv = argv,
      env = ENV, fds = { input, output, output } }))
    local result = assert(core.proc.wait(child.pidfd, {}))
    child.pidfd:close()
    input:close()
    output:close()
    return { code = result.code, write = write, read = read,
      ask = function(self, word)
        assert(core.fd.write(self.write, word .. "\n"))
        return bundles.read_until(self.read, "\n")
      end,
      close = function(self)
        self.write:close()
        local rest = bundles.read_until(self.read)
        self.read:close()
        return rest
      end }
  end

  it("take a container away and bring it back", function()
    b = bundles.sh(COUNT)
    local images = b.folder .. "/images"
    local session = begin("run", "-d", "-b", b.folder, b.id)
    assert.equal("1 a\n", session:ask("a"))
    local result = lctr("checkpoint", "--image-path", b.folder .. "/./new/../images/deep",
      "--work-path", b.folder .. "/./work", b.id)
    assert.equal(0, result.code, result.stderr)
    assert.equal("", result.stdout .. result.stderr)
    assert.equal("", session:close())
    assert.equal("lctr: container does not exist\n", status())
    assert.is_not_nil(b:read("work/dump.log"))
    session = begin("restore", "-d", "-no-subreaper", "--image-path", images .. "/deep",
      "--work-path", b.folder .. "/work", "--pid-file", b.folder .. "/pid", "-b", b.folder, b.id)
    assert.equal(0, session.code)
    assert.equal("2 b\n", session:ask("b"))
    assert.equal("running", status())
    local state = core.json.decode(lctr("state", b.id).stdout)
    assert.equal(tostring(state.pid), b:read("pid"))
    assert.is_not_nil(b:read("work/restore.log"))
    assert.equal("", session:close())
    orphans.reap("its end")
    assert.equal("stopped", status())
    assert.equal(0, lctr("delete", b.id).code)
  end)

  -- As containerd restores a task: its end of standard input is a pipe then.
  it("give what was the null device that device again", function()
    b = bundles.sh("i=0; while sleep 0.1; do i=$((i+1)); done")
    local images = b.folder .. "/images"
    assert.equal(0, lctr("run", "-d", "-b", b.folder, b.id).code)
    local result = lctr("checkpoint", "--image-path", images, b.id)
    assert.equal(0, result.code, result.stderr)
    local session = begin("restore", "-d", "--image-path", images, "-b", b.folder, b.id)
    assert.equal(0, session.code)
    assert.equal("running", status())
    assert.equal(0, lctr("delete", "--force", b.id).code)
    session:close()
    orphans.reap("its end")
  end)

  it("wait for a restored container in the foreground", function()
    b = bundles.sh("read word; echo got $word; exit 7")
    local images = b.folder .. "/images"
    local session = begin("run", "-d", "-b", b.folder, b.id)
    assert.equal(0, lctr("checkpoint", "--image-path", images, b.id).code)
    session:close()
    local result = b:lctr({ "restore", "--image-path", images, "-b", b.folder, b.id },
      { env = ENV, stdin = "that\n" })
    assert.equal("got that\n", result.stdout)
    assert.equal(7, result.code, result.stderr)
    assert.equal("lctr: container does not exist\n", status())
  end)

  local function refuses(words, ...)
    local result = lctr(...)
    assert.equal(1, result.code)
    assert.equal("", result.stdout)
    assert.matches("^lctr: [^\n]*" .. words .. "[^\n]*\n$", result.stderr)
  end

  -- Who gets the terminal's master of a command that is given --console-socket.
  local function with_console(...)
    local listener = listeners.new(b.folder, "console")
    local words = { ... }
    words[#words] = nil
    for _, word in ipairs({ "--console-socket", b.folder .. "/console", b.id }) do
      words[#words + 1] = word
    end
    local result = lctr(unpack(words))
    assert.equal(0, result.code, result.stderr)
    local connection = listener.accept()
    local _, handles = core.fd.recv(connection, 4096)
    connection:close()
    listener.close()
    assert.equal(1, #handles)
    return handles[1]
  end

  it("hand over the terminal", function()
    b = bundles.sh("stty -echo; " .. COUNT, { terminal = true })
    local images = b.folder .. "/images"
    local master = with_console("run", "-d", "-b", b.folder, b.id)
    local function ask(word, answer)
      assert(core.fd.write(master, word .. "\n"))
      bundles.read_until(master, answer)
    end
    ask("a", "1 a")
    assert.equal(0, lctr("checkpoint", "--image-path", images, b.id).code)
    master:close()
    orphans.reap("its checkpoint")
    refuses("console%-socket", "restore", "-d", "--image-path", images, "-b", b.folder, b.id)
    master = with_console("restore", "-d", "--image-path", images, "-b", b.folder, b.id)
    ask("b", "2 b")
    assert.equal(0, lctr("delete", "--force", b.id).code)
    master:close()
    orphans.reap("its end")
  end)

  it("leave it running where that is said", function()
    b = bundles.sh(COUNT)
    local session = begin("run", "-d", "-b", b.folder, b.id)
    local result = lctr("checkpoint", "--leave-running", "--leave-running", "--image-path",
      b.folder .. "/images", b.id)
    assert.equal(0, result.code, result.stderr)
    assert.equal("running", status())
    assert.equal("1 a\n", session:ask("a"))
    session:close()
    orphans.reap("its end")
    assert.equal(0, lctr("delete", b.id).code)
  end)

  it("make clones of it, with names and limits of their own", function()
    b = bundles.sh(COUNT)
    local images, file = b.folder .. "/images", b.folder .. "/own.json"
    local first = begin("run", "-d", "-b", b.folder, b.id)
    assert.equal("1 a\n", first:ask("a"))
    assert.equal(0, lctr("checkpoint", "--leave-running", "--image-path", images, b.id).code)
    local handle = assert(io.open(file, "w"))
    handle:write('{"cgroups":{"memory":67108864}}')
    handle:close()
    local sessions = { first }
    for _, name in ipairs({ "one", "two" }) do
      local id, pid_file = b.id .. "-" .. name, b.folder .. "/pid-" .. name
      local session = begin("clone", "--hostname", name, "-f", file, "--pid-file", pid_file, images,
        id)
      assert.equal(0, session.code)
      assert.equal("2 b\n", session:ask("b"))
      assert.equal(name .. "\n", lctr("exec", id, "hostname").stdout)
      local state = core.json.decode(lctr("state", id).stdout)
      assert.equal(tostring(state.pid), b:read("pid-" .. name))
      local stats = core.json.decode(lctr("events", "--stats", id).stdout)
      assert.equal(67108864, stats.data.memory.usage.limit)
      sessions[#sessions + 1] = session
    end
    assert.equal("2 c\n", first:ask("c"))
    for _, session in ipairs(sessions) do
      session:close()
    end
    orphans.reap("their end")
    for _, id in ipairs({ b.id, b.id .. "-one", b.id .. "-two" }) do
      assert.equal(0, lctr("delete", id).code)
    end
  end)

  it("refuse with one line what cannot be written down", function()
    b = bundles.sh(COUNT)
    local session = begin("create", "-b", b.folder, b.id)
    refuses("cannot be checkpointed", "checkpoint", "--image-path", b.folder .. "/images", b.id)
    refuses("%-%-page%-server must be HOST:PORT", "checkpoint", "--page-server", "here", b.id)
    refuses("%-%-status%-fd must be", "checkpoint", "--status-fd", "x", b.id)
    refuses("container does not exist", "checkpoint", "nothing")
    assert.equal(0, lctr("start", b.id).code)
    refuses("%-%-parent%-path must be relative to %-%-image%-path", "checkpoint", "--parent-path",
      "/images", b.id)
    assert.equal(0, lctr("delete", "--force", b.id).code)
    session:close()
  end)

  it("refuse with one line what is no checkpoint, and leave nothing", function()
    b = bundles.sh(COUNT)
    refuses("%-%-image%-path: ", "restore", "-d", "--image-path", b.folder .. "/none", "-b",
      b.folder, b.id)
    refuses("there is no checkpoint in", "restore", "-d", "--image-path", b.folder, "-b", b.folder,
      b.id)
    refuses("images_directory", "clone", b.folder .. "/none", b.id)
    refuses("there is no checkpoint in", "clone", b.folder, b.id)
    refuses("own.json", "clone", "-f", b.folder .. "/own.json", b.folder, b.id)
    assert.equal("lctr: container does not exist\n", status())
  end)
end)

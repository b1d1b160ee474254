local bundles = require("specs.support.bundle")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local machine = require("specs.support.machine")

local OPEN = { flags = { "rdwr", "noctty" } }

describe("lctr checkpoint at a terminal", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local PATH = "PATH=" .. criu.path:match("^(.*)/") .. ":/usr/sbin:/usr/bin:/sbin:/bin"
  local b, before, master, slave

  before_each(function()
    before = machine.snapshot(bundles.PATTERN)
    local path
    master, path = assert(core.tty.open_pty())
    slave = assert(core.fd.open(path, OPEN))
    assert(core.tty.set_size(master, 60, 11))
    b = bundles.sh("x=$(seq 1 500000); touch /tmp/ready; sleep 1000; :")
    assert.equal(0, b:lctr({ "run", "-d", "-b", b.folder, b.id }).code)
    assert.equal(0, b:lctr({ "exec", b.id, "/bin/sh", "-c",
      "until test -e /tmp/ready; do usleep 1000; done" }).code)
  end)

  after_each(function()
    b:close()
    if slave then
      slave:close()
    end
    master:close()
    assert.same(before, machine.snapshot(bundles.PATTERN))
  end)

  -- What is shown of a command whose standard error is the terminal.
  local function shown(env, ...)
    local argv = { "lctr", "--root", b.folder .. "/state", ... }
    local null = assert(core.fd.open("/dev/null", OPEN))
    local child = assert(core.proc.spawn({ path = core.path.realpath("build/lctr"), argv = argv,
      env = { PATH, unpack(env) }, fds = { null, null, slave } }))
    null:close()
    slave:close()
    slave = nil
    local text = bundles.read_until(master)
    local result = assert(core.proc.wait(child.pidfd, {}))
    child.pidfd:close()
    return text, result.code
  end

  it("draws a bar that grows, and takes it away", function()
    local log = b.folder .. "/log"
    local text, code = shown({ "TERM=vt100" }, "--log", log, "checkpoint", "--image-path",
      b.folder .. "/images", b.id)
    assert.equal(0, code, text)
    local lines = {}
    for line in text:gmatch("\r\27%[K([^\r]*)") do
      lines[#lines + 1] = line
      assert.is_true(#line < 60)
    end
    assert.matches("^%[%-+%]   0%% 0 B of %d+%.%d MiB preparing$", lines[1])
    assert.matches("^%[#+%] 100%% %d+%.%d MiB of %d+%.%d MiB finishing$", lines[#lines - 1])
    assert.equal("", lines[#lines])
    assert.equal("", b:read("log"))
  end)

  it("says what failed in a line that it has cleared", function()
    local text, code = shown({ "TERM=vt100" }, "checkpoint", "--page-server", "127.0.0.1:1",
      "--image-path", b.folder .. "/images", b.id)
    assert.equal(1, code)
    assert.matches("\r\27%[Klctr: [^\n]*nobody answers[^\n]*\n$", text)
  end)

  for words, case in pairs({
    ["cannot erase a line"] = { env = { "TERM=dumb" }, args = {} },
    ["is not known"] = { env = {}, args = {} },
    ["shows records"] = { env = { "TERM=vt100" }, args = { "--debug" } },
  }) do
    it("draws nothing where that " .. words, function()
      local args = { unpack(case.args) }
      for _, word in ipairs({ "checkpoint", "--image-path", b.folder .. "/images", b.id }) do
        args[#args + 1] = word
      end
      local text, code = shown(case.env, unpack(args))
      assert.equal(0, code, text)
      assert.is_nil(text:find("[\27%%]"))
    end)
  end

  it("draws nothing where it is none", function()
    local result = b:lctr({ "checkpoint", "--image-path", b.folder .. "/images", b.id },
      { env = { PATH, "TERM=vt100" } })
    assert.equal(0, result.code, result.stderr)
    assert.equal("", result.stdout .. result.stderr)
  end)
end)

local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")

local LCTR = "build/lctr"
local SECONDS = 120

local function read_all(fd)
  local seen = ""
  while true do
    local ready = assert(core.poll.wait({ { fd = fd, events = "r" } }, SECONDS))
    assert(ready[1], "nothing more comes behind: " .. seen)
    local data = core.fd.read(fd, 65536)
    if not data or data == "" then
      return seen
    end
    seen = seen .. data
  end
end

-- What it shows on a terminal.
local function at_terminal(args, env)
  local master, path = assert(core.tty.open_pty())
  local slave = assert(core.fd.open(path, { flags = { "rdwr", "noctty" } }))
  local child = assert(core.proc.spawn({ path = assert(core.path.realpath(LCTR)),
    argv = { LCTR, unpack(args) }, fds = { slave, slave, slave }, env = env }))
  slave:close()
  local text = read_all(master)
  assert(core.proc.wait(child.pidfd, {}))
  child.pidfd:close()
  master:close()
  return text
end

local function as_user(script)
  return command.run({ "/usr/bin/setpriv", "--reuid=23456", "--regid=23456", "--clear-groups",
    "/bin/sh", "-c", script }, { env = { "PATH=/usr/bin:/bin" } })
end

describe("lctr doctor", function()
  it("shows each check with its state, and says how it is on the whole", function()
    local result = command.run({ LCTR, "doctor" })
    assert.equal("", result.stderr)
    assert.matches("^kernel\n  ok       release +%d+%.%d+", result.stdout)
    assert.matches("\n  ok       clone3 +since Linux 5.3\n", result.stdout)
    assert.matches("\ncgroups\n", result.stdout)
    assert.matches("\nwithout root\n", result.stdout)
    assert.matches("\nprograms\n", result.stdout)
    local has_missing = result.stdout:find("\n  missing ") ~= nil
    assert.equal(has_missing and 1 or 0, result.code)
    assert.matches(has_missing and "are missing: containers cannot be started\n$"
      or "\nAll that is essential is there; %d+ of %d+ other things are not%.\n$", result.stdout)
  end)

  it("has the same as JSON", function()
    local text = command.run({ LCTR, "doctor" }).stdout
    local result = command.run({ LCTR, "doctor", "--json" })
    local value = assert(core.json.decode(result.stdout))
    assert.equal(result.code == 0, value.ok)
    assert.is_true(#value.checks > 40)
    for _, check in ipairs(value.checks) do
      assert.truthy(text:find(check.status .. (" "):rep(9 - #check.status) .. check.name, 1, true),
        check.name)
    end
  end)

  it("has colours on a terminal alone, and not where NO_COLOR is set", function()
    assert.is_nil(command.run({ LCTR, "doctor" }).stdout:find("\27"))
    local plain = at_terminal({ "doctor" }, { "TERM=xterm", "NO_COLOR=1" })
    assert.is_nil(plain:find("\27"))
    assert.is_nil(at_terminal({ "doctor" }, { "TERM=dumb" }):find("\27"))
    local coloured = at_terminal({ "doctor" }, { "TERM=xterm" })
    assert.truthy(coloured:find("\27[32mok\27[0m", 1, true))
    -- The words are the same: nothing is told by a colour alone.
    assert.equal(plain, (coloured:gsub("\27%[%d+m", "")))
  end)

  it("takes no arguments", function()
    local result = command.run({ LCTR, "doctor", "me" })
    assert.equal(1, result.code)
    assert.equal("lctr: doctor: one argument too many: me\n", result.stderr)
  end)

  describe("for a user without privilege", function()
    local folder, remove

    setup(function()
      if not machine.is_root() then
        pending("needs root")
        return
      end
      folder, remove = command.folder({
        ["web.lua"] = 'return container "web" { rootfs = "/", run = { "/bin/true" } }\n',
      })
      os.execute(("cp %s %s/lctr && chmod -R a+rX %s"):format(LCTR, folder, folder))
    end)

    teardown(function()
      if remove then
        remove()
      end
    end)

    it("ends with 1 where something essential is missing", function()
      local result = as_user(folder .. "/lctr doctor")
      assert.equal(1, result.code)
      assert.matches("\n  missing  XDG_RUNTIME_DIR +not set\n", result.stdout)
      assert.matches("\n +mend: loginctl enable%-linger 23456", result.stdout)
      assert.matches("\n%d essential of %d+ are missing: containers cannot be started\n$",
        result.stdout)
    end)

    it("is pointed to by an error that it knows", function()
      local result = as_user(("%s/lctr %s/web.lua"):format(folder, folder))
      assert.equal(1, result.code)
      assert.matches("^lctr: [^\n]+\nlctr: see `lctr doctor`: XDG_RUNTIME_DIR\n$", result.stderr)
    end)

    it("is not pointed to by what it does not know, nor by engines' commands", function()
      local other = as_user(("%s/lctr check %s/none.lua"):format(folder, folder))
      assert.equal(1, other.code)
      assert.matches("^lctr: [^\n]+\n$", other.stderr)
      local engines = as_user(("%s/lctr create web"):format(folder))
      assert.equal(1, engines.code)
      assert.matches("^lctr: [^\n]+\n$", engines.stderr)
    end)
  end)
end)

describe("--json", function()
  local folder, remove

  setup(function()
    folder, remove = command.folder({
      ["web.lua"] = 'return container "web" { rootfs = "/srv/none", run = { "/bin/true" } }\n',
    })
  end)

  teardown(function()
    remove()
  end)

  it("is a shorter way to write --format json", function()
    for _, args in ipairs({ { "plan", folder .. "/web.lua" }, { "list" } }) do
      local short = command.run({ LCTR, args[1], "--json", args[2] })
      local long = command.run({ LCTR, args[1], "--format", "json", args[2] })
      assert.equal(0, short.code)
      assert.equal(long.stdout, short.stdout)
      assert.truthy(core.json.decode(short.stdout))
    end
  end)
end)

local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")

local LCTR, NAME = "build/lctr", command.NAME

describe("lctr", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local folder, remove, before

  before_each(function()
    before = machine.snapshot(command.PATTERN)
  end)

  after_each(function()
    remove()
    assert.same(before, machine.snapshot(command.PATTERN))
  end)

  local function write(text)
    folder, remove = command.description(text)
  end

  local function lctr(...)
    return command.run({ LCTR, "--root", folder .. "/state", ... })
  end

  local function description(script, more)
    return ([[return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c", %q }, %s }]]):format(
      script, more or "")
  end

  describe("learn", function()
    local SCRIPT = "mkdir /tmp/x && rmdir /tmp/x; echo done"

    it("proposes a profile, with which the same program does the same", function()
      write(description(SCRIPT))
      local learned = lctr("learn", folder .. "/web.lua")
      assert.equal(0, learned.code, learned.stderr)
      assert.equal("done\n", learned.stderr)
      assert.matches('^seccomp = {\n  default_action = "SCMP_ACT_ERRNO",\n', learned.stdout)
      assert.matches('\n        "mkdir", +%-%- 1\n', learned.stdout)
      remove()
      write(description(SCRIPT, learned.stdout))
      local again = lctr(folder .. "/web.lua")
      assert.same({ 0, "done\n", "" }, { again.code, again.stdout, again.stderr })
      remove()
      write(description("mknod /tmp/x p", learned.stdout))
      assert.matches("Function not implemented", lctr(folder .. "/web.lua").stderr)
    end)

    it("writes the OCI's JSON", function()
      write(description("exit 0"))
      local learned = lctr("learn", "--format", "json", folder .. "/web.lua")
      local profile = assert(core.json.decode(learned.stdout))
      assert.equal("SCMP_ACT_ERRNO", profile.defaultAction)
      assert.equal(38, profile.defaultErrnoRet)
      assert.same({ "SCMP_ARCH_X86_64" }, profile.architectures)
      local names = table.concat(profile.syscalls[1].names, " ")
      assert.matches("execve exit_group", names)
    end)

    it("proposes one for each container", function()
      write([[
local function one(name)
  return container(NAME .. name) { rootfs = ROOT, run = { "/bin/true" } }
end
return { one("first"), one("second") }]])
      local learned = lctr("learn", folder .. "/web.lua")
      assert.matches("^%-%- web%-%d+first\nseccomp = {.*\n},\n"
        .. "%-%- web%-%d+second\nseccomp = {.*\n},\n$", learned.stdout)
      local json = core.json.decode(lctr("learn", "--format=json", folder .. "/web.lua").stdout)
      assert.equal("SCMP_ACT_ERRNO", json[NAME .. "first"].defaultAction)
      assert.same(json[NAME .. "first"], json[NAME .. "second"])
    end)

    it("says when the program failed", function()
      write(description("exit 3"))
      local learned = lctr("learn", folder .. "/web.lua")
      assert.equal(0, learned.code)
      assert.equal("lctr: " .. NAME .. " ended with 3: the profile has what it called until then\n",
        learned.stderr)
    end)

    it("fails for what is no description", function()
      write("return 1")
      local learned = lctr("learn", folder .. "/web.lua")
      assert.equal(1, learned.code)
      assert.equal("", learned.stdout)
    end)
  end)

  describe("--seccomp-report", function()
    it("tells which calls the profile refused", function()
      write(description("mkdir /tmp/x; mkdir /tmp/y; rmdir /tmp/z; exit 0", [[seccomp = {
        default_action = "SCMP_ACT_ALLOW",
        syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_ERRNO", errno_ret = 28 },
          { names = { "rmdir" }, action = "SCMP_ACT_ERRNO" } } }]]))
      local result = lctr("--seccomp-report", folder .. "/web.lua")
      assert.equal(0, result.code)
      assert.matches("lctr: web%-%d+: seccomp refused mkdir 2 times %(ENOSPC%)\n"
        .. "lctr: web%-%d+: seccomp refused rmdir once %(EPERM%)\n$", result.stderr)
    end)

    it("works with the profile that there is by default", function()
      write(description("unshare -U true; exit 0"))
      local result = lctr("--seccomp-report", folder .. "/web.lua")
      assert.equal(0, result.code)
      assert.matches("lctr: web%-%d+: seccomp refused unshare once %(EPERM%)\n$", result.stderr)
    end)

    it("has no meaning for a program", function()
      write('require("ctr")')
      local result = lctr("--seccomp-report", folder .. "/web.lua")
      assert.equal(1, result.code)
      assert.matches("%-%-seccomp%-report is for descriptions", result.stderr)
    end)
  end)

  it("serves the functions of a description, and tells of their errors", function()
    write(description("mkdir /tmp/x; echo $?; mkdir /tmp/y", [[
      stdout = function(data) log.info("said " .. data) end,
      seccomp = { default_action = "SCMP_ACT_ALLOW",
        syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_NOTIFY" } } },
      seccomp_notify = function(request)
        if request:read_string(request.args[1]) == "/tmp/y" then error("a mistake", 0) end
        request:return_value(0)
      end]]))
    local result = lctr(folder .. "/web.lua")
    assert.matches("said 0", result.stderr)
    assert.matches("'/tmp/y': Operation not permitted", result.stderr)
    assert.matches("lctr: web%-%d+: seccomp_notify: a mistake\n", result.stderr)
  end)
end)

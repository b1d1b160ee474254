local command = require("specs.support.command")
local machine = require("specs.support.machine")

local LCTR = "build/lctr"

local function lctr(...)
  return command.run({ LCTR, ... })
end

describe("lctr", function()
  it("shows its help when it is told nothing", function()
    local result = lctr()
    assert.equal(0, result.code)
    assert.equal(lctr("--help").stdout, result.stdout)
    assert.equal("", result.stderr)
  end)

  it("begins its help with examples", function()
    local result = lctr("--help")
    assert.equal(0, result.code)
    assert.equal("Examples:\n", result.stdout:match("^[^\n]*\n"))
    assert.equal("", result.stderr)
  end)

  it("says its version", function()
    for _, option in ipairs({ "--version", "-v", "-V" }) do
      local first = lctr(option).stdout:match("^[^\n]*")
      assert.equal("lctr version " .. require("ctr").version, first)
    end
  end)

  for _, case in ipairs({
    { { "paln", "x.lua" }, 'there is no such command or file: "paln"; did you mean "plan"?' },
    { { "--rot", "x" }, 'there is no such option: "--rot"; did you mean "--root"?' },
    { { "--root" }, "flag needs an argument: --root" },
    { { "--trust=yes", "x.lua" }, '--trust is true or false, not "yes"' },
    { { "plan" }, "plan wants FILE.lua" },
    { { "plan", "a.lua", "b.lua" }, "plan: one argument too many: b.lua" },
    { { "plan", "a.lua", "--format", "xml" }, "plan: --format must be one of text, json" },
    { { "--trust", "state", "a" }, "--trust has no meaning for state" },
    { { "--seccomp-report", "plan", "a" }, "--seccomp-report has no meaning for plan" },
    { { "--root", "/x", "check", "a" }, "--root has no meaning for check" },
    { { "--systemd-cgroup", "plan", "a" }, "--systemd-cgroup has no meaning for plan" },
    { { "--rootless=auto", "check", "a" }, "--rootless has no meaning for check" },
    { { "state" }, "state wants ID" },
    { { "state", "a", "b" }, "state: one argument too many: b" },
    { { "kill", "a", "9", "b" }, "kill: one argument too many: b" },
    { { "delete", "--forse", "a" },
      'delete: there is no such option: "--forse"; did you mean "--force"?' },
    { { "list", "--format", "xml" }, "list: --format must be one of table, json" },
  }) do
    it("refuses the command line " .. table.concat(case[1], " "), function()
      local result = lctr(unpack(case[1]))
      assert.equal(1, result.code)
      assert.equal("", result.stdout)
      assert.equal("lctr: " .. case[2] .. "\n", result.stderr)
    end)
  end

  it("tells the help of every command", function()
    for _, command_row in ipairs(require("ctr.cli.commands").list) do
      local result = lctr(command_row.name, "--help")
      assert.same({ 0, "" }, { result.code, result.stderr })
      assert.equal("lctr " .. command_row.name, ("\n" .. result.stdout):match("\n(lctr %S+)"))
    end
  end)

  it("tells each command's own help", function()
    local result = lctr("plan", "--help")
    assert.equal(0, result.code)
    assert.truthy(result.stdout:find("--format FORMAT", 1, true))
  end)
end)

describe("lctr with a file", function()
  local folder
  local keep, clear = command.kept()
  after_each(clear)

  local function with(files)
    folder = keep(command.folder(files))
    return folder
  end

  it("runs a program with its arguments", function()
    with({ ["tool.lua"] = [[print(arg[0]:match("[^/]+$"), arg[1], require("ctr").version, ...)]] })
    local result = lctr(folder .. "/tool.lua", "one", "--root")
    assert.equal("", result.stderr)
    assert.equal("tool.lua\tone\t" .. require("ctr").version .. "\tone\t--root\n", result.stdout)
  end)

  it("ends as the program does", function()
    with({ ["tool.lua"] = "os.exit(7)" })
    assert.equal(7, lctr(folder .. "/tool.lua").code)
  end)

  it("tells where a program failed", function()
    with({ ["tool.lua"] = "print('x')\nerror('too bad')" })
    local result = lctr(folder .. "/tool.lua")
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("^lctr: .*tool.lua:2: too bad\nstack traceback"))
  end)

  it("tells an error of the library in one sentence", function()
    with({ ["tool.lua"] = "print('x') assert(require('ctr').validate({ rootfs = 'x' }))" })
    local result = lctr(folder .. "/tool.lua")
    assert.equal(1, result.code)
    assert.truthy(result.stderr:find("rootfs must be an absolute path", 1, true))
    assert.is_nil(result.stderr:find("traceback", 1, true))
  end)

  -- LUA_PATH would otherwise put another copy of the library under the launcher.
  it("uses its own modules, whatever the environment and the folder say", function()
    with({
      ["tool.lua"] = "print(require('ctr').version, pcall(require, 'ctr.other'))",
      ["ctr.lua"] = "return { version = 'another' }",
      ["ctr/other.lua"] = "return 'another'",
    })
    local result = command.run({ LCTR, folder .. "/tool.lua" }, {
      dir = folder, env = { "LUA_PATH=" .. folder .. "/?.lua;./?.lua" },
    })
    assert.equal(require("ctr").version .. "\tfalse\tlctr has no module 'ctr.other'\n",
      result.stdout)
  end)

  it("names a file that is not there", function()
    local result = lctr("/nonexistent/x.lua")
    assert.equal(1, result.code)
    assert.equal("lctr: /nonexistent/x.lua: No such file or directory\n", result.stderr)
  end)

  it("says which system calls of a description's filter nobody has heard of", function()
    with({ ["web.lua"] = [[
return container "web" { rootfs = "/", run = { "/bin/sh" }, seccomp = { default_action = "allow",
  syscalls = { { names = { "mkdir", "mkdri", "s390_pci_mmio_read" }, action = "errno" } } } }]] })
    local result = lctr("check", folder .. "/web.lua")
    assert.equal("web: ok\n", result.stdout)
    assert.equal("lctr: warning: web: seccomp names unknown system calls: mkdri\n", result.stderr)
    assert.equal(0, result.code)
  end)

  it("checks a description", function()
    with({
      ["good.lua"] = 'return container "web" { rootfs = "/", run = { "/bin/sh" } }',
      ["bad.lua"] = 'return container "web" {\n  rootfs = "/",\n  rum = { "/bin/sh" },\n}',
    })
    assert.same({ 0, "web: ok\n" },
      { lctr("check", folder .. "/good.lua").code, lctr("check", folder .. "/good.lua").stdout })
    local result = lctr("check", folder .. "/bad.lua")
    assert.equal(1, result.code)
    assert.equal(("lctr: %s/bad.lua:3: rum is not known here: \"rum\"; did you mean \"run\"?\n")
      :format(folder), result.stderr)
  end)

  it("shows a plan as text", function()
    with({ ["web.lua"] = 'return container "web" { rootfs = "/", run = { "/bin/sh" } }' })
    local result = lctr("plan", folder .. "/web.lua")
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    assert.truthy(result.stdout:find("exec +/bin/sh +process.args\n$"), result.stdout)
  end)

  it("shows a plan as JSON", function()
    with({ ["web.lua"] = 'return container "web" { rootfs = "/", run = { "/bin/sh" } }' })
    local result = lctr("plan", "--format", "json", folder .. "/web.lua")
    local plan = assert(require("ctr.core").json.decode(result.stdout))
    assert.equal("web", plan.name)
    assert.equal("exec", plan.steps[#plan.steps].op)
    assert.is_nil(result.stdout:find("{}", 1, true))
  end)

  it("plans without root", function()
    if not machine.is_root() then
      pending("this spec steps down from root")
      return
    end
    with({ ["web.lua"] = 'return container "web" { rootfs = "/", run = { "/bin/sh" } }' })
    local result = command.run({ "/usr/bin/setpriv", "--reuid=65534", "--regid=65534",
      "--clear-groups", LCTR, "plan", folder .. "/web.lua" })
    assert.equal("", result.stderr)
    assert.truthy(result.stdout:find("uid_map", 1, true))
  end)
end)

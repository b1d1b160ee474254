local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")

local LCTR, NAME = "build/lctr", command.NAME

describe("lctr", function()
  local folder
  local keep, clear = command.kept()
  after_each(clear)

  local function with(files)
    folder = keep(command.folder(files))
  end

  -- What is said of files has no folder.
  local function lctr(...)
    local result = command.run({ LCTR, ... })
    for _, name in ipairs({ "stdout", "stderr" }) do
      result[name] = result[name]:gsub(folder:gsub("%p", "%%%0") .. "/", "")
    end
    return result
  end

  describe("check", function()
    it("tells all that is wrong in all containers, each with its line", function()
      with({ ["web.lua"] = [[
local LIMITS = { memory = "256MB",
  pds = 3 }
return {
  container "web" { rootfs = "/", run = { "/bin/sh" }, limits = LIMITS,
    mounts = { tmpfs("x"),
      { destination = "/a", device = "tmpfs", falgs = "ro" } },
    after = "bd" },
  container "db" { extends = require "base", run = "x", profile = "hardned" },
}
]], ["base.lua"] = 'return {\n  rootfs = "/",\n  hostname = 5,\n}\n' })
      local result = lctr("check", folder .. "/web.lua")
      assert.equal(1, result.code)
      assert.equal([[
lctr: web.lua:1: limits.memory MUST; did you mean "256M"? (it is "256MB")
web.lua:2: limits.pds is not known here: "pds"; did you mean "pids"?
web.lua:5: mounts[1].destination must be an absolute path (it is "x")
web.lua:6: mounts[2].falgs is not known here; did you mean `flags`?
base.lua:3: hostname must be a string, not a number (it is 5)
web.lua:8: profile is no profile: "hardned"; did you mean "hardened"?
web.lua:8: run must be a list, not a string (it is "x")
web.lua:7: after[1] is no container of this file: "bd"; did you mean "db"?
]], (result.stderr:gsub("must be a size: [^;]*", "MUST")))
    end)

    it("answers programs in JSON", function()
      with({
        ["good.lua"] = 'return container "web" { rootfs = "/", run = { "/bin/sh" } }',
        ["bad.lua"] = 'return container "web" {\n  rootfs = "/", run = { "/bin/sh" },\n'
          .. '  user = "a b",\n}',
        ["none.lua"] = "return 1" })
      local good = lctr("check", "--json", folder .. "/good.lua")
      assert.equal(0, good.code)
      assert.same({ ok = true, containers = { "web" }, problems = {}, warnings = {} },
        core.json.decode(good.stdout))
      local bad = lctr("check", "--json", folder .. "/bad.lua")
      assert.same({ 1, "" }, { bad.code, bad.stderr })
      assert.same({ { container = "web", file = "bad.lua", line = 3, path = "user",
        value = '"a b"', text = 'must be the name or the number of a user (it is "a b")' } },
        core.json.decode(bad.stdout).problems)
      local none = core.json.decode(lctr("check", "--json", folder .. "/none.lua").stdout)
      assert.is_false(none.ok)
      assert.truthy(none.problems[1].text:find("returns no description", 1, true))
    end)
  end)

  describe("plan", function()
    it("answers programs in JSON", function()
      with({ ["web.lua"] = 'return container "web" { rootfs = "/", run = { "/bin/sh" } }' })
      assert.equal(lctr("plan", "--format", "json", folder .. "/web.lua").stdout,
        lctr("plan", "--json", folder .. "/web.lua").stdout)
    end)
  end)

  describe("explain", function()
    it("tells what a key means, and what is below it", function()
      with({})
      local result = lctr("explain", "limits")
      assert.equal(0, result.code)
      assert.truthy(result.stdout:find("^KEY +TYPE +MEANING\nlimits "), result.stdout)
      assert.truthy(result.stdout:find("\nlimits.memory ", 1, true), result.stdout)
      assert.truthy(lctr("explain", "mounts[1].destination").stdout
        :find("Where, in the container.", 1, true))
      assert.truthy(lctr("explain", "profile").stdout:find("\nprofile.hardened ", 1, true))
    end)

    it("lists all keys when it is told none", function()
      with({})
      local text = lctr("explain").stdout
      for _, key in ipairs({ "run", "extends", "rootfs", "seccomp", "stdin", "oci" }) do
        assert.truthy(text:find("\n" .. key .. " "), key)
      end
    end)

    it("names the nearest key of one that is not there", function()
      with({})
      for key, near in pairs({ ["limits.memroy"] = "limits", ["mounts.flgs"] = "mounts.flags",
        ["rotfs"] = "rootfs" }) do
        local result = lctr("explain", key)
        assert.equal(1, result.code)
        assert.truthy(result.stderr:find("there is no such key", 1, true), result.stderr)
        assert.truthy(result.stderr:find(near, 1, true), result.stderr)
      end
    end)

    it("tells what set what", function()
      with({ ["web.lua"] = [[
return container "web" {
  extends = require "base", profile = "hardened",
  rootfs = "/", run = { "/bin/sh" },
  env = { B = "2" },
  limits = { cpus = 0.5 },
}
]], ["base.lua"] = 'return {\n  env = { A = "1" },\n  limits = { memory = "64M" },\n}\n' })
      local text = lctr("explain", "--origin", folder .. "/web.lua").stdout
      for key, from in pairs({
        ["env[1]"] = "the defaults", ["env[2]"] = "base.lua:2", ["env[3]"] = "web.lua:4",
        ["limits.memory"] = "base.lua:3", ["limits.cpus"] = "web.lua:5",
        ["limits.pids"] = "profile hardened", ["readonlyfs"] = "profile hardened",
        ["hostname"] = "the defaults, by the container's name", ["umask"] = "the defaults",
        ["rootfs"] = "web.lua:3",
      }) do
        assert.truthy(text:find(("\n%s +[^\n]-   %s\n"):format(key:gsub("%p", "%%%0"),
          from:gsub("%p", "%%%0"))), key .. " in " .. text)
      end
      local json = core.json.decode(lctr("explain", "--origin", "--json",
        folder .. "/web.lua").stdout)
      assert.equal("web", json.name)
      local rows = {}
      for _, row in ipairs(json.origins) do
        rows[row.key] = row
      end
      assert.same({ key = "limits.memory", value = '"64M"', from = "base.lua:3",
        file = "base.lua", line = 3 }, rows["limits.memory"])
    end)

    it("wants a file for --origin", function()
      with({})
      assert.equal("lctr: explain: --origin wants FILE.lua\n", lctr("explain", "--origin").stderr)
    end)
  end)

  describe("import", function()
    it("makes a description of a bundle, and `spec --from` the bundle again", function()
      with({ ["bundle/x"] = "", ["again/x"] = "" })
      assert.equal(0, lctr("spec", "-b", folder .. "/bundle").code)
      local result = lctr("import", "-o", folder .. "/web.lua", "--name", "web",
        folder .. "/bundle")
      assert.same({ 0, "", "" }, { result.code, result.stdout, result.stderr })
      result = lctr("spec", "--from", folder .. "/web.lua", "-b", folder .. "/again")
      assert.same({ 0, "" }, { result.code, result.stderr })
      local printed = lctr("import", "--name", "web", folder .. "/again").stdout
      local file = assert(io.open(folder .. "/web.lua"))
      assert.equal(file:read("*a"):gsub('"%./', '"'), (printed:gsub('"%./', '"')))
      file:close()
    end)

    it("overwrites nothing", function()
      with({ ["web.lua"] = "mine" })
      assert.equal(0, lctr("spec", "-b", folder).code)
      local result = lctr("import", "--output", folder .. "/web.lua", folder)
      assert.equal(1, result.code)
      assert.equal("lctr: web.lua exists already: remove it first\n", result.stderr)
    end)

    it("says what is missing", function()
      with({})
      local result = lctr("import", folder)
      assert.equal(1, result.code)
      assert.equal("lctr: config.json is missing: config.json\n", result.stderr)
    end)
  end)

  describe("with several containers", function()
    if not machine.is_root() then
      pending("needs root")
      return
    end

    local before

    before_each(function()
      before = machine.snapshot(command.PATTERN)
    end)

    local function run(text, script)
      folder = keep(command.description(text))
      local line = ("%s --root %s/state %s/web.lua"):format(LCTR, folder, folder)
      local result = command.run({ "/bin/sh", "-c", ((script or "exec $0"):gsub("%$0", line)) })
      result.stderr = result.stderr:gsub(NAME:gsub("%p", "%%%0"), "")
      return result
    end

    after_each(function()
      clear()
      assert.same(before, machine.snapshot(command.PATTERN))
    end)

    local ORDERED = [[
local function one(name, code, after)
  return container(NAME .. name) {
    rootfs = ROOT, after = after,
    run = { "/bin/sh", "-c",
      "trap 'exit " .. code .. "' TERM; echo up; while :; do sleep 1; done" },
    on = {
      start = function(c) log.info("start", c:id()) end,
      exit = function(c, status) log.info("exit", c:id(), status.code) end,
    },
  }
end
return { one("web", 3, { NAME .. "db", NAME .. "cache" }), one("db", 0),
  one("cache", 4, NAME .. "db") }
]]

    it("starts them in their order, and ends them in reverse", function()
      -- All three have said that they are up before they are told to end.
      local result = run(ORDERED, [[
        mkfifo /tmp/$$.up; $0 >/tmp/$$.up & pid=$!
        { read a; read b; read c; kill -TERM $pid; cat >/dev/null; } </tmp/$$.up
        wait $pid; status=$?; rm /tmp/$$.up; exit $status]])
      assert.equal([[
lctr: info: start db
lctr: info: start cache
lctr: info: start web
lctr: info: exit web 3
lctr: info: exit cache 4
lctr: info: exit db 0
]], result.stderr)
      assert.equal(4, result.code) -- the first that failed, in the order of their starts
    end)

    it("leaves nothing when one of them cannot start", function()
      local result = run([[
return { container(NAME .. "db") { rootfs = ROOT, run = { "/bin/sleep", "1000" },
    on = { exit = function() log.info("ended") end } },
  container(NAME .. "web") { rootfs = ROOT, run = { "/bin/nothing" }, after = NAME .. "db" } }]])
      assert.equal(1, result.code)
      assert.truthy(result.stderr:find("/bin/nothing", 1, true), result.stderr)
    end)

    it("tells of a kill for want of memory", function()
      local result = run([[
return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c", "tail /dev/zero; exit 5" },
  limits = { memory = "16M" }, cgroups = { memory_swap = "16M" },
  on = { oom = function(c) log.warn("oom", c:id()) end } }]])
      assert.equal(5, result.code)
      local _, count = result.stderr:gsub("lctr: warning: oom \n", "")
      assert.equal(1, count, result.stderr)
    end)

    it("tells when memory is short", function()
      local result = run([[
return container(NAME) { rootfs = ROOT,
  run = { "/bin/sh", "-c", "for i in 1 2 3 4 5; do tail /dev/zero; done; exit 7" },
  limits = { memory = "16M" }, cgroups = { memory_swap = "16M" },
  on = { pressure = { low = function(c, level) log.info(c:id(), level) end } } }]])
      assert.equal(7, result.code)
      assert.truthy(result.stderr:find("lctr: info:  low\n", 1, true), result.stderr)
    end)

    it("goes on when a handler fails", function()
      local result = run([[
return container(NAME) { rootfs = ROOT, run = { "/bin/sh", "-c", "exit 6" },
  on = { start = function() error("odd", 0) end, exit = function() error({}) end } }]])
      assert.equal(6, result.code)
      assert.equal("lctr: on.start of : odd\n"
        .. "lctr: on.exit of : fails with an error that is a table\n", result.stderr)
    end)
  end)
end)

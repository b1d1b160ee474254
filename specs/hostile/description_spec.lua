-- Descriptions that come from strangers: looking at one (`lctr check`) must touch nothing and must
-- end, whatever it tries. (Running one does what it says: that may be a program of the host.)

local command = require("specs.support.command")
local core = require("ctr.core")

local LCTR = "build/lctr"
local GOOD = 'return container "web" { rootfs = "/", run = { "/bin/sh" } }\n'

-- What each file does, and what has to be said of it; `false`: nothing is wrong.
local ENDLESS = {
  ["a loop"] = "while true do end",
  ["a loop that was compiled, were anything compiled"] =
    "local n = 0 for i = 1, 1e15 do n = n + i end",
  ["a loop that catches its end"] =
    "while true do pcall(function() while true do end end) end",
  ["a loop in coroutines"] =
    "while true do coroutine.wrap(function() pcall(function() while true do end end) end)() end",
  ["a loop in an error's handler"] =
    "xpcall(error, function() while true do end end) while true do end",
  ["a loop in a metamethod"] =
    "local t = setmetatable({}, { __index = function(t, k) return t[k .. 'x'] end }) "
      .. "while true do pcall(function() return t.a end) end",
  ["a goto"] = "::again:: goto again",
  ["a tail call"] = "local function f() return f() end f()",
  ["a pattern that goes back and back"] =
    "return (('a'):rep(2000)):find(('a*'):rep(30) .. 'b')",
  ["a pattern of string's own methods"] =
    "return string.match(('x'):rep(5000), ('.-'):rep(20) .. 'y')",
  ["a substitution"] = "return (('a'):rep(3000):gsub(('a*'):rep(12) .. 'b', ''))",
  ["a comparison that has no order"] =
    "local t = {} for i = 1, 1e6 do t[i] = i % 7 end "
      .. "while true do table.sort(t, function(a, b) return a < b end) end",
  ["many long strings"] = "local s = ('a'):rep(5e7) while true do local x = s .. 'b' end",
  ["an insertion at the front, again and again"] =
    "local t = {} while true do table.insert(t, 1, t) end",
}

local HUGE = {
  ["a string"] = "return ('x'):rep(2^30)",
  ["a string that doubles"] = "local s = 'xxxxxxxx' while true do s = s .. s end",
  ["a string that grows a hundredfold"] = "local s = ('x'):rep(1e6) while true do s = "
    .. ("s .. "):rep(100) .. "s end",
  ["a table"] = "local t = {} while true do t[#t + 1] = {} end",
  ["a table of one key"] = "local t = {} t[2^26] = 1 for i = 1, 2^26 do t[i] = i end",
  ["strings in a table"] = "local t = {} for i = 1, 1e9 do t[i] = ('x'):rep(1e5) .. i end",
  ["a concatenation"] = "local t = {} for i = 1, 1e6 do t[i] = ('x'):rep(1e4) end "
    .. "return table.concat(t)",
  ["a format"] = "local s = ('x'):rep(1e8) return ('%s%s%s%s%s%s%s%s%s%s%s%s'):format("
    .. ("s,"):rep(11) .. "s)",
  ["a table that is its own content"] = "local t = {} t.t = t return container 'web' { hooks = t }",
  ["tables in tables"] = "local t = {} for i = 1, 1e6 do t = { t } end "
    .. "return container 'web' { hooks = t }",
  ["one table many times"] = "local t = {} for i = 1, 40 do t = { t, t } end "
    .. "return container 'web' { hooks = t }",
}

local OUT_OF_REACH = {
  "io.open('/etc/passwd')", "os.execute('true')", "os.exit(7)", "require('ffi')", "require('io')",
  "require('ctr')", "require('ctr.core')", "require('jit.util')", "package.loadlib('x', 'y')",
  "debug.getinfo(1)", "debug.sethook()", "load('return 1')", "loadstring('return 1')",
  "loadfile('/etc/passwd')", "dofile('/etc/passwd')", "string.dump(function() end)",
  "(''):dump()", "setfenv(1, {})", "getfenv(0).os.exit(7)", "newproxy(true)", "jit.off()",
  "collectgarbage('stop')", "module('x')", "math.randomseed(1)", "print('x')",
  "getmetatable('').__index.rep = nil", "getmetatable(container 'x' {}).__index = nil",
  "setmetatable(container 'x' {}, {})", "getmetatable(_G).__index(nil, 'os').exit(7)",
  "coroutine.yield()", "table.insert({}, -2^31, 1)", "table.remove({ 1 }, -2^31)",
  "error(setmetatable({}, { __tostring = "
    .. "function() while true do end end }))", "error()", "error({ code = 'ConfigInvalid' })",
  "tostring(1LL + 'x')",
  "(('a'):rep(1e7)):find(('a'):rep(1e6) .. 'b', 1, true)",
  "local t = 1LL t.x.y = 1", "(('(')):rep(1e6):find(('('):rep(1e6))",
}

-- What is no plain value stands for nothing.
local ODD_VALUES = {
  ["a metatable"] = "mounts = setmetatable({}, { __index = function() return 1 end })",
  ["a metatable that answers for a key"] =
    "limits = setmetatable({}, { __index = { memory = '1M' } })",
  ["a metatable that nobody may see"] =
    "mask_paths = setmetatable({}, { __metatable = 'mine', __len = function() return 1e9 end })",
  ["a 64-bit integer"] = "oom_score_adj = 5LL",
  ["a complex number"] = "oom_score_adj = 5i",
  ["a coroutine"] = "hooks = { prestart = coroutine.create(function() end) }",
  ["a table as a key"] = "sysctl = { [{}] = '1' }",
  ["not a number"] = "oom_score_adj = 0/0",
}

describe("a hostile description", function()
  local folder
  local keep, clear = command.kept()
  after_each(clear)

  local function check(text, files)
    files = files or {}
    files["web.lua"] = text
    folder = keep(command.folder(files))
    local result = command.run({ LCTR, "check", folder .. "/web.lua" }, { timeout = 120 })
    result.stderr = result.stderr:gsub(folder:gsub("%p", "%%%0") .. "/", "")
    return result
  end

  local function is_refused(text, why, files)
    local result = check(text, files)
    assert.equal(1, result.code, result.stderr)
    assert.equal("", result.stdout)
    assert.truthy(result.stderr:find("^lctr: web%.lua"), result.stderr)
    assert.is_nil(result.stderr:find("bug in lctr", 1, true), result.stderr)
    assert.truthy(result.stderr:find(why), result.stderr)
    return result
  end

  for name, text in pairs(ENDLESS) do
    it("is ended: " .. name, function()
      is_refused(text, "takes more than", nil)
    end)
  end

  for name, text in pairs(HUGE) do
    it("does not fill the memory: " .. name, function()
      local said = is_refused(text, ".").stderr
      assert.truthy(said:find("memory") or said:find("takes more") or said:find("is too large")
        or said:find("nested too deeply"), said)
    end)
  end

  for _, text in ipairs(OUT_OF_REACH) do
    it("does not get at " .. text, function()
      is_refused(text .. "\n" .. GOOD, ".")
    end)
  end

  for name, text in pairs(ODD_VALUES) do
    it("is not believed: " .. name, function()
      is_refused(('return container "web" { rootfs = "/", run = { "/bin/sh" }, %s }'):format(text),
        "must ")
    end)
  end

  it("requires nothing through a link", function()
    local outside = keep(command.folder({ ["secret.lua"] = "return { x = 1 }" }))
    folder = keep(command.folder({ ["web.lua"] = 'require("far.secret")\n' .. GOOD,
      ["lib/secret.lua"] = "return {}" }))
    for _, link in ipairs({ outside, "/proc/self/root" .. outside, "lib" }) do
      local handle = assert(core.path.open_root(folder))
      assert(core.path.symlink(handle, link, "far"))
      local result = command.run({ LCTR, "check", folder .. "/web.lua" })
      assert(core.path.unlink(handle, "far"))
      handle:close()
      assert.equal(1, result.code)
      assert.truthy(result.stderr:find("is a link or lies behind one", 1, true),
        result.stderr)
    end
  end)

  it("does not have anybody wait for what is no regular file", function()
    folder = keep(command.folder({ ["web.lua"] = 'require("base")\n' .. GOOD }))
    local handle = assert(core.path.open_root(folder))
    assert(core.path.mkfifo(handle, "base.lua", 420))
    assert(core.path.mkfifo(handle, "fifo.lua", 420))
    handle:close()
    for name, file in pairs({ ["web.lua"] = "base.lua", ["fifo.lua"] = "fifo.lua" }) do
      local result = command.run({ LCTR, "check", folder .. "/" .. name }, { timeout = 60 })
      assert.equal(1, result.code)
      assert.truthy(result.stderr:find(file .. ": is not a regular file", 1, true), result.stderr)
    end
    local result = command.run({ LCTR, "check", "/dev/zero" }, { timeout = 60 })
    assert.equal("lctr: /dev/zero: is not a regular file\n", result.stderr)
  end)

  it("says nothing to the terminal but text, and not without end", function()
    local result = check('for i = 1, 2000 do log.warn("\\27[2J\\r\\n" .. i) end\n' .. GOOD)
    assert.equal(0, result.code)
    assert.equal("lctr: warning: \\27[2J\\13\\101", result.stderr:match("^[^\n]*"))
    assert.equal(1000, select(2, result.stderr:gsub("\n", "")))
  end)

  it("does not reach what others share, whatever it changes", function()
    local result = check([[
string.format, string.find, table.insert, math.floor, pairs = nil, nil, nil, nil, nil
function string.sub() return ".." end
_G.container_again = container
local made = container_again "web" { rootfs = "/", run = { "/bin/sh" } }
made.config, made.name, made.check = { rootfs = "x" }, "other", function() return true end
return made]])
    assert.same({ 0, "web: ok\n", "" }, { result.code, result.stdout, result.stderr })
  end)

  it("cannot change a container that it has said already", function()
    local result = check([[
local keys = { rootfs = "/", run = { "/bin/sh" }, limits = { pids = 5 } }
local made = container "web" (keys)
keys.limits.pids, keys.rootfs = "x", 5
return made]])
    assert.same({ 0, "" }, { result.code, result.stderr })
  end)

  -- A handler is called with the container, in the program that runs it.
  it("has handlers that end, too", function()
    if not require("specs.support.machine").is_root() then
      pending("needs root")
      return
    end
    folder = keep(command.description([[
return container(NAME) { rootfs = ROOT, run = { "/bin/true" },
  on = { start = function() while true do pcall(function() while true do end end) end end,
    exit = function() return (("a"):rep(3000)):find(("a*"):rep(30) .. "b") end } }]]))
    local result = command.run({ LCTR, "--root", folder .. "/state", folder .. "/web.lua" },
      { timeout = 120 })
    assert.equal(0, result.code)
    assert.equal(("lctr: on.start of %s: takes more than 20 million instructions\n"
      .. "lctr: on.exit of %s: takes more than 20 million instructions\n"):format(command.NAME,
      command.NAME), result.stderr)
  end)

  it("is no bytecode, and requires none", function()
    is_refused(string.dump(function() return 1 end), "attempt to load chunk with wrong mode")
    is_refused('require("base")', "attempt to load chunk with wrong mode",
      { ["base.lua"] = string.dump(function() return 1 end) })
  end)
end)

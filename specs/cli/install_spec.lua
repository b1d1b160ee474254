local command = require("specs.support.command")

local PROGRAM = [[
local image = assert(require("ctr.locate").image())
print(require("ctr").version, image:is_open(), require("ctr.core").proc.getpid() > 0)
for _, name in ipairs({ "seccomp", "netlink", "systemd" }) do
  print(name, type(require("ctr.core." .. name)))
end
]]
local EXPECTED = require("ctr").version .. "\ttrue\ttrue\n"
  .. "seccomp\ttable\nnetlink\ttable\nsystemd\ttable\n"

local function make(...)
  local result = command.run({ "/usr/bin/make", "--no-print-directory", ... })
  assert.equal(0, result.code, result.stdout .. result.stderr)
end

local function exists(path)
  local file = io.open(path)
  if file then
    file:close()
  end
  return file ~= nil
end

describe("make install", function()
  local folder, remove

  setup(function()
    folder, remove = command.folder({ ["tool.lua"] = PROGRAM })
    make("install", "DESTDIR=" .. folder .. "/dest", "PREFIX=/opt/ctr")
  end)

  teardown(function()
    remove()
  end)

  it("puts lctr in place, which runs from there, with the modules that it does not hold", function()
    local result = command.run({ folder .. "/dest/opt/ctr/bin/lctr", folder .. "/tool.lua" },
      { dir = "/", env = {} })
    assert.equal("", result.stderr)
    assert.equal(EXPECTED, result.stdout)
  end)

  it("puts the library in place for any LuaJIT, with ctr-init beside the core", function()
    local root = folder .. "/dest/opt/ctr"
    local result = command.run({ "/usr/bin/luajit", folder .. "/tool.lua" }, {
      dir = "/",
      env = {
        ("LUA_PATH=%s/share/lua/5.1/?.lua;%s/share/lua/5.1/?/init.lua"):format(root, root),
        ("LUA_CPATH=%s/lib/lua/5.1/?.so"):format(root),
      },
    })
    assert.equal("", result.stderr)
    assert.equal(EXPECTED, result.stdout)
  end)

  it("puts the man pages in place", function()
    assert.is_true(exists(folder .. "/dest/opt/ctr/share/man/man1/lctr.1"))
    assert.is_true(exists(folder .. "/dest/opt/ctr/share/man/man5/ctr-config.5"))
    assert.is_true(exists(folder .. "/dest/opt/ctr/share/man/man8/lctr.8"))
  end)

  it("puts the shells' completion where they look", function()
    for _, name in ipairs({ "bash-completion/completions/lctr", "zsh/site-functions/_lctr",
      "fish/vendor_completions.d/lctr.fish" }) do
      assert.is_true(exists(folder .. "/dest/opt/ctr/share/" .. name), name)
    end
  end)

  it("is undone by make uninstall", function()
    make("install", "DESTDIR=" .. folder .. "/gone", "PREFIX=/usr")
    make("uninstall", "DESTDIR=" .. folder .. "/gone", "PREFIX=/usr")
    local left = command.run({ "/usr/bin/find", folder .. "/gone", "-type", "f" })
    assert.equal("", left.stdout)
  end)
end)

describe("luarocks make", function()
  it("installs a rock that runs from its tree alone", function()
    local folder, remove = command.folder({ ["tool.lua"] = PROGRAM })
    local made = command.run({ "/usr/bin/luarocks", "--lua-version", "5.1", "--tree",
      folder .. "/tree", "make", "rockspec/ctr-scm-1.rockspec" })
    assert.equal(0, made.code, made.stdout .. made.stderr)
    local root = folder .. "/tree"
    local result = command.run({ "/usr/bin/luajit", folder .. "/tool.lua" }, {
      dir = "/",
      env = {
        ("LUA_PATH=%s/share/lua/5.1/?.lua;%s/share/lua/5.1/?/init.lua"):format(root, root),
        ("LUA_CPATH=%s/lib/lua/5.1/?.so"):format(root),
      },
    })
    remove()
    assert.equal("", result.stderr)
    assert.equal(EXPECTED, result.stdout)
  end)
end)

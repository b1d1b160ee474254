local command = require("specs.support.command")
local core = require("ctr.core")
local machine = require("specs.support.machine")

local LCTR = "build/lctr"
local ROOT = "/run/ctr"

describe("lctr's state root", function()
  local folder, remove

  before_each(function()
    folder, remove = command.folder({})
  end)

  after_each(function()
    remove()
  end)

  local function lctr(args, options)
    return command.run({ LCTR, unpack(args) }, options)
  end

  for _, root in ipairs({ "/", "//", "/.", "/tmp/..", "/none/..", "/./../.", "" }) do
    it(("is not %q"):format(root), function()
      local result = lctr({ "--root", root, "list" })
      assert.same({ 1, "", ("lctr: --root: invalid root: %q\n"):format(root) },
        { result.code, result.stdout, result.stderr })
    end)
  end

  it("is made with those above it, for its owner alone", function()
    local result = lctr({ "--root", folder .. "/a/b", "create", "--bundle", folder, "x" })
    assert.equal(1, result.code)
    local handle = assert(core.path.open_root(folder))
    for _, path in ipairs({ "a", "a/b" }) do
      assert.equal(448, core.path.stat(handle, path).mode % 4096)
    end
    handle:close()
  end)

  it("counts from the current folder", function()
    local here = core.path.realpath(LCTR)
    local result = command.run({ "/bin/sh", "-c", ("cd %s && %s --root here/../there create "
      .. "--bundle . x"):format(folder, here) })
    assert.equal(1, result.code)
    assert.equal(folder .. "/there", core.path.realpath(folder .. "/there"))
  end)

  it("is the last of those that are given", function()
    lctr({ "--root", folder .. "/first", "--root=" .. folder .. "/second", "create", "--bundle",
      folder, "x" })
    assert.is_nil(core.path.realpath(folder .. "/first"))
    assert.is_truthy(core.path.realpath(folder .. "/second"))
  end)

  if not machine.is_root() then
    pending("the others step down from root")
    return
  end

  local function as_nobody(args, env)
    os.execute(("cp %s %s/lctr && chmod 755 %s %s/lctr"):format(LCTR, folder, folder, folder))
    return command.run({ "/usr/bin/setpriv", "--reuid=65534", "--regid=65534", "--clear-groups",
      folder .. "/lctr", unpack(args) }, { env = env, dir = "/" })
  end

  it("is below XDG_RUNTIME_DIR for who is not root, and sticky", function()
    os.execute(("mkdir -m 700 %s/runtime && chown 65534 %s/runtime"):format(folder, folder))
    local result = as_nobody({ "create", "--bundle", "/none", "x" },
      { "XDG_RUNTIME_DIR=" .. folder .. "/runtime" })
    assert.equal("lctr: config.json is missing: /none/config.json\n", result.stderr)
    local handle = assert(core.path.open_root(folder .. "/runtime"))
    assert.equal(960, core.path.stat(handle, "ctr").mode % 4096)
    handle:close()
  end)

  it("is in /run for root, and where XDG_RUNTIME_DIR says nothing", function()
    local result = lctr({ "--log-level", "debug", "state", "none-of-that-name" },
      { env = { "XDG_RUNTIME_DIR=" .. folder } })
    assert.equal("lctr: container does not exist", result.stderr:match("([^\n]*)\n$"))
    assert.is_nil(core.path.realpath(folder .. "/ctr"))
    result = as_nobody({ "create", "--bundle", "/none", "x" }, { "XDG_RUNTIME_DIR=" })
    assert.equal(1, result.code)
    assert.matches(ROOT, result.stderr, 1, true)
  end)
end)

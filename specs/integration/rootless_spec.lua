local box = require("specs.support.box")
local core = require("ctr.core")

local USER = 4321

describe("a user without privilege", function()
  local b, project

  setup(function()
    b = box.new()
    project = b:library()
    os.execute((("mkdir F/user && chown U:U F/user && cp specs/support/as_user.lua F/library"):gsub(
      "%f[%u]%u%f[%U]", { F = b.folder, U = USER })))
  end)

  teardown(function()
    b:close()
  end)

  local function run(kind, ...)
    local result = assert(core.proc.run({
      path = "/usr/bin/setpriv", timeout = 60, env = { "PATH=/usr/bin:/bin", "PLANTED=1" },
      args = { "setpriv", "--reuid", tostring(USER), "--regid", tostring(USER), "--clear-groups",
        "/usr/bin/luajit", project .. "/as_user.lua", project, b.root,
        b.folder .. "/user/state", kind, ... },
    }))
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    return result.stdout
  end

  it("runs a container as its only id", function()
    local out = run("single")
    assert.matches("^0\nmine\ndeny\n", out)
    assert.matches("second\n", out)
    assert.matches("\nearly\n", out)
    assert.matches("\nbeside 0\n", out)
    assert.matches("SIGKILL\n$", out)
  end)

  it("has routes, and no interface of the host's", function()
    local out = run("single")
    assert.matches("\n10.9.0.0/16 dev lo scope link \n", out)
    assert.truthy(out:find("networks[1].type is veth, which needs root: without privilege a "
      .. "container has a loopback and routes\n", 1, true))
  end)

  local function run_subordinate(...)
    -- Specs run in a mount namespace of their own: the machine's files stay as they are.
    os.execute(([[cd %s && echo specs:200000:1000 > subids && cp /etc/passwd passwd &&
      echo specs:x:%d:%d::/:/bin/sh >> passwd && mount --bind subids /etc/subuid &&
      mount --bind subids /etc/subgid && mount --bind passwd /etc/passwd]]):format(b.folder, USER,
      USER))
    local ok, out = pcall(run, "subordinate", ...)
    os.execute("umount /etc/subuid /etc/subgid /etc/passwd")
    assert(ok, out)
    return out
  end

  it("runs a container with its subordinate ids by newuidmap and newgidmap", function()
    local out = run_subordinate()
    assert.matches("^5\nmine\nallow\n", out)
    assert.matches("second\n", out)
    assert.matches("\nearly\n", out)
    assert.matches("\nbeside 0\n", out)
  end)

  it("gives these nothing of its environment", function()
    local helpers = {}
    for index, name in ipairs({ "newuidmap", "newgidmap" }) do
      helpers[index] = b.folder .. "/user/" .. name
      local file = assert(io.open(helpers[index], "w"))
      file:write(("#!/bin/sh\nenv >> %s/user/seen\nexec /usr/bin/%s \"$@\"\n"):format(b.folder,
        name))
      file:close()
      os.execute("chmod 755 " .. helpers[index])
    end
    assert.matches("^5\nmine\nallow\n", run_subordinate(unpack(helpers)))
    local file = assert(io.open(b.folder .. "/user/seen"))
    local seen = file:read("*a")
    file:close()
    assert.matches("PWD=", seen)
    assert.is_nil(seen:find("PLANTED", 1, true))
  end)
end)

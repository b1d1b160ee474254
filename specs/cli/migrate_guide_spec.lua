local box = require("specs.support.box")
local command = require("specs.support.command")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local guide = require("specs.support.guide")
local orphans = require("specs.support.orphans")

-- What the guide's page tells a reader to write.
describe("docs/guide/migrate.md", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, folder, remove

  setup(function()
    b = criu.box()
  end)

  teardown(function()
    b:close()
    remove()
  end)

  local function replace(text, from, to)
    local start, stop = text:find(from, 1, true)
    assert(start, "the page has no " .. from)
    return text:sub(1, start - 1) .. to .. text:sub(stop + 1)
  end

  -- The page's programs, with the paths of this spec; its ssh stays on this machine.
  local function programs()
    local page = guide.page("migrate.md")
    local function new(name)
      return ("ctr.new(%q, { criu_path = %q })"):format(b.folder .. "/" .. name, criu.path)
    end
    local receive = replace(page:block("receive.lua"), "ctr.new()", new("west"))
    receive = replace(receive, '"/var/tmp"', ("%q"):format(b.folder))
    receive = replace(receive, 'config.rootfs = "/srv/web"',
      ("config.rootfs, config.cgroups.path = %q, %q"):format(b.root, box.PARENT .. "/west"))
    local send = replace(page:block("send.lua"), "ctr.new()", new("state"))
    send = replace(send, '"/var/tmp"', ("%q"):format(b.folder))
    folder, remove = command.folder({ ["receive.lua"] = receive, ["send.lua"] = send,
      ssh = '#!/bin/sh\ntest "$1" = west || exit 1\nexec build/lctr ' .. "FOLDER/$3\n" })
    os.execute(("sed -i s,FOLDER,%s, %s/ssh && chmod 755 %s/ssh && sed -i s,/usr/bin/ssh,%s/ssh, "
      .. "%s/send.lua"):format(folder, folder, folder, folder, folder))
  end

  it("has no block that is not tried", function()
    assert.same({ "receive.lua", "send.lua" }, guide.page("migrate.md"):names())
  end)

  it("moves a container by the programs that it shows", function()
    programs()
    orphans.adopt()
    local container = assert(b:create({ cgroups = { path = box.PARENT .. "/east" } }, "web"))
    local process = ctr.process({ args = criu.WAITING })
    assert(container:run(process))
    local out = assert(core.fd.open(b.folder .. "/out", { flags = { "wronly", "creat" },
      mode = 384 }))
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    local child = assert(core.proc.spawn({ path = assert(core.path.realpath("build/lctr")),
      argv = { "lctr", folder .. "/send.lua" }, fds = { null, out, out } }))
    local result = assert(core.proc.wait(child.pidfd, {}))
    child.pidfd:close()
    out:close()
    null:close()
    local file = assert(io.open(b.folder .. "/out"))
    local said = file:read("*a")
    file:close()
    assert.equal(0, result.code, said)
    assert.matches("dump\ntransfer\nrestore\ngo\n", said, 1, true)
    assert.matches("moved: [%a-]+, %d+ bytes\n", said)
    assert.matches("web runs here\n", said, 1, true)
    assert.equal("SIGKILL", process:wait(60).signal)
    local west = assert(ctr.new(b.folder .. "/west"))
    assert(assert(west:load("web")):signal("SIGKILL"))
    orphans.reap("the receiving end")
    assert.same({}, west:list())
    west:close()
  end)
end)

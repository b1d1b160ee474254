local command = require("specs.support.command")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local guide = require("specs.support.guide")
local host = require("specs.support.host")
local netns = require("specs.support.netns")
local orphans = require("specs.support.orphans")

local PAGE = guide.page("clone.md")

describe("docs/guide/clone.md", function()
  it("has no block that is not tried", function()
    assert.same({ "clone", "command", "overlay", "warm" }, PAGE:names())
  end)

  if not criu.path then
    pending(criu.reason)
    return
  end

  local leave, b

  setup(function()
    leave = netns.enter()
    netns.bridge("br0", { "10.0.0.1/24" })
    b = criu.box()
  end)

  teardown(function()
    b:close()
    leave()
  end)

  -- The page's folders are the spec's own.
  local function text_of(block)
    return (PAGE:block(block):gsub("ctr%.new%(%)", ("ctr.new(%q, { criu_path = %q })"):format(
      b.folder .. "/state", criu.path)):gsub("/var/lib/warm", b.folder .. "/warm")
      :gsub("/srv/web/rootfs", b.root):gsub("/srv/", b.folder .. "/")
      :gsub("%f[%w]lctr clone", "build/lctr --root " .. b.folder .. "/state clone"))
  end

  local function run_lua(block)
    local path = b.folder .. "/" .. block .. ".lua"
    local file = assert(io.open(path, "w"))
    file:write(text_of(block))
    file:close()
    local result = command.run({ "build/lctr", path })
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
  end

  local function run_sh(block)
    local path = criu.path:match("^(.*)/") .. ":/usr/sbin:/usr/bin:/sbin:/bin"
    local result = host.sh(("PATH=%s\nset -e\n"):format(path) .. text_of(block))
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
  end

  local function hostname_at(address)
    return host.sh(("busybox wget -q -O - http://%s:8080/cgi-bin/name"):format(address)).stdout
  end

  it("is right, step by step", function()
    host.sh(("mkdir -p %s/www/cgi-bin && cd %s/www/cgi-bin && printf '%s' > name && chmod 755 name")
      :format(b.root, b.root, "#!/bin/sh\\necho\\nhostname\\n"))
    local container = assert(b:create({ hostname = "web2", networks = { { type = "loopback" },
      { type = "veth", bridge = "br0", address = "10.0.0.2/24", gateway = "10.0.0.1" } } }, "web"))
    local process = ctr.process({ args = { "/bin/httpd", "-f", "-p", "8080", "-h", "/www" },
      env = { "PATH=/bin" } })
    assert(container:run(process))
    b:run(container, "until grep -q :1F90 /proc/net/tcp*; do usleep 1000; done", { init = false })
    orphans.adopt()
    run_lua("warm")
    run_lua("clone")
    run_sh("command")
    run_sh("overlay")
    for number = 2, 7 do
      assert.equal(("web%d\n"):format(number), hostname_at("10.0.0." .. number))
    end
    b:run(assert(b.factory:load("web7")), "echo x > /own", { init = false })
    assert.equal(0, host.sh(("test -e %s/web7/upper/own && ! test -e %s/own"):format(b.folder,
      b.root)).code)
    b:finish(container, process)
    for number = 3, 7 do
      assert(assert(b.factory:load("web" .. number)):signal("SIGKILL"))
    end
    orphans.reap("the guide's clones")
    for number = 3, 7 do
      assert(assert(b.factory:load("web" .. number)):destroy())
    end
    assert.equal(0, host.sh(("umount %s/web7/root"):format(b.folder)).code)
  end)
end)

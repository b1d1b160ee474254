local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")

local SECONDS = 60
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local USERNS = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" }

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

describe("a caller's privilege", function()
  local b, project

  setup(function()
    b = box.new()
    project = core.path.realpath(".")
  end)

  teardown(function()
    b:close()
  end)

  -- CVE-2016-8867, CVE-2022-29162, CVE-2022-27650, CVE-2025-27612.
  it("reaches no process that was not given it", function()
    local all = {}
    for _, name in ipairs(core.caps.of().permitted) do
      all[#all + 1] = "+" .. name:sub(5):lower()
    end
    local set = table.concat(all, ",")
    local result = assert(core.proc.run({ path = "/usr/bin/setpriv", timeout = SECONDS,
      env = { "PATH=/usr/bin:/bin" },
      args = { "setpriv", "--groups", "7,8", "--inh-caps=" .. set, "--ambient-caps=" .. set,
        "luajit",
        project .. "/specs/support/endowed.lua", project, b.factory.root, b.root } }))
    assert.same({ "done\t20\n", "", 0 }, { result.stdout, result.stderr, result.code })
  end)

  -- CVE-2016-10124, CVE-2017-5226: what is typed for the caller, its shell executes.
  it("over its terminal is no container's", function()
    attack.compile("typist", b.root)
    local output = b.folder .. "/typed"
    local master, path = assert(core.tty.open_pty())
    local slave = assert(core.fd.open(path, { flags = { "rdwr", "noctty" } }))
    local child = assert(core.proc.spawn({ path = "/usr/bin/setsid", env = { "PATH=/usr/bin:/bin" },
      argv = { "setsid", "--ctty", "luajit", project .. "/specs/support/typed_at.lua", project,
        b.factory.root, b.root, output }, fds = { slave, slave, slave } }))
    slave:close()
    local said = ""
    repeat
      local data = core.fd.read(master, 4096)
      said = said .. (data or "")
    until not data or data == ""
    assert.equal(0, assert(core.proc.wait(child.pidfd, {})).code, said)
    child.pidfd:close()
    master:close()
    local text = read_file(output)
    if text:find("the caller typed 0", 1, true) then
      pending("this kernel lets nobody type for others (dev.tty.legacy_tiocsti)")
    end
    assert.matches("^the first process typed 0\na further process typed 0\nterminal 0\n"
      .. "the caller typed %d+\n$", text)
  end)

  -- CVE-2020-5291, CVE-2016-8659, CVE-2026-41163.
  it("is not lent to who runs lctr set-user-ID", function()
    for _, mode in ipairs({ "u+s", "g+s" }) do
      local copy = b.folder .. "/lctr"
      host.sh(("rm -f F && cp build/lctr F && chmod 755 F D && chmod MODE F"):gsub("%u+",
        { F = copy, D = b.folder, MODE = mode }))
      local result = host.sh(("setpriv --reuid 4321 --regid 4321 --clear-groups %s --version")
        :format(copy))
      assert.same({ 1, "", "lctr: must not be installed set-user-ID or set-group-ID\n" },
        { result.code, result.stdout, result.stderr })
    end
  end)
end)

describe("a user", function()
  local b

  setup(function()
    b = box.new()
    local file = assert(io.open(b.root .. "/etc/passwd", "a"))
    file:write("1000:x:0:0::/:/bin/sh\n", "4294967295:x:0:0::/:/bin/sh\n", "-1:x:0:0::/:/bin/sh\n",
      "last:x:4294967294:7::/:/bin/sh\n", "none:x:4294967295:0::/:/bin/sh\n",
      "wrapped:x:4294967296:0::/:/bin/sh\n", "wrapped:x:18446744073709551616:0::/:/bin/sh\n",
      "signed:x:-1:0::/:/bin/sh\n", "empty:x::0::/:/bin/sh\n", "hex:x:0x0:0::/:/bin/sh\n",
      "grouped:x:5:4294967295::/:/bin/sh\n", "root2:x:0:4294967295::/:/bin/sh\n")
    file:close()
    file = assert(io.open(b.root .. "/etc/group", "a"))
    file:write("1000:x:0:\n", "none:x:4294967295:\n", "huge:x:4294967296:\n")
    file:close()
  end)

  teardown(function()
    b:close()
  end)

  -- CVE-2016-3697, CVE-2024-40635, CVE-2026-30892, CVE-2026-46680: what it becomes; nil: refused.
  local CASES = {
    ["1000"] = "1000:0", ["1000:1000"] = "1000:1000", ["1"] = "1:1", ["1:"] = "1:1",
    ["1:2"] = "1:2", [":2"] = "0:2", ["01"] = "1:1", ["0"] = "0:0", [""] = "0:0",
    ["2147483647"] = "2147483647:0", ["last"] = "4294967294:7",
    ["4294967295"] = false, ["4294967296"] = false, ["18446744073709551616"] = false,
    ["2147483648"] = false, ["0:4294967295"] = false, ["0:4294967296"] = false, ["-1"] = false,
    ["+1"] = false, [" 1"] = false, ["1 "] = false, ["1x"] = false, ["0x0"] = false,
    ["none"] = false, ["wrapped"] = false, ["signed"] = false, ["empty"] = false, ["hex"] = false,
    ["grouped"] = false, ["root2"] = false, ["0:none"] = false, ["0:huge"] = false,
    ["1:2:3"] = false, ["1\n"] = false, ["1.5"] = false, ["1e3"] = false, ["::"] = false,
    ["nobody:nonesuch"] = false, ["é"] = false, ["0\0"] = false,
  }

  local function become(container, name)
    local said = ""
    local process = ctr.process({ args = { "/bin/sh", "-c", "echo $(id -u):$(id -g)" },
      env = { "PATH=/bin" }, user = name, stdout = function(data) said = said .. data end })
    local ok, err = container:run(process)
    if not ok then
      assert.equal("ConfigInvalid", err.code)
      assert.equal("process.user", err.path)
      return false
    end
    assert(process:wait(SECONDS))
    return (said:gsub("\n", ""))
  end

  it("is who is named, or nobody", function()
    local container, sleeper = b:sleeper()
    for name, expected in pairs(CASES) do
      assert.equal(expected, become(container, name), name)
      local fresh = assert(b:create())
      assert.equal(expected, become(fresh, name), name)
      assert(fresh:destroy())
    end
    b:finish(container, sleeper)
  end)

  it("that no mapping has is nobody", function()
    local container = assert(b:create({ namespaces = USERNS, uid_mappings = MAPPING,
      gid_mappings = MAPPING }))
    for _, name in ipairs({ "65536", "2147483647", "0:65536", "last" }) do
      assert.equal(false, become(container, name), name)
    end
    assert.equal("65535:65535", become(container, "65535:65535"))
    assert(container:destroy())
  end)

  -- CVE-2022-36109 and the like.
  it("has the groups that were named, and none of the caller's", function()
    local result = assert(b:sh("grep Groups /proc/self/status", {}, { user = "1000:1000" }))
    assert.equal("Groups:\t \n", result.out)
    result = assert(b:sh("grep Groups /proc/self/status", {}, { user = "1000",
      additional_groups = { "7", "5" } }))
    assert.equal("Groups:\t5 7 \n", result.out)
  end)
end)

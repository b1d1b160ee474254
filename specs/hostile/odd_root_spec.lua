local alarm = require("specs.support.alarm")
local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")

local SECONDS = 60
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local USERNS = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" }
local COMMANDS = { { path = "/bin/true" } }
local PROC = { source = "proc", destination = "/proc", device = "proc" }

-- What mountinfo writes in another way, what shells trip over, and the longest.
local NAMES = { "new\nline", "space and\ttab", "\\040", "back\\slash", "quo'te\"s", "$(id)", "-rf",
  "%s%n", "\1\127é", "a,b=c:d", ("n"):rep(255), "..." }

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local AT_ONCE = "the host's namespace, left at once"
local WAYS = {
  ["the lean namespace"] = {},
  [AT_ONCE] = {},
  ["a user namespace"] = { namespaces = USERNS, uid_mappings = MAPPING, gid_mappings = MAPPING },
  ["a copy of the host's namespace"] = { mounts = { { source = "proc", destination = "/proc",
    device = "proc", premount_cmds = COMMANDS } } },
}

describe("a root", function()
  local b

  setup(function()
    alarm.set(600)
    b = box.new({ cgroup_manager = "none" })
    assert(b:sh("true"))
  end)

  teardown(function()
    b:close()
    alarm.set(0)
  end)

  local function starts(root, changes, script)
    local config = box.config(root, changes)
    local said = {}
    local container = assert(b.factory:create("odd-root-" .. core.proc.getpid(), config))
    local process = ctr.process({ args = { "/bin/sh", "-c", script or "echo alive" },
      env = { "PATH=/bin" }, stdout = function(data) said[#said + 1] = data end,
      stderr = function(data) said[#said + 1] = data end })
    local began = core.proc.clock()
    local ok, err = container:run(process)
    if ok then
      assert(process:wait(SECONDS))
    end
    assert(container:destroy())
    assert.is_true(core.proc.clock() - began < SECONDS)
    return ok, err, table.concat(said)
  end

  for way, changes in pairs(WAYS) do
    it("and what is in it may have any name, in " .. way, function()
      b.factory.host.starts_once = way == AT_ONCE
      local mounts = io.open("/proc/self/mountinfo"):read("*a")
      for _, name in ipairs(NAMES) do
        local root = b.folder .. "/" .. name
        host.sh(("mkdir -p %s && cp -a %s/bin %s"):format(quoted(root .. "/" .. name),
          quoted(b.root), quoted(root)))
        host.sh("echo secret > " .. quoted(root .. "/" .. name .. "/secret"))
        local config = { mask_paths = { "/" .. name .. "/secret" }, mounts = { PROC } }
        for key, value in pairs(changes) do
          config[key] = value
        end
        config.mounts = { config.mounts[1],
          { source = b.folder .. "/" .. name, destination = "/mnt/" .. name,
            flags = { "bind", "ro" } },
          { source = "tmpfs", destination = "/" .. name .. "/" .. name, device = "tmpfs" } }
        if way == "a user namespace" then
          host.sh(("chown -R 100000:100000 %s"):format(quoted(root)))
        end
        local ok, err, said = starts(root, config,
          ("cat %s; echo alive"):format(quoted("/" .. name .. "/secret")))
        assert.is_true(ok, name .. ": " .. tostring(err))
        assert.equal("alive\n", said)
        host.sh("rm -rf " .. quoted(root))
      end
      assert.equal(mounts, io.open("/proc/self/mountinfo"):read("*a"))
    end)
  end

  it("on a file system without set-user-ID, devices and execution is used as that", function()
    local folder = b.folder .. "/mounted"
    assert.equal(0, host.sh((("mkdir F && mount -t tmpfs -o nosuid,nodev tmpfs F && cp -a R/. F")
      :gsub("%f[%u][FR]%f[%U]", { F = folder, R = b.root }))).code)
    local ok, err, said = starts(folder, {}, "grep ' / / ' /proc/self/mountinfo")
    assert.is_true(ok, tostring(err))
    assert.matches("nosuid,nodev", said)
    assert.equal(0, host.sh("mount -o remount,noexec " .. folder).code)
    ok, err = starts(folder, {})
    assert.is_nil(ok)
    assert.equal("process.args[1]", err.path)
    assert.equal("EACCES", err.errno)
    host.sh("umount " .. folder)
  end)

  it("that is the host's own starts, and the host stays as it is", function()
    local before = host.sh("ls -la /dev /dev/pts; cat /proc/self/mountinfo").stdout
    local container = assert(b.factory:create("odd-root-" .. core.proc.getpid(), box.config("/", {
      readonlyfs = true, readonly_paths = { "/etc" }, mask_paths = { "/etc/hostname" } })))
    local process = ctr.process({ args = { "/bin/sh", "-c", "ls /dev; : > /etc/new" },
      env = { "PATH=/bin" }, stdout = "null", stderr = "null" })
    assert(container:run(process))
    assert.equal(2, assert(process:wait(SECONDS)).code)
    assert(container:destroy())
    assert.equal(before, host.sh("ls -la /dev /dev/pts; cat /proc/self/mountinfo").stdout)
    assert.equal(1, host.sh("test -e /etc/new").code)
  end)

  it("with twenty thousand names in a folder starts as fast", function()
    host.sh(("mkdir R/many && cd R/many && seq 20000 | xargs touch && cd .. && "
      .. "rmdir dev && mv many dev"):gsub("R", b.root))
    local ok, err = starts(b.root, {})
    assert.is_true(ok, tostring(err))
    host.sh(("rm -rf R/dev && mkdir R/dev"):gsub("R", b.root))
  end)

  it("whose folders are set-group-ID, sticky or without a mode starts, or fails with a reason",
    function()
      for _, mode in ipairs({ "2775", "1777", "0000", "7777" }) do
        host.sh(("cd %s && chgrp 1234 dev etc && chmod %s dev etc mnt"):format(b.root, mode))
        for _, changes in pairs(WAYS) do
          local config = { mounts = { PROC, { source = "tmpfs", destination = "/mnt/new/deep",
            device = "tmpfs" } } }
          for key, value in pairs(changes) do
            config[key] = key ~= "mounts" and value or config[key]
          end
          local ok, err, said = starts(b.root, config)
          assert.is_true(ok and said == "alive\n" or not ok and err.path ~= nil, mode)
        end
      end
      host.sh(("cd %s && chgrp 0 dev etc && chmod 755 dev etc mnt; rm -rf mnt/new"):format(b.root))
    end)

  it("in which nothing may be made says where it stopped", function()
    if host.sh(("mkdir R/fixed && chattr +i R/fixed"):gsub("R", b.root)).code ~= 0 then
      pending("this file system has no immutable folders")
    end
    local before = attack.look(b.root .. "/fixed")
    for _, changes in ipairs({
      { mounts = { PROC, { source = "tmpfs", destination = "/fixed/new", device = "tmpfs" } } },
      { mounts = { PROC, { source = b.root .. "/etc/passwd", destination = "/fixed/file",
        flags = { "bind" } } } },
    }) do
      local ok, err = starts(b.root, changes)
      assert.is_nil(ok)
      assert.same({ "mounts[2]", "EPERM" }, { err.path, err.errno })
    end
    assert.equal(before, attack.look(b.root .. "/fixed"))
    host.sh(("chattr -i R/fixed && rmdir R/fixed"):gsub("R", b.root))
  end)
end)

local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")

local SECONDS = 60
local PROC = { source = "proc", destination = "/proc", device = "proc" }
local COPIED_DEV = { source = "tmpfs", destination = "/dev", device = "tmpfs",
  extensions = { "copyup" } }
local PTS = { source = "devpts", destination = "/dev/pts", device = "devpts",
  data = "newinstance,ptmxmode=0666,mode=0620" }

-- What an image may have where the null device is wanted: each takes what is written to it.
local NULLS = {
  ["a file"] = "echo fake > F",
  ["a link to a file"] = "ln -s ../srv/taken F",
  ["a link to the host"] = "ln -s O/file F",
  ["another device"] = "mknod F c 1 5",
  ["a disk"] = "mknod F b 7 200",
  ["a fifo"] = "mkfifo F",
  ["a folder"] = "mkdir F",
}

local function read_file(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

describe("a null device that is none", function()
  local b, outside

  before_each(function()
    b = box.new({ cgroup_manager = "none" })
    outside = b.folder .. "/outside"
    host.sh(("mkdir O && echo canary > O/file && chown 1234:1235 O/file && mkdir -p R/dev && "
      .. "echo secret > R/secret && echo taken > R/srv/taken"):gsub("%f[%u][OR]%f[%U]",
      { O = outside, R = b.root }))
  end)

  after_each(function()
    b:close()
  end)

  local function run(changes, spec)
    local container = assert(b.factory:create("stdio-" .. core.proc.getpid(),
      box.config(b.root, changes)))
    local out, errors = {}, {}
    local process = ctr.process({ args = { "/bin/sh", "-c", spec.script }, user = spec.user or "0",
      env = { "PATH=/bin" }, stdout = function(data) out[#out + 1] = data end,
      stderr = function(data) errors[#errors + 1] = data end })
    local began = core.proc.clock()
    local ok, err = container:run(process)
    if ok then
      assert(process:wait(SECONDS))
    end
    assert.is_true(core.proc.clock() - began < SECONDS)
    assert(container:destroy())
    return ok, err, table.concat(out), table.concat(errors)
  end

  local function plant(script, folder)
    assert.equal(0, host.sh(("rm -rf F && " .. script):gsub("%f[%u][OF]%f[%U]",
      { O = outside, F = folder .. "/null" })).code)
  end

  -- CVE-2025-31133, CVE-2025-62161, CVE-2026-88265: where /dev is not made by the library.
  for what, script in pairs(NULLS) do
    it("but " .. what .. ", takes no stream and hides what is masked", function()
      plant(script, b.root .. "/dev")
      host.sh(("mkdir -p %s/dev"):format(b.folder))
      plant(script, b.folder .. "/dev")
      local before = attack.look(outside)
      for _, user in ipairs({ "0", "1000" }) do
        for _, mounts in ipairs({
          { PROC, { source = b.folder .. "/dev", destination = "/dev", flags = { "bind" } } },
          { PROC, { source = b.folder .. "/dev", destination = "/dev",
            flags = { "bind", "ro" } } },
          { PROC, COPIED_DEV },
          { PROC },
        }) do
          local ok, err, out, errors = run({ mounts = mounts, mask_paths = { "/secret" } },
            { user = user, script = "echo spoken; echo heard >&2; cat /secret; "
              .. "echo written > /secret; true" })
          if ok then
            assert.equal("spoken\n", out)
            assert.matches("^heard\n", errors)
          else
            assert.is_truthy(err.path)
          end
          assert.equal(before, attack.look(outside))
          assert.equal("secret\n", read_file(b.root .. "/secret"))
          assert.equal("taken\n", read_file(b.root .. "/srv/taken"))
        end
      end
    end)
  end

  it("that was copied from the root is refused where the library makes one", function()
    for what, script in pairs(NULLS) do
      plant(script, b.root .. "/dev")
      local ok, err = run({ mounts = { PROC, COPIED_DEV } }, { script = "true" })
      assert.is_nil(ok, what)
      assert.matches("^devices", err.path)
      assert.equal("EEXIST", err.errno)
    end
  end)

  it("on the host is not made one by a container's user", function()
    local before = host.sh("stat -c '%F %t:%T %a %u:%g %Z' /dev/null").stdout
    local container = assert(b.factory:create("stdio-" .. core.proc.getpid(), box.config(b.root)))
    local process = ctr.process({ args = { "/bin/true" }, user = "1000" })
    assert(container:run(process))
    assert(process:wait(SECONDS))
    assert(container:destroy())
    assert.equal(before, host.sh("stat -c '%F %t:%T %a %u:%g %Z' /dev/null").stdout)
  end)

  -- CVE-2025-52565, CVE-2026-88264; a fifo kept others for ever.
  it("nor a console: a terminal lands on what is there, or not at all", function()
    for script, expected in pairs({ ["ln -s O/new F"] = "ELOOP", ["ln -s O/file F"] = "ELOOP",
      ["ln -s ../srv/taken F"] = "ELOOP", ["mkdir F"] = "EISDIR", ["mkfifo F"] = false,
      ["echo x > F"] = false, ["mknod F c 5 1"] = false, ["mknod F b 7 200"] = false }) do
      local before = attack.look(outside)
      host.sh((("rm -rf F; " .. script):gsub("%f[%u][OF]%f[%U]",
        { O = outside, F = b.root .. "/dev/console" })))
      local container = assert(b.factory:create("stdio-" .. core.proc.getpid(),
        box.config(b.root, { mounts = { PROC, COPIED_DEV, PTS } })))
      local process = ctr.process({ args = { "/bin/sh", "-c", "tty; exit 7" }, terminal = true })
      local began = core.proc.clock()
      local ok, err = container:run(process)
      if ok then
        process:console():close()
        process.master = nil
        assert(process:wait(SECONDS))
      end
      assert.is_true(core.proc.clock() - began < SECONDS)
      assert.equal(expected, not ok and err.errno, script)
      assert(container:destroy())
      assert.equal(before, attack.look(outside))
    end
  end)
end)

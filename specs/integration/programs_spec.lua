local box = require("specs.support.box")
local ctr = require("ctr")
local host = require("specs.support.host")

-- What cannot be executed: how it is called, what the error says, and where it shows when the
-- container is started first and told to execute later.
local CASES = {
  { "a name that is in no folder of PATH", { "nonesuch" }, "ENOENT",
    "exec nonesuch: no such file or directory %(not found in PATH%)" },
  { "an absolute path that is not there", { "/opt/nonesuch" }, "ENOENT",
    "exec /opt/nonesuch: no such file or directory" },
  { "a path below a file", { "/etc/passwd/x" }, "ENOTDIR", "exec /etc/passwd/x: not a directory" },
  { "a file without permission", { "/opt/plain" }, "EACCES",
    "exec /opt/plain: permission denied" },
  { "a file in PATH without permission", { "plain" }, "EACCES",
    "exec /opt/plain: permission denied" },
  { "a directory", { "/etc" }, "EISDIR", "exec /etc: is a directory" },
  { "a link that leads nowhere", { "/opt/dangling" }, "ENOENT",
    "exec /opt/dangling: no such file or directory" },
  { "a link that leads to itself", { "/opt/ring" }, "ELOOP", "exec /opt/ring: .*symbolic link" },
  { "a script without its interpreter", { "/opt/script" }, "ENOENT",
    "exec /opt/script: no such file or directory %(interpreter /opt/python not found%)" },
  { "a script whose interpreter is not executable", { "/opt/script2" }, "EACCES",
    "exec /opt/script2: permission denied %(interpreter /opt/plain not executable%)" },
  { "a dynamic program without its loader", { "/opt/dynamic" }, "ENOENT",
    "exec /opt/dynamic: no such file or directory %(loader /lib[%w/._-]+ not found%)" },
  { "an empty file", { "/opt/empty" }, "ENOEXEC", "exec /opt/empty: exec format error", true },
  { "a text without an interpreter", { "/opt/text" }, "ENOEXEC",
    "exec /opt/text: exec format error", true },
}

local ENV = { "PATH=/bin:/opt" }

describe("a program that cannot be executed", function()
  local b, running, init

  setup(function()
    b = box.new()
    local made = host.sh(([[
      set -e
      mkdir -p R/opt; cd R/opt
      echo plain > plain
      ln -s /opt/gone dangling; ln -s /opt/ring ring
      printf '#!/opt/python -u\n' > script; printf '#! /opt/plain\n' > script2
      cp /usr/bin/true dynamic
      : > empty; echo 'echo text' > text
      chmod 755 script script2 dynamic empty text]]):gsub("R/", b.root .. "/"))
    assert.equal("", made.stderr)
    running, init = b:sleeper()
  end)

  teardown(function()
    b:finish(running, init)
    b:close()
  end)

  local function check(case, ok, err)
    assert.is_nil(ok)
    assert.equal("SystemError", err.code)
    assert.equal("process.args[1]", err.path)
    assert.equal(case[3], err.errno)
    assert.matches("^process%.args%[1%]: " .. case[4], tostring(err))
  end

  for _, case in ipairs(CASES) do
    it("names " .. case[1] .. " when it is run", function()
      local container = assert(b:create())
      check(case, container:run(ctr.process({ args = case[2], env = ENV })))
      assert.equal("stopped", container:status())
      assert(container:destroy())
    end)

    it("names " .. case[1] .. " when it is started", function()
      local container = assert(b:create())
      local process = ctr.process({ args = case[2], env = ENV })
      local ok, err = container:start(process)
      if case[5] then -- Only execve(2) can tell.
        assert(ok, err)
        ok, err = container:exec()
        assert.is_not_nil(process:wait(60).code)
      end
      check(case, ok, err)
      assert.equal("stopped", container:status())
      assert(container:destroy())
    end)

    it("names " .. case[1] .. " as a further process", function()
      check(case, running:run(ctr.process({ args = case[2], env = ENV })))
      assert.same({ init:pid() }, running:processes())
    end)
  end

  it("is looked for in the last PATH of the environment", function()
    local container = assert(b:create())
    local process = ctr.process({ args = { "true" }, env = { "PATH=/bin", "PATH=/etc" } })
    local ok, err = container:run(process)
    assert.is_nil(ok)
    assert.equal("ENOENT", err.errno)
    process = ctr.process({ args = { "true" }, env = { "PATH=/etc", "PATH=/etc:/bin" } })
    assert(container:run(process))
    assert.equal(0, process:wait(60).code)
    assert(container:destroy())
  end)

  it("is told with the user who may not execute it", function()
    local container = assert(b:create())
    host.sh(("cp %s/bin/busybox %s/opt/own && chmod 700 %s/opt/own"):format(b.root, b.root, b.root))
    local ok, err = container:run(ctr.process({ args = { "/opt/own" }, user = "daemon" }))
    assert.is_nil(ok)
    assert.equal("EACCES", err.errno)
    assert.equal("process.args[1]", err.path)
    assert(container:destroy())
  end)
end)

local box = require("specs.support.box")
local ctr = require("ctr")

local OF_HOST = { "prestart", "createRuntime", "createContainer", "poststart", "poststop" }

local function read(path)
  local file = io.open(path)
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

-- What is there goes first: it may be a link of the image, which would lead to the host's file.
local function write(path, text)
  os.remove(path)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  assert(os.execute("chmod 755 " .. path) == 0)
end

-- What an image can do to programs that run with the host's rights.
describe("a hostile container with hooks", function()
  local b, canary, programs, said

  setup(function()
    b = box.new()
    canary = b.folder .. "/canary"
    programs = b.folder .. "/programs"
    said = b.folder .. "/said"
    os.execute("mkdir -p " .. programs .. " " .. b.root .. programs)
  end)

  teardown(function()
    b:close()
  end)

  before_each(function()
    os.remove(canary)
    os.remove(said)
  end)

  local function live(changes, spec)
    local container = assert(b:create(changes))
    local result, err = b:run(container, "exit 0", spec)
    local ok, warning = container:destroy()
    assert.is_true(ok)
    return result, err or warning
  end

  -- CVE-2026-84042: a helper was looked up in the container, and executed with root's rights.
  for _, kind in ipairs(OF_HOST) do
    it("has a program at the path of one of " .. kind .. ", which is the host's", function()
      local path = programs .. "/hook-" .. kind
      write(b.root .. path, "#!/bin/sh\necho planted > " .. canary .. "\n")
      write(path, "#!/bin/sh\necho host > " .. said .. "\n")
      assert(live({ hooks = { [kind] = { { path = path } } } }))
      assert.equal("host\n", read(said))
      assert.is_nil(read(canary))
    end)

    it("has the only program at the path of one of " .. kind .. ", which is not run", function()
      local path = programs .. "/only-" .. kind
      write(b.root .. path, "#!/bin/sh\necho planted > " .. canary .. "\n")
      local _, err = live({ hooks = { [kind] = { { path = path } } } })
      assert.equal("ENOENT", err.errno)
      assert.equal(("hooks.%s[1]"):format(kind), err.path)
      assert.is_nil(read(canary))
    end)

    it("has programs by the names that one of " .. kind .. " runs, and what they are told to load",
      function()
        for _, name in ipairs({ "cat", "helper" }) do
          write(b.root .. "/bin/" .. name, "#!/bin/sh\necho planted > " .. canary .. "\n")
        end
        local script = "cat > /dev/null; helper 2> /dev/null; pwd > " .. said
          .. "; tr '\\0' '|' < /proc/self/environ >> " .. said
        -- CVE-2025-23266: the hook had the container's environment, and its folder.
        assert(live({ hooks = { [kind] = { { path = "/bin/sh", args = { "sh", "-c", script },
          env = { "PATH=/usr/bin:/bin" } } } } }, { cwd = "/tmp",
          env = { "PATH=/bin", "LD_PRELOAD=/proc/self/cwd/x.so", "LD_LIBRARY_PATH=/tmp" } }))
        assert.equal("/\nPATH=/usr/bin:/bin|", read(said))
        assert.is_nil(read(canary))
        os.execute(("cd %s/bin && rm helper && ln -sf /bin/busybox cat"):format(b.root))
      end)
  end

  -- CVE-2025-23266: the image's environment had the host's programs load a library of the image's.
  it("has nothing of its environment in commands around mounts", function()
    local library = b.root .. "/planted.so"
    local source = programs .. "/planted.c"
    write(source, ([[
      #include <fcntl.h>
      __attribute__((constructor)) static void plant(void) { open("%s", O_CREAT | O_WRONLY, 0600); }
    ]]):format(canary))
    assert.equal(0, os.execute(("cc -shared -fPIC -o %s %s"):format(library, source)))
    local env = { "PATH=/bin", "LD_PRELOAD=" .. library, "BASH_ENV=" .. library }
    local function around(field, given)
      return { mounts = { { source = "proc", destination = "/proc", device = "proc" },
        { source = "tmpfs", destination = "/tmp", device = "tmpfs",
          [field] = { { path = "true", env = given } } } } }
    end
    for _, field in ipairs({ "premount_cmds", "postmount_cmds" }) do
      assert(live(around(field), { env = env }))
      assert.is_nil(read(canary))
      -- It is one that works.
      assert(live(around(field, env), { env = env }))
      assert.is_truthy(read(canary))
      os.remove(canary)
    end
  end)

  it("does not change what a hook is by a mount on its path", function()
    local path = programs .. "/hook-mounted"
    write(path, "#!/bin/sh\necho host > " .. said .. "\n")
    write(b.folder .. "/other", "#!/bin/sh\necho planted > " .. canary .. "\n")
    -- An earlier hook mounts something there, in the container's own mount namespace.
    local _, err = live({ hooks = { createContainer = {
      { path = "/bin/mount", args = { "mount", "--bind", b.folder .. "/other", path } },
      { path = path },
    } } })
    assert.equal("hooks.createContainer[2]", err.path)
    assert.equal("ESTALE", err.errno)
    assert.is_nil(read(canary))
    assert.is_nil(read(said))
  end)

  -- The class of CVE-2024-21626: a name of the container's that leads through a descriptor of ours.
  it("finds no descriptor of the host's by the names of hooks in it", function()
    os.execute("mkdir -p " .. b.root .. "/links")
    for fd = 3, 40 do
      for index, tail in ipairs({ "", "/1/root/bin/sh", "/bin/sh" }) do
        os.execute(("ln -sfn /proc/self/fd/%d%s %s/links/%d-%d"):format(fd, tail, b.root, fd,
          index))
      end
    end
    local script = ("echo planted > %s"):format(canary)
    for fd = 3, 40 do
      for index = 1, 3 do
        local link = ("/links/%d-%d"):format(fd, index)
        local _, err = live({ hooks = { startContainer = {
          { path = link, args = { "sh", "-c", script } } } } })
        assert.equal("hooks.startContainer[1]", err.path)
      end
    end
    assert.is_nil(read(canary))
  end)

  it("sees nothing of the host while its own hooks run", function()
    local caps = { "CAP_SYS_PTRACE", "CAP_DAC_OVERRIDE", "CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN" }
    local script = "cd /proc/1/fd 2> /tmp/said && for fd in *; do "
      .. "echo \"$fd -> $(readlink $fd)\"; done >> /tmp/said; "
      .. "ls /proc/1/root >> /tmp/said 2>&1; ls /proc/1/cwd >> /tmp/said 2>&1; exit 0"
    os.execute("chmod 1777 " .. b.root .. "/tmp")
    local container = assert(b:create({ hooks = { startContainer = {
      { path = "/bin/sh", args = { "sh", "-c", script }, env = { "PATH=/bin" } } } },
      capabilities = { bounding = caps, effective = caps, permitted = caps, inheritable = {},
        ambient = {} } }))
    local process = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:start(process))
    assert(container:exec())
    b:finish(container, process)
    local text = assert(read(b.root .. "/tmp/said"))
    -- Who may trace may look into the bootstrap: it has the container's root and streams, what
    -- hooks read, and two files that lead nowhere else.
    assert.matches("/memfd:state", text, 1, true)
    for target in text:gmatch("%d+ %-> ([^\n]*)") do
      local is_known = target == "/" or target == "/dev/null" or target:find("^pipe:")
        or target:find("^anon_inode:") or target:find("^/memfd:state")
        or target:find("/exec%.fifo$") or target:find("/exec%.error$")
      assert.is_truthy(is_known, target)
    end
    assert.is_nil(text:find("\nboot\n", 1, true))
  end)

  it("cannot make a hook's output long enough to hurt", function()
    local script = "head -c 100000000 /dev/zero | tr '\\0' x; exit 1"
    local before = collectgarbage("count")
    local _, err = live({ hooks = { startContainer = {
      { path = "/bin/sh", args = { "sh", "-c", script }, env = { "PATH=/bin" } } } } })
    assert.equal(1024, #err.stdout)
    assert.is_true(collectgarbage("count") - before < 2000)
  end)
end)

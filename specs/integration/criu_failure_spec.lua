local box = require("specs.support.box")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local host = require("specs.support.host")
local machine = require("specs.support.machine")
local orphans = require("specs.support.orphans")

local SECONDS = 60

local function kill_criu()
  assert.equal(0, host.sh(("kill -9 $(pgrep -P %d -f ' --rp[c]')"):format(
    core.proc.getpid())).code)
end

describe("a checkpoint that fails", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b

  setup(function()
    b = criu.box()
  end)

  teardown(function()
    b:close()
  end)

  it("leaves the container running, and says why and where more is said", function()
    local container = assert(b:create())
    local client = criu.client({ args = { "/bin/sh", "-c",
      "mkfifo /run/in; nc -l -p 7000 -e /bin/cat & "
      .. "until grep -q :1B58 /proc/net/tcp*; do usleep 1000; done; "
      .. "nc 127.0.0.1 7000 < /run/in > /dev/null & exec 5> /run/in; "
      .. "until grep -q ':1B58 .* 01 ' /proc/net/tcp*; do usleep 1000; done; "
      .. "while read word; do echo $word; done" }, env = { "PATH=/bin" } })
    assert(container:run(client.process))
    assert.equal("a", client:ask("a"))
    -- Whether a process just runs or waits is nobody's matter.
    local function seen()
      local found = machine.snapshot(box.PATTERN)
      for index, child in ipairs(found.children) do
        found.children[index] = child:gsub(" [RS]$", "")
      end
      return found
    end
    local before = seen()
    local folder, work = criu.folder(b), criu.folder(b)
    local ok, err = container:checkpoint({ images_directory = folder, work_directory = work })
    assert.is_nil(ok)
    assert.equal("SystemError", err.code)
    assert.equal(work .. "/dump.log", err.log)
    assert.equal(0, host.sh("test -s " .. err.log).code)
    assert.is_true(#err.lines > 0)
    assert.matches("tcp_established", err.meaning)
    assert.matches(err.lines[1], tostring(err), 1, true)
    assert.is_nil(tostring(err):find("\n"))
    assert.equal("running", container:status())
    assert.equal("b", client:ask("b"))
    assert.same(before, seen())
    assert(container:signal("SIGKILL"))
    client.process:wait(SECONDS)
    client:close()
    assert(container:destroy())
  end)

  it("leaves a paused container paused", function()
    local container, client = criu.counter(b)
    assert.equal("1 a", client:ask("a"))
    assert(container:pause())
    local ok, err = container:checkpoint({ images_directory = criu.folder(b),
      progress = function() error("enough", 0) end })
    assert.is_nil(ok)
    assert.equal("enough", err.message)
    assert.equal("paused", container:status())
    assert(container:resume())
    assert.equal("2 b", client:ask("b"))
    client:finish()
    assert(container:destroy())
  end)

  it("where CRIU is missing says that, and makes nothing", function()
    local other = box.new({ criu_path = "/nothing/criu" })
    local container, process = other:sleeper()
    local folder = other.folder .. "/images"
    local ok, err = container:checkpoint({ images_directory = folder })
    assert.is_nil(ok)
    assert.equal("ENOENT", err.errno)
    assert.matches("criu_path.*/nothing/criu", tostring(err))
    assert.not_equal(0, host.sh("test -e " .. folder).code)
    other:finish(container, process)
    other:close()
  end)

  it("where the caller is killed leaves the container running", function()
    orphans.adopt()
    local container, client = criu.counter(b)
    for count, step in ipairs({ "pre-dump", "network-lock", "query-ext-files", "post-dump" }) do
      local options = core.json.encode({ images_directory = criu.folder(b) })
      local result = host.sh(("exec luajit specs/support/criu_dumper.lua %s %s %s '%s' %s"):format(
        b.folder, criu.path, container:id(), options, step))
      assert.equal("SIGKILL", result.signal, result.stdout .. result.stderr)
      assert.equal(count .. " " .. step, client:ask(step))
      assert.equal("running", container:status())
      assert.equal(0, host.sh(("for i in $(seq 600); do pgrep -f 'dump --rp[c] -t %d' > /dev/null "
        .. "|| exit 0; sleep 0.1; done; exit 1"):format(client.process:pid())).code)
    end
    local folder = criu.dump(b, container, client)
    client = assert(criu.restore(container, folder))
    assert.equal("5 e", client:ask("e"))
    client:finish()
    assert(container:destroy())
    orphans.reap("checkpoints whose callers were killed")
  end)

  it("where the disk is full leaves the container running", function()
    local container, client = criu.counter(b, {}, "x=$(seq 1 300000)")
    assert.equal("1 a", client:ask("a"))
    local folder = b.folder .. "/small"
    assert.equal(0, host.sh(("mkdir %s && mount -t tmpfs -o size=1m small %s"):format(folder,
      folder)).code)
    local ok, err = container:checkpoint({ images_directory = folder,
      work_directory = criu.folder(b) })
    host.sh("umount " .. folder)
    assert.is_nil(ok)
    assert.matches("the disk of the images is full", err.meaning, 1, true)
    assert.equal("2 b", client:ask("b"))
    client:finish()
    assert(container:destroy())
  end)

  it("where CRIU is killed leaves the container running", function()
    local container, client = criu.counter(b)
    local ok, err = container:checkpoint({ images_directory = criu.folder(b),
      progress = function(info)
        if info.step == "network-lock" then
          kill_criu()
        end
      end })
    assert.is_nil(ok)
    assert.equal("SystemError", err.code)
    assert.equal("running", container:status())
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
  end)
end)

describe("a restore that fails", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, folder

  setup(function()
    b = criu.box()
    local container, client = criu.counter(b)
    folder = criu.dump(b, container, client)
    assert(container:destroy())
  end)

  teardown(function()
    b:close()
  end)

  -- Nothing is left, and the container can be restored as if nothing had been.
  local function fails(container, images, options)
    local before = machine.snapshot(box.PATTERN)
    local state = container:state()
    local client, err = criu.restore(container, images, options)
    assert.is_nil(client)
    assert.equal("stopped", container:status())
    assert.same(before, machine.snapshot(box.PATTERN))
    assert.same(state, container:state())
    client = assert(criu.restore(container, folder))
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
    return err
  end

  local function broken(action)
    local copy = criu.folder(b)
    assert.equal(0, host.sh(("cp -r %s %s && cd %s && rm -f *.log && %s"):format(folder, copy, copy,
      action)).code)
    return copy
  end

  it("leaves nothing where there is no checkpoint", function()
    local err = fails(assert(b:create()), b.folder .. "/rootfs")
    assert.matches("there is no checkpoint in", tostring(err), 1, true)
    err = fails(assert(b:create()), b.folder .. "/nothing")
    assert.equal("images_directory", err.path)
    assert.equal("ENOENT", err.errno)
  end)

  it("leaves nothing where an image is damaged or missing", function()
    -- CRIU would wait for pages that are not there.
    for _, action in ipairs({ "rm core-1.img", "echo x > pstree.img",
      "truncate -s 100 pages-1.img" }) do
      local err = fails(assert(b:create()), broken(action))
      assert.equal("images_directory", err.path)
      assert.matches(action:match("(%w+%-?%d?)%.img"), tostring(err), 1, true)
    end
    local all = fails(assert(b:create()), broken("rm core-1.img mm-1.img; echo x > pstree.img"))
    assert.matches("core-1.img is missing, mm-1.img is missing, pstree.img is not as it was",
      tostring(all), 1, true)
    for _, name in ipairs({ "core-1.img", "pstree.img", "mm-1.img" }) do
      local err = fails(assert(b:create()), broken("printf xxxxxxxx | dd conv=notrunc of=" .. name))
      assert.equal("SystemError", err.code)
      assert.matches("/restore.log", err.log, 1, true)
    end
    for _, action in ipairs({ "echo '{' > ctr.json", "echo '{\"format\":1}' > ctr.json",
      "echo 7 > descriptors.json" }) do
      local err = fails(assert(b:create()), broken(action))
      assert.equal("SystemError", err.code)
    end
  end)

  it("leaves nothing where the caller's function says no", function()
    for _, step in ipairs({ "setup-namespaces", "post-restore", "pre-resume" }) do
      local err = fails(assert(b:create()), folder, { progress = function(info)
        if info.step == step then
          error("not " .. step, 0)
        end
      end })
      assert.equal("not " .. step, err.message)
    end
  end)

  it("leaves nothing where CRIU is killed", function()
    for _, step in ipairs({ "setup-namespaces", "post-restore" }) do
      local err = fails(assert(b:create()), folder, { progress = function(info)
        if info.step == step then
          kill_criu()
        end
      end })
      assert.equal("SystemError", err.code)
    end
  end)

  -- CRIU, which is not its parent, may wait for it for ever.
  it("leaves nothing where what is restored is killed", function()
    local container = assert(b:create())
    local err = fails(container, folder, { progress = function(info)
      if info.step == "setup-namespaces" then
        host.sh("kill -9 " .. container:state().init_process_pid)
      end
    end })
    assert.matches("memory limit may be too low", tostring(err), 1, true)
  end)

  it("leaves nothing where a hook fails", function()
    local seen = {}
    local hooks = {
      createRuntime = { { func = function(state)
        seen[#seen + 1] = state.status .. " " .. tostring(state.pid ~= nil)
        return false, "not today"
      end } },
    }
    local container = assert(b:create({ hooks = hooks }))
    local before = machine.snapshot(box.PATTERN)
    local client, err = criu.restore(container, folder)
    assert.is_nil(client)
    assert.matches("hooks.createRuntime[1]: not today", tostring(err), 1, true)
    assert.same({ "creating true" }, seen)
    assert.same(before, machine.snapshot(box.PATTERN))
    assert(container:destroy())
  end)

  it("leaves nothing where the images' parent is not beside them", function()
    for link, words in pairs({ ["/etc"] = "has to lie beside it",
      ["../.."] = "has to lie beside it", ["../gone"] = "its parent ../gone cannot be opened" }) do
      local err = fails(assert(b:create()), broken("ln -s " .. link .. " parent"))
      assert.equal("images_directory", err.path)
      assert.matches(words, tostring(err), 1, true)
    end
  end)

  -- Its undoing killed whoever was in the cgroups.
  it("leaves those alone whose cgroups are configured", function()
    local others, client = criu.counter(b)
    local path = box.PARENT .. "/" .. others:id()
    local container = assert(b:create({ cgroups = { path = path } }))
    local restored, err = criu.restore(container, folder)
    assert.is_nil(restored)
    assert.equal("cgroups.path", err.path)
    assert(container:destroy())
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(others:destroy())
  end)

  it("leaves what destroy takes away where the caller is killed", function()
    for _, step in ipairs({ "pre-restore", "setup-namespaces", "post-setup-namespaces",
      "post-restore", "network-unlock", "pre-resume" }) do
      local id = "killed-" .. step
      orphans.adopt()
      local before = machine.snapshot(box.PATTERN)
      local result = host.sh(("exec luajit specs/support/criu_killed.lua %s %s %s %s %s %s"):format(
        b.folder, b.root, criu.path, folder, id, step))
      assert.equal("SIGKILL", result.signal, result.stderr)
      local container = assert(b.factory:load(id))
      container:signal("SIGKILL", true)
      assert(container:destroy())
      container = nil -- luacheck: ignore 311
      orphans.reap("a restore that was killed at " .. step)
      assert.same(before, machine.snapshot(box.PATTERN))
    end
  end)
end)

describe("hooks of a restored container", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  it("run as for a start", function()
    local b = criu.box()
    local seen = {}
    local function note(name)
      return { { func = function(state) seen[#seen + 1] = name .. " " .. state.status end } }
    end
    local container, client = criu.counter(b)
    local folder = criu.dump(b, container, client)
    assert(container:destroy())
    container = assert(b:create({ hooks = { prestart = note("prestart"),
      createRuntime = note("createRuntime"), poststart = note("poststart"),
      poststop = note("poststop") } }))
    client = assert(criu.restore(container, folder))
    assert.equal("1 a", client:ask("a"))
    client:finish()
    assert(container:destroy())
    assert.same({ "prestart creating", "createRuntime creating", "poststart running",
      "poststop stopped" }, seen)
    b:close()
  end)
end)


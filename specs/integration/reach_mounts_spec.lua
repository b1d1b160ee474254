local box = require("specs.support.box")
local ctr = require("ctr")
local machine = require("specs.support.machine")

local MAPPED = {
  namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" },
  uid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
  gid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
}

describe("a mount in a container that runs", function()
  local b, container, process

  setup(function()
    b = box.new()
    os.execute(("mkdir -p %s/data/below && echo text >%s/data/file && echo one >%s/one"):format(
      b.folder, b.folder, b.folder))
    os.execute("chmod -R a+rX " .. b.folder)
    -- Root of a user namespace may make nothing in a root that is the host's.
    os.execute(("cd %s && mkdir -p data mapped/data scratch && touch etc/one"):format(b.root))
  end)

  teardown(function()
    b:close()
  end)

  local function begin(changes)
    container, process = b:sleeper(changes)
  end

  after_each(function()
    if container then
      b:finish(container, process)
      container = nil
    end
  end)

  local function sh(script)
    local result = assert(container:run_inside({ args = { "sh", "-c", script },
      env = { "PATH=/bin" } }))
    return result.stdout .. result.stderr
  end

  local function options_of(path)
    return sh("grep ' " .. path .. " ' /proc/self/mountinfo"):match(path .. " (%S+)")
  end

  for name, changes in pairs({ ["its own user"] = MAPPED, ["the host's user"] = {} }) do
    it("is seen with its attributes, in a container of " .. name .. " namespace", function()
      if changes == MAPPED and not machine.has("user_namespaces") then
        return pending("no user namespaces")
      end
      begin(changes)
      assert(container:mount(b.folder .. "/data", "/mapped/data", "ro,nosuid"))
      assert.equal("text\n", sh("cat /mapped/data/file"))
      assert.matches("ro,nosuid", options_of("/mapped/data"))
      assert.matches("Read%-only", sh("touch /mapped/data/x"))
      assert(container:mount(b.folder .. "/one", "/etc/one"))
      assert.equal("one\n", sh("cat /etc/one"))
      assert(container:mount("tmpfs", "/scratch", { device = "tmpfs", flags = { "noexec" },
        data = "size=1m,mode=1777" }))
      assert.equal("", sh("touch /scratch/x"))
      assert.matches("noexec", options_of("/scratch"))
      assert.equal("0 0\n", sh("stat -c '%u %g' /scratch"))
    end)

    it("is taken away again, in a container of " .. name .. " namespace", function()
      if changes == MAPPED and not machine.has("user_namespaces") then
        return pending("no user namespaces")
      end
      begin(changes)
      assert(container:mount(b.folder .. "/data", "/data"))
      assert(container:mount(b.folder .. "/one", "/etc/one"))
      assert(container:unmount("/data"))
      assert(container:unmount("/etc/one"))
      assert.equal("", sh("ls /data; cat /etc/one"))
      assert.is_nil(container:state().live_mounts)
    end)
  end

  it("makes what is missing of its place", function()
    begin()
    assert(container:mount(b.folder .. "/data", "/srv/new/data"))
    assert.equal("text\n", sh("cat /srv/new/data/file"))
    assert(container:mount(b.folder .. "/one", "/srv/new/one"))
    assert.equal("one\n", sh("cat /srv/new/one"))
  end)

  it("is recorded, for other programs too", function()
    begin()
    assert(container:mount(b.folder .. "/data", "/data"))
    local other = assert(b.factory:load(container:id()))
    local mounts = other:state().live_mounts
    assert.equal(1, #mounts)
    assert.equal("/data", mounts[1].destination)
    assert.equal(b.folder .. "/data", mounts[1].source)
    assert.equal(3, #other:config().mounts)
    assert(other:unmount("/data"))
    assert.is_nil(container:state().live_mounts)
  end)

  it("is not forced away while it is used, unless that is said", function()
    begin()
    assert(container:mount(b.folder .. "/data", "/data"))
    local user = ctr.process({ args = { "sleep", "1000" }, env = { "PATH=/bin" }, cwd = "/data" })
    assert(container:run(user))
    local ok, err = container:unmount("/data")
    assert.is_nil(ok)
    assert.equal("EBUSY", err.errno)
    assert.equal(1, #container:state().live_mounts)
    assert(container:unmount("/data", { lazy = true }))
    assert.is_nil(options_of("/data"))
    user:signal("SIGKILL")
    user:wait(60)
  end)

  it("is of one place after the other: the last goes first", function()
    begin()
    assert(container:mount(b.folder .. "/data", "/data"))
    assert(container:mount("tmpfs", "/data", { device = "tmpfs" }))
    assert.equal("", sh("ls /data"))
    assert(container:unmount("/data"))
    assert.equal("text\n", sh("cat /data/file"))
  end)

  it("shows ids as they are mapped", function()
    begin()
    local row = { { container_id = 0, host_id = 1234, size = 1 } }
    local ok, err = container:mount(b.folder .. "/data", "/data", { id_mapping = {
      uid_mappings = row, gid_mappings = row } })
    if not ok and err.errno == "EINVAL" then
      return pending("the file system of the temporary folder does not map ids")
    end
    assert(ok, err)
    assert.equal("1234 1234\n", sh("stat -c '%u %g' /data/file"))
  end)

  it("works while the container is paused or waits to be executed", function()
    container = assert(b:create())
    process = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:start(process))
    assert(container:mount(b.folder .. "/data", "/data"))
    assert(container:exec())
    if machine.has("freezer") then
      assert(container:pause())
      assert(container:unmount("/data"))
      assert(container:mount(b.folder .. "/data", "/data"))
      assert(container:resume())
    end
    assert.equal("text\n", sh("cat /data/file"))
  end)

  it("does not appear on the host", function()
    begin()
    local before = machine.snapshot(box.PATTERN)
    assert(container:mount(b.folder .. "/data", "/data"))
    assert.same(before.mounts, machine.snapshot(box.PATTERN).mounts)
    assert.same(before.descriptors, machine.snapshot(box.PATTERN).descriptors)
    assert.is_nil(io.open(b.root .. "/data/file"))
  end)

  it("takes away only what was mounted so, and is there still", function()
    begin()
    local ok, err = container:unmount("/proc")
    assert.is_nil(ok)
    assert.equal("EINVAL", err.errno)
    assert.matches("nothing mounted at /proc", tostring(err))
  end)

  it("is not another's that lies at its place by now", function()
    local caps = { "CAP_SYS_ADMIN" }
    begin({ capabilities = { bounding = caps, effective = caps, permitted = caps } })
    assert(container:mount(b.folder .. "/data", "/data"))
    assert.equal("", sh("umount /data && mount -t tmpfs mine /data"))
    local ok, err = container:unmount("/data")
    assert.is_nil(ok)
    assert.equal("ESTALE", err.errno)
    assert.matches("mine", sh("grep /data /proc/mounts"))
    assert.is_nil(container:state().live_mounts)
  end)

  it("follows no link out of the container, and none to unmount", function()
    begin()
    os.execute("mkdir " .. b.folder .. "/outside")
    sh("ln -s " .. b.folder .. "/outside /away; ln -s /proc /seems; ln -s /data /link; mkdir /data")
    assert(container:mount(b.folder .. "/data", "/away"))
    assert.is_nil(io.open(b.folder .. "/outside/file"))
    local ok, err = container:mount(b.folder .. "/data", "/seems/sys")
    assert.is_nil(ok)
    assert.matches("/proc", tostring(err))
    assert(container:mount(b.folder .. "/data", "/link"))
    ok, err = container:unmount("/link")
    assert.is_nil(ok)
    assert.equal("ESTALE", err.errno)
  end)

  it("is refused with its key, and leaves nothing", function()
    begin()
    local before = sh("cat /proc/self/mountinfo")
    for key, mount in pairs({
      source = { "/nonesuch", "/x" },
      destination = { b.folder, "/proc/x" },
      flags = { b.folder, "/x", "remount,ro" },
      device = { "cgroup", "/x", { device = "cgroup" } },
      colour = { b.folder, "/x", { colour = "red" } },
      premount_cmds = { b.folder, "/x", { premount_cmds = { { path = "/bin/true" } } } },
    }) do
      local ok, err = container:mount(unpack(mount))
      assert.is_nil(ok, key)
      assert.equal("ConfigInvalid", err.code)
      assert.equal("mount." .. key, err.path or err.problems[1].path)
    end
    local ok, err = container:mount("tmpfs", "/x", { device = "tmpfs", data = "size=12Q" })
    assert.is_nil(ok)
    assert.equal("mount", err.path)
    assert.matches("^mount: mount tmpfs on /x", tostring(err))
    ok, err = container:mount(b.folder .. "/data", "/etc/passwd")
    assert.is_nil(ok)
    assert.equal("ENOTDIR", err.errno)
    assert.equal(before, sh("cat /proc/self/mountinfo"))
    assert.is_nil(container:state().live_mounts)
  end)

  it("needs a container that runs", function()
    local stopped = assert(b:create())
    local ok, err = stopped:mount(b.folder, "/x")
    assert.is_nil(ok)
    assert.equal("ContainerNotRunning", err.code)
    assert(stopped:destroy())
  end)

  it("keeps a checkpoint from being taken", function()
    begin()
    assert(container:mount(b.folder .. "/data", "/data"))
    local ok, err = container:checkpoint({ images_directory = b.folder .. "/images" })
    assert.is_nil(ok)
    assert.matches("has /data mounted since it runs", tostring(err))
  end)

  it("is misuse without paths", function()
    begin()
    assert.has_error(function() container:mount(1, "/x") end)
    assert.has_error(function() container:mount("/x") end)
    assert.has_error(function() container:mount("/x", "/y", 5) end)
    assert.has_error(function() container:unmount("/x", { force = true }) end)
  end)
end)

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

-- AppArmor for real: the virtual machine's kernel has it.

local PROFILE = "ctr-specs"
local PROFILES = [[
abi <abi/4.0>,
profile ctr-specs flags=(attach_disconnected) {
  file,
  capability,
  network,
  mount,
  umount,
  pivot_root,
  ptrace,
  signal,
  unix,
  change_profile -> **,
  deny /etc/secret r,
}
profile ctr-specs-exec flags=(attach_disconnected) {
  file,
  signal,
  userns,
}
]]

local function write(path, text)
  local file = assert(io.open(path, "w"))
  assert(file:write(text))
  assert(file:close())
end

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function exists(path)
  local file = io.open(path)
  if file then
    file:close()
  end
  return file ~= nil
end

local function parser(option, path)
  local status = os.execute(("apparmor_parser --skip-cache %s %s"):format(option, path))
  assert.equal(0, status)
end

local FAKE_FILES = { "self/attr/exec", "self/attr/apparmor/exec", "1/attr/apparmor/exec" }

-- A folder that looks like a procfs to whoever opens its files by path.
local function fake_proc(path)
  os.execute(("mkdir -p %s/self/attr/apparmor %s/1/attr/apparmor %s/thread-self/attr"):format(path,
    path, path))
  for _, file in ipairs(FAKE_FILES) do
    write(path .. "/" .. file, "")
  end
  return path
end

describe("AppArmor", function()
  local b, profiles

  setup(function()
    profiles = os.tmpname()
    write(profiles, PROFILES)
    parser("--replace", profiles)
    b = box.new()
    write(b.root .. "/etc/secret", "hidden\n")
  end)

  teardown(function()
    b:close()
    parser("--remove", profiles)
    os.remove(profiles)
  end)

  local LOOK = "cat /proc/self/attr/current; cat /etc/secret 2>&1"

  it("confines nothing without a profile", function()
    assert.equal("unconfined\nhidden\n", b:sh(LOOK).out)
  end)

  it("confines a container, whose profile denies what it is to", function()
    local result = b:sh(LOOK, { apparmor_profile = PROFILE })
    assert.equal("ctr-specs (enforce)\ncat: can't open '/etc/secret': Permission denied\n",
      result.out)
  end)

  it("confines under no_new_privileges, without capabilities, as another user", function()
    local result = b:sh("cat /proc/self/attr/current; grep NoNewPrivs /proc/self/status",
      { apparmor_profile = PROFILE, no_new_privileges = true }, { user = "daemon" })
    assert.equal("ctr-specs (enforce)\nNoNewPrivs:\t1\n", result.out)
  end)

  it("confines in a user namespace", function()
    local mapping = { { container_id = 0, host_id = 100000, size = 65536 } }
    local result = b:sh(LOOK, { apparmor_profile = PROFILE, uid_mappings = mapping,
      gid_mappings = mapping, namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER",
        "NEWNET" } })
    assert.matches("^ctr%-specs %(enforce%)\n.*Permission denied", result.out)
  end)

  it("takes the process' profile in place of the container's", function()
    local changes = { apparmor_profile = PROFILE }
    assert.equal("ctr-specs-exec (enforce)\nhidden\n",
      b:sh(LOOK, changes, { apparmor_profile = "ctr-specs-exec" }).out)
    assert.equal("unconfined\nhidden\n",
      b:sh(LOOK, changes, { apparmor_profile = "unconfined" }).out)
  end)

  it("takes profiles that are stacked", function()
    assert.matches("ctr%-specs//&ctr%-specs%-exec %(enforce%)",
      b:sh(LOOK, { apparmor_profile = "ctr-specs//&ctr-specs-exec" }).out)
  end)

  it("confines further processes, as seen from outside", function()
    local container, process = b:sleeper({ apparmor_profile = PROFILE })
    assert.equal("ctr-specs (enforce)\n",
      read(("/proc/%d/attr/current"):format(process:pid())))
    assert.equal("ctr-specs (enforce)\n",
      b:run(container, "cat /proc/self/attr/current").out)
    assert.equal("ctr-specs-exec (enforce)\n", b:run(container, "cat /proc/self/attr/current",
      { apparmor_profile = "ctr-specs-exec" }).out)
    b:finish(container, process)
  end)

  it("restricts user namespaces where the profile does not allow them", function()
    local script = "unshare -U true 2>&1 && echo made"
    assert.equal("made\n", b:sh(script, nil, { user = "daemon" }).out)
    assert.equal("made\n", b:sh(script, { apparmor_profile = "ctr-specs-exec" },
      { user = "daemon" }).out)
    assert.matches("Permission denied", b:sh(script, { apparmor_profile = PROFILE },
      { user = "daemon" }).out)
  end)

  it("has to have the profile", function()
    local container, err = b:create({ apparmor_profile = "nonesuch" })
    assert.is_nil(container)
    assert.equal("ConfigInvalid", err.code)
    assert.equal("apparmor_profile", err.path)
    assert.equal("apparmor_profile cannot be used: profile nonesuch is not loaded", tostring(err))
  end)

  it("has to have the profile of a process", function()
    local container = assert(b:create())
    local ok, err = b:run(container, "true", { apparmor_profile = "nonesuch" })
    assert.is_nil(ok)
    assert.equal("process.apparmor_profile", err.path)
    assert.matches("profile nonesuch is not loaded", tostring(err), 1, true)
    assert.equal("stopped", container:status())
    assert(container:destroy())
  end)

  it("says so where the profile went after the container was made", function()
    local late = os.tmpname()
    write(late, "profile ctr-specs-late { file, }\n")
    parser("--replace", late)
    local container = assert(b:create({ apparmor_profile = "ctr-specs-late" }))
    parser("--remove", late)
    os.remove(late)
    local ok, err = b:run(container, "true")
    assert.is_nil(ok)
    assert.equal("SystemError", err.code)
    assert.equal("apparmor_profile", err.path)
    assert.equal("ENOENT", err.errno)
    assert.matches("`/proc/self/attr/exec`", tostring(err), 1, true)
    assert.matches("profile ctr-specs-late is not loaded", tostring(err), 1, true)
    assert(container:destroy())
  end)

  it("is not diverted by what lies on /proc (CVE-2019-16884)", function()
    local fake = fake_proc(b.folder .. "/fake")
    local container = assert(b:create({ apparmor_profile = PROFILE, mounts = {
      { source = fake, destination = "/proc", flags = { "bind" } } } }))
    local process = ctr.process({ args = { "/bin/sleep", "1000" } })
    local ok = container:run(process)
    -- Refused or confined: both are right.
    if ok then
      assert.equal("ctr-specs (enforce)\n",
        read(("/proc/%d/attr/current"):format(process:pid())))
      b:finish(container, process)
    end
    for _, file in ipairs(FAKE_FILES) do
      assert.equal("", read(fake .. "/" .. file))
    end
  end)

  it("is not diverted by a mount over the caller's own attributes (CVE-2025-52881)", function()
    local attr = ("/proc/%d/attr"):format(core.proc.getpid())
    local fake = fake_proc(b.folder .. "/fake")
    assert.equal(0, os.execute(("mount --bind %s/self/attr %s"):format(fake, attr)))
    local result = b:sh(LOOK, { apparmor_profile = PROFILE })
    assert.equal(0, os.execute("umount " .. attr))
    assert.matches("^ctr%-specs %(enforce%)\n", result.out)
  end)

  it("is not diverted by what a container mounted on its /proc (CVE-2015-1334)", function()
    local held = { "CAP_SYS_ADMIN" }
    local container, process = b:sleeper({ apparmor_profile = PROFILE }, {
      args = { "/bin/sh", "-c", "mount -t tmpfs none /proc && mkdir -p /proc/self/attr/apparmor"
        .. " && : >/proc/self/attr/apparmor/exec; : >/tmp/done; exec sleep 1000" },
      capabilities = { bounding = held, effective = held, permitted = held },
    })
    local done = ("/proc/%d/root/tmp/done"):format(process:pid())
    repeat
      local _, err = process:wait(0.02)
      assert.equal("ETIMEDOUT", err.errno)
    until exists(done)
    local further = ctr.process({ args = { "/bin/sleep", "1000" } })
    assert(container:run(further))
    assert.equal("ctr-specs (enforce)\n", read(("/proc/%d/attr/current"):format(further:pid())))
    assert.equal("", read(("/proc/%d/root/proc/self/attr/apparmor/exec"):format(process:pid())))
    b:finish(container, process)
  end)

  it("cannot be mounted over from the configuration", function()
    for _, place in ipairs({ "/proc/self/attr", "/proc/self", "/proc/1/attr/apparmor" }) do
      local container, err = b:create({ apparmor_profile = PROFILE, mounts = {
        { source = "proc", destination = "/proc", device = "proc" },
        { destination = place, device = "tmpfs" } } })
      assert.is_nil(container)
      assert.equal("mounts[2].destination", err.path)
    end
  end)
end)

local box = require("specs.support.box")

describe("inside a container", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function out(script, changes, spec)
    local result = assert(b:sh(script, changes, spec))
    assert.equal("", result.err)
    assert.equal(0, result.code)
    return (result.out:gsub("\n$", ""))
  end

  it("only the given descriptors are open", function()
    -- ls itself has the folder open, as 3.
    assert.equal("0 1 2 3", (out("ls /proc/self/fd"):gsub("%s+", " ")))
  end)

  it("extra files follow the standard streams", function()
    local read, write = require("ctr.core").fd.pipe()
    assert.equal("", out("echo here >&3", nil, { extra_files = { write } }))
    write:close()
    assert.equal("here\n", require("ctr.core").fd.read(read, 100))
    read:close()
  end)

  it("the host name and domain name are the container's", function()
    assert.equal("box", out("hostname"))
    assert.equal("example.org",
      out("cat /proc/sys/kernel/domainname", { domainname = "example.org" }))
  end)

  it("no namespace is the host's", function()
    local script = "cd /proc/self/ns && for n in mnt uts ipc pid net cgroup; do readlink $n; done"
    local links = out(script, {
      namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWCGROUP" } })
    for link in links:gmatch("%S+") do
      local kind = link:match("^%a+")
      local own = io.popen("readlink /proc/self/ns/" .. kind):read("*l")
      assert.not_equal(own, link)
    end
  end)

  it("the cgroup namespace's root is the container's cgroup", function()
    local text = out("cat /proc/self/cgroup", {
      namespaces = { "NEWNS", "NEWPID", "NEWCGROUP" }, networks = {}, hostname = "" })
    for line in text:gmatch("[^\n]+") do
      assert.matches(":/$", line)
    end
  end)

  it("only the container's own mounts are visible", function()
    local targets = out("cut -d' ' -f5 /proc/self/mountinfo")
    assert.equal("/\n/proc\n/dev\n/dev/pts", targets)
  end)

  it("capabilities are exactly those of the configuration", function()
    local set = { "CAP_CHOWN", "CAP_KILL" }
    local text = out("grep ^Cap /proc/self/status", { capabilities = { bounding = set,
      effective = { "CAP_KILL" }, permitted = set, inheritable = {}, ambient = {} } })
    assert.matches("CapInh:%s+0000000000000000", text)
    assert.matches("CapPrm:%s+0000000000000021", text)
    assert.matches("CapBnd:%s+0000000000000021", text)
    assert.matches("CapAmb:%s+0000000000000000", text)
  end)

  it("ambient capabilities reach a program of another user", function()
    local set = { "CAP_NET_BIND_SERVICE" }
    local text = out("grep ^Cap /proc/self/status", { capabilities = {
      bounding = set, effective = set, permitted = set, inheritable = set, ambient = set } },
      { user = "1000:1000" })
    assert.matches("CapAmb:%s+0000000000000400", text)
    assert.matches("CapEff:%s+0000000000000400", text)
  end)

  it("a process may have capabilities of its own", function()
    local set = { "CAP_NET_ADMIN" }
    local text = out("grep ^CapEff /proc/self/status", nil, { capabilities = {
      bounding = set, effective = set, permitted = set, inheritable = {}, ambient = {} } })
    assert.matches("0000000000001000", text)
  end)

  it("limits are those of the configuration, or of the process", function()
    local limits = { rlimits = { { type = "RLIMIT_NOFILE", hard = 1025, soft = 1025 } } }
    assert.equal("1025", out("ulimit -n", limits))
    assert.equal("99", out("ulimit -n", limits,
      { rlimits = { { type = "RLIMIT_NOFILE", hard = 100, soft = 99 } } }))
  end)

  it("no_new_privileges is set when it is asked for", function()
    local script, asked = "grep NoNewPrivs /proc/self/status", { no_new_privileges = true }
    assert.matches("NoNewPrivs:%s+0", out(script))
    assert.matches("NoNewPrivs:%s+1", out(script, asked))
    assert.matches("NoNewPrivs:%s+1", out(script, nil, asked))
  end)

  it("the user comes from the container's own files", function()
    assert.equal("1 1 1", out("echo $(id -u) $(id -g) $(id -G)", nil, { user = "daemon" }))
    assert.equal("12 34 34 56", out("echo $(id -u) $(id -g) $(id -G)", nil,
      { user = "12:34", additional_groups = { "56" } }))
    assert.equal("/root", out("echo $HOME"))
  end)

  it("a mount over /etc decides about users", function()
    local folder = b.folder .. "/etc-own"
    os.execute(("mkdir -p %s && echo 'only:x:77:78::/only:/bin/sh' > %s/passwd"):format(folder,
      folder))
    assert.equal("77 78 /only", out("echo $(id -u) $(id -g) $HOME", {
      mounts = { { source = "proc", destination = "/proc", device = "proc" },
        { source = folder, destination = "/etc", flags = { "bind", "ro" } } },
    }, { user = "only" }))
  end)

  it("the working folder is made and entered", function()
    assert.equal("/made/here", out("pwd", nil, { cwd = "/made/here" }))
  end)

  it("the working folder may be one that only root may enter", function()
    os.execute("mkdir -p " .. b.root .. "/secret && chmod 700 " .. b.root .. "/secret")
    assert.equal("/secret 7", out("echo $(pwd) $(id -u)", nil, { cwd = "/secret", user = "7:7" }))
  end)

  it("sysctls of the container's namespaces are set", function()
    local script = "echo $(cat /proc/sys/kernel/shmmni /proc/sys/net/ipv4/ip_forward)"
    assert.equal("8192 1", out(script, {
      sysctl = { ["kernel.shmmni"] = "8192", ["net.ipv4.ip_forward"] = "1" } }))
  end)

  it("oom_score_adj and the umask are set", function()
    assert.equal("300 0027", out("echo $(cat /proc/self/oom_score_adj) $(umask)",
      { oom_score_adj = 300, umask = 23 }))
    assert.equal("0022", out("umask"))
  end)

  it("masked files are empty, masked folders are empty, read-only paths are read-only", function()
    assert.equal("0 0 ro", out([[
      a=$(wc -c < /proc/cmdline); b=$(ls /proc/bus | wc -l)
      (echo x > /proc/sys/kernel/hostname) 2>/dev/null && c=rw || c=ro
      echo $a $b $c]], { mask_paths = { "/proc/cmdline", "/proc/bus", "/nonesuch" },
      readonly_paths = { "/proc/sys", "/also/nonesuch" } }))
  end)

  it("the root is read-only when it is asked for, what is mounted in it is not", function()
    assert.equal("ro rw", out([[
      (touch /x) 2>/dev/null && a=rw || a=ro; (touch /dev/x) && b=rw || b=ro; echo $a $b]],
      { readonlyfs = true }))
  end)

  it("loopback is up", function()
    assert.matches("lo.*UP", out("ip link show lo"))
  end)

  it("devices are made with their numbers and modes, and /dev has its links", function()
    local text = out("ls -l /dev; ls /dev/pts; stat -c '%t:%T %a' /dev/null /dev/full")
    assert.matches("1:3 666\n1:7 666", text)
    assert.matches("fd %-> /proc/self/fd", text)
    assert.matches("ptmx %-> pts/ptmx", text)
  end)

  it("a bind shows a folder or a file of the host, read-only if so asked", function()
    local folder = b.folder .. "/bound"
    os.execute(("mkdir -p %s && echo hello > %s/file"):format(folder, folder))
    assert.equal("hello hello ro rw", out([[
      (echo x > /data/y) 2>/dev/null && a=rw || a=ro; (echo x > /rw/y) && b=rw || b=ro
      echo $(cat /data/file) $(cat /one) $a $b]], { mounts = {
        { source = folder, destination = "/data", flags = { "bind", "ro", "nosuid" } },
        { source = folder, destination = "/rw", device = "bind", flags = { "rbind" } },
        { source = folder .. "/file", destination = "/one", flags = { "bind" } } } }))
  end)

  it("a tmpfs takes over the content of its target with copyup", function()
    assert.equal("daemon", out("touch /etc/new && grep -o ^daemon /etc/passwd", { mounts = {
      { source = "tmpfs", destination = "/etc", device = "tmpfs", extensions = { "copyup" } } } }))
  end)

  it("commands run before and after a mount, on the host's files", function()
    local folder = b.folder .. "/commands"
    os.execute("mkdir -p " .. folder)
    assert.equal("before after", out("echo $(cat /data/a /data/b)", { mounts = {
      { source = "proc", destination = "/proc", device = "proc" },
      { source = folder, destination = "/data", flags = { "bind" },
        premount_cmds = {
          { path = "/bin/sh", args = { "-c", "echo before > " .. folder .. "/a" } },
        },
        postmount_cmds = {
          { path = "/bin/sh", args = { "-c", "echo after > " .. folder .. "/b" } },
        } },
    } }))
  end)

  it("a user namespace maps root to the configured id", function()
    local mapping = { { container_id = 0, host_id = 100000, size = 65536 } }
    local script = "cat /proc/self/uid_map; id -u; mount -t tmpfs x /tmp 2>&1 | head -1"
    local text = out(script, {
      namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET", "NEWCGROUP" },
      uid_mappings = mapping, gid_mappings = mapping })
    assert.matches("0%s+100000%s+65536", text)
    assert.matches("\n0\n", text)
    assert.matches("permission denied", text)
  end)

  it("a time namespace has the configured offset", function()
    local up = tonumber(out("cut -d. -f1 /proc/uptime", {
      namespaces = { "NEWNS", "NEWPID", "NEWTIME" }, hostname = "", networks = {},
      time_offsets = { boottime = { secs = 1000000, nanosecs = 0 } } }))
    assert.is_true(up > 1000000)
  end)

  it("joined namespaces are those of the path", function()
    local container, process = b:sleeper()
    local path = ("/proc/%d/ns/"):format(process:pid())
    local expected = io.popen("readlink " .. path .. "net " .. path .. "ipc"):read("*a")
    local text = out("readlink /proc/self/ns/net; readlink /proc/self/ns/ipc", {
      namespaces = { "NEWNS", "NEWPID", { type = "NEWNET", path = path .. "net" },
        { type = "NEWIPC", path = path .. "ipc" } },
      hostname = "", networks = {} })
    assert.equal(expected, text .. "\n")
    b:finish(container, process)
  end)

  it("a joined pid namespace is entered", function()
    local container, process = b:sleeper()
    local path = ("/proc/%d/ns/pid"):format(process:pid())
    local text = out("readlink /proc/self/ns/pid; readlink /proc/1/ns/pid", { namespaces = {
      "NEWNS", { type = "NEWPID", path = path } }, hostname = "", networks = {} })
    local first, second = text:match("^(%S+)\n(%S+)$")
    assert.equal(first, second)
    b:finish(container, process)
  end)

  it("mounts of the host appear below a slave bind", function()
    local folder = b.folder .. "/shared"
    os.execute((("mkdir -p F/sub && mount --bind F F && mount --make-shared F"):gsub("F", folder)))
    local container, process = b:sleeper({ root_propagation = "rslave", mounts = {
      { source = "proc", destination = "/proc", device = "proc" },
      { source = folder, destination = "/data", flags = { "rbind" } } } })
    os.execute(("mount -t tmpfs x %s/sub && touch %s/sub/seen"):format(folder, folder))
    local result = assert(b:run(container, "ls /data/sub"))
    os.execute(("umount %s/sub; umount %s"):format(folder, folder))
    assert.equal("seen\n", result.out)
    b:finish(container, process)
  end)

  it("limits of memory, cpu and processes are those of its cgroup", function()
    local container, process = b:sleeper({ cgroups = { parent = box.PARENT, name = "limits",
      memory = "64M", cpu_shares = 512, cpu_quota = 50000, cpu_period = 100000, pids_limit = 16 } })
    local paths = container:state().cgroup_paths
    local expected = paths[""] and {
      [""] = { ["memory.max"] = "67108864", ["cpu.weight"] = "59",
        ["cpu.max"] = "50000 100000", ["pids.max"] = "16" },
    } or {
      memory = { ["memory.limit_in_bytes"] = "67108864" },
      cpu = { ["cpu.shares"] = "512", ["cpu.cfs_quota_us"] = "50000" },
      pids = { ["pids.max"] = "16" },
    }
    for controller, files in pairs(expected) do
      for name, value in pairs(files) do
        assert.equal(value, io.open(paths[controller] .. "/" .. name):read("*l"), name)
      end
    end
    assert.same({ process:pid() }, container:processes())
    b:finish(container, process)
  end)

  it("a device that its cgroup does not allow cannot be opened", function()
    local script = "mknod /tmp/sda b 8 0; (: < /tmp/sda) 2>&1"
    local set = { "CAP_MKNOD" }
    local caps = { bounding = set, effective = set, permitted = set, inheritable = {},
      ambient = {} }
    local result = assert(b:sh(script, { capabilities = caps, cgroups = { parent = box.PARENT,
      allow_all_devices = false, allowed_devices = require("ctr").default_allowed_devices },
      mounts = { { source = "tmpfs", destination = "/tmp", device = "tmpfs" } } }))
    assert.matches("ermitted", result.out .. result.err)
  end)
end)

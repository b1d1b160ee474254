-- libcontainer's own integration tests, told as behaviour of ctr: what this milestone covers.

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")

local PRIVATE = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET" }
local IDENTITY = { { container_id = 0, host_id = 0, size = 1000 } }
local USERNS = {
  namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" },
  uid_mappings = IDENTITY, gid_mappings = IDENTITY,
}
local NOFILE_1025 = { { type = "RLIMIT_NOFILE", hard = 1025, soft = 1025 } }
local NOFILE_1026 = { { type = "RLIMIT_NOFILE", hard = 1026, soft = 1026 } }
local WAIT = 20 -- seconds

local function with(base, changes)
  local merged = {}
  for key, value in pairs(base) do
    merged[key] = value
  end
  for key, value in pairs(changes) do
    merged[key] = value
  end
  return merged
end

local function without(name)
  local kept = {}
  for _, namespace in ipairs(PRIVATE) do
    if namespace ~= name then
      kept[#kept + 1] = namespace
    end
  end
  return kept
end

local function shell(script)
  local result = host.sh(script)
  assert.equal("", result.stderr)
  return (result.stdout:gsub("\n$", ""))
end

local function count_lines(text)
  return select(2, text:gsub("[^\n]+", ""))
end

local function words(text)
  local list = {}
  for word in text:gmatch("%S+") do
    list[#list + 1] = word
  end
  table.sort(list)
  return list
end

local function own_link(kind)
  return shell("readlink /proc/" .. core.proc.getpid() .. "/ns/" .. kind)
end

describe("as libcontainer has it,", function()
  local b

  setup(function()
    b = box.new()
    shell(("printf 'plugdev:x:46:\\naudio:x:29:root\\n' >> %s/etc/group"):format(b.root))
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

  local function exec(container, script, spec)
    local result = assert(b:run(container, script, spec))
    assert.equal("", result.err)
    assert.equal(0, result.code)
    return (result.out:gsub("\n$", ""))
  end

  -- A container whose first process is a cat: it ends when its input does.
  local function cat(changes, spec)
    local container = assert(b:create(changes))
    local reader, writer = core.fd.pipe()
    local process = ctr.process(with({ args = { "cat" }, env = { "PATH=/bin" }, stdin = reader },
      spec or {}))
    assert(container:run(process))
    reader:close()
    return container, process, function()
      writer:close()
      assert.equal(0, process:wait(WAIT).code)
      assert(container:destroy())
    end
  end

  describe("the first process", function()
    it("is alone in its pid namespace", function()
      local text = out("exec ps -o pid,user,comm")
      assert.matches("\n%s+1 root%s+ps$", text)
      assert.equal(2, count_lines(text))
    end)

    it("is alone in its pid namespace, in a user namespace too", function()
      local text = out("exec ps -o pid,user,comm", USERNS)
      assert.matches("\n%s+1 root%s+ps$", text)
      assert.equal(2, count_lines(text))
    end)

    it("has an ipc namespace of its own", function()
      assert.not_equal(own_link("ipc"), out("readlink /proc/self/ns/ipc"))
    end)

    it("shares the ipc namespace that is not configured", function()
      assert.equal(own_link("ipc"),
        out("readlink /proc/self/ns/ipc", { namespaces = without("NEWIPC") }))
    end)

    it("joins the ipc namespace of a path", function()
      local namespaces = without("NEWIPC")
      local path = ("/proc/%d/ns/ipc"):format(core.proc.getpid())
      namespaces[#namespaces + 1] = { type = "NEWIPC", path = path }
      assert.equal(own_link("ipc"), out("readlink /proc/self/ns/ipc", { namespaces = namespaces }))
    end)

    it("joins no namespace of a path that is not there", function()
      local namespaces = without("NEWIPC")
      namespaces[#namespaces + 1] = { type = "NEWIPC", path = "/proc/1/ns/ipcc" }
      local container, err = b:create({ namespaces = namespaces })
      assert.is_nil(container)
      assert.equal("ConfigInvalid", err.code)
      assert.equal("namespaces[5].path", err.path)
    end)

    it("shares the pid namespace that is not configured", function()
      assert.equal(own_link("pid"),
        out("readlink /proc/self/ns/pid", { namespaces = without("NEWPID") }))
    end)

    it("has a cgroup namespace of its own, or the host's", function()
      assert.equal(own_link("cgroup"), out("readlink /proc/self/ns/cgroup"))
      assert.not_equal(own_link("cgroup"), out("readlink /proc/self/ns/cgroup", {
        namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWCGROUP" } }))
    end)

    it("gets its environment, and HOME from the user files", function()
      local text = out("env", nil, { env = { "PATH=/bin", "FOO=BAR" } })
      assert.matches("FOO=BAR\n", text .. "\n", 1, true)
      assert.matches("HOME=/root\n", text .. "\n", 1, true)
    end)

    it("has no capability when nothing is said about them", function()
      local config = box.config(b.root)
      config.capabilities = nil
      local container = assert(b.factory:create("no-caps", config))
      local text = exec(container, "cat /proc/self/status")
      assert(container:destroy())
      assert.matches("CapEff:%s+0000000000000000\n", text)
      assert.matches("CapBnd:%s+0000000000000000\n", text)
    end)

    it("may have a capability more than the configuration says", function()
      local base = { "CAP_CHOWN", "CAP_KILL" }
      local more = { "CAP_CHOWN", "CAP_KILL", "CAP_NET_ADMIN" }
      local function sets(list)
        return { bounding = list, effective = list, permitted = list, inheritable = list,
          ambient = list }
      end
      local text = out("cat /proc/self/status", { capabilities = sets(base) },
        { capabilities = sets(more) })
      local effective = tonumber(text:match("CapEff:%s+(%x+)"), 16)
      assert.equal(2 ^ 12 + 2 ^ 5 + 1, effective)
    end)

    it("is in the additional groups", function()
      local groups = out("id -Gn", nil, { additional_groups = { "plugdev", "audio" } })
      assert.same({ "audio", "plugdev", "root" }, words(groups))
    end)

    it("has nothing open where an extra file is false", function()
      local read_end, write_end = core.fd.pipe()
      assert.equal("0 1 2 3 4", out("cd /proc/self/fd; echo *; echo 1 >&4", nil,
        { extra_files = { false, write_end, false } }))
      write_end:close()
      assert.equal("1\n", core.fd.read(read_end, 10))
      read_end:close()
    end)

    it("gets exactly the extra files", function()
      local r1, w1 = core.fd.pipe()
      local r2, w2 = core.fd.pipe()
      assert.equal("0 1 2 3 4 5", out("cd /proc/self/fd; echo *; echo 1 >&3; echo 2 >&4", nil,
        { extra_files = { w1, w2 } }))
      w1:close()
      w2:close()
      assert.equal("1\n", core.fd.read(r1, 10))
      assert.equal("2\n", core.fd.read(r2, 10))
      r1:close()
      r2:close()
    end)

    it("sees the settings of its ipc namespace", function()
      assert.equal("8192",
        out("cat /proc/sys/kernel/shmmni", { sysctl = { ["kernel.shmmni"] = "8192" } }))
    end)

    it("has the configured oom_score_adj", function()
      assert.equal("200", out("cat /proc/self/oom_score_adj", { oom_score_adj = 200 }))
    end)

    it("may open its /dev/stderr anew, whoever it is", function()
      local script = "echo hi > /dev/stderr; echo there > /dev/stdout"
      for _, user in ipairs({ "", "daemon" }) do
        local result = assert(b:sh(script, nil, { user = user }))
        assert.equal("hi\n", result.err)
        assert.equal("there\n", result.out)
      end
      assert.equal("hi\n", assert(b:sh(script, USERNS, { user = "daemon" })).err)
    end)

    it("keeps what a copying tmpfs covers", function()
      assert.equal("/etc/passwd", out("ls /etc/passwd && touch /etc/new", { mounts = {
        { source = "x", destination = "/etc", device = "tmpfs", extensions = { "copyup" } } } }))
    end)
  end)

  describe("limits", function()
    local soft, hard

    -- Where it can be raised again, the hard limit is lowered too, as libcontainer's test has it.
    before_each(function()
      soft, hard = core.proc.getrlimit("RLIMIT_NOFILE")
      local can_raise = false
      for _, name in ipairs(core.caps.of().effective) do
        can_raise = can_raise or name == "CAP_SYS_RESOURCE"
      end
      assert(core.proc.prlimit(core.proc.getpid(), "RLIMIT_NOFILE", 1024, can_raise and 1024
        or hard))
    end)

    after_each(function()
      assert(core.proc.prlimit(core.proc.getpid(), "RLIMIT_NOFILE", soft, hard))
    end)

    it("may be above those of the caller", function()
      assert.equal("1025", out("ulimit -n", { rlimits = NOFILE_1025 }))
    end)

    it("may be above those of the caller in a user namespace", function()
      assert.equal("1025", out("ulimit -n", with(USERNS, { rlimits = NOFILE_1025 })))
    end)

    it("may be lower than what a start has open itself", function()
      local mounts = { { source = "proc", destination = "/proc", device = "proc" } }
      for index = 1, 20 do
        mounts[#mounts + 1] = { source = "/etc", destination = "/mnt/" .. index,
          flags = { "bind" } }
      end
      local changes = { mounts = mounts,
        rlimits = { { type = "RLIMIT_NOFILE", hard = 4, soft = 4 } } }
      assert.equal("4", out("ulimit -n", changes))
      assert.equal("4", out("ulimit -n", with(USERNS, changes)))
    end)

    it("of a further process may be above those of the configuration", function()
      for _, changes in ipairs({ {}, USERNS }) do
        local container, _, finish = cat(with(changes, { rlimits = NOFILE_1025 }))
        assert.equal("1025", exec(container, "ulimit -n"))
        assert.equal("1026", exec(container, "ulimit -n; ulimit -Hn",
          { rlimits = NOFILE_1026 }):match("^1026\n(1026)$"))
        finish()
      end
    end)
  end)

  describe("the pids limit", function()
    local function pipeline(count, limit)
      local programs = {}
      for index = 1, count do
        programs[index] = "/bin/true"
      end
      return assert(b:sh(table.concat(programs, " | "),
        { cgroups = { parent = box.PARENT, pids_limit = limit } }))
    end

    it("of -1 is none", function()
      assert.equal(0, pipeline(4, -1).code)
    end)

    it("lets as many processes run", function()
      assert.equal(0, pipeline(32, 64).code)
    end)

    it("lets no more run", function()
      local result = pipeline(64, 64)
      assert.not_equal(0, result.code)
      assert.matches("can't fork", result.err)
    end)
  end)

  describe("pause and resume", function()
    it("stop the container and let it go on", function()
      local container, _, finish = cat()
      assert(container:pause())
      assert.equal("paused", container:status())
      assert(container:resume())
      assert.equal("running", container:status())
      finish()
    end)
  end)

  describe("state", function()
    it("names the host's namespace where the container has none of its own", function()
      local container, process = b:sleeper({ namespaces = without("NEWIPC") })
      local paths = container:state().namespace_paths
      assert.equal(own_link("ipc"), shell("readlink " .. paths.NEWIPC))
      assert.not_equal(own_link("net"), shell("readlink " .. paths.NEWNET))
      b:finish(container, process)
    end)
  end)

  describe("commands around a mount", function()
    it("run on the host's files, in their order", function()
      local folder = b.folder .. "/cmds"
      shell("mkdir -p " .. folder)
      local function touch(name)
        return { path = "touch", args = { folder .. "/" .. name } }
      end
      local function copy(name)
        return { path = "cp", dir = folder, args = { name, name .. "-backup" } }
      end
      assert.equal("hello\nhello-backup\nworld\nworld-backup", out("ls /tmp", { mounts = { {
        source = folder, destination = "/tmp", flags = { "bind", "rec" },
        premount_cmds = { touch("hello"), touch("world") },
        postmount_cmds = { copy("hello"), copy("world") },
      } } }))
    end)

    it("have the default PATH alone unless they have an environment of their own", function()
      local folder = b.folder .. "/cmds-env"
      shell("mkdir -p " .. folder)
      local function print_env(file, env)
        local script = "/usr/bin/env | /usr/bin/grep -v -e ^_= -e PWD= -e ^SHLVL= > %s/%s"
        return { path = "sh", env = env, args = { "-c", script:format(folder, file) } }
      end
      local seen = out("cat /tmp/first /tmp/second", { mounts = { {
        source = folder, destination = "/tmp", flags = { "bind" },
        premount_cmds = { print_env("first"), print_env("second", { "WHOSE=own" }) },
      } } }, { env = { "PATH=/bin", "WHOSE=process" } })
      assert.equal("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\nWHOSE=own",
        seen)
    end)
  end)

  describe("propagation", function()
    local folder

    before_each(function()
      folder = b.folder .. "/propagation"
      shell(("mkdir -p F/sub && mount --bind F F && mount --make-shared F"):gsub("F", folder))
    end)

    after_each(function()
      shell(("umount -l F"):gsub("F", folder))
    end)

    it("slave: what the host mounts appears in the container", function()
      local container, process = b:sleeper({ root_propagation = "rslave", mounts = {
        { source = "proc", destination = "/proc", device = "proc" },
        { source = folder, destination = "/data", flags = { "bind", "rec" } } } })
      shell(("mount --bind F/sub F/sub"):gsub("F", folder))
      assert.equal("yes", exec(container, "grep -q ' /data/sub ' /proc/self/mountinfo && echo yes"))
      b:finish(container, process)
    end)

    it("shared: what the container mounts appears on the host", function()
      local container, process = b:sleeper({ root_propagation = "private", mounts = {
        { source = "proc", destination = "/proc", device = "proc" },
        { source = folder, destination = "/data", flags = { "bind", "rec" } } } })
      local set = { "CAP_SYS_ADMIN" }
      exec(container, "mount -o bind /data/sub /data/sub", { capabilities = { bounding = set,
        effective = set, permitted = set, inheritable = {}, ambient = {} } })
      assert.equal("1", shell(("grep -c ' %s/sub ' /proc/%d/mountinfo"):format(folder,
        core.proc.getpid())))
      b:finish(container, process)
    end)
  end)

  describe("a container that joins another's namespaces", function()
    it("shares its pid namespace, and leaves it running", function()
      local first, _, finish = cat()
      local pid_path = first:state().namespace_paths.NEWPID
      local namespaces = without("NEWPID")
      namespaces[#namespaces + 1] = { type = "NEWPID", path = pid_path }
      local second, _, finish_second = cat({ namespaces = namespaces,
        cgroups = { parent = box.PARENT, name = "joins-pid" } })
      local one, two = first:state().namespace_paths, second:state().namespace_paths
      assert.equal(shell("readlink " .. one.NEWPID), shell("readlink " .. two.NEWPID))
      assert.not_equal(shell("readlink " .. one.NEWNET), shell("readlink " .. two.NEWNET))
      -- The heading, two cats and ps itself.
      assert.equal(4, count_lines(exec(first, "exec ps")))
      finish_second()
      assert.equal("running", first:status())
      finish()
    end)

    it("shares its network and user namespaces", function()
      local first, _, finish = cat(USERNS)
      local paths = first:state().namespace_paths
      local second, _, finish_second = cat(with(USERNS, { namespaces = {
        "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", { type = "NEWNET", path = paths.NEWNET },
        { type = "NEWUSER", path = paths.NEWUSER } }, networks = {},
        cgroups = { parent = box.PARENT, name = "joins-user" } }))
      local others = second:state().namespace_paths
      for _, kind in ipairs({ "NEWNET", "NEWUSER" }) do
        assert.equal(shell("readlink " .. paths[kind]), shell("readlink " .. others[kind]))
      end
      assert.not_equal(shell("readlink " .. paths.NEWPID), shell("readlink " .. others.NEWPID))
      finish_second()
      finish()
    end)

    -- Such a start had nobody to tell its process id to, and waited for ever.
    it("runs in a user namespace of its own, and in the pid namespace of all", function()
      local result = assert(b:sh("id -u; echo $$", with(USERNS, { networks = {}, mounts = {},
        namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWNET", "NEWUSER" } })))
      local id, pid = result.out:match("^(%d+)\n(%d+)\n$")
      assert.equal("0", id)
      assert.not_equal("1", pid)
    end)

    it("refuses mappings that are not those of the user namespace that it joins", function()
      local first, _, finish = cat(USERNS)
      local namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET",
        { type = "NEWUSER", path = first:state().namespace_paths.NEWUSER } }
      local shifted = { { container_id = 0, host_id = 100000, size = 1000 } }
      for _, case in ipairs({ { "uid_mappings", shifted, IDENTITY },
        { "gid_mappings", IDENTITY, shifted } }) do
        local err = b:refused({ namespaces = namespaces, networks = {},
          uid_mappings = case[2], gid_mappings = case[3] })
        assert.same({ "ConfigInvalid", case[1] }, { err.code, err.path })
        assert.matches("it has 0 0 1000$", err.message)
      end
      finish()
    end)
  end)

  describe("a further process", function()
    it("is listed beside the first, in its pid namespace", function()
      local container, first, finish = cat()
      local reader, writer = core.fd.pipe()
      local text = ""
      local second = ctr.process({ args = { "/bin/sh", "-c",
        "cat; readlink /proc/self/ns/pid; readlink /proc/1/ns/pid" }, env = { "PATH=/bin" },
        stdin = reader, stdout = function(data) text = text .. data end })
      assert(container:run(second))
      reader:close()
      local found = {}
      for _, pid in ipairs(assert(container:processes())) do
        found[pid] = true
      end
      assert.is_true(found[first:pid()])
      assert.is_true(found[second:pid()])
      writer:close()
      assert.equal(0, second:wait(WAIT).code)
      local own, other = text:match("^(%S+)\n(%S+)\n$")
      assert.equal(own, other)
      finish()
    end)

    it("sees the first, and writes no carriage returns", function()
      local container, _, finish = cat()
      local text = exec(container, "ps")
      assert.matches("cat", text)
      assert.matches("ps", text)
      assert.is_nil(text:find("\r", 1, true))
      finish()
    end)

    it("is in the additional groups", function()
      local container, _, finish = cat()
      local text = exec(container, "id -Gn", { additional_groups = { "plugdev", "audio" } })
      assert.matches("plugdev", text)
      assert.matches("audio", text)
      finish()
    end)

    it("gets exactly the extra files", function()
      local container, _, finish = cat()
      local r1, w1 = core.fd.pipe()
      local r2, w2 = core.fd.pipe()
      assert.equal("0 1 2 3 4 5", exec(container,
        "cd /proc/self/fd; echo *; echo 1 >&3; echo 2 >&4", { extra_files = { w1, w2 } }))
      w1:close()
      w2:close()
      assert.equal("1\n", core.fd.read(r1, 10))
      assert.equal("2\n", core.fd.read(r2, 10))
      r1:close()
      r2:close()
      finish()
    end)

    it("has the configured oom_score_adj", function()
      local container, _, finish = cat({ oom_score_adj = 200 })
      assert.equal("200", exec(container, "cat /proc/self/oom_score_adj"))
      finish()
    end)

    it("has its own oom_score_adj and umask in place of the configured ones", function()
      local container, _, finish = cat({ oom_score_adj = 200, umask = 23 })
      local script = "echo $(cat /proc/self/oom_score_adj) $(umask)"
      assert.equal("200 0027", exec(container, script))
      assert.equal("300 0077", exec(container, script, { oom_score_adj = 300, umask = "0077" }))
      assert.equal("0 0000", exec(container, script, { oom_score_adj = 0, umask = 0 }))
      finish()
    end)

    it("has the last of several values in its environment, and HOME", function()
      local container, _, finish = cat()
      local text = "\n" .. exec(container, "env", { env = {
        "PATH=/bin", "DEBUG=true", "DEBUG=false", "ENV=test" } }) .. "\n"
      assert.matches("\nDEBUG=false\n", text)
      assert.is_nil(text:find("DEBUG=true", 1, true))
      assert.matches("\nENV=test\n", text)
      assert.matches("\nHOME=/root\n", text)
      assert.matches("\nPATH=/bin\n", text)
      finish()
    end)

    it("is in the user namespace of the first", function()
      local container, process, finish = cat(USERNS)
      assert.equal(shell(("readlink /proc/%d/ns/user"):format(process:pid())),
        exec(container, "readlink /proc/self/ns/user"))
      assert.not_equal(own_link("user"), exec(container, "readlink /proc/self/ns/user"))
      finish()
    end)

    it("that cannot be executed is an error forty-two times, and leaves nothing", function()
      local container, first, finish = cat()
      local function fail()
        local process = ctr.process({ args = { "unexistent" }, env = { "PATH=/bin" } })
        local ok, err = container:run(process)
        assert.is_nil(ok)
        assert.equal("ENOENT", err.errno)
        assert.equal("process.args[1]", err.path)
        assert.matches("unexistent", err.message)
        assert.equal("NoProcessOps", select(2, process:pid()).code)
      end
      fail()
      local before = host.open_fds()
      for _ = 1, 42 do
        fail()
      end
      assert.equal(before, host.open_fds())
      assert.same({ first:pid() }, container:processes())
      assert.equal(tostring(first:pid()), (shell(("cat /proc/%d/task/%d/children"):format(
        core.proc.getpid(), core.proc.getpid())):gsub("%s.*$", "")))
      finish()
    end)

    it("has a terminal whose other end comes through the socket", function()
      local container, _, finish = cat()
      local ours, theirs = core.fd.socketpair("stream")
      local process = ctr.process({ args = { "ps" }, env = { "PATH=/bin" },
        console_socket = theirs })
      assert(container:run(process))
      theirs:close()
      local name, handles = core.fd.recv(ours, 4096)
      assert.equal("/dev/ptmx", name)
      assert.equal(1, #handles)
      local text = ""
      repeat
        local data = core.fd.read(handles[1], 4096)
        text = text .. (data or "")
      until not data or data == ""
      assert.equal(0, process:wait(60).code)
      assert.matches("cat", text)
      assert.matches("ps", text)
      handles[1]:close()
      ours:close()
      finish()
    end)
  end)
end)

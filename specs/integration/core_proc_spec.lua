local core = require("ctr.core")
local host = require("specs.support.host")

local proc = core.proc

-- A shell in a child; fds as proc.spawn takes them.
local function spawn(script, options)
  options = options or {}
  options.path = "/bin/sh"
  options.argv = { "sh", "-c", script }
  options.env = options.env or { "PATH=/usr/bin:/bin" }
  options.fds = options.fds or { 0, 1, 2 }
  return assert(proc.spawn(options))
end

local function wait(child)
  local ended = assert(proc.wait(child.pidfd))
  child.pidfd:close()
  return ended
end

-- What a shell writes, and how it ends.
local function output_of(script, options)
  local read_end, write_end = assert(core.fd.pipe())
  options = options or {}
  options.fds = options.fds or { 0, write_end, 2 }
  options.fds[2] = write_end
  local child = spawn(script, options)
  write_end:close()
  local parts = {}
  repeat
    parts[#parts + 1] = assert(core.fd.read(read_end, 65536))
  until parts[#parts] == ""
  read_end:close()
  return table.concat(parts), wait(child)
end

local function status_of(name)
  return io.open("/proc/self/status"):read("*a"):match(name .. ":%s*(%S+)")
end

describe("ctr.core.proc", function()
  local before

  before_each(function()
    before = host.open_fds()
  end)

  after_each(function()
    assert.equal(before, host.open_fds())
  end)

  local function refused(errno, op, target, ...)
    local value, err = ...
    assert.is_nil(value)
    assert.same({ errno, op, target }, { err.errno, err.op, err.target })
  end

  describe("spawn", function()
    it("gives the child its arguments and its environment, exactly", function()
      local result = assert(proc.run({ path = "/usr/bin/env", args = { "env" },
        env = { "Z=1", "A=b c", "EMPTY=" } }))
      assert.equal("Z=1\nA=b c\nEMPTY=\n", result.stdout)
      result = assert(proc.run({ path = "/bin/cat", args = { "a name", "/proc/self/cmdline" } }))
      assert.equal("a name\0/proc/self/cmdline\0", result.stdout)
    end)

    it("puts the descriptors in their places, also crosswise, and no others", function()
      local a, b = assert(core.fd.memfd("a", "A")), assert(core.fd.memfd("b", "B"))
      -- Sources that are targets of each other: 1 -> 3, 2 -> 4.
      local text = output_of("cat <&5; cat <&6; readlink /proc/self/fd/4; ls /proc/self/fd | wc -l",
        { fds = { 0, 1, 2, 1, 0, a, b } })
      local _, _, content, target, count = text:find("^(AB)([^\n]+)\n%s*(%d+)\n$")
      assert.equal("AB", content)
      local zero = host.sh("readlink /proc/" .. proc.getpid() .. "/fd/0").stdout
      assert.equal(zero, target .. "\n")
      assert.equal("8", count) -- the seven, and the folder that ls reads
      a:close()
      b:close()
    end)

    it("swaps two descriptors", function()
      local read_end, write_end = assert(core.fd.pipe())
      local image = assert(core.fd.open("/bin/sh", { flags = { "path" } }))
      -- 0 is the pipe's writing end and 1 is the caller's 0; the image lies between them.
      local child = assert(proc.spawn({ image = image, argv = { "sh", "-c", "echo swapped >&0" },
        env = {}, fds = { write_end, 0 } }))
      write_end:close()
      assert.equal("swapped\n", core.fd.read(read_end, 100))
      assert.equal(0, wait(child).code)
      read_end:close()
      image:close()
    end)

    it("takes an image whose number is that of a target", function()
      local script = [[
        package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
        package.cpath = "build/?.so;" .. package.cpath
        local core = require("ctr.core")
        local image = assert(core.fd.open("/bin/sh", { flags = { "path" } }))
        local fds = {}
        for index = 1, image:fd() + 3 do fds[index] = 2 end
        fds[2] = 1
        local child = assert(core.proc.spawn({ image = image, env = {}, fds = fds,
          argv = { "sh", "-c", "echo $0 ran" } }))
        assert(core.proc.wait(child.pidfd).code == 0)
      ]]
      local result = assert(proc.run({
        path = "/usr/bin/luajit", args = { "luajit", "-e", script },
      }))
      assert.equal("", result.stderr)
      assert.equal("sh ran\n", result.stdout)
    end)

    it("gives the child no signal blocked, ignored or handled", function()
      -- A shell that ignores signals starts a Lua program that spawns.
      local script = [[
        package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
        package.cpath = "build/?.so;" .. package.cpath
        local core = require("ctr.core")
        local child = assert(core.proc.spawn({ path = "/bin/cat", fds = { 0, 1, 2 }, env = {},
          argv = { "cat", "/proc/self/status" } }))
        core.proc.wait(child.pidfd)
      ]]
      local result = assert(proc.run({
        path = "/bin/sh",
        args = { "sh", "-c", "trap '' PIPE HUP USR1; exec luajit -e \"$1\"", "sh", script },
      }))
      assert.equal("", result.stderr)
      for _, set in ipairs({ "SigBlk", "SigIgn", "SigCgt" }) do
        assert.equal("0000000000000000", result.stdout:match(set .. ":%s*(%x+)"))
      end
    end)

    it("leaves the caller's signals and folder as they were", function()
      local function state()
        return { status_of("SigBlk"), status_of("SigIgn"), status_of("SigCgt"),
          core.path.realpath("."), status_of("Umask") }
      end
      local old = state()
      local text = output_of("pwd", { dir = "/usr" })
      assert.equal("/usr\n", text)
      proc.spawn({ path = "/nonexistent", argv = { "x" }, fds = { 0 }, dir = "/usr" })
      assert.same(old, state())
    end)

    it("makes namespaces", function()
      local text = output_of("readlink /proc/self/ns/uts", { flags = core.ns.flags.NEWUTS })
      assert.truthy(text:find("^uts:%[%d+%]\n$"))
      assert.not_equal(host.sh("readlink /proc/self/ns/uts").stdout, text)
    end)

    it("starts in a cgroup", function()
      local root = assert(core.path.open_root("/"))
      local tree
      for _, at in ipairs({ "/sys/fs/cgroup", "/sys/fs/cgroup/unified" }) do
        if core.path.fs_type(root, at) == "cgroup2" then
          tree = assert(core.path.open(root, at, { flags = { "path", "directory" } }))
        end
      end
      root:close()
      if not tree then
        return pending("there is no cgroup2 tree")
      end
      local name = "ctr-core-spec-" .. proc.getpid()
      assert(core.path.mkdir(tree, name, 493))
      local cgroup = assert(core.path.open(tree, name, { flags = { "path", "directory" } }))
      local text = output_of("grep ^0: /proc/self/cgroup", { cgroup = cgroup })
      cgroup:close()
      assert(core.path.rmdir(tree, name))
      tree:close()
      assert.truthy(text:find("/" .. name .. "\n", 1, true))
    end)

    it("starts a process group when told to", function()
      local text = output_of("echo $$; cut -d' ' -f5 /proc/$$/stat", { new_group = true })
      local pid, group = text:match("(%d+)\n(%d+)")
      assert.equal(pid, group)
      text = output_of("echo $$; cut -d' ' -f5 /proc/$$/stat")
      pid, group = text:match("(%d+)\n(%d+)")
      assert.not_equal(pid, group)
    end)

    it("reports what the child could not do, and leaves no child", function()
      refused("ENOENT", "execve", "/none",
        proc.spawn({ path = "/none", argv = { "x" }, fds = { 0 } }))
      refused("EACCES", "execve", "/etc/passwd",
        proc.spawn({ path = "/etc/passwd", argv = { "x" }, fds = {} }))
      refused("ENOENT", "chdir", "/none",
        proc.spawn({ path = "/bin/sh", argv = { "x" }, fds = { 0 }, dir = "/none" }))
      refused("EBADF", "dup", "9999",
        proc.spawn({ path = "/bin/sh", argv = { "x" }, fds = { 9999 } }))
      refused("EBADF", "dup", "9998",
        proc.spawn({ image = 9998, argv = { "x" }, fds = { 0 } }))
      local text = assert(io.open(("/proc/self/task/%d/children"):format(proc.getpid())))
      assert.equal("", text:read("*a"))
      text:close()
    end)

    it("reports what the kernel refused", function()
      local file = assert(core.fd.memfd("spec", "x"))
      refused("EBADF", "clone3", "",
        proc.spawn({ path = "/bin/true", argv = { "x" }, cgroup = file }))
      file:close()
    end)

    it("refuses wrong types, and options that it does not know", function()
      local function wrong(options)
        assert.has_error(function() proc.spawn(options) end)
      end
      wrong(nil)
      wrong({})
      wrong({ path = "/bin/sh" })
      wrong({ path = "/bin/sh", image = 0, argv = { "sh" } })
      wrong({ argv = { "sh" } })
      wrong({ path = "/bin/sh", argv = { "sh", 1 } })
      wrong({ path = "/bin/sh", argv = { "a\0b" } })
      wrong({ path = "/bin/sh", argv = { "sh" }, env = "A=b" })
      wrong({ path = "/bin/sh", argv = { "sh" }, fds = { "0" } })
      wrong({ path = "/bin/sh", argv = { "sh" }, flags = 256 })
      wrong({ path = "/bin/sh", argv = { "sh" }, flags = -1 })
      wrong({ path = "/bin/sh", argv = { "sh" }, colour = "red" })
    end)

    it("works from a coroutine, many times over", function()
      local done = 0
      local co = coroutine.wrap(function()
        for _ = 1, 200 do
          local child = assert(proc.spawn({ path = "/bin/true", argv = { "true" }, fds = {} }))
          assert.equal(0, wait(child).code)
          done = done + 1
          coroutine.yield()
        end
      end)
      for _ = 1, 200 do
        co()
      end
      assert.equal(200, done)
    end)
  end)

  describe("wait", function()
    it("tells the code, the signal and what was used", function()
      local ended = wait(spawn("exit 42"))
      assert.equal(42, ended.code)
      assert.is_nil(ended.signal)
      assert.is_false(ended.core)
      assert.is_true(ended.usage.memory_peak > 0)
      assert.equal(ended.usage.cpu, ended.usage.user + ended.usage.system)
      ended = wait(spawn("kill -TERM $$"))
      assert.is_nil(ended.code)
      assert.equal("SIGTERM", ended.signal)
      ended = wait(spawn("kill -37 $$"))
      assert.equal("SIGRTMIN+3", ended.signal)
    end)

    it("can ask without waiting, and leave the child to be waited for", function()
      local read_end, write_end = assert(core.fd.pipe())
      local child = spawn("read line; exit 5", { fds = { read_end, 1, 2 } })
      assert.is_false(proc.wait(child.pidfd, { nohang = true }))
      write_end:close()
      read_end:close()
      assert.equal("r", core.poll.wait({ { fd = child.pidfd, events = "r" } }, 60)[1])
      assert.equal(5, proc.wait(child.pidfd, { nowait = true }).code)
      assert.equal(5, proc.wait(child.pidfd).code)
      -- Since Linux 6.15 the kernel remembers how a process ended that has been waited for.
      local again, err = proc.wait(child.pidfd)
      assert.equal(again and 5 or "ECHILD", again and again.code or err.errno)
      child.pidfd:close()
      assert.has_error(function() proc.wait(child.pidfd) end)
    end)
  end)

  describe("pidfd_open and send_signal", function()
    it("reach a process by its descriptor", function()
      local child = spawn("exec sleep 1000")
      local pidfd = assert(proc.pidfd_open(child.pid))
      assert.is_true(proc.send_signal(pidfd, 0))
      assert.is_true(proc.send_signal(pidfd, proc.signals.SIGKILL))
      assert.equal("SIGKILL", wait(child).signal)
      refused("ESRCH", "pidfd_send_signal", "9", proc.send_signal(pidfd, 9))
      refused("ESRCH", "pidfd_open", tostring(child.pid), proc.pidfd_open(child.pid))
      pidfd:close()
      assert.has_error(function() proc.pidfd_open(0) end)
      assert.has_error(function() proc.send_signal(1, "SIGKILL") end)
    end)
  end)

  describe("stat", function()
    it("reads what the kernel says, whatever a program is called", function()
      local procfs = assert(core.mount.procfs())
      local own = assert(proc.stat(procfs, proc.getpid()))
      local file = io.open("/proc/self/stat")
      local fields = {}
      for field in file:read("*a"):gsub("^.*%) ", ""):gmatch("%S+") do
        fields[#fields + 1] = field
      end
      file:close()
      assert.same({ "R", fields[20], tonumber(fields[2]) }, { own.state, own.start_time, own.ppid })

      local child = spawn("exit")
      assert(proc.wait(child.pidfd, { nowait = true }))
      assert.equal("Z", proc.stat(procfs, child.pid).state)
      wait(child)
      refused("ENOENT", "openat2", child.pid .. "/stat", proc.stat(procfs, child.pid))
      procfs:close()
    end)

    it("is not deceived by parentheses in a name", function()
      local procfs = assert(core.mount.procfs())
      local read_end, write_end = assert(core.fd.pipe())
      local out_read, out_write = assert(core.fd.pipe())
      local child = spawn("printf 'a) Z (b' > /proc/$$/comm; echo done; read line",
        { fds = { read_end, out_write, 2 } })
      assert.equal("done\n", core.fd.read(out_read, 10))
      local stat = assert(proc.stat(procfs, child.pid))
      assert.equal("a) Z (b", stat.comm)
      assert.equal(proc.getpid(), stat.ppid)
      for _, handle in ipairs({ read_end, write_end, out_read, out_write, procfs }) do
        handle:close()
      end
      wait(child)
    end)
  end)

  describe("signals and rlimits", function()
    it("are known by name and by number", function()
      assert.equal(9, proc.signals.SIGKILL)
      assert.equal(37, proc.signals["SIGRTMIN+3"])
      assert.equal(64, proc.signals.SIGRTMAX)
      assert.equal("SIGTERM", proc.signal_names[15])
      assert.equal("SIGIO", proc.signal_names[29])
      assert.equal("SIGRTMAX-1", proc.signal_names[63])
      assert.equal(7, proc.rlimits.RLIMIT_NOFILE)
    end)
  end)

  describe("getrlimit and prlimit", function()
    it("read and set a limit, past what a number holds", function()
      local child = spawn("exec sleep 1000")
      assert.is_true(proc.prlimit(child.pid, "RLIMIT_CORE", 0, "18446744073709551615"))
      local text = host.sh("grep core /proc/" .. child.pid .. "/limits").stdout
      assert.truthy(text:find("^Max core file size%s+0%s+unlimited"))
      refused("EINVAL", "prlimit", tostring(child.pid),
        proc.prlimit(child.pid, "RLIMIT_CORE", 2, 1))
      proc.send_signal(child.pidfd, 9)
      wait(child)
      local soft, hard = proc.getrlimit("RLIMIT_AS")
      assert.truthy(type(soft) == "number" or soft == "18446744073709551615")
      assert.truthy(hard)
    end)

    it("refuse names and numbers that are none", function()
      assert.has_error(function() proc.getrlimit("RLIMIT_PATIENCE") end)
      assert.has_error(function() proc.prlimit(0, "RLIMIT_CORE", -1, 0) end)
      assert.has_error(function() proc.prlimit(0, "RLIMIT_CORE", "-1", 0) end)
      assert.has_error(function() proc.prlimit(0, "RLIMIT_CORE", 0.5, 1) end)
    end)
  end)

  describe("ids, getpid, getenv, clock and time", function()
    it("tell about the caller", function()
      local ids = proc.ids()
      assert.equal(tostring(ids.euid), (host.sh("id -u").stdout:gsub("\n", "")))
      assert.equal(tostring(proc.getpid()), status_of("Pid"))
      assert.equal(os.getenv("PATH"), proc.getenv("PATH"))
      assert.is_nil(proc.getenv("NO_SUCH_VARIABLE"))
      assert.is_true(math.abs(proc.time() - os.time()) <= 1)
      local now = proc.clock()
      assert.is_true(proc.clock() >= now)
    end)
  end)

  describe("subreaper", function()
    it("makes orphans children of the caller", function()
      local result = assert(proc.run({ path = "/usr/bin/luajit", args = { "luajit", "-e", [[
        package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
        package.cpath = "build/?.so;" .. package.cpath
        local core = require("ctr.core")
        assert(core.proc.subreaper())
        local read_end, write_end = assert(core.fd.pipe())
        local child = assert(core.proc.spawn({ path = "/bin/sh", fds = { 0, write_end, 2 },
          argv = { "sh", "-c", "sleep 1000 & echo $!" } }))
        write_end:close()
        local pid = tonumber(core.fd.read(read_end, 20))
        core.proc.wait(child.pidfd)
        local orphan = assert(core.proc.pidfd_open(pid))
        core.proc.send_signal(orphan, 9)
        io.write(assert(core.proc.wait(orphan)).signal)
      ]] } }))
      assert.equal("", result.stderr)
      assert.equal("SIGKILL", result.stdout)
    end)
  end)

  describe("run", function()
    local function run(script, options)
      options = options or {}
      options.path = "/bin/sh"
      options.args = { "sh", "-c", script }
      return assert(proc.run(options))
    end

    it("tells the code and both outputs", function()
      local result = run("cat; echo problem >&2; exit 3", { stdin = "in\0put" })
      assert.same({ code = 3, stdout = "in\0put", stderr = "problem\n", timed_out = false }, result)
      result = run("kill -9 $$")
      assert.equal("SIGKILL", result.signal)
      assert.is_nil(result.code)
    end)

    it("gives the null device for input, the environment and the folder", function()
      local result = run("cat; echo $A; pwd; read x; echo $?", { env = { "A=b" }, dir = "/usr" })
      assert.equal("b\n/usr\n1\n", result.stdout)
      result = run("echo $PATH")
      assert.equal(proc.getenv("PATH") .. "\n", result.stdout)
    end)

    it("passes descriptors from 3 on", function()
      local file = assert(core.fd.memfd("spec", "three"))
      assert.equal("three", run("cat <&3", { fds = { file } }).stdout)
      file:close()
    end)

    it("keeps a bounded part of the output, and reads the rest", function()
      local result = run("head -c 1000000 /dev/zero; head -c 300000 /dev/zero >&2; exit 6",
        { output_max = 1000 })
      assert.equal(6, result.code)
      assert.equal(1000, #result.stdout)
      assert.equal(1000, #result.stderr)
      result = run("head -c 1000000 /dev/zero")
      assert.equal(65536, #result.stdout)
    end)

    it("kills the whole group when time is over", function()
      local start = proc.clock()
      local result = run("echo begun; sleep 1000 & echo $!; wait", { timeout = 0.3 })
      assert.is_true(proc.clock() - start < 60)
      assert.is_true(result.timed_out)
      assert.equal("SIGKILL", result.signal)
      local pid = tonumber(result.stdout:match("begun\n(%d+)\n"))
      -- Its end was asked for, and comes.
      local pidfd, err = proc.pidfd_open(pid)
      if pidfd then
        assert.truthy(core.poll.wait({ { fd = pidfd, events = "r" } }, 60)[1])
        pidfd:close()
      else
        assert.equal("ESRCH", err.errno)
      end
    end)

    it("does not wait for who still holds the output in the background", function()
      local start = proc.clock()
      local result = run("sleep 1000 & echo $!", { timeout = 100 })
      assert.is_true(proc.clock() - start < 60)
      assert.equal(0, result.code)
      assert.is_false(result.timed_out)
      local pidfd = assert(proc.pidfd_open(tonumber(result.stdout)))
      proc.send_signal(pidfd, 9)
      pidfd:close()
    end)

    it("reports a program that is not there, or not named whole", function()
      refused("ENOENT", "execve", "/none", proc.run({ path = "/none", args = { "x" } }))
      refused("EINVAL", "run", "sh (not an absolute path)",
        proc.run({ path = "sh", args = { "x" } }))
      refused("ENOENT", "chdir", "/none",
        proc.run({ path = "/bin/true", args = { "x" }, dir = "/none" }))
      assert.has_error(function() proc.run({ args = { "x" } }) end)
      assert.has_error(function() proc.run({ path = "/bin/true" }) end)
      assert.has_error(function() proc.run({ path = "/bin/true", args = {}, timeout = "1" }) end)
      assert.has_error(function() proc.run({ path = "/bin/true", args = {}, retries = 1 }) end)
    end)
  end)
end)

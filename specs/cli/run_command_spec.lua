local bundles = require("specs.support.bundle")
local core = require("ctr.core")
local machine = require("specs.support.machine")

describe("lctr run", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local b, before

  before_each(function()
    before = machine.snapshot(bundles.PATTERN)
  end)

  after_each(function()
    b:close()
    assert.same(before, machine.snapshot(bundles.PATTERN))
  end)

  local function script(text, process, linux)
    b = bundles.sh(text, process, linux)
  end

  local function run(options, ...)
    local args = { "run", "--bundle", b.folder, ... }
    args[#args + 1] = b.id
    return b:lctr(args, options)
  end

  local function status()
    local result = b:lctr({ "state", b.id })
    return result.code == 0 and core.json.decode(result.stdout).status or result.stderr
  end

  describe("in the foreground", function()
    it("passes the streams on, and ends as the program does", function()
      script("cat; hostname; echo oops >&2; exit 7")
      local result = run({ stdin = "from outside\n" })
      assert.equal("from outside\nbundle\n", result.stdout)
      assert.equal("oops\n", result.stderr)
      assert.equal(7, result.code)
      assert.equal("lctr: container does not exist\n", status())
    end)

    it("tells with --debug what it works on, and nothing of that without", function()
      script("true", nil, { seccomp = { defaultAction = "SCMP_ACT_ALLOW",
        flags = { "SECCOMP_FILTER_FLAG_LOG" } } })
      local result = b:lctr({ "--debug", "run", "--bundle", b.folder, b.id })
      assert.equal(0, result.code)
      for _, text in ipairs({ "command: run", "bundle: " .. b.folder,
        "container " .. b.id .. ": first process ", "container " .. b.id .. ": cgroup of ",
        "seccomp filter flags: 2" }) do
        assert.matches('level=debug msg="' .. text, result.stderr, 1, true)
      end
      assert.equal("", run().stderr)
      local log = b.folder .. "/log"
      result = b:lctr({ "--debug", "--log", log, "--log-format", "json", "run", "--bundle",
        b.folder, b.id })
      assert.equal("", result.stderr)
      assert.matches('"level":"debug"', b:read("log"), 1, true)
    end)

    it("ends with 128 and the number of the signal that ended the program", function()
      script("ulimit -t 1; while :; do :; done")
      assert.equal(128 + 9, run().code)
    end)

    it("leaves the container with --keep", function()
      script("exit 3")
      assert.equal(3, run({}, "--keep").code)
      assert.equal("stopped", status())
      assert.equal(0, b:lctr({ "delete", b.id }).code)
    end)

    it("leaves nothing of one that cannot start", function()
      b = bundles.new({ args = { "nothing" } })
      local result = run({}, "--keep", "--pid-file", b.folder .. "/pid")
      assert.equal(1, result.code)
      assert.equal('lctr: exec: "nothing": executable file not found in $PATH\n', result.stderr)
      assert.is_nil(b:read("pid"))
      assert.equal("lctr: container does not exist\n", status())
    end)

    it("writes the pid file while the program runs", function()
      script("read line; exit 4")
      local from, to = core.fd.pipe()
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local child = b:start({ "run", "-b", b.folder, "--pid-file", b.folder .. "/pid", b.id },
        { from, writer, null })
      from:close()
      writer:close()
      null:close()
      while not b:read("pid") do
        core.poll.wait({}, 0.01)
      end
      local pid = b:read("pid")
      assert.truthy(pid:find("^%d+$"))
      assert.equal("running", status())
      assert(core.fd.write_all(to, "go\n"))
      assert.equal(4, child.wait().code)
      to:close()
      out:close()
    end)

    it("has streams of its own for a program whose caller has none", function()
      script("cat; echo lost; ls -l /proc/self/fd/0 | grep -q /dev/null && exit 5")
      assert.equal(5, b:start({ "run", "-b", b.folder, b.id }, {}).wait().code)
    end)

    it("hands on no other descriptor", function()
      script("ls /proc/self/fd")
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local child = b:start({ "run", "-b", b.folder, b.id }, { null, writer, null, null, null })
      writer:close()
      null:close()
      assert.equal("0\n1\n2\n3\n", bundles.read_until(out)) -- 3 is the listed folder's
      out:close()
      assert.equal(0, child.wait().code)
    end)

    it("hands on what --preserve-fds says, by its number", function()
      script("cat <&4")
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local given = assert(core.fd.memfd("given", "by number"))
      local child = b:start({ "run", "-b", b.folder, "--preserve-fds=2", b.id },
        { null, writer, null, null, given })
      for _, handle in ipairs({ writer, null, given }) do
        handle:close()
      end
      assert.equal("by number", bundles.read_until(out))
      out:close()
      assert.equal(0, child.wait().code)
    end)

    it("refuses a console socket", function()
      script("true")
      local result = run({}, "--console-socket", "/none")
      assert.equal(1, result.code)
      assert.truthy(result.stderr:find("^lctr: .*%-%-console%-socket[^\n]*\n$"), result.stderr)
    end)
  end)

  describe("and the streams of its program", function()
    local MEGABYTES = 8
    local LINE = ("x"):rep(63) .. "\n"
    local BIG = LINE:rep(MEGABYTES * 1024 * 16)

    it("lose nothing where much goes both ways at once", function()
      script("tee /proc/self/fd/2")
      local result = run({ stdin = BIG, output_max = #BIG + 1 })
      assert.equal(0, result.code)
      assert.is_true(result.stdout == BIG)
      assert.is_true(result.stderr == BIG)
    end)

    it("arrive in full though the program has ended and nobody has read yet", function()
      script(("yes x | head -n %d; exit 6"):format(100000))
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local child = b:start({ "run", "-b", b.folder, "--pid-file", b.folder .. "/pid", b.id },
        { null, writer, null })
      writer:close()
      null:close()
      assert.equal(100000 * 2, #bundles.read_until(out))
      assert.equal(6, child.wait().code)
      out:close()
    end)

    local function ticks_of(pid)
      local file = assert(io.open(("/proc/%d/stat"):format(pid)))
      local user, system = file:read("*a"):match("%) %a" .. (" %-?%d+"):rep(10) .. " (%d+) (%d+)")
      file:close()
      return user + system
    end

    -- A pipe whose writers are gone has always something to tell.
    it("cost nothing while nobody reads what a program left", function()
      script("head -c 100000 /dev/zero; exit 6")
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local child = b:start({ "run", "-b", b.folder, "--pid-file", b.folder .. "/pid", b.id },
        { null, writer, null })
      writer:close()
      null:close()
      local ended
      repeat -- what is more than a pipe holds has gone to lctr: so the program ends
        core.poll.wait({}, 0.01)
        local pid = b:read("pid")
        local pidfd = pid and core.proc.pidfd_open(tonumber(pid))
        ended = pid and not pidfd
        if pidfd then
          pidfd:close()
        end
      until ended
      local before_waiting = ticks_of(child.pid)
      core.poll.wait({}, 1.5)
      assert.is_true(ticks_of(child.pid) - before_waiting < 5)
      assert.equal(100000, #bundles.read_until(out))
      assert.equal(6, child.wait().code)
      out:close()
    end)

    it("end for the program as for lctr: it is told that nobody reads", function()
      script("trap '' PIPE; while echo more; do :; done 2>/dev/null; exit 8")
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local child = b:start({ "run", "-b", b.folder, b.id }, { null, writer, null })
      writer:close()
      null:close()
      assert.truthy(core.fd.read(out, 5))
      out:close()
      assert.equal(8, child.wait().code)
    end)

    it("end one by one: nobody reads the first, and the other arrives", function()
      script("trap '' PIPE; while echo more; do :; done 2>/dev/null; echo the rest >&2")
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local errors, error_writer = core.fd.pipe()
      local child = b:start({ "run", "-b", b.folder, b.id }, { null, writer, error_writer })
      for _, handle in ipairs({ writer, error_writer, null }) do
        handle:close()
      end
      out:close()
      assert.equal("the rest\n", bundles.read_until(errors))
      errors:close()
      assert.equal(0, child.wait().code)
    end)

    it("may be read by nobody while a signal is passed on", function()
      script("trap 'exit 9' TERM; yes & while :; do wait; done")
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local child = b:start({ "run", "-b", b.folder, "--pid-file", b.folder .. "/pid", b.id },
        { null, writer, null })
      writer:close()
      null:close()
      bundles.read_until(out, "y\ny\n")
      repeat -- the first ends the program; what it wrote is given up at one that comes after that
        child.signal("SIGTERM")
      until core.poll.wait({ { fd = child.pidfd, events = "r" } }, 0.05)[1]
      assert.equal(9, child.wait().code)
      out:close()
    end)

    for _, case in ipairs({ { "another user", { uid = 5, gid = 5 } },
      { "root in a user namespace", { uid = 0, gid = 0 }, true },
      { "another user in a user namespace", { uid = 5, gid = 5 }, true } }) do
      it("may be opened anew by " .. case[1], function()
        if case[3] and not machine.has("user_namespaces") then
          script("true")
          pending("needs user namespaces")
          return
        end
        local map = { { containerID = 0, hostID = 100000, size = 10 } }
        script("read line </proc/self/fd/0; echo $line >/proc/self/fd/1; echo 2 >/proc/self/fd/2",
          { user = case[2] }, case[3] and { uidMappings = map, gidMappings = map,
            namespaces = { { type = "user" }, { type = "pid" }, { type = "mount" },
              { type = "ipc" }, { type = "uts" } } })
        local result = run({ stdin = "0\n" })
        assert.same({ 0, "0\n", "2\n" }, { result.code, result.stdout, result.stderr })
      end)
    end

    it("may be a file", function()
      script("cat; echo end")
      local input = assert(core.fd.open(b:file("input", BIG), { flags = { "rdonly" } }))
      local output = assert(core.fd.open(b.folder .. "/output",
        { flags = { "wronly", "creat", "append" }, mode = 384 }))
      local child = b:start({ "run", "-b", b.folder, b.id }, { input, output, output })
      input:close()
      output:close()
      assert.equal(0, child.wait().code)
      assert.is_true(b:read("output") == BIG .. "end\n")
    end)
  end)

  describe("passes signals on:", function()
    local function with_ready(text, interact)
      script(text)
      local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
      local out, writer = core.fd.pipe()
      local child = b:start({ "run", "-b", b.folder, b.id }, { null, writer, null })
      writer:close()
      null:close()
      assert.equal("ready\n", bundles.read_until(out, "ready\n"))
      interact(child, out)
      out:close()
      return child.wait()
    end

    for _, name in ipairs({ "HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "TERM", "CONT", "TSTP",
      "TTIN", "TTOU", "IO", "RTMIN" }) do
      it("SIG" .. name, function()
        assert.equal(5, with_ready(("trap 'exit 5' %s; echo ready; while :; do sleep 1 & wait $!; "
          .. "done"):format(name == "RTMIN" and "34" or name), function(child)
            child.signal("SIG" .. name)
          end).code)
      end)
    end

    -- A program whose SIGPIPE, SIGURG or SIGCHLD end it tells that they came.
    it("not those about lctr's own affairs", function()
      local result = with_ready("trap 'exit 5' PIPE; trap 'exit 6' URG; trap 'exit 7' WINCH; "
        .. "trap 'exit 8' TERM; echo ready; while :; do sleep 1000 & wait $!; done",
        function(child)
          for _, name in ipairs({ "SIGPIPE", "SIGURG", "SIGCHLD", "SIGWINCH", "SIGTERM" }) do
            child.signal(name)
          end
        end)
      assert.equal(8, result.code)
    end)

    it("a second one like the first", function()
      assert.equal(2, with_ready("n=0; trap 'n=$((n+1)); echo got; test $n = 2 && exit 2' TERM; "
        .. "echo ready; while :; do sleep 1000 & wait $!; done", function(child, out)
          child.signal("SIGTERM")
          bundles.read_until(out, "got\n")
          child.signal("SIGTERM")
        end).code)
    end)

    it("and leaves none of them blocked for the program", function()
      script("grep SigBlk /proc/self/status")
      assert.equal("SigBlk:\t0000000000000000\n", run().stdout)
    end)
  end)

  it("that is killed leaves a container that can be removed", function()
    script("echo ready; exec sleep 1000")
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    local out, writer = core.fd.pipe()
    local child = b:start({ "run", "-b", b.folder, b.id }, { null, writer, null })
    writer:close()
    null:close()
    bundles.read_until(out, "ready\n")
    child.signal("SIGKILL")
    child.wait()
    out:close()
    assert.equal("running", status())
    assert.equal(0, b:lctr({ "delete", "--force", b.id }).code)
    assert.equal("lctr: container does not exist\n", status())
  end)

  it("ends although somebody else removed its container meanwhile", function()
    script("echo ready; exec sleep 1000")
    local null = assert(core.fd.open("/dev/null", { flags = { "rdwr" } }))
    local out, writer = core.fd.pipe()
    local errors, error_writer = core.fd.pipe()
    local child = b:start({ "run", "-b", b.folder, b.id }, { null, writer, error_writer })
    for _, handle in ipairs({ writer, error_writer, null }) do
      handle:close()
    end
    bundles.read_until(out, "ready\n")
    local gone = b:lctr({ "delete", "--force", b.id })
    assert.equal("", gone.stderr)
    assert.equal(0, gone.code)
    assert.equal(128 + 9, child.wait().code)
    assert.equal("", bundles.read_until(errors))
    out:close()
    errors:close()
  end)

  it("ends what its program leaves in a pid namespace that it shares", function()
    script("sleep 1000 & echo done", {}, { namespaces = { { type = "mount" }, { type = "uts" } } })
    local result = run()
    assert.equal("", result.stderr)
    assert.equal("done\n", result.stdout)
    assert.equal(0, result.code)
  end)

  describe("--detach", function()
    local function parent_of(pid)
      local file = assert(io.open("/proc/" .. pid .. "/stat"))
      local text = file:read("*a")
      file:close()
      return tonumber(text:match("%) %a (%d+)"))
    end

    it("ends once the program runs, whose parent is whoever takes orphans", function()
      script("exec sleep 1000")
      local result = run({}, "-d", "--pid-file", b.folder .. "/pid")
      assert.equal("", result.stderr)
      assert.equal(0, result.code)
      assert.equal(core.proc.getpid(), parent_of(b:read("pid")))
      assert.equal("running", status())
    end)

    it("leaves the program the only one that has its streams", function()
      script("cat; echo end")
      local from, to = core.fd.pipe()
      local out, writer = core.fd.pipe()
      local child = b:start({ "run", "-d", "-b", b.folder, b.id }, { from, writer, writer })
      from:close()
      writer:close()
      assert.equal(0, child.wait().code)
      assert(core.fd.write_all(to, "late\n"))
      to:close()
      assert.equal("late\nend\n", bundles.read_until(out))
      out:close()
    end)

    it("wants a socket for a terminal", function()
      script("true", { terminal = true })
      local result = run({}, "-d")
      assert.equal(1, result.code)
      assert.truthy(result.stderr:find("%-%-console%-socket"), result.stderr)
    end)
  end)
end)

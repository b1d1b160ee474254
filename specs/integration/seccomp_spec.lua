local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")

local MUSL = "musl-gcc -static -O1 -idirafter /usr/include -idirafter /usr/include/"
  .. "$(cc -print-multiarch) -o "
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local DENY_GETCWD = { default_action = "SCMP_ACT_ALLOW", syscalls = {
  { names = { "getcwd" }, action = "SCMP_ACT_ERRNO" } } }
local GETCWD = "cd /proc; /bin/pwd; exit $?"

local function condition(index, op, value)
  return { index = index, op = "SCMP_CMP_" .. op, value = value }
end

local function about(call, action, args, errno)
  return { default_action = "SCMP_ACT_ALLOW", syscalls = {
    { names = { call }, action = "SCMP_ACT_" .. action, args = args, errno_ret = errno } } }
end

describe("a container with a seccomp filter", function()
  local b

  local function build(command)
    local built = host.sh(command)
    assert.equal(0, built.code, built.stderr)
  end

  setup(function()
    b = box.new()
    build(MUSL .. b.root .. "/prober specs/support/prober.c")
    build(MUSL .. b.folder .. "/agent specs/support/agent.c")
  end)

  teardown(function()
    b:close()
  end)

  local function probe(calls, changes, spec)
    local fields = { args = { "/prober", unpack(calls) } }
    for key, value in pairs(spec or {}) do
      fields[key] = value
    end
    local result, err = b:sh("", changes, fields)
    if not result then
      return nil, err
    end
    local errnos = {}
    for name, errno in result.out:gmatch("(%S+) %-?%d (%d+)\n") do
      errnos[name] = tonumber(errno)
    end
    return errnos, result
  end

  describe("like libcontainer's", function()
    it("is denied getcwd", function()
      local result = assert(b:sh(GETCWD, { seccomp = DENY_GETCWD }))
      assert.equal(1, result.code)
      assert.equal("pwd: getcwd: Operation not permitted\n", result.err)
    end)

    it("is denied it with the error that was asked for", function()
      local result = assert(b:sh(GETCWD, { seccomp = about("getcwd", "ERRNO", nil, 95) }))
      assert.equal("pwd: getcwd: Operation not supported\n", result.err)
    end)

    it("may write where the condition does not hold", function()
      local result = assert(b:sh("ls /bin/sh; exit $?",
        { seccomp = about("write", "ERRNO", { condition(0, "GT", 2) }) }))
      assert.equal("/bin/sh\n", result.out)
      assert.equal(0, result.code)
    end)

    it("may not write where the condition holds", function()
      local seccomp = about("write", "ERRNO", { condition(0, "EQ", 2) })
      local result = assert(b:sh("ls /nonesuch; exit $?", { seccomp = seccomp }))
      assert.equal("", result.err)
      assert.are_not.equal(0, result.code)
    end)

    it("may write where one of several conditions does not hold", function()
      local seccomp = about("write", "ERRNO", { condition(0, "EQ", 1), condition(2, "GT", 100) })
      local result = assert(b:sh("ls /bin/sh", { seccomp = seccomp }))
      assert.equal("/bin/sh\n", result.out)
    end)

    it("may not write where all conditions hold", function()
      local seccomp = about("write", "ERRNO", { condition(0, "EQ", 2), condition(2, "GE", 1) })
      local result = assert(b:sh("ls /nonesuch; exit $?", { seccomp = seccomp }))
      assert.equal("", result.err)
      assert.are_not.equal(0, result.code)
    end)

    it("may not write where one of several conditions on one argument holds", function()
      local seccomp = about("write", "ERRNO", { condition(0, "EQ", 1), condition(0, "EQ", 2) })
      local result = assert(b:sh("ls /bin/sh; ls /nonesuch; exit 3", { seccomp = seccomp }))
      assert.equal("", result.out .. result.err)
      assert.equal(3, result.code)
    end)
  end)

  describe("ends or goes on as the action says:", function()
    for _, action in ipairs({ "KILL", "KILL_THREAD", "KILL_PROCESS", "TRAP" }) do
      it(action .. " ends the program by SIGSYS", function()
        local _, result = assert(probe({ "mkdir" }, { seccomp = about("mkdir", action) }))
        assert.equal("SIGSYS", result.signal)
      end)
    end

    it("LOG and ALLOW let the call through", function()
      for _, action in ipairs({ "LOG", "ALLOW" }) do
        local seccomp = about("mkdir", action)
        seccomp.default_action = action == "LOG" and "SCMP_ACT_ALLOW" or "SCMP_ACT_LOG"
        assert.equal(2, assert(probe({ "mkdir" }, { seccomp = seccomp })).mkdir) -- no /dev/shm
      end
    end)

    it("TRACE without a tracer fails with ENOSYS", function()
      assert.equal(38, assert(probe({ "mkdir" }, { seccomp = about("mkdir", "TRACE") })).mkdir)
    end)

    it("ERRNO with 0 does nothing and succeeds", function()
      local seccomp = about("mkdir", "ERRNO", nil, 0)
      assert.equal(0, assert(probe({ "mkdir" }, { seccomp = seccomp })).mkdir)
    end)

    it("a default of errors lets through what is named", function()
      local calls = { "execve", "brk", "arch_prctl", "set_tid_address", "read", "write", "ioctl",
        "exit_group", "writev", "mmap", "munmap", "rt_sigprocmask", "rt_sigaction" }
      local seccomp = { default_action = "SCMP_ACT_ERRNO", default_errno_ret = 13, syscalls = {
        { names = calls, action = "SCMP_ACT_ALLOW" } } }
      for _, no_new_privileges in ipairs({ true, false }) do
        local errnos = assert(probe({ "mkdir", "future_call" },
          { seccomp = seccomp, no_new_privileges = no_new_privileges }))
        assert.same({ mkdir = 13, future_call = 38 }, errnos)
      end
    end)
  end)

  describe("whoever runs in it:", function()
    local STATUS = "grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status"
    local HELD = { "CAP_KILL", "CAP_CHOWN" }

    local function status_of(changes, spec)
      changes.seccomp = DENY_GETCWD
      changes.capabilities = { bounding = HELD, permitted = HELD, effective = HELD,
        inheritable = {}, ambient = {} }
      local result = assert(b:sh(STATUS, changes, spec))
      local fields = {}
      for name, value in result.out:gmatch("(%w+):%s*(%x+)") do
        fields[name] = tonumber(value, 16)
      end
      return fields
    end

    local function check(fields, mask, no_new_privs)
      assert.equal(2, fields.Seccomp)
      assert.equal(no_new_privs, fields.NoNewPrivs)
      assert.equal(0x21, fields.CapBnd)
      assert.equal(mask, fields.CapPrm)
      assert.equal(mask, fields.CapEff)
      assert.equal(0, fields.CapInh + fields.CapAmb)
    end

    for _, spaces in ipairs({ "root", "a user namespace" }) do
      local extra = spaces == "root" and {} or { uid_mappings = MAPPING, gid_mappings = MAPPING,
        namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" } }
      for _, no_new_privileges in ipairs({ true, false }) do
        local title = ("%s, no_new_privileges %s"):format(spaces, tostring(no_new_privileges))
        local function changes()
          local all = { no_new_privileges = no_new_privileges }
          for key, value in pairs(extra) do
            all[key] = value
          end
          return all
        end

        it(title .. ": root has its capabilities and no other", function()
          check(status_of(changes()), 0x21, no_new_privileges and 1 or 0)
        end)

        it(title .. ": another user has none", function()
          check(status_of(changes(), { user = "1000:1000" }), 0, no_new_privileges and 1 or 0)
        end)
      end
    end

    for title, extra in pairs({ ["on the host's users"] = {}, ["in a user namespace"] = {
      uid_mappings = MAPPING, gid_mappings = MAPPING,
      namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" } } }) do
      it("a further process has the container's filter " .. title, function()
        local changes = { seccomp = DENY_GETCWD }
        for key, value in pairs(extra) do
          changes[key] = value
        end
        local container, first = b:sleeper(changes)
        for _, user in ipairs({ "0", "1000" }) do
          local result = assert(b:run(container, GETCWD, { user = user }))
          assert.equal("pwd: getcwd: Operation not permitted\n", result.err)
        end
        b:finish(container, first)
      end)
    end

    it("a container that was created before has it when it is started", function()
      local container = assert(b:create({ seccomp = DENY_GETCWD }))
      local errors = {}
      local process = ctr.process({ args = { "/bin/sh", "-c", GETCWD }, env = { "PATH=/bin" },
        stderr = function(data) errors[#errors + 1] = data end })
      assert(container:start(process))
      assert.equal("created", container:status())
      assert(container:exec())
      assert.equal(1, process:wait(60).code)
      assert.equal("pwd: getcwd: Operation not permitted\n", table.concat(errors))
      assert(container:destroy())
    end)
  end)

  -- With nothing but execve(2) let through, it can neither say why that failed, nor exit.
  it("ends even where its program cannot be executed and its filter forbids to exit", function()
    local file = assert(io.open(b.root .. "/no-program", "wb"))
    file:write("\0no program")
    file:close()
    assert.equal(0, host.sh("chmod 755 " .. b.root .. "/no-program").code)
    local container = assert(b:create({ seccomp = { default_action = "SCMP_ACT_ERRNO", syscalls = {
      { names = { "execve" }, action = "SCMP_ACT_ALLOW" } } } }))
    local process = ctr.process({ args = { "/no-program" } })
    assert(container:run(process))
    assert.is_not_nil(assert(process:wait(60)).signal)
    assert(container:destroy())
  end)

  describe("cannot be started", function()
    local function refusal(seccomp)
      local container, err = b:create({ seccomp = seccomp })
      if container then
        local ok
        ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
        assert.is_nil(ok)
        assert(container:destroy())
      end
      return err
    end

    it("where its profile lets no program be executed", function()
      local err = refusal({ default_action = "SCMP_ACT_ERRNO" })
      assert.equal("ConfigInvalid", err.code)
      assert.equal("seccomp.syscalls", err.path)
    end)

    it("where nobody answers what it asks", function()
      local err = refusal(about("mkdir", "NOTIFY"))
      assert.equal("ConfigInvalid", err.code)
      assert.equal("seccomp.listener_path", err.path)
    end)

    it("where nobody waits at the listener's socket, and leaves nothing", function()
      local seccomp = about("mkdir", "NOTIFY")
      seccomp.listener_path = b.folder .. "/nobody.sock"
      local err = refusal(seccomp)
      assert.equal("SystemError", err.code)
      assert.equal("ENOENT", err.errno)
      assert.equal("seccomp.listener_path", err.path)
    end)

    it("where its program would be too long", function()
      local rules = {}
      for value = 1, 3000 do
        rules[value] = { names = { "mkdir" }, action = "SCMP_ACT_ERRNO",
          args = { condition(0, "EQ", value) } }
      end
      local err = refusal({ default_action = "SCMP_ACT_ALLOW", syscalls = rules })
      assert.equal("ConfigInvalid", err.code)
      assert.equal("seccomp", err.path)
    end)
  end)

  describe("that asks an agent", function()
    local count = 0

    -- Starts an agent, runs a function with its socket; what it was told, and how it ended.
    local function with_agent(act)
      count = count + 1
      local path, told = b.folder .. "/agent." .. count, b.folder .. "/told." .. count
      -- It ends by itself, unless what is tried here fails.
      local agent = assert(io.popen(("timeout 20 %s/agent %s %s 95; echo $?"):format(b.folder, path,
        told)))
      assert.equal("ready", agent:read("*l"))
      act(path)
      assert.equal("0", agent:read("*l"))
      agent:close()
      local file = assert(io.open(told))
      local state = assert(core.json.decode(file:read("*a")))
      file:close()
      return state
    end

    local function asking(path, call)
      local seccomp = about(call or "mkdir", "NOTIFY")
      seccomp.listener_path, seccomp.listener_metadata = path, "some words"
      return { seccomp = seccomp, labels = { "bundle=/bundle", "org.example=1" } }
    end

    it("gets the answer, and the agent the container's state", function()
      local id
      local state = with_agent(function(path)
        local errnos = assert(probe({ "mkdir" }, asking(path)))
        id = "box-" .. b.count
        assert.equal(95, errnos.mkdir)
      end)
      assert.same({ "seccompFd" }, state.fds)
      assert.equal("some words", state.metadata)
      assert.equal(id, state.state.id)
      assert.equal("creating", state.state.status)
      assert.equal("/bundle", state.state.bundle)
      assert.same({ ["org.example"] = "1" }, state.state.annotations)
      assert.equal(state.pid, state.state.pid)
      assert.is_true(state.pid > 1)
      assert.equal(state.ociVersion, state.state.ociVersion)
    end)

    it("is asked for in a user namespace, and where users are looked up inside", function()
      local extras = {
        { uid_mappings = MAPPING, gid_mappings = MAPPING, namespaces = { "NEWNS", "NEWUTS",
          "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" } },
        { mounts = { { source = b.root .. "/etc", destination = "/etc", device = "bind",
          flags = { "bind" } } } },
      }
      for _, extra in ipairs(extras) do
        with_agent(function(path)
          local changes = asking(path)
          for key, value in pairs(extra) do
            changes[key] = value
          end
          assert.equal(95, assert(probe({ "mkdir" }, changes, { user = "daemon" })).mkdir)
        end)
      end
    end)

    it("may be asked about the execution of its program", function()
      with_agent(function(path)
        local container = assert(b:create(asking(path, "execve")))
        local ok, err = container:run(ctr.process({ args = { "/prober" } }))
        assert.is_nil(ok)
        assert.equal("EOPNOTSUPP", err.errno)
        assert.equal("process.args[1]", err.path)
        assert(container:destroy())
      end)
    end)

    it("is asked for before the container is said to be created", function()
      with_agent(function(path)
        local container = assert(b:create(asking(path)))
        local out = {}
        local process = ctr.process({ args = { "/prober", "mkdir" },
          stdout = function(data) out[#out + 1] = data end })
        assert(container:start(process))
        assert.equal("created", container:status())
        assert.is_true(host.sh("test -s " .. (path:gsub("agent%.(%d+)$", "told.%1"))).code == 0)
        assert(container:exec())
        assert.equal(0, process:wait(60).code)
        assert.equal("mkdir -1 95\n", table.concat(out))
        assert(container:destroy())
      end)
    end)

    it("asks for a further process, too", function()
      local state
      with_agent(function(first)
        local changes = asking(first)
        local container, sleeper = b:sleeper(changes)
        os.rename(first, first .. ".used")
        -- The socket's place is taken by another agent: each process has a listener of its own.
        local agent = assert(io.popen(("timeout 20 %s/agent %s %s/told.again 94; echo $?"):format(
          b.folder, first, b.folder)))
        assert.equal("ready", agent:read("*l"))
        local out = {}
        local process = ctr.process({ args = { "/prober", "mkdir" },
          stdout = function(data) out[#out + 1] = data end })
        assert(container:run(process))
        assert.equal(0, process:wait(60).code)
        assert.equal("mkdir -1 94\n", table.concat(out))
        assert.equal("0", agent:read("*l"))
        agent:close()
        state = assert(core.json.decode(assert(io.open(b.folder .. "/told.again")):read("*a")))
        assert.equal("running", state.state.status)
        assert.equal(container:state().init_process_pid, state.state.pid)
        assert.are_not.equal(state.pid, state.state.pid)
        b:finish(container, sleeper)
      end)
    end)
  end)

  describe("called in another way", function()
    local X86_64 = jit.arch == "x64" and it or pending

    setup(function()
      if jit.arch == "x64" then
        build("cc -static -nostdlib -o " .. b.root .. "/other_abi specs/support/other_abi.S")
      end
    end)

    local function call(way, seccomp)
      return assert(b:sh("", { seccomp = seccomp }, { args = { "/other_abi", way } }))
    end

    -- Some virtual machines answer a 32-bit program's system call with SIGSEGV, filter or not.
    local function is_possible(way)
      return call(way).signal ~= "SIGSEGV"
    end

    X86_64("ends who calls as a 32-bit program, unless it has the architecture", function()
      if not is_possible("a") then
        return pending("this machine runs no 32-bit programs")
      end
      local seccomp = about("mkdir", "ERRNO")
      assert.equal("SIGSYS", call("a", seccomp).signal)
      seccomp.architectures = { "SCMP_ARCH_X86_64", "SCMP_ARCH_X86" }
      assert.equal(7, call("a", seccomp).code)
      seccomp.syscalls[1] = { names = { "getpid" }, action = "SCMP_ACT_KILL_PROCESS" }
      assert.equal("SIGSYS", call("a", seccomp).signal)
    end)

    X86_64("ends who calls as x32 does, unless it has the architecture", function()
      local seccomp = about("mkdir", "ERRNO")
      assert.equal("SIGSYS", call("b", seccomp).signal)
      seccomp.architectures = { "SCMP_ARCH_X32" }
      assert.equal(7, call("b", seccomp).code)
    end)
  end)

  describe("of the default profile", function()
    local EPERM, ENOSYS, EAFNOSUPPORT = 1, 38, 97

    local REFUSED = { "unshare_user", "unshare_mount", "setns", "mount", "umount2", "pivot_root",
      "fsopen", "open_tree", "move_mount", "mount_setattr", "bpf", "perf_event_open", "keyctl",
      "add_key", "request_key", "userfaultfd", "io_uring_setup", "kexec_load", "init_module",
      "reboot", "swapon", "sethostname", "settimeofday", "open_by_handle_at", "mbind", "acct",
      "kcmp", "syslog", "clone_user", "tiocsti", "tiocsti_wide", "tioclinux" }

    local function default_for(capabilities)
      return { capabilities = capabilities, seccomp = ctr.default_seccomp(capabilities) }
    end

    it("refuses what an unprivileged container has no use for", function()
      local errnos = assert(probe({}, default_for(ctr.default_capabilities)))
      local unfiltered = assert(probe({}, { capabilities = ctr.default_capabilities }))
      for _, name in ipairs(REFUSED) do
        assert.equal(EPERM, errnos[name], name)
      end
      assert.equal(ENOSYS, errnos.clone3)
      assert.equal(ENOSYS, errnos.future_call)
      assert.equal(EAFNOSUPPORT, errnos.af_alg)
      assert.equal(EAFNOSUPPORT, errnos.af_vsock)
      assert.equal(EAFNOSUPPORT, errnos.af_alg_wide)
      assert.equal(ENOSYS, errnos.personality_odd)
      -- What has no filter shows that these refusals are the filter's.
      for _, name in ipairs({ "unshare_user", "clone3", "tiocsti", "keyctl", "personality_odd" }) do
        assert.are_not.equal(errnos[name], unfiltered[name], name)
      end
    end)

    it("lets the ordinary through", function()
      local calls = { "chroot", "personality", "af_inet", "af_netlink", "tcgets", "ptrace",
        "mkdir" }
      local errnos = assert(probe(calls, default_for(ctr.default_capabilities)))
      local unfiltered = assert(probe(calls, { capabilities = ctr.default_capabilities }))
      assert.same(unfiltered, errnos)
      assert.equal(0, errnos.chroot + errnos.personality + errnos.af_inet)
    end)

    it("lets through what a capability is for", function()
      local held = { "CAP_SYS_ADMIN", "CAP_SYS_PTRACE", "CAP_SYS_NICE" }
      local capabilities = { bounding = held, permitted = held, effective = held }
      local calls = { "unshare_mount", "setns", "mount", "clone3", "kcmp", "mbind", "sethostname",
        "chroot", "init_module" }
      local errnos = assert(probe(calls, default_for(capabilities)))
      local unfiltered = assert(probe(calls, { capabilities = capabilities }))
      for _, name in ipairs(calls) do
        if name ~= "init_module" and name ~= "chroot" then
          assert.equal(unfiltered[name], errnos[name], name)
        end
      end
      assert.equal(EPERM, errnos.init_module)
    end)
  end)
end)

local bit = require("bit")
local ffi = require("ffi")
local alarm = require("specs.support.alarm")
local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local EXECS = 200
local LAST_FD = 30 -- no start has more descriptors than that
local O_CLOEXEC = 0x80000
local F_GET_SEALS, ALL_SEALS = 1034, 15

ffi.cdef([[
int open(const char *path, int flags, ...);
int fcntl(int fd, int command, ...);
int dup2(int from, int to);
int close(int fd);
]])

local function read_file(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- What engines give: enough for a root, not the right to trace others.
local CAPABILITIES = { "CAP_CHOWN", "CAP_DAC_OVERRIDE", "CAP_FOWNER", "CAP_FSETID", "CAP_KILL",
  "CAP_SETGID", "CAP_SETUID", "CAP_SETPCAP", "CAP_NET_BIND_SERVICE", "CAP_SYS_CHROOT",
  "CAP_MKNOD", "CAP_AUDIT_WRITE", "CAP_SETFCAP" }

local function only(set)
  return { bounding = set, effective = set, permitted = set, inheritable = {}, ambient = {} }
end

describe("a container's process", function()
  local b, inherited

  setup(function()
    alarm.set(600 * attack.runs(1))
    b = box.new()
    assert(b:sh("true"))
    -- A careless caller: folders and files of the host, open and inheritable, at many numbers.
    inherited = {}
    local root = ffi.C.open("/", 0)
    assert(root >= 0)
    for _, number in ipairs({ 60, 61, 70, 99, 150, 200 }) do
      assert(ffi.C.dup2(root, number) == number)
      inherited[#inherited + 1] = number
    end
    inherited[#inherited + 1] = root
  end)

  teardown(function()
    for _, number in ipairs(inherited) do
      ffi.C.close(number)
    end
    b:close()
    alarm.set(0)
  end)

  -- number → what it leads to
  local function links(pid)
    local folder = assert(core.path.open_root(("/proc/%d/fd"):format(pid)))
    local texts = {}
    for _, name in ipairs(assert(core.path.list(folder, "."))) do
      texts[tonumber(name)] = core.path.readlink(folder, name) or "closed meanwhile"
    end
    folder:close()
    return texts
  end

  local function is_settled(texts)
    for _, text in pairs(texts) do
      if text:find("^socket:") or text == "closed meanwhile" then
        return false
      end
    end
    return true
  end

  -- The last that a start says, it says by a socket that is closed then.
  local function descriptors(pid)
    local deadline = core.proc.clock() + 60
    local texts
    repeat
      texts = links(pid)
    until is_settled(texts) or core.proc.clock() > deadline
    return texts
  end

  local function is_closed_by_execution(pid, number)
    local flags = read_file(("/proc/%d/fdinfo/%d"):format(pid, number)):match("flags:%s+(%d+)")
    return bit.band(tonumber(flags, 8), O_CLOEXEC) ~= 0
  end

  local function given(spec)
    local file = assert(io.open(b.root .. "/etc/passwd"))
    local fields = { args = { "/bin/sleep", "1000" }, extra_files = { file }, stdin = "",
      stdout = b.folder .. "/output", stderr = b.folder .. "/output" }
    for key, value in pairs(spec or {}) do
      fields[key] = value
    end
    return ctr.process(fields), file
  end

  local function expected()
    return { [0] = "/memfd:stdin (deleted)", [1] = b.folder .. "/output",
      [2] = b.folder .. "/output", [3] = b.root .. "/etc/passwd" }
  end

  -- The program is there once the bootstrap's image is not.
  local function await_program(pid)
    local folder = assert(core.path.open_root("/proc/" .. pid))
    local deadline = core.proc.clock() + 60
    repeat
      local program = core.path.readlink(folder, "exe") or ""
    until not program:find("ctr-init", 1, true) or core.proc.clock() > deadline
    folder:close()
  end

  it("has what it was given and nothing else, while it waits and while it runs", function()
    local container = assert(b:create({ oom_score_adj = 5, sysctl = { ["kernel.shmmni"] = 99 } }))
    local process, file = given()
    assert(container:start(process))
    local texts = descriptors(process:pid())
    local rest = {}
    for number, text in pairs(texts) do
      if number > 3 then
        assert.is_true(is_closed_by_execution(process:pid(), number), text)
        rest[#rest + 1] = text:match("[^/]*$")
        texts[number] = nil
      end
    end
    table.sort(rest)
    assert.same(expected(), texts)
    -- Its fifo, where it tells a failure, and the container's own root.
    assert.same({ "", "exec.error", "exec.fifo" }, rest)
    assert(container:exec())
    assert.same(expected(), descriptors(process:pid()))

    local further, other = given()
    assert(container:run(further))
    await_program(further:pid())
    assert.same(expected(), descriptors(further:pid()))
    file:close()
    other:close()
    assert(further:signal("SIGKILL"))
    assert(further:wait(60))
    b:finish(container, process)
  end)

  it("is out of reach of its own user while it waits", function()
    local container = assert(b:create())
    local process = ctr.process({ args = { "/bin/sleep", "1000" }, user = "1000:1000" })
    assert(container:start(process))
    local path = "/proc/" .. process:pid()
    -- The kernel gives the files of an undumpable process to root.
    assert.equal("0 0\n", host.sh(("stat -c '%%u %%g' %s/fd"):format(path)).stdout)
    assert.matches("memfd:ctr%-init", host.sh("readlink " .. path .. "/exe").stdout)
    local number = ffi.C.open(path .. "/exe", 0)
    assert(number >= 0)
    assert.equal(ALL_SEALS, ffi.C.fcntl(number, F_GET_SEALS))
    ffi.C.close(number)
    assert(ffi.C.open(path .. "/exe", 1) < 0)
    assert(container:exec())
    assert.equal("1000 1000\n", host.sh(("stat -c '%%u %%g' %s/fd"):format(path)).stdout)
    b:finish(container, process)
  end)

  it("inherits no capabilities, nor a further one", function()
    local script = "grep -E '^Cap(Inh|Amb):' /proc/self/status"
    local nothing = "CapInh:\t0000000000000000\nCapAmb:\t0000000000000000\n"
    local capabilities = only({ "CAP_CHOWN", "CAP_KILL" })
    local container, process = b:sleeper({ capabilities = capabilities })
    assert.equal(nothing, assert(b:run(container, script)).out)
    assert.equal(nothing, assert(b:run(container, script, { capabilities = capabilities })).out)
    b:finish(container, process)
    assert.equal(nothing, assert(b:sh(script, { capabilities = capabilities })).out)
  end)

  -- CVE-2024-21626: a name that goes through a descriptor of the host's.
  local function never_runs(act)
    local container, sleeper = b:sleeper({ oom_score_adj = 5, capabilities = only(CAPABILITIES) })
    for number = 3, LAST_FD do
      local fresh = assert(b.factory:create("descriptors-" .. core.proc.getpid(), box.config(b.root,
        { oom_score_adj = 5, sysctl = { ["kernel.shmmni"] = 99 }, cgroups = {},
          capabilities = only(core.caps.of().permitted) })))
      local ran = act(number, fresh) or act(number, container)
      assert(fresh:destroy())
      assert.is_nil(ran, "descriptor " .. number)
    end
    b:finish(container, sleeper)
  end

  local function try(container, spec)
    local process = ctr.process(spec)
    local ok = container:run(process)
    if not ok then
      return nil
    end
    local result = process:wait(60)
    -- A process that came so far and found nothing exits with 127.
    return result.code ~= 127 and result.code or nil
  end

  it("has no working folder by way of a descriptor", function()
    never_runs(function(number, container)
      local path = "/proc/self/fd/" .. number
      os.execute(("ln -sfn %s %s/link"):format(path, b.root))
      return try(container, { args = { "/bin/pwd" }, cwd = path })
        or try(container, { args = { "/bin/pwd" }, cwd = "/link" })
    end)
  end)

  it("runs no program of the host by way of a descriptor", function()
    local busybox = core.path.realpath(b.root .. "/bin/busybox")
    local own = core.proc.getpid()
    never_runs(function(number, container)
      local path = ("/proc/self/fd/%d/%d/root%s"):format(number, own, busybox)
      local file = assert(io.open(b.root .. "/script", "w"))
      file:write("#!", path, " true\n")
      file:close()
      os.execute(("ln -sfn %s %s/true; chmod 755 %s/script"):format(path, b.root, b.root))
      return try(container, { args = { "/true" } }) or try(container, { args = { path } })
        or try(container, { args = { "/script" } })
    end)
  end)

  it("cannot reach the bootstrap's file by executing itself", function()
    local bootstrap = core.path.realpath("build/ctr/ctr-init")
    local before = read_file(bootstrap)
    local file = assert(io.open(b.root .. "/self", "w"))
    file:write("#!/proc/self/exe\n")
    file:close()
    os.execute("chmod 755 " .. b.root .. "/self")
    local container, process = b:sleeper()
    for _, program in ipairs({ "/self", "/proc/self/exe" }) do
      local fresh = assert(b:create())
      assert.is_nil(try(fresh, { args = { program } }))
      assert.is_nil(try(container, { args = { program } }))
    end
    b:finish(container, process)
    assert.is_true(before == read_file(bootstrap))
  end)

  local function watch(changes)
    local container = assert(b:create(changes))
    local said = {}
    local watcher = ctr.process({ args = { "/watcher" }, stdout = function(data)
      said[#said + 1] = data
    end })
    assert(container:run(watcher))
    repeat
      watcher:wait(0.01)
    until said[1]
    for _ = 1, attack.runs(EXECS) do
      local further = ctr.process({ args = { "/bin/true" } })
      assert(container:run(further))
      assert.equal(0, further:wait(60).code)
    end
    assert(watcher:signal("SIGTERM"))
    assert.equal(0, watcher:wait(60).code)
    assert(container:destroy())
    local lines = {}
    for line in table.concat(said):gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    table.sort(lines)
    return lines
  end

  -- All that the program itself shows once it runs.
  local SHOWN = { ready = true, ["process seen"] = true, ["exe /bin/busybox"] = true,
    ["cwd /"] = true, ["root /"] = true, ["fd /dev/null"] = true, ["memory /bin/busybox"] = true,
    ["traced /bin/busybox"] = true }

  local function shows_nothing(changes)
    local lines = watch(changes)
    local hidden = {}
    for _, line in ipairs(lines) do
      if not SHOWN[line] then
        hidden[#hidden + 1] = line
      end
    end
    assert.same({}, hidden)
    assert.is_true(#lines >= 2)
  end

  describe("watched by the container's root", function()
    setup(function()
      attack.compile("watcher", b.root)
    end)

    it("shows nothing of the host on its way into the container", function()
      shows_nothing({ oom_score_adj = 5, capabilities = only(CAPABILITIES) })
    end)

    it("shows nothing of the host on its way into a user namespace", function()
      shows_nothing({ oom_score_adj = 5, capabilities = only(core.caps.of().permitted),
        namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
        uid_mappings = MAPPING, gid_mappings = MAPPING })
    end)
  end)
end)

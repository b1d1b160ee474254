local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local machine = require("specs.support.machine")

local MAPPED = {
  namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" },
  uid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
  gid_mappings = { { container_id = 0, host_id = 100000, size = 65536 } },
}

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

describe("container:call", function()
  local b, container, process

  setup(function()
    b = box.new()
    os.execute("chmod 755 " .. b.folder)
  end)

  teardown(function()
    b:close()
  end)

  local function begin(changes)
    container, process = b:sleeper(changes)
  end

  after_each(function()
    b:finish(container, process)
  end)

  it("returns what the function returns", function()
    begin()
    local other = "seen"
    local a, c, d, e = container:call(function(x, y) return x + y, other, nil, { list = { 1 } } end,
      2, 3)
    assert.equal(5, a)
    assert.equal("seen", c)
    assert.is_nil(d)
    assert.same({ list = { 1 } }, e)
  end)

  it("changes nothing out here", function()
    begin()
    local count = 1
    assert.equal(2, container:call(function() count = count + 1 return count end))
    assert.equal(1, count)
  end)

  for name, changes in pairs({ ["its own user"] = MAPPED, ["the host's user"] = {} }) do
    it("runs in all that is the container's, with " .. name .. " namespace", function()
      if changes == MAPPED and not machine.has("user_namespaces") then
        return pending("no user namespaces")
      end
      local own = { "CAP_CHOWN", "CAP_KILL" }
      local config = { seccomp = ctr.default_seccomp({}),
        capabilities = { bounding = own, permitted = own, effective = own } }
      for key, value in pairs(changes) do
        config[key] = value
      end
      begin(config)
      local there = assert(container:call(function()
        return { status = read("/proc/self/status"), hostname = read("/proc/sys/kernel/hostname"),
          cgroup = read("/proc/self/cgroup"), here = io.open("/bin/busybox") ~= nil }
      end))
      assert.equal("box\n", there.hostname)
      assert.is_true(there.here)
      assert.matches(container:id(), there.cgroup, 1, true)
      for _, line in ipairs({ "CapEff:\t0+21\n", "CapPrm:\t0+21\n", "CapBnd:\t0+21\n",
        "CapInh:\t0+\n", "CapAmb:\t0+\n", "NoNewPrivs:\t1\n", "Seccomp:\t2\n",
        "Uid:\t0\t0\t0\t0\n" }) do
        assert.matches(line, there.status)
      end
      local namespaces = assert(container:call(function()
        local dir = core.path.open_root("/proc/self/ns")
        local links = {}
        for _, kind in ipairs({ "mnt", "pid", "net", "uts", "ipc", "user" }) do
          links[kind] = core.path.readlink(dir, kind)
        end
        return links
      end))
      local init = assert(core.path.open_root(("/proc/%d/ns"):format(process:pid())))
      for kind, link in pairs(namespaces) do
        assert.equal(core.path.readlink(init, kind), link)
      end
      init:close()
    end)
  end

  it("becomes another user, without capabilities", function()
    local own = { "CAP_CHOWN" }
    begin({ capabilities = { bounding = own, permitted = own, effective = own } })
    local ids, status = container:call({ user = "daemon" }, function()
      return core.proc.ids(), read("/proc/self/status")
    end)
    assert.equal(1, ids.euid)
    assert.matches("CapEff:\t0+\n", status)
    local ok, err = container:call({ user = "nobody-at-all" }, function() return true end)
    assert.is_nil(ok)
    assert.equal("ConfigInvalid", err.code)
  end)

  it("has nothing open of what the program has", function()
    begin()
    local path = b.folder .. "/secret"
    local file = assert(io.open(path, "w+"))
    file:write("secret")
    file:flush()
    file:seek("set", 0)
    local handle = assert(core.fd.open("/", { flags = { "path", "directory" } }))
    local links, got, listed = container:call(function()
      local dir = core.path.open_root("/proc/self/fd")
      local list = {}
      for _, name in ipairs(core.path.list(dir, ".")) do
        list[#list + 1] = core.path.readlink(dir, name)
      end
      return list, file:read("*a"), core.path.list(handle, "etc")
    end)
    file:close()
    handle:close()
    for _, link in ipairs(links) do
      assert.is_true(link == "/dev/null" or link:find("^socket:") ~= nil
        or link:find("^/proc/%d+/fd$") ~= nil, link)
    end
    assert.equal("", got)
    assert.is_nil(listed)
  end)

  it("tells an error as one", function()
    begin()
    local ok, err = container:call(function() error("boom", 0) end)
    assert.is_nil(ok)
    assert.equal("SystemError", err.code)
    assert.equal("boom", err.message)
    ok, err = container:call(function() error({ reason = 3 }) end)
    assert.is_nil(ok)
    assert.same({ reason = 3 }, err.raised)
    ok, err = container:call(function() coroutine.yield() end)
    assert.is_nil(ok)
    assert.matches("yields", tostring(err))
    ok, err = container:call(function() return io.stdout end)
    assert.is_nil(ok)
    assert.matches("cannot leave the container", tostring(err))
    ok, err = container:call(function() os.exit(3) end)
    assert.is_nil(ok)
    assert.matches("ended with 3", tostring(err))
  end)

  it("ends when the time is over", function()
    begin()
    local ok, err = container:call({ timeout = "200ms" }, function() while true do end end)
    assert.is_nil(ok)
    assert.equal("ETIMEDOUT", err.errno)
  end)

  it("brings back megabytes, and no more than it may", function()
    begin()
    assert.equal(8000000, #container:call(function() return ("x"):rep(8000000) end))
    local ok, err = container:call(function() return ("x"):rep(17000000) end)
    assert.is_nil(ok)
    assert.matches("more than 16777216 bytes", tostring(err))
  end)

  it("leaves nothing, however it ends", function()
    begin()
    container:call(function() return true end)
    local before = machine.snapshot(box.PATTERN)
    assert(container:call(function() return true end))
    container:call(function() error("x") end)
    container:call({ timeout = 0.1 }, function() while true do end end)
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("is safe from handles that are collected", function()
    begin()
    assert.equal("ok", container:call(function()
      local kept = {}
      for index = 1, 50 do
        kept[index] = assert(io.open("/etc/passwd"))
      end
      collectgarbage()
      collectgarbage()
      for _, file in ipairs(kept) do
        assert(file:read("*l"))
      end
      return "ok"
    end))
  end)

  it("needs a container that runs", function()
    begin()
    if machine.has("freezer") then
      assert(container:pause())
      local ok, err = container:call(function() return 1 end)
      assert.is_nil(ok)
      assert.equal("ContainerPaused", err.code)
      assert(container:resume())
    end
    local stopped = assert(b:create())
    local ok, err = stopped:call(function() return 1 end)
    assert.is_nil(ok)
    assert.equal("ContainerNotRunning", err.code)
  end)

  it("refuses where the container could look into this program, unless it is trusted", function()
    local own = { "CAP_SYS_PTRACE" }
    begin({ capabilities = { bounding = own, permitted = own, effective = own } })
    local ok, err = container:call(function() return 1 end)
    assert.is_nil(ok)
    assert.matches("CAP_SYS_PTRACE", tostring(err))
    assert.equal(1, container:call({ trust = true }, function() return 1 end))
  end)

  it("refuses where somebody is asked about its calls", function()
    begin()
    local asked = assert(b:create({ seccomp = { default_action = "SCMP_ACT_ALLOW",
      syscalls = { { names = { "chmod" }, action = "SCMP_ACT_NOTIFY" } } } }))
    local other = ctr.process({ args = { "sleep", "1000" }, env = { "PATH=/bin" },
      seccomp_notify = function(request) request:allow() end })
    assert(asked:run(other))
    local ok, err = asked:call(function() return 1 end)
    assert.is_nil(ok)
    assert.equal("seccomp", err.path)
    b:finish(asked, other)
  end)

  it("is misuse without a function", function()
    begin()
    assert.has_error(function() container:call("x") end)
    assert.has_error(function() container:call({}, "x") end)
    assert.has_error(function() container:call({ colour = 1 }, print) end)
  end)
end)

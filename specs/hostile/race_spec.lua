local alarm = require("specs.support.alarm")
local attack = require("specs.support.attack")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")

local RUNS = 5
local SECONDS = 60
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }
local USERNS = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWNET", "NEWUSER" }
local PROC = { source = "proc", destination = "/proc", device = "proc" }
local COMMANDS = { { path = "/bin/true" } }

-- What is exchanged with what all the time: a name in the root, and the text of a link in its
-- place; and what the start is asked for.
local RACES = {
  ["the parent of mounts"] = { "race", function(volume)
    return { mounts = { PROC,
      { source = volume, destination = "/race/in/target", flags = { "bind", "ro" } },
      { source = volume .. "/file", destination = "/race/in/file", flags = { "bind" } },
      { source = "tmpfs", destination = "/race/in/new", device = "tmpfs" },
      { source = "tmpfs", destination = "/race/in/full", device = "tmpfs",
        extensions = { "copyup" } } } }
  end },
  ["a mount's target"] = { "target", function(volume)
    return { mounts = { PROC, { source = volume, destination = "/target", flags = { "bind" } } } }
  end },
  ["the parent of masked and read-only paths"] = { "race", function()
    return { mounts = { PROC }, mask_paths = { "/race/secret", "/race/in" },
      readonly_paths = { "/race/kept", "/race/more" } }
  end },
  ["the parent of the working folder"] = { "race", function()
    return { mounts = { PROC } }, { cwd = "/race/in/work" }
  end },
  ["the parent of devices"] = { "race", function(_, way)
    local fifo = { type = "p", path = "/race/in/fifo", file_mode = 511, gid = 5 }
    local null = { type = "c", path = "/race/in/null", major = 1, minor = 3, uid = 5 }
    -- In a user namespace the host's devices are bound, and it has none of that name.
    return { mounts = { PROC }, devices = way == "a user namespace" and { fifo } or { null, fifo } }
  end },
  ["/dev"] = { "dev", function()
    return { mounts = { PROC, { source = "devpts", destination = "/dev/pts", device = "devpts",
      data = "newinstance,ptmxmode=0666,mode=0620" } } }, { terminal = true }
  end },
  ["/proc"] = { "proc", function()
    return { mounts = { PROC }, sysctl = { ["kernel.shmmni"] = "77" }, oom_score_adj = 5 }
  end },
  ["/etc"] = { "etc", function()
    return { mounts = { PROC } }, { user = "root", additional_groups = { "daemon" } }
  end },
  ["the program's folder"] = { "bin", function()
    return { mounts = { PROC } }
  end },
}

local AT_ONCE = "the host's namespace, left at once"
local WAYS = {
  ["the lean namespace"] = function() end,
  [AT_ONCE] = function() end,
  ["a user namespace"] = function(changes)
    changes.namespaces, changes.uid_mappings, changes.gid_mappings = USERNS, MAPPING, MAPPING
  end,
  ["a copy of the host's namespace"] = function(changes)
    changes.mounts[1] = { source = "proc", destination = "/proc", device = "proc",
      premount_cmds = COMMANDS }
  end,
}

describe("a root in which names are exchanged", function()
  local b, racer, outside, volume

  setup(function()
    alarm.set(600 * attack.runs(1))
    b = box.new({ cgroup_manager = "none" })
    racer = attack.compile("racer", b.folder)
    outside, volume = b.folder .. "/outside", b.folder .. "/volume"
    local made = host.sh((("mkdir -p V O/in/work O/pts O/self O/kept O/more && "
      .. "echo given > V/file && "
      .. "for f in secret file passwd group null ptmx console sh; do echo canary > O/$f; done; "
      .. "chown --recursive 1234:1235 O && mkdir -p R/race/in R/race/kept R/race/more R/target && "
      .. "echo secret > R/race/secret && chmod --recursive 777 R/race"):gsub("%f[%u][OVR]%f[%U]",
      { O = outside, V = volume, R = b.root })))
    assert.equal(0, made.code, made.stderr)
    b.handle = assert(core.path.open_root(b.root))
  end)

  teardown(function()
    b.handle:close()
    b:close()
    alarm.set(0)
  end)

  local function spawn_racer(name, other)
    local output, input = assert(core.fd.pipe())
    local child = assert(core.proc.spawn({ path = racer, argv = { "racer", b.root, name, other },
      env = {}, fds = { 0, input, 2 } }))
    input:close()
    assert.equal("ready\n", core.fd.read(output, 100))
    child.output = output
    return child
  end

  local function stop(child)
    assert(core.proc.send_signal(child.pidfd, core.proc.signals.SIGTERM))
    assert.equal(0, assert(core.proc.wait(child.pidfd, {})).code)
    local count = tonumber(core.fd.read(child.output, 100))
    child.output:close()
    child.pidfd:close()
    return count
  end

  local function try(changes, spec)
    local container = assert(b.factory:create("race-" .. core.proc.getpid(), changes))
    local fields = { args = { "/bin/busybox", "true" } }
    for key, value in pairs(spec) do
      fields[key] = value
    end
    local process = ctr.process(fields)
    local began = core.proc.clock()
    local ok, err = container:run(process)
    if ok then
      if process:console() then
        process:console():close()
        process.master = nil
      end
      assert(process:wait(SECONDS))
    end
    assert.is_true(core.proc.clock() - began < SECONDS)
    assert(container:destroy())
    return ok and true, err
  end

  local function race(name, text, changes, spec, runs)
    local other = "other"
    core.path.remove_tree(b.handle, other)
    host.sh(("ln -s %s %s/%s"):format(text, b.root, other))
    local child = spawn_racer(name, other)
    for _ = 1, runs do
      try(changes, spec)
    end
    local exchanges = stop(child)
    -- Where the folder is again.
    if core.path.readlink(b.handle, name) then
      host.sh(("cd %s && mv %s kept.%s && mv %s %s && mv kept.%s %s"):format(b.root, name, name,
        other, name, name, other))
    end
    return exchanges
  end

  local function texts_of(way)
    local all = { outside, "/", "../../../../../../.." .. outside, "/proc/1/root" .. outside }
    return (way == "the lean namespace" or way == AT_ONCE) and all or { outside }
  end

  for what, row in pairs(RACES) do
    it("at " .. what .. " reaches nothing outside", function()
      local before, mounts = attack.look(outside), io.open("/proc/self/mountinfo"):read("*a")
      local exchanges = 0
      for way, change in pairs(WAYS) do
        local changes, spec = row[2](volume, way)
        changes = box.config(b.root, changes)
        change(changes)
        b.factory.host.starts_once = way == AT_ONCE
        for _, text in ipairs(texts_of(way)) do
          exchanges = exchanges + race(row[1], text, changes, spec or {}, attack.runs(RUNS))
        end
        -- How many starts find the folder is left to chance; nothing else stood in their way.
        assert(try(changes, spec or {}))
        assert.equal(before, attack.look(outside), way)
      end
      assert.equal(mounts, io.open("/proc/self/mountinfo"):read("*a"))
      assert.is_true(exchanges > 0)
    end)
  end
end)

-- conmon as CRI-O calls it, and CRI-O's own calls of the runtime: runs in the guest.

local core = require("ctr.core")
local guide = require("specs.support.guide")
local installation = require("specs.support.installation")
local rootfs = require("specs.support.rootfs")

if not installation.is_guest() then
  describe("CRI-O's conmon", function()
    pending("needs the guest: cgroup v2, systemd, conmon")
  end)
  return
end

local ID = "1f2e3d4c5b6a"
local SCOPE = "/sys/fs/cgroup/speccrio.slice/crio-" .. ID .. ".scope"

local function process(script, terminal)
  return {
    terminal = terminal or false, cwd = "/", user = { uid = 5, gid = 6 },
    args = { "sh", "-c", script }, env = { "PATH=/bin:/sbin", "COLOUR=blue" },
  }
end

local SPEC = {
  ociVersion = "1.2.0", hostname = "crio",
  process = process([[trap "echo got TERM; exit 5" TERM
    echo started; while :; do sleep 0.1; done]]),
  mounts = {
    { destination = "/proc", type = "proc", source = "proc" },
    { destination = "/dev", type = "tmpfs", source = "tmpfs", options = { "nosuid", "mode=755" } },
    { destination = "/dev/pts", type = "devpts", source = "devpts",
      options = { "nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5" } },
  },
  linux = {
    cgroupsPath = "speccrio.slice:crio:" .. ID,
    resources = { memory = { limit = 67108864 } },
    namespaces = { { type = "pid" }, { type = "mount" }, { type = "ipc" }, { type = "uts" },
      { type = "network" }, { type = "cgroup" } },
  },
}

describe("CRI-O's conmon", function()
  local e, folder, runtime, root, monitor, list

  -- CRI-O's own calls: nothing in the environment but this.
  local function direct(words)
    return e:sh(("env -i XDG_RUNTIME_DIR= CRI_O_EXTERNAL=1 %s --root %s %s 2>&1"):format(runtime,
      root, words))
  end

  -- The descriptors 3 and 4 take what conmon tells, and let it go on.
  local function conmon(words)
    return e:sh(("cd %s; : >sync; _OCI_SYNCPIPE=3 _OCI_STARTPIPE=4 %s -c %s -n name -r %s "
      .. "--runtime-arg --root=%s --socket-dir-path %s --log-level info -s %s 3>sync 4<go"):format(
      folder, monitor, ID, runtime, root, folder, words))
  end

  local function create()
    return conmon(("-b $f --exit-dir $f/exits -l $f/log -P $f/conmon-pid -p $f/pidfile "
      .. "--persist-dir $f --syslog -u " .. ID):gsub("%$f", folder))
  end

  local function told()
    return e:must("until grep -q '}' %s/sync; do sleep 0.1; done; cat %s/sync", folder, folder)
  end

  local function status()
    return core.json.decode(direct("state " .. ID).stdout).status
  end

  setup(function()
    e = installation.new()
    folder = e.folder
    local page = guide.page("cri-o.md")
    local config = page:block("10-lctr.conf")
    runtime = config:match('runtime_path = "(.-)"')
    root = config:match('runtime_root = "(.-)"')
    monitor = config:match('monitor_path = "(.-)"')
    list = page:block("list")
    SPEC.root = { path = rootfs.make(folder .. "/rootfs") }
    e:write(folder .. "/config.json", assert(core.json.encode(SPEC)))
    e:must("mkdir %s/exits; printf x >%s/go", folder, folder)
  end)

  teardown(function()
    direct("delete --force " .. ID)
    e:close()
    e:must("rm -rf %s", root)
  end)

  it("creates a container, which CRI-O starts, asks, changes, and ends", function()
    local ran = create()
    assert.equal(0, ran.code, ran.stderr)
    assert.same(core.json.decode(told()).pid, tonumber(e:must("cat %s/pidfile", folder)))
    assert.equal("created", status())
    assert.same({ 0, "" }, { direct("start " .. ID).code, direct("pause " .. ID).stdout })
    assert.equal("paused", status())
    direct("resume " .. ID)
    assert.matches(ID .. " +%d+ +running", e:must("%s", list))
    assert.equal("67108864", e:must("cat %s/memory.max", SCOPE))
    e:must([[echo '{"memory":{"limit":100663296}}' | %s --root %s update --resources - %s]],
      runtime, root, ID)
    assert.equal("100663296", e:must("cat %s/memory.max", SCOPE))

    assert.equal(0, direct("kill " .. ID .. " 15").code)
    e:must("until test -s %s/exits/%s; do sleep 0.1; done", folder, ID)
    assert.equal("5", e:must("cat %s/exits/%s", folder, ID))
    assert.equal("stopped", status())
    assert.matches("container not running", direct("kill " .. ID .. " KILL").stdout, 1, true)
    assert.equal("stdout F started\nstdout F got TERM",
      e:must([[sed 's/^[^ ]* //' %s/log]], folder))
    assert.equal(0, direct("delete --force " .. ID).code)
    assert.equal("", e:must("ls -d %s 2>/dev/null || :", SCOPE))
  end)

  it("adds a process for ExecSync, and CRI-O one with streams of its own", function()
    create()
    told()
    direct("start " .. ID)
    e:write(folder .. "/process", assert(core.json.encode(process(
      "echo $COLOUR $(id -u):$(id -g); echo err >&2; exit 7"))))
    e:write(folder .. "/missing", assert(core.json.encode({ cwd = "/", args = { "nonesuch" },
      env = { "PATH=/bin" }, user = { uid = 0, gid = 0 } })))
    e:write(folder .. "/terminal", assert(core.json.encode(process(
      "tty; stty size; read line; echo got $line", true))))

    local function exec_sync(name)
      e:must("rm -f %s/exec-*", folder)
      conmon(("-p %s/exec-pid -e -l %s/exec-log --sync --exec-process-spec %s/%s"):format(folder,
        folder, folder, name))
      return told()
    end
    local answers = exec_sync("process")
    assert.matches('"exit_code": 7', answers, 1, true)
    assert.equal("stderr F err\nstdout F blue 5:6",
      e:must([[sed 's/^[^ ]* //' %s/exec-log | sort]], folder))
    assert.matches("not found in $PATH", exec_sync("missing"), 1, true)

    local result = direct(("exec --process %s/process %s"):format(folder, ID))
    assert.equal(7, result.code)
    local shown = e:at_terminal(("%s --root %s exec --process %s/terminal %s"):format(runtime, root,
      folder, ID), "typed\n")
    assert.matches("/dev/pts/%d+\n.*31 97\n.*got typed\n", shown) -- the echo comes any time
    assert.equal(0, direct("delete --force " .. ID).code)
  end)
end)

-- containerd, through its shim for OCI runtimes: runs in the guest.

local guide = require("specs.support.guide")
local image = require("specs.support.engine_image")
local installation = require("specs.support.installation")

if not installation.is_guest() then
  describe("containerd", function()
    pending("needs the guest: cgroup v2, systemd, containerd")
  end)
  return
end

local SCRIPT = [[trap "echo got USR1" USR1; trap "exit 5" TERM
  echo ready; while :; do sleep 0.1; done]]

local COUNT = "i=0; while :; do i=$((i+1)); echo $i >/count; sleep 0.1; done"

-- The size of a terminal reaches a process after its start.
local SIZED = "until stty size | grep -q 31.97; do sleep 0.1; done; echo sized\""

describe("containerd", function()
  local e, page

  setup(function()
    e = installation.new()
    page = guide.page("containerd.md")
    e:write("/etc/containerd/config.toml", page:block("config.toml"))
    e:start("containerd", e.folder .. "/containerd", "ctr version >/dev/null 2>&1")
    e:must("ctr images import %s", e.image)
  end)

  teardown(function()
    e:must("ctr images rm --sync %s", image.NAME)
    e:close()
    e:must("rm -rf /var/lib/containerd /run/containerd")
  end)

  it("runs what the page says", function()
    assert.equal("hello", e:must("%s", page:block("run")))
    assert.equal("0::/system.slice/ctr-one.scope", e:must("%s", page:block("run-systemd")))
    assert.matches("^ID +PID +STATUS", e:must("%s", page:block("list")))
  end)

  it("passes on the exit code of a program, and the words of a failure", function()
    local function run(words)
      return e:sh(("ctr run --rm --runc-binary %s %s code %s"):format(installation.RUNTIME,
        image.NAME, words))
    end
    local result = run("sh -c 'echo out; echo err >&2; exit 3'")
    assert.same({ 3, "out\n", "err\n" }, { result.code, result.stdout, result.stderr })
    assert.matches("not found in $PATH", run("nonesuch").stderr, 1, true)
  end)

  -- How far a task has counted, once that is further than it was.
  local function counted(name, before)
    local pid = e:must("ctr tasks ls"):match("\n" .. name .. " +(%d+)")
    return tonumber(e:must("until [ \"$(cat /proc/%s/root/count 2>/dev/null || echo 0)\" -gt %d ]; "
      .. "do sleep 0.1; done; cat /proc/%s/root/count", pid, before, pid))
  end

  it("takes a checkpoint of a task, and restores it", function()
    e:must("ctr run -d --null-io --runc-binary %s --cgroup /spec/counting %s counting sh -c '%s'",
      installation.RUNTIME, image.NAME, COUNT)
    counted("counting", 10)
    e:must("ctr containers checkpoint --image --task --rw counting spec/counting")
    local before = counted("counting", 10)
    e:sh("ctr tasks delete --force counting; ctr containers rm counting")
    e:must("ctr containers restore --live --rw again spec/counting")
    assert.is_true(counted("again", 10) < before + 100)
    counted("again", before)
    e:sh("ctr tasks delete --force again; ctr containers rm again")
    e:must("ctr images rm --sync spec/counting")
    assert.equal("", e:must("ctr containers ls -q"))
  end)

  local MANAGERS = {
    { name = "systemd", options = "--runc-systemd-cgroup --cgroup system.slice:spec:web",
      path = "/sys/fs/cgroup/system.slice/spec-web.scope" },
    { name = "cgroupfs", options = "--cgroup /spec/web", path = "/sys/fs/cgroup/spec/web" },
  }

  for _, manager in ipairs(MANAGERS) do
    describe("with cgroups by " .. manager.name .. ",", function()
      local function task(text, ...)
        return e:must("ctr tasks " .. text, ...)
      end

      local function cgroup(file)
        return e:must("cat %s/%s", manager.path, file)
      end

      local function status()
        return task("ls"):match("\nweb +%d+ +(%u+)")
      end

      setup(function()
        e:must("ctr run -d --runc-binary %s %s --memory-limit 67108864 --env COLOUR=blue "
          .. "--hostname box --log-uri file://%s/log %s web sh -c '%s'", installation.RUNTIME,
          manager.options, e.folder, image.NAME, SCRIPT)
      end)

      teardown(function()
        e:sh("ctr tasks delete --force web; ctr containers rm web") -- where a spec failed
      end)

      it("starts a task in its cgroup, and lists it", function()
        assert.equal("RUNNING", status())
        local pid = task("ls"):match("\nweb +(%d+)")
        assert.matches("^PID +INFO *\n.*" .. pid, task("ps web"))
        assert.matches(pid, cgroup("cgroup.procs"), 1, true)
        assert.equal("67108864", cgroup("memory.max"))
      end)

      it("adds processes to it, at a terminal too", function()
        local result = e:sh("ctr tasks exec --exec-id more --cwd /tmp --user 5:6 web "
          .. "sh -c 'echo $COLOUR $(hostname) $(id -u):$(id -g) $(pwd); echo err >&2; exit 7'")
        assert.same({ 7, "blue box 5:6 /tmp\n", "err\n" },
          { result.code, result.stdout, (result.stderr:gsub("ctr: .*", "")) })
        assert.matches("/dev/pts/%d+\n.*sized\n",
          (e:at_terminal("ctr tasks exec -t --exec-id tty web sh -c \"tty; " .. SIZED)))
        assert.matches("not found in $PATH",
          e:sh("ctr tasks exec --exec-id none web nonesuch").stderr, 1, true)
      end)

      it("pauses and resumes it", function()
        task("pause web")
        assert.equal("PAUSED", status())
        assert.matches("frozen 1", cgroup("cgroup.events"), 1, true)
        task("resume web")
        assert.equal("RUNNING", status())
      end)

      it("counts what it uses", function()
        local metrics = task("metrics web")
        assert.matches("\nmemory.usage_limit +67108864", metrics)
        assert.matches("\ncpu.usage_usec +[1-9]", metrics)
      end)

      it("signals it, ends it, and leaves nothing", function()
        task("kill -s SIGUSR1 web")
        e:must("until grep -q USR1 %s/log; do sleep 0.1; done", e.folder)
        task("kill web")
        e:must("until ctr tasks ls | grep -q STOPPED; do :; done")
        assert.matches("exit code 5", e:sh("ctr tasks delete web").stderr, 1, true)
        e:must("ctr containers rm web; rm %s/log", e.folder)
        assert.equal("", e:must("%s -q; ls -d %s 2>/dev/null || :",
          (page:block("list"):gsub("\n", "")), manager.path))
      end)
    end)
  end
end)

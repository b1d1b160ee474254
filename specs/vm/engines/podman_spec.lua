-- podman, as root: runs in the guest.

local installation = require("specs.support.installation")
local guide = require("specs.support.guide")

if not installation.is_guest() then
  describe("podman, as root", function()
    pending("needs the guest: cgroup v2, systemd, podman")
  end)
  return
end

local CONFIG = "/etc/containers/containers.conf.d/"

-- What spares time and changes nothing for the runtime.
local FRUGAL = [[
[containers]
log_driver = "k8s-file"
[engine]
events_logger = "none"
]]

-- One container with all that podman can ask for; the words are a part of its command line.
local DRESSED = {
  "--hostname dressed --user 1000:1001 --group-add 44 --workdir /volume --env COLOUR=blue",
  "--read-only --tmpfs /scratch:size=1m,mode=1777 --volume $folder/given:/given:ro",
  "--volume spec-volume:/volume --shm-size 3m --device /dev/fuse:/dev/mine:r",
  "--cap-drop all --cap-add chown --security-opt no-new-privileges",
  "--security-opt mask=/proc/meminfo --ulimit nofile=101:202 --sysctl kernel.msgmax=8191",
  "--memory 64m --memory-swap 64m --cpus 0.5 --pids-limit 50 --init --oom-score-adj 321",
}

-- What it finds, a line each.
local LOOK = [[
hostname
id -u; id -g; id -G
pwd
echo $COLOUR
touch /anywhere 2>&1
touch /scratch/here && stat -c %a /scratch && df -k /scratch | sed -n "2s/ \+/ /gp" | cut -d" " -f2
cat /given/file; touch /given/new 2>&1
df -k /dev/shm | sed -n "2s/ \+/ /gp" | cut -d" " -f2
stat -c %t:%T /dev/mine
grep -E "^(CapBnd|NoNewPrivs|Seccomp):" /proc/self/status | tr "\t" " "
wc -c </proc/meminfo
ulimit -n; ulimit -Hn
cat /proc/sys/kernel/msgmax
cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory.swap.max /sys/fs/cgroup/cpu.max
cat /sys/fs/cgroup/pids.max
cat /proc/1/comm /proc/1/oom_score_adj
cut -d- -f 1,2 /proc/self/attr/current
]]

local SEEN = [[
dressed
1000
1001
1001 44
/volume
blue
touch: /anywhere: Read-only file system
1777
1024
given
touch: /given/new: Read-only file system
3072
a:e5
CapBnd: 0000000000000001
NoNewPrivs: 1
Seccomp: 2
0
101
202
8191
67108864
0
50000 100000
50
podman-init
321
containers-default]]

describe("podman, as root,", function()
  local e, page

  local function podman(text, ...)
    return e:must("podman " .. text, ...)
  end

  setup(function()
    e = installation.new()
    page = guide.page("podman.md")
    e:write(CONFIG .. "lctr.conf", page:block("lctr.conf"))
    e:write(CONFIG .. "spec.conf", FRUGAL)
    e:must("modprobe -a fuse tun; podman load -q -i %s; mkdir %s/given; echo given >%s/given/file",
      e.image, e.folder, e.folder)
  end)

  teardown(function()
    e:must("podman rm -fa -t 0; podman pod rm -fa -t 0; podman volume rm -fa; podman rmi -fa")
    e:close()
  end)

  it("takes the runtime from the page's file, and from the command line", function()
    assert.equal("lctr /usr/local/bin/lctr", e:must("%s", page:block("info")))
    assert.equal("hello", e:must("%s", page:block("run")))
  end)

  it("passes on the streams and the exit code of a program, and the words of a failure", function()
    local function run(words)
      return e:sh("podman run --rm --network none --log-driver none busybox " .. words)
    end
    local result = run([[sh -c 'echo out; echo err >&2; exit 3']])
    assert.same({ 3, "out\n", "err\n" }, { result.code, result.stdout, result.stderr })
    result = run("nonesuch")
    assert.equal(127, result.code)
    assert.matches("not found in $PATH", result.stderr, 1, true)
    result = run("/bin/nonesuch")
    assert.equal(127, result.code)
    assert.matches("no such file or directory", result.stderr:lower(), 1, true)
    result = run("/etc/passwd")
    assert.equal(126, result.code)
    assert.matches("permission denied", result.stderr:lower(), 1, true)
  end)

  it("starts a container with all that can be asked for, and ends it", function()
    finally(function() podman("rm -f -t 0 --ignore dressed") end)
    podman("run -d --name dressed %s busybox sh -c 'exec sleep 1000'",
      (table.concat(DRESSED, " "):gsub("%$folder", e.folder)))
    local seen = e:sh("podman exec -i dressed sh", LOOK)
    assert.equal(SEEN .. "\n", seen.stdout)
  end)

  describe("with a container that runs,", function()
    local path

    local function inspect(format)
      return podman("inspect --format '%s' web", format)
    end

    local function cgroup(file)
      return e:must("cat %s/%s", path, file)
    end

    setup(function()
      podman("run -d --name web --network none --memory 64m --health-interval=disable %s %s",
        "--health-cmd 'test -e /healthy'", [[busybox sh -c '
          trap "echo got USR1" USR1; trap "echo got TERM; exit 5" TERM
          echo ready; echo warned >&2; while :; do sleep 0.1; done']])
      path = "/sys/fs/cgroup" .. e:must([[sed s/0::// /proc/%s/cgroup]], inspect("{{.State.Pid}}"))
    end)

    teardown(function()
      podman("rm -f -t 0 --ignore web")
    end)

    it("has a unit of systemd's for it, and lctr lists it", function()
      assert.matches("^/sys/fs/cgroup/machine.slice/libpod%-%x+.scope", path)
      assert.equal("67108864", cgroup("memory.max"))
      assert.matches(inspect("{{.Id}}") .. " +%d+ +running", e:must("%s", page:block("list")))
    end)

    it("adds processes to it: their user, folder, environment, streams and exit code", function()
      local function exec(words, stdin)
        local result = e:sh("podman exec " .. words, stdin)
        return { result.code, result.stdout, (result.stderr:gsub("^Error: .*", "Error")) }
      end
      assert.same({ 7, "blue 1000:1001 /tmp\n", "" },
        exec("-e COLOUR=blue -u 1000:1001 -w /tmp web "
        .. "sh -c 'echo $COLOUR $(id -u):$(id -g) $(pwd); exit 7'"))
      assert.same({ 0, "GIVEN", "told\n" },
        exec("-i web sh -c 'tr a-z A-Z; echo told >&2'", "given"))
      assert.same({ 137, "", "" }, exec("web sh -c 'kill -9 $$'"))
      assert.same({ 127, "", "Error" }, exec("web nonesuch"))
      assert.same({ 126, "", "Error" }, exec("web /etc/passwd"))
    end)

    it("gives a process a terminal", function()
      local shown, code = e:at_terminal("podman exec -it web sh -c \"tty; stty size; read line;"
        .. " echo got \\$line; exit 4\"", "typed\n")
      assert.equal(4, code)
      assert.matches("/dev/pts/%d+\n31 97\n.*got typed\n", shown)
    end)

    it("pauses it, and resumes it", function()
      podman("pause web")
      assert.equal("paused", inspect("{{.State.Status}}"))
      assert.matches("frozen 1", cgroup("cgroup.events"), 1, true)
      assert.equal(255, e:sh("podman exec web true").code)
      podman("unpause web")
      assert.matches("frozen 0", cgroup("cgroup.events"), 1, true)
    end)

    it("counts what it uses, and lists its processes", function()
      local name, limit, pids = podman("stats --no-stream --no-reset --format %s web",
        "'{{.Name}} {{.MemLimit}} {{.PIDS}}'"):match("^(%S+) (%d+) (%d+)$")
      assert.same({ "web", "67108864" }, { name, limit })
      assert.is_true(tonumber(pids) > 0)
      assert.matches("sleep 0.1", podman("top web args"), 1, true)
    end)

    it("changes its limits", function()
      podman("update --memory 96m --memory-swap 96m --cpus 1.5 --pids-limit 77 web")
      assert.same({ "100663296", "0", "150000 100000", "77" }, { cgroup("memory.max"),
        cgroup("memory.swap.max"), cgroup("cpu.max"), cgroup("pids.max") })
    end)

    it("asks whether it is well", function()
      assert.equal(1, e:sh("podman healthcheck run web").code)
      podman("exec web touch /healthy")
      podman("healthcheck run web")
      assert.equal("healthy", inspect("{{.State.Health.Status}}"))
    end)

    it("signals it, keeps what it said, and stops it", function()
      podman("kill -s USR1 web")
      e:must("until podman logs web | grep -q USR1; do :; done")
      podman("stop web")
      assert.equal("ready\nwarned\ngot USR1\ngot TERM", podman("logs web 2>&1"))
      assert.equal("exited 5", inspect("{{.State.Status}} {{.State.ExitCode}}"))
      podman("start web")
      podman("kill web")
      assert.equal("137", podman("wait web"))
      podman("rm web")
      assert.equal("", e:must("ls -d %s 2>/dev/null || :", path))
    end)
  end)

  it("shares namespaces in a pod", function()
    podman("pod create --name together --share net,ipc,uts,pid --network none --hostname both")
    podman("run -d -q --pod together --name one busybox sleep 1000")
    podman("run -d -q --pod together --name two busybox sleep 1000")
    local show = "sh -c 'hostname; "
      .. "for n in net ipc uts pid mnt; do readlink /proc/self/ns/$n; done'"
    local function namespaces(container)
      local text = podman("exec %s %s", container, show)
      return (text:gsub("\nmnt:(.*)$", "")), text:match("mnt:.*$")
    end
    local one, one_mounts = namespaces("one")
    local two, two_mounts = namespaces("two")
    assert.matches("^both\n", one)
    assert.equal(one, two)
    assert.not_equal(one_mounts, two_mounts)
    assert.equal(2, select(2, podman("exec two ps -o args"):gsub("sleep 1000", "")))
    podman("pod rm -f -t 0 together")
  end)

  it("maps the ids of a container", function()
    e:must("grep -q ^containers: /etc/subuid || echo containers:2000000:131072 | "
      .. "tee -a /etc/subuid >>/etc/subgid")
    local show = "sh -c 'cat /proc/self/uid_map; stat -c %u:%g /given /bin; touch /given/made'"
    local function run(options)
      local shown = podman("run --rm --network none -v %s/given:/given %s busybox %s", e.folder,
        options, show):gsub(" +", " ")
      return shown
    end
    e:must("chmod 777 %s/given", e.folder)
    assert.equal(" 0 2000000 1024\n65534:65534\n0:0", run("--userns auto:size=1024"))
    assert.equal("2000000", e:must("cd %s/given; stat -c %%u made; rm made", e.folder))
    assert.equal(" 0 300000 2000\n65534:65534\n0:0", run("--uidmap 0:300000:2000"))
    e:must("rm %s/given/made", e.folder)
  end)

  it("publishes a port, on a bridge", function()
    podman("run -d -q --name httpd -p 127.0.0.1:8099:80 -v %s/given:/www:ro busybox "
      .. "httpd -f -h /www", e.folder)
    assert.equal("given", e:must("until curl -sf http://127.0.0.1:8099/file; do sleep 0.1; done"))
    podman("rm -f -t 0 httpd")
  end)

  it("leaves out what a container is to share with the host", function()
    local look = "for n in ipc net uts; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup"
    local host = e:must("%s", look)
    assert.equal(host, podman("run --rm --cgroups=disabled --cgroupns=host --ipc=host "
      .. "--network=host --uts=host busybox sh -c '%s'", look))
    assert.equal("systemd", podman("run --rm --network none --pid=host busybox cat /proc/1/comm"))
  end)

  it("filters system calls with a file's rules", function()
    e:write(e.folder .. "/seccomp.json", [[{ "defaultAction": "SCMP_ACT_ALLOW", "syscalls": [
      { "names": ["mkdir", "mkdirat"], "action": "SCMP_ACT_ERRNO", "errnoRet": 95 }] }]])
    local result = e:sh(("podman run --rm --network none --security-opt seccomp=%s/seccomp.json "
      .. "busybox mkdir /new"):format(e.folder))
    assert.equal("mkdir: can't create directory '/new': Operation not supported\n", result.stderr)
  end)

  it("is restarted", function()
    podman("run -q --network none --restart on-failure:2 --name again -v %s/given:/given busybox "
      .. "sh -c 'echo $$ >>/given/count; exit 3' || :", e.folder)
    e:must("until test $(wc -l <%s/given/count) -eq 3; do sleep 0.1; done", e.folder)
    podman("rm -f again")
  end)

  it("makes the cgroups itself where systemd is not asked", function()
    local function cgroupfs(text, ...)
      return e:must("podman --cgroup-manager cgroupfs " .. text, ...)
    end
    cgroupfs("run -d -q --network none --name plain --memory 64m busybox sleep 1000")
    local path = "/sys/fs/cgroup" .. e:must(
      "sed s/0::// /proc/$(podman inspect -f '{{.State.Pid}}' plain)/cgroup")
    assert.matches("^/sys/fs/cgroup/libpod_parent/libpod%-%x+", path)
    assert.equal("67108864", e:must("cat %s/memory.max", path))
    cgroupfs("update --memory 96m --memory-swap 96m plain")
    assert.equal("100663296", e:must("cat %s/memory.max", path))
    cgroupfs("pause plain")
    assert.matches("frozen 1", e:must("cat %s/cgroup.events", path), 1, true)
    cgroupfs("unpause plain")
    assert.equal("1", (cgroupfs("exec plain sh -c 'test -n \"$(cat /proc/self/cgroup)\"; echo 1'")))
    cgroupfs("rm -f -t 0 plain")
    assert.equal("", e:must("ls -d %s 2>/dev/null || :", path))
  end)

  it("writes a container to disk, and brings it back as it was", function()
    podman("run -d -q --name lasting --network none busybox sh -c '%s'",
      [[stamp=$(cat /proc/sys/kernel/random/uuid); trap "echo $stamp" USR1
        echo $stamp; while :; do sleep 0.1; done]])
    podman("container checkpoint lasting")
    assert.equal("exited", podman("inspect -f '{{.State.Status}}' lasting"))
    podman("container restore lasting")
    podman("kill -s USR1 lasting")
    assert.equal("2", e:must("until test $(podman logs lasting | wc -l) -eq 2; do :; done; "
      .. "podman logs lasting | uniq -c | awk '{ print $1 }'"))
    podman("rm -f -t 0 lasting")
  end)

  it("runs the pod of Kubernetes' page", function()
    e:write(e.folder .. "/pod.yaml", guide.page("kubernetes.md"):block("pod.yaml"))
    podman("kube play -q --network none %s/pod.yaml", e.folder)
    assert.equal("67108864 50000 100000 httpd -f -p 8080", podman(
      "exec web-web sh -c 'echo $(cd /sys/fs/cgroup; cat memory.max cpu.max) $(ps -o args | "
      .. "grep [h]ttpd)'"))
    podman("kube down %s/pod.yaml", e.folder)
  end)
end)

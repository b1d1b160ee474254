-- Docker: runs in the guest.

local guide = require("specs.support.guide")
local installation = require("specs.support.installation")

if not installation.is_guest() then
  describe("Docker", function()
    pending("needs the guest: cgroup v2, systemd, docker")
  end)
  return
end

-- The size of a terminal reaches a process after its start.
local SIZED = "until stty size | grep -q 31.97; do sleep 0.1; done; echo sized\""

describe("Docker", function()
  local e, page

  local function docker(text, ...)
    return e:must("docker " .. text, ...)
  end

  setup(function()
    e = installation.new()
    page = guide.page("docker.md")
    e:write("/etc/docker/daemon.json", page:block("daemon.json"))
    e:must("modprobe -a bridge veth; mkdir %s/given; echo given >%s/given/file", e.folder, e.folder)
    e:start("dockerd --ip6tables=false --log-driver=json-file", e.folder .. "/dockerd",
      "docker version >/dev/null 2>&1")
    docker("load -q -i %s", e.image)
  end)

  teardown(function()
    docker("ps -aq | xargs -r docker rm -f")
    e:close()
    -- What it does to the network would be in the way of the next engine.
    e:must("ip link delete docker0; nft flush ruleset; rm -rf /var/lib/docker /run/docker")
  end)

  it("runs what the page says", function()
    assert.equal("/usr/local/bin/lctr", e:must("%s", page:block("info")))
    assert.equal("hello", e:must("%s", page:block("run")))
    assert.matches("^ID +PID +STATUS", e:must("%s", page:block("list")))
  end)

  it("passes on the exit code of a program, and the words of a failure", function()
    local function run(words)
      return e:sh("docker run --rm --runtime lctr busybox " .. words)
    end
    local result = run("sh -c 'echo out; echo err >&2; exit 3'")
    assert.same({ 3, "out\n", "err\n" }, { result.code, result.stdout, result.stderr })
    result = run("nonesuch")
    assert.equal(127, result.code)
    assert.matches("not found in $PATH", result.stderr, 1, true)
    assert.equal(126, run("/etc/passwd").code)
  end)

  -- Docker gives a container its interfaces by a hook that it has the runtime run.
  it("publishes a port, and names containers on a network", function()
    docker("network create spec")
    docker("run -d --runtime lctr --name httpd --network spec -p 127.0.0.1:8097:80 "
      .. "-v %s/given:/www:ro busybox httpd -f -h /www", e.folder)
    assert.equal("given", e:must("until curl -sf http://127.0.0.1:8097/file; do sleep 0.1; done"))
    assert.equal("given",
      docker("run --rm --runtime lctr --network spec busybox wget -qO- http://httpd/file"))
    docker("rm -f httpd; docker network rm spec")
  end)

  describe("with a container that runs,", function()
    local path

    local function cgroup(file)
      return e:must("cat %s/%s", path, file)
    end

    setup(function()
      docker("run -d --runtime lctr --name web --hostname box --memory 64m --read-only --init "
        .. "--tmpfs /scratch --cap-drop all --security-opt no-new-privileges busybox "
        .. [[sh -c 'trap "echo got TERM; exit 5" TERM; echo ready; while :; do sleep 0.1; done']])
      path = "/sys/fs/cgroup" .. e:must("sed s/0::// /proc/%s/cgroup",
        docker("inspect -f '{{.State.Pid}}' web"))
    end)

    it("adds processes to it, at a terminal too", function()
      local result = e:sh("docker exec -i -e COLOUR=blue -u 5:6 -w /scratch web "
        .. "sh -c 'cat; echo $COLOUR $(hostname) $(id -u):$(id -g) $(pwd); exit 7'", "given\n")
      assert.same({ 7, "given\nblue box 5:6 /scratch\n" }, { result.code, result.stdout })
      assert.equal("CapBnd:\t0000000000000000\nNoNewPrivs:\t1\nSeccomp:\t2",
        docker("exec web grep -E '^(CapBnd|NoNewPrivs|Seccomp):' /proc/self/status"))
      assert.equal("docker-default (enforce)", docker("exec web cat /proc/self/attr/current"))
      assert.matches("/dev/pts/%d+\n.*sized\n",
        (e:at_terminal("docker exec -it web sh -c \"tty; " .. SIZED)))
      assert.matches("not found in $PATH", e:sh("docker exec web nonesuch 2>&1").stdout, 1, true)
    end)

    it("pauses it, counts, and changes its limits", function()
      docker("pause web")
      assert.equal("paused", docker("inspect -f '{{.State.Status}}' web"))
      assert.matches("frozen 1", cgroup("cgroup.events"), 1, true)
      docker("unpause web")
      assert.matches("/ 64MiB$", docker("stats --no-stream --format '{{.MemUsage}}' web"))
      docker("update --memory 96m --memory-swap 96m --cpus 1.5 web")
      assert.same({ "100663296", "150000 100000" }, { cgroup("memory.max"), cgroup("cpu.max") })
    end)

    it("stops it, starts it again, kills and removes it", function()
      docker("stop web")
      assert.equal("exited 5", docker("inspect -f '{{.State.Status}} {{.State.ExitCode}}' web"))
      assert.equal("ready\ngot TERM", docker("logs web"))
      docker("start web")
      docker("kill web")
      assert.equal("137", docker("wait web"))
      docker("rm web")
      assert.equal("", e:must("%s -q; ls -d %s 2>/dev/null || :",
        (page:block("list"):gsub("\n", "")), path))
    end)
  end)
end)

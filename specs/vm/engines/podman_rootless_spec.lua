-- podman without root, of a user whom systemd runs a manager for: runs in the guest.

local guide = require("specs.support.guide")
local installation = require("specs.support.installation")

if not installation.is_guest() then
  describe("podman, without root", function()
    pending("needs the guest: cgroup v2, systemd, podman")
  end)
  return
end

local NAME, USER = "podmanspec", 4402
local HOME = "/home/" .. NAME
local CONFIG = HOME .. "/.config/containers/containers.conf.d/"
local SERVICE = ("/user.slice/user-%d.slice/user@%d.service/"):format(USER, USER)

-- Specs have a mount namespace of their own, in which the user's folder in /run is missing.
local AS_USER = ("cd /; nsenter --target 1 --mount setpriv --reuid %d --regid %d --clear-groups "
  .. "env -i HOME=%s XDG_RUNTIME_DIR=/run/user/%d PATH=$PATH "):format(USER, USER, HOME, USER)

local FRUGAL = [[
[containers]
log_driver = "k8s-file"
[engine]
events_logger = "none"
]]

describe("podman, without root,", function()
  local e

  local function podman(text, ...)
    return e:must("%s", AS_USER .. "podman " .. text:format(...))
  end

  setup(function()
    e = installation.new()
    local page = guide.page("podman.md")
    -- No udev runs, which would let every user open it.
    e:must("modprobe tun; chmod 666 /dev/net/tun")
    e:must("useradd --uid %d -m %s; user=%s; %s", USER, NAME, NAME,
      page:block("linger"))
    e:must("systemctl start user@%d.service; chmod 755 %s; mkdir %s/given", USER, HOME, HOME)
    e:write(CONFIG .. "lctr.conf", page:block("lctr.conf"))
    e:write(CONFIG .. "spec.conf", FRUGAL)
    e:must("chown -R %d:%d %s", USER, USER, HOME)
    podman("load -q -i %s", e.image)
  end)

  teardown(function()
    podman("rm -fa -t 0")
    podman("system migrate") -- ends podman's own process
    e:close()
    e:must("loginctl disable-linger %s; systemctl stop user@%d.service; userdel -r %s 2>&1", NAME,
      USER, NAME)
  end)

  describe("with a container in a unit of the user's,", function()
    local path

    local function cgroup(file)
      return e:must("cat %s/%s", path, file)
    end

    setup(function()
      podman("run -d -q --name web --memory 64m --pids-limit 50 -p 127.0.0.1:8098:80 "
        .. "-v %s/given:/given busybox sh -c 'echo ready; exec httpd -f -h /given'", HOME)
      path = "/sys/fs/cgroup" .. e:must("sed s/0::// /proc/%s/cgroup",
        podman("inspect -f '{{.State.Pid}}' web"))
    end)

    it("limits it", function()
      assert.equal("/sys/fs/cgroup" .. SERVICE .. "user.slice/libpod-ID.scope",
        (path:gsub("libpod%-%x+%.scope.*", "libpod-ID.scope")))
      podman("update --memory 96m --memory-swap 96m --pids-limit 70 web")
      assert.same({ "100663296", "70" }, { cgroup("memory.max"), cgroup("pids.max") })
    end)

    it("runs further processes in it, at a terminal too, as the user outside", function()
      assert.equal("", podman("exec web sh -c 'touch /given/made; echo page >/given/page'"))
      assert.equal(tostring(USER), e:must("stat -c %%u %s/given/made", HOME))
      assert.equal(7, e:sh(AS_USER .. "podman exec -u 5:6 web sh -c 'exit $(($(id -u) + 2))'").code)
      local shown = e:at_terminal(AS_USER .. "podman exec -it web sh -c \"tty; stty size\"")
      assert.matches("/dev/pts/%d+\n31 97\n", shown)
    end)

    it("reaches its port through pasta", function()
      assert.equal("page", e:must("curl -sf http://127.0.0.1:8098/page"))
    end)

    it("pauses, counts, and stops it", function()
      podman("pause web")
      assert.matches("frozen 1", cgroup("cgroup.events"), 1, true)
      podman("unpause web")
      assert.matches("^web 1[0-9.]+MB$", (podman("stats --no-stream --format %s web",
        "'{{.Name}} {{.MemUsage}}'"):gsub("web .* / ", "web ")))
      podman("stop -t 1 web")
      assert.equal("exited ready", podman("inspect -f '{{.State.Status}}' web") .. " "
        .. podman("logs web"))
      podman("rm web")
      assert.equal("", e:must("ls -d %s 2>/dev/null || :", path))
    end)
  end)

  it("maps the user to the same number, to none, or to a range of its own", function()
    local show = "sh -c 'id -u; tail -n 1 /proc/self/uid_map; touch /given/kept; true'"
    local function run(mode)
      return (podman("run --rm -q --network none --userns %s -v %s/given:/given busybox %s 2>&1",
        mode, HOME, show):gsub(" +", " "))
    end
    assert.matches(("^%d\n "):format(USER), run("keep-id"))
    assert.equal(tostring(USER), e:must("stat -c %%u %s/given/kept; rm %s/given/kept", HOME, HOME))
    assert.equal("0\n 0 1 65536\ntouch: /given/kept: Permission denied", run("nomap"))
    assert.matches("^0\n 0 %d+ 1024\n", run("auto:size=1024"))
  end)

  it("does without a unit where it makes cgroups itself", function()
    local function cgroupfs(text)
      return podman("--cgroup-manager cgroupfs %s", text)
    end
    cgroupfs("run -d -q --name plain --network slirp4netns busybox sleep 1000")
    assert.equal("tap0", cgroupfs("exec plain sh -c 'cd /sys/class/net; echo t*'"))
    cgroupfs("rm -f -t 0 plain")
  end)
end)

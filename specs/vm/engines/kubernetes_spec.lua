-- A node of Kubernetes without its kubelet: the same calls, to containerd. Runs in the guest.

local cri = require("specs.support.cri")
local guide = require("specs.support.guide")
local image = require("specs.support.engine_image")
local installation = require("specs.support.installation")

if not installation.is_guest() then
  describe("a node of Kubernetes", function()
    pending("needs the guest: cgroup v2, systemd, containerd")
  end)
  return
end

local SOCKET = "/run/containerd/containerd.sock"
local PAUSE = "localhost/pause:1"

-- The node's, beside what the page says: its network is a script, which has no more to do here.
local NODE = [[
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "%s"
  [plugins."io.containerd.grpc.v1.cri".cni]
    bin_dir = "%s/cni"
    conf_dir = "%s/cni"
]]

local NETWORK = [[{ "cniVersion": "1.0.0", "name": "spec", "plugins": [{ "type": "spec" }] }]]

local PLUGIN = [[#!/bin/sh
cat >/dev/null
test "$CNI_COMMAND" = ADD || exit 0
nsenter --net="$CNI_NETNS" ip link set lo up
echo '{ "cniVersion": "1.0.0", "ips": [{ "address": "10.88.0.7/16" }] }'
]]

describe("a node of Kubernetes", function()
  local e, handler

  local function call(method, message)
    local answer, err = cri.call(SOCKET, method, message)
    return answer or error(method .. ": " .. err, 0)
  end

  setup(function()
    e = installation.new()
    handler = guide.page("kubernetes.md"):block("runtimeclass.yaml"):match("\nhandler: (%S+)")
    e:must("mkdir %s/cni", e.folder)
    e:write(e.folder .. "/cni/spec.conflist", NETWORK)
    e:write(e.folder .. "/cni/spec", PLUGIN)
    e:must("cd %s/cni; chmod 755 spec; cp spec loopback", e.folder)
    e:write("/etc/containerd/config.toml", guide.page("containerd.md"):block("config.toml")
      .. NODE:format(PAUSE, e.folder, e.folder))
    e:start("containerd", e.folder .. "/containerd", "ctr version >/dev/null 2>&1")
    e:must("ctr -n k8s.io images import %s", e.image)
    e:must("ctr -n k8s.io images import %s", image.archive(e.folder, PAUSE, '"sleep","100000"'))
  end)

  teardown(function()
    e:must("ctr -n k8s.io images ls -q | xargs ctr -n k8s.io images rm --sync")
    e:close()
    e:must("rm -rf /var/lib/containerd /run/containerd")
  end)

  it("has a pod of the page's class, whose containers share namespaces", function()
    local pod_config = {
      { 1, { { 1, "web" }, { 2, "uid-1" }, { 3, "default" } } }, -- metadata
      { 2, "webpod" }, -- hostname
      { 3, e.folder }, -- log directory
      { 8, { { 1, "spec-pod.slice" } } }, -- linux.cgroup_parent
    }
    local pod = call("RunPodSandbox", { { 1, pod_config }, { 2, handler } })[1]

    local function container(name, more)
      local config = {
        { 1, { { 1, name } } },
        { 2, { { 1, image.NAME } } },
        { 3, "sh" }, { 4, "-c" }, { 4, "echo started; exec sleep 1000" },
        { 6, { { 1, "COLOUR" }, { 2, "blue" } } },
        { 11, name .. ".log" },
      }
      for _, field in ipairs(more) do
        config[#config + 1] = field
      end
      local id = call("CreateContainer", { { 1, pod }, { 2, config }, { 3, pod_config } })[1]
      call("StartContainer", { { 1, id } })
      return id
    end
    -- linux: memory; run as user, read-only root.
    local one = container("one", { { 15, { { 1, { { 4, 67108864 } } },
      { 2, { { 5, { { 1, 1000 } } }, { 7, 1 } } } } } })
    local two = container("two", {})

    local function exec(id, script)
      local answer = call("ExecSync", { { 1, id }, { 2, "sh" }, { 2, "-c" }, { 2, script } })
      return answer[1], answer[2], answer[3]
    end
    local look = "hostname; for n in net ipc uts; do readlink /proc/self/ns/$n; done"
    local shared = exec(one, look)
    assert.matches("^webpod\n", shared)
    assert.equal(shared, (exec(two, look)))
    assert.same({ "blue 1000\n", "touch: /new: Read-only file system\n", 3 },
      { exec(one, "echo $COLOUR $(id -u); touch /new; exit 3") })
    local path = "/sys/fs/cgroup/spec.slice/spec-pod.slice/cri-containerd-" .. one .. ".scope"
    assert.equal("67108864", e:must("cat %s/memory.max", path))
    call("UpdateContainerResources", { { 1, one }, { 2, { { 4, 100663296 } } } })
    assert.equal("100663296", e:must("cat %s/memory.max", path))
    assert.matches("stdout F started", e:must("cat %s/one.log", e.folder), 1, true)

    call("StopContainer", { { 1, one }, { 2, 0 } })
    local status = cri.decode(call("ContainerStatus", { { 1, one } })[1])
    assert.same({ 2, 137 }, { status[3], status[7] }) -- exited
    call("StopPodSandbox", { { 1, pod } })
    call("RemovePodSandbox", { { 1, pod } })
    assert.equal("", e:must("lctr --root /run/containerd/runc/k8s.io list -q; "
      .. "ls -d %s 2>/dev/null || :", path))
  end)
end)

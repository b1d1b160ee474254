local overrides = require("ctr.criu.overrides")

describe("ctr.criu.overrides", function()
  local function recorded(changes)
    local config = { rootfs = "/srv", namespaces = { "NEWNS", "NEWPID", "NEWNET", "NEWUTS" },
      networks = { { type = "loopback" }, { type = "veth", address = "10.0.0.2/24",
        gateway = "10.0.0.1", mac_address = "02:00:00:00:00:01" } } }
    for key, value in pairs(changes or {}) do
      config[key] = value
    end
    return config
  end

  local ADDRESS = { { address = "10.0.0.3/24" } }

  it("merges networks by their names, and drops what is one container's", function()
    local config = assert(overrides.apply(recorded(), { networks = ADDRESS }))
    assert.equal("loopback", config.networks[1].type)
    assert.equal("10.0.0.3/24", config.networks[2].address)
    assert.equal("10.0.0.1", config.networks[2].gateway)
    assert.is_nil(config.networks[2].mac_address)
  end)

  it("puts the cgroup beside that of the checkpoint", function()
    for path, parent in pairs({ ["/a/b"] = "/a", ["/a"] = "/", ["a/b"] = "a" }) do
      local config = assert(overrides.apply(recorded({ cgroups = { path = path } }),
        { networks = ADDRESS, cgroups = { pids_limit = 7 } }))
      assert.same({ nil, parent, 7 },
        { config.cgroups.path, config.cgroups.parent, config.cgroups.pids_limit })
    end
    local config = assert(overrides.apply(recorded({ cgroups = { parent = "/a", name = "b" } }),
      { networks = ADDRESS, cgroups = { path = "/c" } }))
    assert.same({ "/c" }, { config.cgroups.path, config.cgroups.parent })
  end)

  it("names what two containers cannot both have", function()
    local overlay = { source = "overlay", destination = "/data", device = "overlay",
      data = "lowerdir=/l,upperdir=/u,workdir=/w" }
    for path, case in pairs({
      ["networks[2].address"] = { recorded(), {} },
      ["mounts[1].data"] = { recorded({ mounts = { overlay } }), { networks = ADDRESS } },
      ["cgroups.paths"] = { recorded({ cgroups = { paths = { memory = "/sys/fs/cgroup/x" } } }),
        { networks = ADDRESS } },
      ["namespaces"] = { recorded({ namespaces = { "NEWNS", "NEWNET" } }), { networks = ADDRESS } },
      ["hooks.prestart[1]"] = { recorded({ hooks = { prestart = { { func = "a token" } } } }), {} },
    }) do
      local config, err = overrides.apply(case[1], case[2])
      assert.is_nil(config)
      assert.equal(path, err.path)
    end
  end)

  it("knows which streams are given anew", function()
    local needs = { descriptors = { "file[1:2]", "pipe:[3]", "/tmp/log" },
      null_streams = { "stdin" }, null_files = {} }
    assert.same({ "stdout" }, overrides.given_streams(needs))
    assert(overrides.check_process({ stdin = "null", stdout = print }, needs))
    local _, err = overrides.check_process({ stdin = "inherit", stderr = print }, needs)
    assert.same({ "process.stdin", "process.stderr" },
      { err.problems[1].path, err.problems[2].path })
  end)
end)

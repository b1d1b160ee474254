local fit = require("ctr.criu.fit")
local schema = require("ctr.config.schema")

local HERE = { kernel = "6.12.5-amd64", machine = "x64", criu = 40101 }

local function config(changes)
  local all = { rootfs = "/", namespaces = { "NEWNS", "NEWPID" } }
  for key, value in pairs(changes or {}) do
    all[key] = value
  end
  return assert(schema.parse(all))
end

local function needs(changes)
  local all = { format = 1, kernel = "6.12.1", machine = "x64", criu = 40102, mounts = {},
    namespaces = { { type = "NEWNS" }, { type = "NEWPID" } }, uid_mappings = "",
    gid_mappings = "" }
  for key, value in pairs(changes or {}) do
    all[key] = value
  end
  return all
end

local function mount(kind, destination)
  return { kind = kind, destination = destination, below = "", key = destination }
end

describe("ctr.criu.fit", function()
  it("has nothing against a checkpoint of the same, nor of an older kernel and CRIU", function()
    assert.is_true(fit.check(needs(), config(), HERE))
    assert.is_true(fit.check(needs({ kernel = "5.10.0", criu = 31701 }), config(), HERE))
  end)

  it("knows nothing of what another runtime made", function()
    assert.is_true(fit.check({ descriptors = {} }, config(), HERE))
  end)

  it("says all that is missing at once", function()
    local ok, err = fit.check(needs({ kernel = "6.18.0", criu = 40200, machine = "arm64",
      namespaces = { { type = "NEWNS" }, { type = "NEWPID", is_joined = true },
        { type = "NEWUTS" } }, uid_mappings = "0 100000 65536",
      mounts = { mount("bind", "/data"), mount("fs", "/big"), mount("cgroup", "/sys/fs/cgroup"),
        mount("device", "/dev/fuse"), mount("null", "/proc/kcore") } }),
      config({ namespaces = { "NEWNS", "NEWPID", "NEWIPC" },
        mounts = { { source = "x", destination = "/other", device = "tmpfs" } } }), HERE)
    assert.is_nil(ok)
    assert.equal("ConfigInvalid", err.code)
    assert.equal("namespaces", err.path)
    assert.same({
      { path = "namespaces", text = "it had no ipc namespace of its own" },
      { path = "namespaces",
        text = "its pid namespace was another's, whose path has to be given" },
      { path = "namespaces", text = "it had a uts namespace of its own" },
      { path = "uid_mappings", text = "it has other uid_mappings: 0 100000 65536" },
      { path = "mounts",
        text = "it needs a bind mount on /data, which the configuration does not have" },
      { path = "mounts",
        text = "it needs a file system on /big, which the configuration does not have" },
      { path = "mounts", text = "it needs a cgroup mount on /sys/fs/cgroup, which the "
        .. "configuration does not have" },
      { path = "devices",
        text = "it needs the device /dev/fuse, which the configuration does not have" },
      { path = "images_directory",
        text = "it is of another kind of machine: arm64, and this is x64" },
      { path = "any_version",
        text = "it is of Linux 6.18.0, and this is the older 6.12.5-amd64 (any_version tries it)" },
      { path = "any_version",
        text = "it is of CRIU 4.2.0, and this is the older 4.1.1 (any_version tries it)" },
    }, err.problems)
    for _, problem in ipairs(err.problems) do
      assert.matches(problem.text, tostring(err), 1, true)
    end
  end)

  it("takes what is newer where that is said", function()
    local here = { kernel = "6.9.0", machine = "x64", criu = 31701, any_version = true }
    assert.is_true(fit.check(needs(), config(), here))
    here.any_version = false
    local _, err = fit.check(needs(), config(), here)
    assert.equal(2, #err.problems)
  end)

  it("says what a bind mount comes from that is not there, and which namespace is gone", function()
    local _, err = fit.check(needs({ mounts = { mount("bind", "/data") },
      namespaces = { { type = "NEWNS" }, { type = "NEWPID" }, { type = "NEWNET" } } }),
      config({ mounts = { { source = "/nothing/here", destination = "/data", flags = { "bind" } } },
        namespaces = { "NEWNS", "NEWPID", { type = "NEWNET", path = "/nothing/net" } } }), HERE)
    assert.equal(2, #err.problems)
    assert.equal("namespaces[3]", err.problems[1].path)
    assert.matches("/nothing/net", err.problems[1].text, 1, true)
    assert.equal("mounts[1].source does not exist: /nothing/here", err.problems[2].text)
  end)
end)

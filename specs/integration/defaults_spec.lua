-- What a description gives that says no more than what to run.
local box = require("specs.support.box")
local ctr = require("ctr")

local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }

describe("a described container", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function run(script, changes)
    local keys = { rootfs = b.root, run = { "/bin/sh", "-c", script },
      cgroups = { parent = box.PARENT } }
    for key, value in pairs(changes or {}) do
      keys[key] = value
    end
    b.count = b.count + 1
    local description = assert(ctr.container("described-" .. b.count)(keys))
    assert(description:check())
    local container = assert(b.factory:create(description.name, description.config))
    b.containers[#b.containers + 1] = container
    local out, errors = {}, {}
    local fields = description.process
    fields.stdout = function(data) out[#out + 1] = data end
    fields.stderr = function(data) errors[#errors + 1] = data end
    local process = ctr.process(fields)
    local ok, err = container:run(process)
    local result = ok and process:wait(60)
    assert(container:destroy())
    assert(ok, err)
    result.out, result.err = table.concat(out), table.concat(errors)
    return result
  end

  local USER_NAMESPACE = {
    namespaces = { "mount", "uts", "ipc", "pid", "network", "cgroup", "user" },
    uid_mappings = MAPPING, gid_mappings = MAPPING,
  }

  for title, changes in pairs({ ["on the host's users"] = {},
    ["in a user namespace"] = USER_NAMESPACE }) do
    describe(title, function()
      it("lets its root install and serve: files of others, other users, chroot", function()
        local result = run([[
          cd /dev/shm && mkdir d && echo x > d/f && chown -R 5:6 d && chmod 2750 d && cat d/f &&
          stat -c %u:%g:%a d && su -s /bin/sh -c 'id -u' nobody 2>/dev/null ||
          setuidgid nobody id -u; chroot / /bin/true && echo chroot]], changes)
        assert.equal("x\n5:6:2750\n65534\nchroot\n", result.out, result.err)
      end)

      it("has the filter, and gains nothing", function()
        local result = run("grep -E '^(Seccomp|NoNewPrivs|CapBnd|CapAmb):' /proc/self/status",
          changes)
        assert.equal("CapBnd:\t00000000800405fb\nCapAmb:\t0000000000000000\nNoNewPrivs:\t1\n"
          .. "Seccomp:\t2\n", result.out)
      end)

      it("makes no namespaces, mounts nothing, changes no name", function()
        local result = run([[unshare -r true; unshare -m true; mount -t tmpfs x /tmp
          hostname other]], changes)
        local refused = select(2, result.err:gsub("[Pp]ermi", ""))
        assert.equal(4, refused, result.err)
      end)

      it("may ping and listen, whoever runs in it", function()
        local expected = changes.uid_mappings and "0\t0\n0\n" or "0\t2147483647\n0\n"
        local result = run("cd /proc/sys/net/ipv4; cat ping_group_range ip_unprivileged_port_start",
          changes)
        assert.equal(expected, result.out, result.err)
      end)
    end)
  end

  it("has no capability where that is said", function()
    local result = run("grep CapBnd /proc/self/status; chroot / /bin/true", { capabilities = {} })
    assert.equal("CapBnd:\t0000000000000000\n", result.out)
    assert.are_not.equal(0, result.code)
  end)

  it("keeps no capability for a user other than root", function()
    local result = run("grep CapEff /proc/self/status", { user = "1000" })
    assert.equal("CapEff:\t0000000000000000\n", result.out)
  end)

  it("is not filtered where that is said", function()
    local result = run("grep ^Seccomp: /proc/self/status", { seccomp = false })
    assert.equal("Seccomp:\t0\n", result.out)
  end)
end)

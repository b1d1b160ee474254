local ctr = require("ctr")
local default = require("ctr.seccomp.default")
local reference = require("specs.support.seccomp_reference")
local profiles = require("specs.support.profiles")
local words = require("ctr.config.words")

local ALLOW, EPERM, ENOSYS = 0x7fff0000, 0x50001, 0x50026

local function answer(capabilities, name, ...)
  local args = {}
  for index = 1, select("#", ...) do
    args[index - 1] = select(index, ...)
  end
  return reference.by_name(profiles.normalised(default.profile(capabilities)), name, args)
end

local function holding(...)
  return { bounding = { ... } }
end

describe("ctr.seccomp.default", function()
  it("names each call in one place", function()
    for _, capabilities in ipairs({ {}, { bounding = words.capability_list } }) do
      local seen = {}
      for _, rule in ipairs(default.profile(capabilities).syscalls) do
        for _, name in ipairs(rule.args and {} or rule.names) do
          assert.is_nil(seen[name], name)
          seen[name] = true
        end
      end
    end
  end)

  it("follows the capabilities, whichever set they are in", function()
    assert.equal(EPERM, answer(nil, "mount"))
    assert.equal(ALLOW, answer(holding("CAP_SYS_ADMIN"), "mount"))
    assert.equal(ALLOW, answer({ ambient = { "CAP_SYS_ADMIN" } }, "mount"))
    assert.equal(EPERM, answer(holding("CAP_SYS_ADMIN"), "init_module"))
    assert.equal(ALLOW, answer(holding("CAP_SYS_MODULE"), "init_module"))
    assert.equal(ALLOW, answer(holding("CAP_BPF"), "bpf"))
    assert.equal(EPERM, answer(holding("CAP_BPF"), "perf_event_open"))
    assert.equal(EPERM, answer(nil, "chroot"))
    assert.equal(ALLOW, answer(ctr.default_capabilities, "chroot"))
  end)

  it("makes no namespaces by clone without CAP_SYS_ADMIN", function()
    for _, flag in ipairs({ 0x20000ULL, 0x2000000ULL, 0x4000000ULL, 0x8000000ULL, 0x10000000ULL,
      0x20000000ULL, 0x40000000ULL, 0x7e020000ULL, 0x10000011ULL }) do
      assert.equal(EPERM, answer(nil, "clone", flag))
      assert.equal(ALLOW, answer(holding("CAP_SYS_ADMIN"), "clone", flag))
    end
    assert.equal(ALLOW, answer(nil, "clone", 0x3d0f00ULL)) -- a thread
    assert.equal(ENOSYS, answer(nil, "clone3"))
    assert.equal(ALLOW, answer(holding("CAP_SYS_ADMIN"), "clone3"))
    assert.equal(EPERM, answer(nil, "unshare"))
  end)

  it("has no sockets of AF_ALG and AF_VSOCK, however the number is written", function()
    for _, family in ipairs({ 38ULL, 40ULL, 0x100000026ULL, 0xffffffff00000028ULL }) do
      assert.are_not.equal(ALLOW, answer(nil, "socket", family))
    end
    for _, family in ipairs({ 0ULL, 1ULL, 2ULL, 10ULL, 16ULL, 37ULL, 39ULL, 41ULL, 45ULL }) do
      assert.equal(ALLOW, answer(nil, "socket", family))
    end
    assert.are_not.equal(ALLOW, answer(nil, "socket", 46ULL))
    assert.are_not.equal(ALLOW, answer(nil, "socket", 0x100000002ULL))
  end)

  it("puts nothing into a terminal, however the request is written", function()
    for _, request in ipairs({ 0x5412ULL, 0x541cULL, 0x100005412ULL, 0xffffffff0000541cULL }) do
      assert.equal(EPERM, answer(nil, "ioctl", 0ULL, request))
    end
    for _, request in ipairs({ 0x5401ULL, 0x5411ULL, 0x5413ULL, 0x541bULL, 0x541dULL }) do
      assert.equal(ALLOW, answer(nil, "ioctl", 0ULL, request))
    end
  end)

  it("gives ENOSYS for what it does not know", function()
    assert.equal(ENOSYS, answer(nil, "a_call_to_come"))
  end)

  it("passes every rule", function()
    assert(ctr.validate({ rootfs = "/", namespaces = { "mount" },
      seccomp = ctr.default_seccomp() }))
  end)

  it("is the caller's to change", function()
    local profile = ctr.default_seccomp()
    profile.syscalls[1].names[1], profile.architectures[1] = "changed", "changed"
    assert.are_not.same(profile, ctr.default_seccomp())
  end)

  it("takes a table of sets or nothing", function()
    assert.has_error(function() ctr.default_seccomp("all") end)
  end)
end)

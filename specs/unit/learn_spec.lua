local ctr = require("ctr")
local learn = require("ctr.learn")
local schema = require("ctr.config.schema")

local X86_64, X86 = "SCMP_ARCH_X86_64", "SCMP_ARCH_X86"

local function call(name, count, more)
  local entry = { syscall = name, arch = X86_64, count = count or 1 }
  for key, value in pairs(more or {}) do
    entry[key] = value
  end
  return entry
end

local function rule_of(profile, name)
  for _, rule in ipairs(profile.syscalls) do
    for _, other in ipairs(rule.names) do
      if other == name then
        return rule
      end
    end
  end
end

describe("ctr.learn", function()
  it("is a part of the library", function()
    assert.equal(learn, ctr.learn)
  end)

  describe("profile", function()
    it("allows what was called, in order, and refuses the rest with ENOSYS", function()
      local profile = assert(learn.profile({ call("write", 3), call("execve"), call("brk") }))
      assert.same({
        default_action = "SCMP_ACT_ERRNO", default_errno_ret = 38, architectures = { X86_64 },
        syscalls = { { names = { "brk", "execve", "restart_syscall", "write" },
          action = "SCMP_ACT_ALLOW" } },
      }, profile)
    end)

    it("has all architectures", function()
      local profile = assert(learn.profile({ call("write"), call("write", 1, { arch = X86 }) }))
      assert.same({ X86, X86_64 }, profile.architectures)
      assert.same({ "restart_syscall", "write" }, profile.syscalls[1].names)
    end)

    it("allows only the families of sockets that were asked for", function()
      local profile = assert(learn.profile({ call("socket", 2, { families = { [16] = true,
        [2] = true } }) }))
      assert.same({
        { index = 0, op = "SCMP_CMP_EQ", value = 2 }, { index = 0, op = "SCMP_CMP_EQ", value = 16 },
      }, rule_of(profile, "socket").args)
    end)

    it("allows clone without new namespaces, unless some were made", function()
      local profile = assert(learn.profile({ call("clone", 1, { namespaces = false }) }))
      assert.same({ { index = 0, op = "SCMP_CMP_MASKED_EQ", value = 0x7e020000, value_two = 0 } },
        rule_of(profile, "clone").args)
      profile = assert(learn.profile({ call("clone", 1, { namespaces = true }) }))
      assert.is_nil(rule_of(profile, "clone").args)
    end)

    it("fails for a call without a name", function()
      local profile, err = learn.profile({ call("#900") })
      assert.is_nil(profile)
      assert.matches("system call #900", tostring(err))
    end)

    it("makes what the configuration takes", function()
      local profile = assert(learn.profile({ call("execve"), call("clone", 1, {}),
        call("socket", 1, { families = { [1] = true } }) }))
      assert(schema.parse({ rootfs = "/r", namespaces = { "NEWNS" }, seccomp = profile }))
    end)
  end)

  it("merges runs, with what they asked for together", function()
    local merged = learn.merge(
      { call("read", 2), call("socket", 1, { families = { [1] = true } }) },
      { call("socket", 1, { families = { [2] = true } }), call("brk"),
        call("clone", 1, { namespaces = true }) })
    assert.same({
      call("brk"), call("clone", 1, { namespaces = true }), call("read", 2),
      call("socket", 2, { families = { [1] = true, [2] = true } }),
    }, merged)
  end)

  describe("to_lua", function()
    it("writes a key of a description, with the counts", function()
      local calls = { call("execve"), call("write", 12), call("clone") }
      local text = learn.to_lua(assert(learn.profile(calls)), calls)
      assert.matches('\n        "execve",          %-%- 1\n', text)
      assert.matches('\n        "write",           %-%- 12\n', text)
      assert.matches('\n        "restart_syscall",\n', text)
      local chunk = assert(loadstring("return { " .. text .. " }"))
      assert.same(assert(learn.profile(calls)), chunk().seccomp)
    end)
  end)

  describe("to_oci", function()
    it("uses the specification's words", function()
      local profile = assert(learn.profile({ call("execve"), call("clone") }))
      assert.same({
        defaultAction = "SCMP_ACT_ERRNO", defaultErrnoRet = 38, architectures = { X86_64 },
        syscalls = {
          { names = { "execve", "restart_syscall" }, action = "SCMP_ACT_ALLOW" },
          { names = { "clone" }, action = "SCMP_ACT_ALLOW", args = { { index = 0,
            op = "SCMP_CMP_MASKED_EQ", value = 0x7e020000, valueTwo = 0 } } },
        },
      }, learn.to_oci(profile))
    end)
  end)
end)

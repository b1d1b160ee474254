local names = require("ctr.supervisor.names")

local X86_64, X86, X32_BIT = 0xc000003e, 0x40000003, 0x40000000

describe("ctr.supervisor.names", function()
  it("names architectures as the OCI does", function()
    assert.equal("SCMP_ARCH_X86_64", names.arch(X86_64))
    assert.equal("SCMP_ARCH_X86", names.arch(X86))
    assert.equal("#1", names.arch(1))
  end)

  it("names calls by their architecture", function()
    assert.equal("mkdir", names.syscall(83, X86_64))
    assert.equal("mkdir", names.syscall(39, X86))
    assert.equal("mkdir", names.syscall(83 + X32_BIT, X86_64))
    assert.equal("fchmodat2", names.syscall(452, X86_64))
  end)

  it("leaves a number where there is no name", function()
    assert.equal("#9999", names.syscall(9999, X86_64))
    assert.equal("#3", names.syscall(3, 1))
  end)

  it("finds the newest of some calls", function()
    assert.equal(83, names.newest({ mkdir = true, read = true }, 0, X86_64))
    assert.equal(39, names.newest({ mkdir = true, read = true }, 0, X86))
    assert.is_nil(names.newest({}, 0, X86_64))
    assert.is_nil(names.newest({ mkdir = true }, 0, 1))
  end)
end)

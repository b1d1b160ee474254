local words = require("ctr.config.words")

describe("ctr.config.words", function()
  it("number capabilities as the kernel does", function()
    assert.equal(0, words.capabilities.CAP_CHOWN)
    assert.equal(21, words.capabilities.CAP_SYS_ADMIN)
    assert.equal(40, words.capabilities.CAP_CHECKPOINT_RESTORE)
    assert.equal(41, #words.capability_list)
  end)

  it("number signals as the kernel does", function()
    assert.equal(9, words.signals.SIGKILL)
    assert.equal(15, words.signals.TERM)
    assert.equal(31, words.signals.SIGSYS)
  end)

  it("list resource limits in the kernel's order", function()
    assert.equal("RLIMIT_NOFILE", words.rlimit_list[7 + 1])
    assert.equal("RLIMIT_RTTIME", words.rlimit_list[15 + 1])
  end)

  it("know the propagation types below a mount", function()
    assert.equal(0x40000, words.propagation.private)
    assert.equal(0x84000, words.propagation.rslave)
    assert.equal(0x100000, words.propagation.MS_SHARED)
  end)

  it("have a file for each namespace", function()
    for _, name in pairs(words.namespaces) do
      assert.is_string(words.namespace_files[name])
    end
  end)

  describe("sysctl_name", function()
    it("keeps dots", function()
      assert.equal("net.ipv4.ip_forward", words.sysctl_name("net.ipv4.ip_forward"))
      assert.equal("net.ipv4.conf.eth0/100.mtu", words.sysctl_name("net.ipv4.conf.eth0/100.mtu"))
    end)

    it("makes dots of slashes", function()
      assert.equal("net.ipv4.ip_forward", words.sysctl_name("net/ipv4/ip_forward"))
      assert.equal("net.ipv4.conf.eth0/100.mtu", words.sysctl_name("net/ipv4/conf/eth0.100/mtu"))
    end)
  end)

  describe("sysctl_path", function()
    it("is the path below /proc/sys", function()
      assert.equal("net/ipv4/ip_forward", words.sysctl_path("net.ipv4.ip_forward"))
      assert.equal("net/ipv4/conf/eth0.100/mtu", words.sysctl_path("net.ipv4.conf.eth0/100.mtu"))
    end)
  end)
end)

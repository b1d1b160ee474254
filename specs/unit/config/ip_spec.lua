local ip = require("ctr.config.ip")

describe("ctr.config.ip", function()
  describe("parse", function()
    it("reads addresses, and writes them as short as they are written", function()
      for text, short in pairs({
        ["10.0.0.1"] = "10.0.0.1", ["0.0.0.0"] = "0.0.0.0", ["255.255.255.255"] = "255.255.255.255",
        ["::"] = "::", ["::1"] = "::1", ["fd00::2"] = "fd00::2", ["FD00::AB"] = "fd00::ab",
        ["1:2:3:4:5:6:7:8"] = "1:2:3:4:5:6:7:8", ["1:2:3:4:5:6:7::"] = "1:2:3:4:5:6:7:0",
        ["1::3:4:5:6:7:8"] = "1:0:3:4:5:6:7:8", ["1:0:0:4:0:0:0:8"] = "1:0:0:4::8",
        ["::ffff:1.2.3.4"] = "::ffff:102:304", ["1:2:3:4:5:6:1.2.3.4"] = "1:2:3:4:5:6:102:304",
        ["fe80:0:0:0:0:0:0:1"] = "fe80::1",
      }) do
        assert.equal(short, ip.text(assert(ip.parse(text), text)))
      end
    end)

    it("takes nothing else for one", function()
      for _, text in ipairs({
        "", ".", "1.2.3", "1.2.3.4.5", "01.2.3.4", "256.1.1.1", "1.2.3.-4", "1.2.3.4 ", "a.b.c.d",
        "1..2.3", ".1.2.3.4", "1.2.3.4.", "1.2.3.0x4", "1.2.3.1e1", ":", ":::", ":1::", "::1:",
        "1::2::3", "12345::", "g::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9", "::1:2:3:4:5:6:7:8",
        "1.2.3.4::", "1.2.3.4:5::", "::1.2.3", "::1.2.3.4:5", "fe80::1%eth0", "10.0.0.1/24",
        "localhost", "1:2:3:4:5:6:7:1.2.3.4",
      }) do
        assert.is_nil(ip.parse(text), text)
      end
    end)
  end)

  describe("parse_cidr", function()
    it("reads an address and the length of its prefix", function()
      local address, prefix = ip.parse_cidr("10.0.0.5/24")
      assert.same({ "10.0.0.5", 24 }, { ip.text(address), prefix })
      address, prefix = ip.parse_cidr("fd00::/0")
      assert.same({ "fd00::", 0 }, { ip.text(address), prefix })
      assert.equal(128, select(2, ip.parse_cidr("::1/128")))
    end)

    it("takes nothing else for one", function()
      for _, text in ipairs({ "10.0.0.5", "10.0.0.5/", "10.0.0.5/33", "10.0.0.5/024", "::1/129",
        "10.0.0.5/-1", "/24", "10.0.0.5/24/8", "10.0.0.5/255.255.255.0", "x/24", "10.0.0.5/9999",
        "10.0.0.5/1.5" }) do
        assert.is_nil(ip.parse_cidr(text), text)
      end
    end)
  end)

  it("masks addresses", function()
    local function network(text)
      local address, prefix = ip.parse_cidr(text)
      return ip.text(ip.network(address, prefix)), ip.text(ip.broadcast(address, prefix))
    end
    assert.same({ "10.1.2.0", "10.1.2.255" }, { network("10.1.2.3/24") })
    assert.same({ "10.1.2.64", "10.1.2.127" }, { network("10.1.2.99/26") })
    assert.same({ "0.0.0.0", "255.255.255.255" }, { network("10.1.2.3/0") })
    assert.same({ "10.1.2.3", "10.1.2.3" }, { network("10.1.2.3/32") })
    assert.equal("fd00:1::", (network("fd00:1::5/33")))
    assert.equal("fd00:1:8000::", (network("fd00:1:ffff::5/33")))
  end)

  it("compares addresses", function()
    local function contains(cidr, other)
      local address, prefix = ip.parse_cidr(cidr)
      return ip.contains(address, prefix, ip.parse(other))
    end
    assert.is_true(contains("10.1.2.3/24", "10.1.2.254"))
    assert.is_false(contains("10.1.2.3/24", "10.1.3.1"))
    assert.is_true(contains("fd00::1/64", "fd00::ffff:1"))
    assert.is_false(contains("fd00::1/64", "fd00:0:0:1::1"))
    assert.is_false(contains("0.0.0.0/0", "::"))
    assert.is_true(ip.equal(ip.parse("::1"), ip.parse("0:0:0:0:0:0:0:1")))
  end)

  it("knows addresses of special meaning", function()
    assert.is_true(ip.is_link_local(ip.parse("fe80::1")))
    assert.is_true(ip.is_link_local(ip.parse("febf::1")))
    assert.is_false(ip.is_link_local(ip.parse("fec0::1")))
    assert.is_false(ip.is_link_local(ip.parse("169.254.0.1")))
    assert.is_true(ip.is_multicast(ip.parse("224.0.0.1")))
    assert.is_true(ip.is_multicast(ip.parse("ff02::1")))
    assert.is_false(ip.is_multicast(ip.parse("240.0.0.1")))
    assert.is_true(ip.is_unspecified(ip.parse("0.0.0.0")))
    assert.is_true(ip.is_unspecified(ip.parse("::")))
    assert.is_false(ip.is_unspecified(ip.parse("::1")))
  end)
end)

local counters = require("ctr.cgroup.counters")

describe("ctr.cgroup.counters", function()
  it("keeps a number where it is exact, and text where it is not", function()
    assert.equal(9007199254740991, counters.value("9007199254740991"))
    assert.equal("9007199254740993", counters.value("9007199254740993"))
    assert.equal("18446744073709551615", counters.value("max"))
    assert.is_nil(counters.value("x"))
    assert.is_nil(counters.value(nil))
  end)

  it("reads pairs, lists, sets and fields", function()
    assert.same({ a = 1, b_c = 2 }, counters.pairs("a 1\nb_c 2\n"))
    assert.same({}, counters.pairs(nil))
    assert.same({ 1, 2, 3 }, counters.list("1 2 3 \n"))
    assert.same({ 0, 1, 2, 7 }, counters.set("0-2,7"))
    assert.same({}, counters.set(""))
    assert.same({ rbytes = "1", ["cost.usage"] = "2" }, counters.fields("rbytes=1 cost.usage=2"))
  end)

  it("reads pressure", function()
    local text = "some avg10=1.50 avg60=0.25 avg300=0.00 total=123\n"
      .. "full avg10=0.00 avg60=0.00 avg300=0.00 total=45"
    assert.same({
      some = { avg10 = 1.5, avg60 = 0.25, avg300 = 0, total = 123 },
      full = { avg10 = 0, avg60 = 0, avg300 = 0, total = 45 },
    }, counters.pressure(text))
    assert.is_nil(counters.pressure(nil))
  end)

  it("reads RDMA devices", function()
    assert.same({ { device = "mlx4_0", hca_handles = 2, hca_objects = "18446744073709551615" } },
      counters.rdma("mlx4_0 hca_handle=2 hca_object=max\n"))
  end)
end)

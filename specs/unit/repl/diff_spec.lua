local diff = require("ctr.repl.diff")

describe("ctr.repl.diff", function()
  it("finds what went, came and changed, by its path", function()
    local changes = diff.compare({ a = 1, b = { 1, { c = "x" } }, d = {} },
      { b = { 1, { c = "y" } }, d = {}, ["e f"] = true })
    assert.same({
      { sign = "-", path = "a", before = 1 },
      { sign = "~", path = "b[2].c", before = "x", after = "y" },
      { sign = "+", path = '["e f"]', after = true },
    }, changes)
  end)

  it("compares plans by their steps, whatever their numbers", function()
    local ctr = require("ctr")
    local function plan(hostname)
      return assert(ctr.plan({ rootfs = "/", namespaces = { "NEWNS", "NEWUTS" },
        hostname = hostname }, { args = { "/bin/true" } }))
    end
    assert.same({}, diff.compare(plan("a"), plan("a")))
    local changes = diff.compare(plan("a"), plan("b"))
    assert.equal(2, #changes)
    assert.truthy(changes[1].path:find("^hostname a"))
    assert.truthy(changes[2].path:find("^hostname b"))
  end)

  it("compares nothing that has no parts", function()
    assert.is_nil(diff.compare(1, {}))
  end)
end)

local v1 = require("ctr.cgroup.v1")

describe("ctr.cgroup.v1", function()
  describe("nodes", function()
    local layout = { hierarchies = { { type = "cgroup", names = { "pids" }, mount = "/c/pids",
      root = "/", own = "/" } }, unified = { type = "cgroup2", names = { "" },
      mount = "/c/unified", root = "/", own = "/" } }
    local where = { path = "a", absolute = true }

    it("leaves the cgroup2 tree of a hybrid layout alone", function()
      local nodes = v1.nodes(layout, where)
      assert.equal(1, #nodes)
      assert.equal("/c/pids/a", nodes[1].full)
    end)

    it("has one there for a container that is shown its cgroups", function()
      local nodes = v1.nodes(layout, where, true)
      assert.equal("/c/unified/a", nodes[2].full)
      assert.same({ "unified" }, nodes[2].names)
      assert.equal(1, #v1.nodes({ hierarchies = layout.hierarchies }, where, true))
    end)
  end)
end)

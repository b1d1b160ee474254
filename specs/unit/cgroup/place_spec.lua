local place = require("ctr.cgroup.place")

local function refused(config)
  local where, err = place.of(config, "c1")
  assert.is_nil(where)
  assert.equal("ConfigInvalid", err.code)
  return err
end

describe("ctr.cgroup.place", function()
  describe("of", function()
    it("puts a container below our own directory unless told otherwise", function()
      assert.same({ path = "ctr-c1", absolute = false, explicit = false },
        place.of({}, "c1"))
    end)

    it("takes a path as it is", function()
      assert.same({ path = "a/b", absolute = true, explicit = true },
        place.of({ path = "/a/b" }, "c1"))
      assert.same({ path = "a/b", absolute = false, explicit = true },
        place.of({ path = "a/b" }, "c1"))
    end)

    it("joins parent and name, and takes the id for a missing name", function()
      assert.same({ path = "system/x", absolute = false, explicit = false },
        place.of({ parent = "system", name = "x" }, "c1"))
      assert.same({ path = "system/c1", absolute = true, explicit = false },
        place.of({ parent = "/system" }, "c1"))
      assert.same({ path = "x", absolute = false, explicit = false },
        place.of({ name = "x" }, "c1"))
    end)

    it("drops empty components and dots", function()
      assert.equal("a/b", place.of({ path = "//a/./b/" }, "c1").path)
    end)

    it("refuses a path together with a name or a parent", function()
      assert.equal("cgroups.path", refused({ path = "/a", parent = "b" }).path)
      assert.equal("cgroups.path", refused({ path = "/a", name = "b" }).path)
    end)

    it("refuses to leave the tree", function()
      assert.equal("cgroups.path", refused({ path = "a/../../b" }).path)
      assert.equal("cgroups.parent", refused({ parent = ".." }).path)
      assert.equal("cgroups.name", refused({ parent = "a", name = "../b" }).path)
    end)

    it("refuses a path that names the root", function()
      assert.equal("cgroups.path", refused({ path = "/" }).path)
      assert.equal("cgroups.name", refused({ parent = "a", name = "/" }).path)
    end)

    it("refuses bytes and lengths that the kernel refuses", function()
      refused({ path = "a\nb" })
      refused({ path = "a\0b" })
      refused({ path = "/" .. ("x"):rep(256) })
      assert.truthy(place.of({ path = "/" .. ("x"):rep(255) }, "c1"))
    end)
  end)

  describe("split", function()
    it("parts the last component from what is above", function()
      assert.same({ "a/b", "c" }, { place.split("a/b/c") })
      assert.same({ "", "c" }, { place.split("c") })
    end)
  end)
end)

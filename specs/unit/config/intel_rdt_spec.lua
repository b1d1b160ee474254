local schema = require("ctr.config.schema")
local validate = require("ctr.config.validate")

local function parse(rdt)
  return schema.parse({ rootfs = "/srv/web", namespaces = { "NEWNS" }, intel_rdt = rdt })
end

local function refused(path, text, rdt)
  local config, err = parse(rdt)
  assert.is_nil(config)
  assert.same({ { path = path, text = text } }, err.problems)
end

describe("ctr.config.schema.intel_rdt", function()
  it("fills in every default", function()
    assert.same({ clos_id = "", l3_cache_schema = "", mem_bw_schema = "", schemata = {},
      enable_monitoring = false }, assert(parse({})).intel_rdt)
  end)

  it("takes libcontainer's and OCI's spellings", function()
    assert.same({ clos_id = "guaranteed", l3_cache_schema = "L3:0=f", mem_bw_schema = "MB:0=20",
      schemata = { "L2:0=1" }, enable_monitoring = true },
      assert(parse({ closID = "guaranteed", l3CacheSchema = "L3:0=f", memBwSchema = "MB:0=20",
        schemata = { "L2:0=1" }, enableMonitoring = true })).intel_rdt)
  end)

  it("has a class that is a folder's name, or the root's own", function()
    assert(parse({ clos_id = "/" }))
    for _, name in ipairs({ ".", "..", "a/b", "/a", "info", "mon_groups", "mon_data" }) do
      refused("intel_rdt.clos_id",
        "must be the name of a folder in resctrl, or / for the root's own class",
        { clos_id = name })
    end
    refused("intel_rdt.clos_id",
      "must not contain control characters, nor more than 255 bytes", { clos_id = "a\nb" })
  end)

  it("has schemata that start with their resource, one a line", function()
    assert(parse({ l3_cache_schema = "L3DATA:0=f\nL3CODE:0=f" }))
    refused("intel_rdt.l3_cache_schema", "must start as in L3:0=f;1=f",
      { l3_cache_schema = "L3:0=f\nMB:0=10" })
    refused("intel_rdt.mem_bw_schema", "must start as in MB:0=70;1=20",
      { mem_bw_schema = "L3:0=f" })
    refused("intel_rdt.mem_bw_schema", "must be one line", { mem_bw_schema = "MB:0=1\nMB:1=1" })
    refused("intel_rdt.schemata[2]", "must be one line", { schemata = { "L2:0=1", "a:\nb:" } })
    refused("intel_rdt.schemata[1]", "must start as in L2:0=f", { schemata = { "" } })
  end)

  describe("on a machine", function()
    local function problems(rdt, there, err)
      local config = assert(parse(rdt))
      return validate.machine(config, {
        realpath = function(path) return path end,
        ns_supported = function() return true end,
        intel_rdt = function() return there, err end,
      })
    end

    it("needs resctrl", function()
      assert.same({ { path = "intel_rdt", text = "needs Intel RDT: nothing there" } },
        problems({}, nil, "nothing there"))
    end)

    it("needs what its schemata are about", function()
      local all = { l3_cache_schema = "L3:0=f", mem_bw_schema = "MB:0=20",
        enable_monitoring = true }
      assert.same({}, problems(all, { l3 = true, mb = true, monitoring = true }))
      local paths = {}
      for index, problem in ipairs(problems(all, {})) do
        paths[index] = problem.path
      end
      assert.same({ "intel_rdt.l3_cache_schema", "intel_rdt.mem_bw_schema",
        "intel_rdt.enable_monitoring" }, paths)
    end)
  end)
end)

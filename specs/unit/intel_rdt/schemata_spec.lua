local schemata = require("ctr.intel_rdt.schemata")

local FILE = "    L3:0=0fffff;1=000FF\n    MB:0=100;1= 90\n"

local function lines(fields)
  return schemata.lines({ l3_cache_schema = fields.l3 or "", mem_bw_schema = fields.mb or "",
    schemata = fields.more or {} })
end

describe("ctr.intel_rdt.schemata", function()
  it("writes the cache's, the bandwidth's, then the others in order", function()
    assert.same({
      { text = "L3:0=f", path = "intel_rdt.l3_cache_schema" },
      { text = "MB:0=20", path = "intel_rdt.mem_bw_schema" },
      { text = "L2:0=1", path = "intel_rdt.schemata[1]" },
      { text = "L2:1=1", path = "intel_rdt.schemata[2]" },
    }, lines({ l3 = "L3:0=f", mb = "MB:0=20", more = { "L2:0=1", "L2:1=1" } }))
    assert.same({}, lines({}))
  end)

  it("compares by domain, whatever zeros, spaces and capitals there are", function()
    for _, fields in ipairs({
      { l3 = "L3:0=fffff" }, { l3 = "L3:1=ff;0=FFFFF" }, { mb = "MB:1=90" }, { mb = "MB:0=0100" },
      { more = { "L3:1=0ff" } }, {},
    }) do
      assert.is_nil(schemata.mismatch(lines(fields), FILE))
    end
  end)

  it("finds the line that asks for something else", function()
    for path, fields in pairs({
      ["intel_rdt.l3_cache_schema"] = { l3 = "L3:0=ffff" },
      ["intel_rdt.mem_bw_schema"] = { l3 = "L3:0=fffff", mb = "MB:0=99" },
      ["intel_rdt.schemata[2]"] = { more = { "MB:0=100", "L2:0=1" } },
    }) do
      assert.equal(path, schemata.mismatch(lines(fields), FILE).path)
    end
    assert.is_table(schemata.mismatch(lines({ l3 = "L3:2=1" }), FILE))
  end)

  it("shows a resource's line without the spaces around it", function()
    assert.equal("MB:0=100;1= 90", schemata.line_of(FILE, "MB"))
    assert.is_nil(schemata.line_of(FILE, "L2"))
    assert.is_nil(schemata.line_of(nil, "L3"))
  end)
end)

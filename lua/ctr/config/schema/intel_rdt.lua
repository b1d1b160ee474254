--- The shape of Intel RDT's settings. Loaded when a configuration has some.
-- @module ctr.config.schema.intel_rdt

local rules = require("ctr.config.rules.intel_rdt")
local shape = require("ctr.config.shape")

local M = {}

--- A share of the cache and of the memory's bandwidth, by the file system resctrl.
M.intel_rdt = shape.record({
  clos_id = shape.string({
    default = "", alias = "closID", check = rules.clos_id,
    about = "The class of service, which outlives the container; one of its own without it.",
  }),
  l3_cache_schema = shape.string({
    default = "", alias = "l3CacheSchema", check = rules.l3_schema,
    about = "The share of the third level cache, as in L3:0=7f0;1=1f.",
  }),
  mem_bw_schema = shape.string({
    default = "", alias = "memBwSchema", check = rules.bandwidth_schema,
    about = "The share of the memory's bandwidth, as in MB:0=20;1=70.",
  }),
  schemata = shape.list(
    shape.string({ check = rules.schema_line, about = "A line for the file schemata." }),
    { default = {}, about = "More lines for the file schemata, written in order." }
  ),
  enable_monitoring = shape.boolean({
    default = false, alias = "enableMonitoring",
    about = "Makes a monitoring group for the container.",
  }),
})

return M

-- Documents with something wrong in them, found by chance from a fixed seed: what is taken comes
-- back as it was, and nothing throws.

local core = require("ctr.core")
local oci = require("ctr.oci")
local schema = require("ctr.config.schema")

local ROUNDS = 400

local VALUES = {
  function() return 1 end, function() return -1 end, function() return 0 end,
  function() return 0.5 end, function() return 2 ^ 40 end, function() return 1e300 end,
  function() return "" end, function() return "x" end, function() return "/" end,
  function() return ".." end, function() return "18446744073709551615" end,
  function() return true end, function() return false end, function() return core.json.null end,
  function() return {} end, function() return core.json.array({}) end,
  function() return { 1 } end, function() return { a = 1 } end, function() return { "a", "b" } end,
}

local function some(list)
  return list[math.random(#list)]
end

local function by_text(one, other)
  return tostring(one) < tostring(other)
end

local function mutate(value)
  local keys = {}
  for key in pairs(value) do
    keys[#keys + 1] = key
  end
  table.sort(keys, by_text)
  if #keys == 0 then
    value.odd = some(VALUES)()
    return
  end
  local key = some(keys)
  if type(value[key]) == "table" and math.random() < 0.8 then
    mutate(value[key])
  elseif math.random() < 0.2 then
    value[key] = nil
  else
    value[key] = some(VALUES)()
  end
end

local function settled(config)
  table.sort(config.labels)
  return config
end

-- What a document comes to, and what that comes to when it went back; nil for one that is refused.
local function convert(spec)
  local config, process = oci.config(spec, { bundle = "/" })
  local parsed = config and schema.parse(config)
  local back = parsed and oci.spec(config, process)
  if not back then
    return nil
  end
  local text = assert(oci.encode(back))
  local again = assert(oci.config(assert(core.json.decode(text)), { bundle = "/" }))
  return settled(parsed), settled(assert(schema.parse(again)))
end

describe("an OCI configuration that was changed by chance", function()
  it("is refused, or comes back as it was", function()
    math.randomseed(1)
    local taken = 0
    for round = 1, ROUNDS do
      local spec = oci.default({ rootless = round % 2 == 0 })
      for _ = 1, math.random(1, 3) do
        mutate(spec)
      end
      local text = core.json.encode(spec)
      local before, after = convert(spec)
      if before then
        taken = taken + 1
        assert.same(before, after, text)
      end
    end
    assert.is_true(taken > 20 and taken < ROUNDS)
  end)
end)

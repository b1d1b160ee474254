local core = require("ctr.core")
local members = require("specs.support.oci_members")
local oci = require("ctr.oci")
local schema = require("ctr.config.schema")

local at, document, MEMBERS = members.at, members.document, members.list

local function convert(spec)
  local config, process, ignored = oci.config(spec, { bundle = "/" })
  assert(config, tostring(process))
  assert.same({}, ignored)
  return assert(schema.parse(config)), process and assert(schema.parse_process(process))
end

-- Without the marks of arrays, which say nothing of the content.
local function plain(value)
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, item in pairs(value) do
    result[key] = plain(item)
  end
  return result
end

local function name_of(path, value)
  return path .. " = " .. core.json.encode({ value }):sub(2, -2)
end

describe("an OCI configuration", function()
  for _, row in ipairs(MEMBERS) do
    local path, value, own, expected = unpack(row)
    local name = name_of(path, value)

    it("is converted: " .. name, function()
      local config, process = convert(document(path, value))
      config.process = process
      assert.same(expected == nil and value or expected, at(config, own))
    end)

    it("comes back: " .. name, function()
      local config, process = convert(document(path, value))
      local spec = assert(oci.spec(config, process))
      assert.is_nil(spec.ctr)
      assert.same(value, plain(at(spec, path)))
      -- Both ways again, by way of text.
      local text = assert(oci.encode(spec))
      assert.same(plain(spec), plain(assert(core.json.decode(text))))
      local again, process_again = convert(core.json.decode(text))
      assert.same(config, again)
      assert.same(process, process_again)
    end)
  end
end)

-- A value of another type than a sample; text that is the digits of a large number is an integer.
local WRONG = {
  string = { 5, true, {} }, number = { "5", true, {}, 0.5 }, boolean = { 1, "true", {} },
  table = { 1, "x", true },
}

local function kind_of(value)
  if type(value) == "string" and value:find("^%d+$") and #value > 15 then
    return "number"
  end
  return type(value)
end

-- Goes through the values of a sample, each with its path.
local function each_value(value, path, use)
  use(value, path)
  if type(value) ~= "table" then
    return
  end
  for key, item in pairs(value) do
    local name = type(key) == "number" and ("%s[%d]"):format(path, key)
      or key:find("^[%a_][%w_]*$") and path .. "." .. key
      or ('%s["%s"]'):format(path, key)
    each_value(item, name, use)
  end
end

local function replaced(value, path, target, with)
  if path == target then
    return with
  end
  if type(value) ~= "table" then
    return value
  end
  local result = {}
  for key, item in pairs(value) do
    local name = type(key) == "number" and ("%s[%d]"):format(path, key)
      or key:find("^[%a_][%w_]*$") and path .. "." .. key
      or ('%s["%s"]'):format(path, key)
    result[key] = replaced(item, name, target, with)
  end
  return result
end

describe("an OCI configuration is refused by its path", function()
  for _, row in ipairs(MEMBERS) do
    local path, value = row[1], row[2]
    it(name_of(path, value), function()
      each_value(value, path, function(part, target)
        for _, wrong in ipairs(WRONG[kind_of(part)]) do
          local spec = document(path, replaced(value, path, target, wrong))
          local config, err = oci.config(spec, { bundle = "/" })
          local what = target .. " = " .. core.json.encode({ wrong })
          assert.is_nil(config, what)
          assert.equal("ConfigInvalid", err.code)
          -- An empty table lacks what is required in it.
          assert.equal(target, err.path:sub(1, #target), what)
        end
      end)
    end)
  end
end)

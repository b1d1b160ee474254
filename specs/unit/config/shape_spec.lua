local shape = require("ctr.config.shape")

-- What is wrong with a value, as { path, text } each.
local function problems(kind, value, opts)
  local result, err = shape.parse(kind, value, opts)
  assert.is_nil(result)
  assert.equal("ConfigInvalid", err.code)
  assert.equal(err.problems[1].path, err.path)
  return err.problems
end

-- The text of the only problem, which is at `path`.
local function problem(path, kind, value)
  local found = problems(kind, value)
  assert.equal(1, #found)
  assert.equal(path, found[1].path)
  return found[1].text
end

describe("ctr.config.shape", function()
  describe("record", function()
    local mount = shape.record({
      source = shape.string({ default = "" }),
      destination = shape.string({}),
      device = shape.string({}),
      options = shape.list(shape.string(), { default = {} }),
      note = shape.string({ optional = true }),
    })

    it("fills in what was left out", function()
      assert.same({ source = "", destination = "/data", device = "tmpfs", options = {} },
        shape.parse(mount, { destination = "/data", device = "tmpfs" }))
    end)

    it("leaves what it was given as it was", function()
      local given = { destination = "/data", device = "tmpfs" }
      local first = shape.parse(mount, given)
      assert.same({ destination = "/data", device = "tmpfs" }, given)
      assert.are_not.equal(first.options, shape.parse(mount, given).options)
    end)

    it("lists its keys in order, what is missing and what is unknown", function()
      assert.same({
        { path = "destination", text = "is required" },
        { path = "device", text = "must be a string, not a number" },
        { path = "colour", text = "is not known here" },
        { path = "devise", text = "is not known here; did you mean `device`?" },
      }, problems(mount, { devise = "x", device = 1, colour = "red" }))
    end)

    it("names keys of any kind", function()
      local ring = { destination = "/", device = "x" }
      ring[1], ring[1.5], ring[true], ring["a b"], ring[""] = 1, 1, 1, 1, 1
      ring[ring] = ring
      local paths = {}
      for i, found in ipairs(problems(mount, ring)) do
        paths[i] = found.path
      end
      assert.same({ "[boolean]", "[1]", "[1.5]", '[""]', '["a b"]', "[table]" }, paths)
    end)

    it("leaves unknown keys out where it is open", function()
      local open = shape.record({ a = shape.any() }, { open = true })
      assert.same({ a = 1 }, shape.parse(open, { a = 1, b = 2 }))
    end)

    it("reads another spelling of a key", function()
      local aliased = shape.record({ root_mode = shape.integer({ alias = "rootMode" }) })
      assert.same({ root_mode = 1 }, shape.parse(aliased, { rootMode = 1 }))
      assert.equal("is given twice, here and as `rootMode`",
        problem("root_mode", aliased, { rootMode = 1, root_mode = 2 }))
      assert.equal("rootMode", problems(aliased, { rootMode = "x" })[1].path)
    end)

    it("takes a value that means nothing for nothing", function()
      local unset = shape.record({ memory = shape.integer({ optional = true, unset = 0 }) })
      assert.same({}, shape.parse(unset, { memory = 0 }))
      assert.same({ memory = 1 }, shape.parse(unset, { memory = 1 }))
    end)

    it("asks a default that is a function, with the record", function()
      local asking = shape.record({
        a = shape.integer({ optional = true }),
        b = shape.integer({
          default = function(record)
            if record.a then
              return record.a + 1
            end
            return nil, "is required without a"
          end,
        }),
      })
      assert.same({ a = 1, b = 2 }, shape.parse(asking, { a = 1 }))
      assert.equal("is required without a", problem("b", asking, {}))
    end)

    it("reads a default that is a record by its shape", function()
      local inner = shape.record({ a = shape.integer({ default = 7 }) }, { default = {} })
      assert.same({ inner = { a = 7 } }, shape.parse(shape.record({ inner = inner }), {}))
    end)

    it("refuses what is not a table", function()
      assert.equal("must be a table, not a string", problem("config", mount, "x"))
      assert.equal("is required", problem("config", mount, nil))
    end)

    it("starts paths with a prefix", function()
      local args = shape.record({ args = shape.list(shape.string()) })
      assert.equal("process.args[2]",
        problems(args, { args = { "a", 1 } }, { prefix = "process" })[1].path)
      assert.equal("process", problems(args, 1, { prefix = "process" })[1].path)
    end)
  end)

  describe("options", function()
    it("check, and name the part to blame", function()
      local kind = shape.list(shape.string(), {
        check = function(list)
          if list[2] == "x" then
            return nil, "must not be x", 2
          end
          return true
        end,
      })
      assert.same({ "a", "b" }, shape.parse(kind, { "a", "b" }))
      assert.equal("must not be x", problem("[2]", kind, { "a", "x" }))
    end)

    it("accept another way to write it", function()
      local kind = shape.integer({
        accept = function(value)
          if value == "bad" then
            return nil, "is bad"
          end
          return tonumber(value)
        end,
      })
      assert.equal(5, shape.parse(kind, "5"))
      assert.equal("is bad", problem("config", kind, "bad"))
    end)

    it("normalise what was read", function()
      local kind = shape.string({
        normalise = function(text)
          if text == "" then
            return nil, "is nothing"
          end
          return text:upper()
        end,
      })
      assert.equal("A", shape.parse(kind, "a"))
      assert.equal("is nothing", problem("config", kind, ""))
    end)
  end)

  describe("list", function()
    local names = shape.list(shape.string(), { min = 1, max = 3 })

    it("keeps the order", function()
      assert.same({ "b", "a" }, shape.parse(names, { "b", "a" }))
    end)

    it("keeps false", function()
      assert.same({ false, true }, shape.parse(shape.list(shape.boolean()), { false, true }))
    end)

    it("names each bad item", function()
      assert.same({
        { path = "[1]", text = "must be a string, not a boolean" },
        { path = "[3]", text = "must be a string, not a table" },
      }, problems(names, { true, "a", {} }))
    end)

    it("refuses too few and too many", function()
      assert.equal("must have at least 1", problem("config", names, {}))
      assert.equal("must have at most 3", problem("config", names, { "a", "b", "c", "d" }))
    end)

    local gaps = "must be a list: the keys 1, 2, 3 … without gaps, and no others"
    for what, value in pairs({
      ["gaps"] = { [1] = "a", [3] = "b" },
      ["names"] = { "a", name = "b" },
      ["key 0"] = { [0] = "a" },
      ["a key far away"] = { "a", [2 ^ 52] = "b" },
      ["fractions"] = { "a", [1.5] = "b" },
    }) do
      it("refuses " .. what, function()
        assert.equal(gaps, problem("config", names, value))
      end)
    end

    it("refuses what is not a table", function()
      assert.equal("must be a list, not a string", problem("config", names, "a"))
    end)
  end)

  describe("map", function()
    local settings = shape.map(shape.string(), {
      key = function(name)
        if name:find(" ", 1, true) then
          return nil, "is not a name"
        end
        return name:lower()
      end,
    })

    it("reads each value", function()
      assert.same({ a = "1", b = "2" }, shape.parse(settings, { a = "1", b = "2" }))
    end)

    it("names problems by key, in order", function()
      assert.same({
        { path = "[1]", text = "must have a name as its key, not a number" },
        { path = '["a b"]', text = "is not a name" },
        { path = '["net.ipv4"]', text = "must be a string, not a table" },
        { path = "z", text = "must be a string, not a boolean" },
      }, problems(settings, { z = true, ["net.ipv4"] = {}, "x", ["a b"] = "1" }))
    end)

    it("refuses two spellings of one key", function()
      assert.equal("is given twice, in two spellings", problem("a", settings, { A = "1", a = "2" }))
    end)
  end)

  describe("string", function()
    it("refuses a NUL byte", function()
      assert.equal("must not contain a NUL byte", problem("config", shape.string(), "a\0b"))
    end)

    it("refuses nothing and too much where told to", function()
      local kind = shape.string({ empty = false, max = 3 })
      assert.equal("must not be empty", problem("config", kind, ""))
      assert.equal("must not be longer than 3 bytes", problem("config", kind, "abcd"))
      assert.equal("abc", shape.parse(kind, "abc"))
    end)

    it("takes no number for text", function()
      assert.equal("must be a string, not a number", problem("config", shape.string(), 5))
    end)
  end)

  describe("boolean", function()
    it("takes nothing that looks like one", function()
      for _, value in ipairs({ 0, 1, "true", "", {} }) do
        assert.equal("must be true or false, not a " .. type(value),
          problem("config", shape.boolean(), value))
      end
      assert.is_false(shape.parse(shape.boolean(), false))
    end)
  end)

  describe("integer", function()
    local port = shape.integer({ min = 0, max = 65535 })

    it("takes what is in range", function()
      assert.equal(0, shape.parse(port, 0))
      assert.equal(65535, shape.parse(port, 65535))
      assert.equal(-2 ^ 53, shape.parse(shape.integer(), -2 ^ 53))
    end)

    it("makes 0 of -0", function()
      assert.equal(math.huge, 1 / shape.parse(port, -0.0))
    end)

    local odd = { -1, 65536, 1.5, 0 / 0, math.huge, -math.huge, 1e300, "5", true, {} }
    for _, value in ipairs(odd) do
      it("refuses " .. tostring(value):gsub("0x.*", ""), function()
        assert.equal("must be an integer from 0 to 65535", problem("config", port, value))
      end)
    end
  end)

  describe("size", function()
    it("reads units", function()
      assert.equal(536870912, shape.parse(shape.size(), "512M"))
      assert.equal(-1, shape.parse(shape.size({ unlimited = true }), "unlimited"))
      assert.equal("must not be negative", problem("config", shape.size(), -1))
    end)
  end)

  describe("enum", function()
    it("keeps what the word stands for", function()
      local kind = shape.enum({ NEWNS = "NEWNS", mount = "NEWNS" })
      assert.equal("NEWNS", shape.parse(kind, "mount"))
    end)

    it("names the words, and the one that is near", function()
      local kind = shape.enum({ "frozen", "thawed" })
      assert.equal('must be one of frozen, thawed: "forzen"; did you mean "frozen"?',
        problem("config", kind, "forzen"))
      assert.equal("must be one of frozen, thawed", problem("config", kind, {}))
      assert.equal("must be one of frozen, thawed", problem("config", kind, 1))
    end)
  end)

  describe("flags", function()
    local kind = shape.flags({ words = { ro = 1, noexec = 8, ["both"] = 9 }, mask = 9 })

    it("adds up words", function()
      assert.equal(9, shape.parse(kind, { "ro", "noexec" }))
      assert.equal(9, shape.parse(kind, { "both", "ro" }))
      assert.equal(8, shape.parse(kind, "noexec"))
      assert.equal(0, shape.parse(kind, {}))
    end)

    it("takes a number", function()
      assert.equal(9, shape.parse(kind, 9))
    end)

    for _, value in ipairs({ 2, -1, 1.5, 2 ^ 40, 2 ^ 32 + 1, 0 / 0, math.huge }) do
      it("refuses the number " .. tostring(value), function()
        assert.equal("holds bits that mean nothing here", problem("config", kind, value))
      end)
    end

    it("names each unknown word, and the one that is near", function()
      assert.same({
        { path = "[1]", text = 'is not a known flag: "noexce"; did you mean "noexec"?' },
        { path = "[3]", text = "must be a word, not a number" },
      }, problems(kind, { "noexce", "ro", 8 }))
    end)

    it("tells setting, clearing and propagation apart, the last word winning", function()
      local split = shape.flags({
        words = { ro = { set = 1 }, rw = { clear = 1 }, dev = { clear = 4 },
          slave = { propagation = 64 } },
        mask = 1,
        split = true,
      })
      assert.same({ set = 0, clear = 5, propagation = { 64 } },
        shape.parse(split, { "ro", "dev", "slave", "rw" }))
      assert.same({ set = 1, clear = 4, propagation = {} },
        shape.parse(split, { "rw", "dev", "ro" }))
    end)
  end)

  describe("choice", function()
    it("reads by the shape that was selected", function()
      local kind = shape.choice(function(value)
        return type(value) == "table" and shape.list(shape.string()) or shape.string()
      end)
      assert.equal("a", shape.parse(kind, "a"))
      assert.same({ "a" }, shape.parse(kind, { "a" }))
    end)
  end)

  describe("lazy", function()
    it("loads its shape when there is a value, and not before", function()
      local loads = 0
      local lazy = shape.lazy(function()
        loads = loads + 1
        return shape.record({ size = shape.integer() })
      end, { optional = true })
      local record = shape.record({ part = lazy })
      assert.same({}, shape.parse(record, {}))
      assert.equal(0, loads)
      assert.same({ part = { size = 1 } }, shape.parse(record, { part = { size = 1 } }))
      assert.equal(1, loads)
      local value, err = shape.parse(record, { part = { size = "x" } })
      assert.is_nil(value)
      assert.equal("part.size", err.path)
    end)
  end)

  describe("parse", function()
    it("runs no metamethod", function()
      local function raise()
        error("a metamethod ran")
      end
      local hostile = setmetatable({}, {
        __index = raise, __newindex = raise, __len = raise, __call = raise, __eq = raise,
        __tostring = raise, __pairs = raise, __ipairs = raise, __lt = raise, __concat = raise,
      })
      local text = "must be a plain table, without a metatable that stands in for its content"
      local kind = shape.record({ a = shape.list(shape.string()), b = shape.string() })
      assert.equal(text, problem("config", kind, hostile))
      assert.same({
        { path = "a", text = text },
        { path = "b", text = "must be a string, not a table" },
      }, problems(kind, { a = hostile, b = hostile }))
    end)

    for _, event in ipairs({ "__index", "__len", "__pairs", "__ipairs" }) do
      it("refuses a table whose content may hide behind " .. event, function()
        local table_with = setmetatable({ "a" }, { [event] = {} })
        assert.truthy(problem("config", shape.list(shape.string()), table_with):find("metatable"))
      end)
    end

    it("takes a table that is only marked by its metatable", function()
      local list = setmetatable({ "a" }, { __name = "json.array" })
      assert.same({ "a" }, shape.parse(shape.list(shape.string()), list))
    end)

    it("refuses a metatable that is hidden", function()
      local hidden = setmetatable({}, { __metatable = false })
      assert.truthy(problem("config", shape.record({}), hidden):find("metatable"))
    end)

    it("ends in a cycle, with a shape that contains itself", function()
      local node = shape.record({})
      node.fields.next, node.order, node.known.next = node, { "next" }, true
      local ring = {}
      ring.next = ring
      local found = problems(node, ring)
      assert.equal("is nested too deeply", found[1].text)
      assert.equal("next" .. (".next"):rep(63), found[1].path)
    end)

    it("counts problems beyond the first 200", function()
      local list = {}
      for i = 1, 1000 do
        list[i] = i
      end
      local result, err = shape.parse(shape.list(shape.string()), list)
      assert.is_nil(result)
      assert.equal(200, #err.problems)
      assert.truthy(tostring(err):find("\nand 800 more$"))
    end)
  end)
end)

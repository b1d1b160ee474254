local messages = require("ctr.criu.messages")
local protobuf = require("ctr.criu.protobuf")

local ROWS = {
  { 1, "count", "number" }, { 2, "name", "string" }, { 3, "all", "number", true },
  { 4, "inner", { { 1, "is_set", "bool" }, { 16, "text", "string" } } },
}

local function bytes(hex)
  return (hex:gsub("%s", ""):gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

describe("ctr.criu.protobuf", function()
  it("writes what other encoders write", function()
    for _, case in ipairs({
      { { count = 0 }, "0800" },
      { { count = 150 }, "089601" },
      { { count = 2 ^ 53 }, "08 8080808080808010" },
      { { count = -1 }, "08 ffffffffffffffffff01" },
      { { name = "testing" }, "12 07 74657374696e67" },
      { { name = "" }, "12 00" },
      { { all = { 3, 270 } }, "1803 188e02" },
      { { inner = { is_set = true, text = "x" } }, "22 06 0801 820101 78" },
      { {}, "" },
    }) do
      assert.equal(bytes(case[2]), protobuf.encode(ROWS, case[1]))
    end
  end)

  it("reads what it wrote", function()
    for _, number in ipairs({ 0, 1, 127, 128, 16383, 16384, 2 ^ 31 - 1, 2 ^ 32, 2 ^ 53, -1, -2,
      -128, -2 ^ 31 }) do
      local message = { count = number, name = "\0\255", all = { number }, inner = { is_set = false,
        text = ("x"):rep(300) } }
      assert.same(message, protobuf.decode(ROWS, protobuf.encode(ROWS, message)))
    end
  end)

  it("passes over fields of any kind that it does not know", function()
    local unknown = bytes("28 05 3102030405060708 09 3a 02 6869 45 01020304")
    assert.same({ count = 7 }, protobuf.decode(ROWS, unknown .. bytes("0807") .. unknown))
  end)

  it("takes the last of a field that comes twice", function()
    assert.same({ count = 2 }, protobuf.decode(ROWS, bytes("0801 0802")))
  end)

  it("refuses what is cut off, or is of another kind", function()
    for _, text in ipairs({ "08", "0880", "08 ffffffffffffffffffffff01", "12 05 6869", "1a 01 05",
      "0a 01 78", "22 01 08", "31 0102", "0b", "0c", "12", "12 ffffffff0f" }) do
      local message, err = protobuf.decode(ROWS, bytes(text))
      assert.is_nil(message, text)
      assert.equal("SystemError", err.code)
    end
  end)

  it("never fails otherwise, whatever it is given", function()
    local whole = protobuf.encode(messages.request, { type = 1, opts = { images_dir_fd = 3,
      pid = 70000, ext_mnt = { { key = "/a", val = "/b" } }, log_file = "dump.log" } })
    for at = 1, #whole do
      for byte = 0, 255, 5 do
        local text = whole:sub(1, at - 1) .. string.char(byte) .. whole:sub(at + 1)
        local message, err = protobuf.decode(messages.response, text)
        assert.is_true(message ~= nil or err.code == "SystemError")
      end
    end
  end)
end)

describe("ctr.criu.messages", function()
  it("uses no number and no name twice", function()
    local function check(rows)
      local seen = {}
      for _, row in ipairs(rows) do
        assert.is_nil(seen[row[1]] or seen[row[2]])
        seen[row[1]], seen[row[2]] = true, true
        if type(row[3]) == "table" then
          check(row[3])
        end
      end
    end
    check(messages.request)
    check(messages.response)
  end)
end)

local source = require("ctr.describe.source")

local TEXT = [==[
-- container "comment" { rootfs = 1 }
local text = [[ container "text" { rootfs = 2 } ]]
local LIMITS = {
  memory = "1M",
}
local function helper() return { rootfs = "no" } end
return { container "web" {
  rootfs = "}", ["env"] = { A = "{",
    ["net.x"] = 1 },
  run = { "sh", "-c",
    "x" },
  on = {
    exit = function(c, s)
      local a, b = { 1, 2 }, function() end
      if a then return b, c, s end
    end,
    oom = print,
  },
  limits = LIMITS,
  mounts = {
    tmpfs("/a", {
      size = 1 }),
    replace { x = 1 },
    { destination = "/c",
      device = "tmpfs" },
  },
},
container("db") { rootfs = "/" }, container(name) {
  rootfs = "x" } }
]==]

describe("ctr.describe.source", function()
  local read = source.new(TEXT)

  local function line(path, at)
    return read:line(read:call("container", at or 7), path)
  end

  it("finds the lines of keys", function()
    assert.equal(8, line({ "rootfs" }))
    assert.equal(8, line({ "env", "A" }))
    assert.equal(9, line({ "env", "net.x" }))
    assert.equal(11, line({ "run", 3 }))
    assert.equal(13, line({ "on", "exit" }))
    assert.equal(17, line({ "on", "oom" }))
  end)

  it("follows a variable that was set once", function()
    assert.equal(4, line({ "limits", "memory" }))
  end)

  it("finds the items of a list, and looks into calls", function()
    assert.equal(21, line({ "mounts", 1 }))
    assert.equal(23, line({ "mounts", 2, "x" }))
    assert.equal(25, line({ "mounts", 3, "device" }))
  end)

  it("stops where nothing more is known", function()
    assert.equal(24, line({ "mounts", 3, "flags", 2 }))
    assert.is_nil(line({ "nothing" }))
  end)

  it("tells one call from another", function()
    assert.equal(28, read:line(read:call("container", 28, "db"), { "rootfs" }))
    assert.equal(29, line({ "rootfs" }, 28))
    assert.is_nil(read:call("container", 1))
  end)

  it("finds the table that a file returns", function()
    local returned = source.new("local x = 1\nreturn {\n  a = 1,\n  b = { c = 2 },\n}\n")
    assert.equal(4, returned:line(returned:returned(), { "b", "c" }))
    returned = source.new("local M = {\n  a = 1,\n}\nreturn M\n")
    assert.equal(2, returned:line(returned:returned(), { "a" }))
    assert.is_nil(source.new("return f()"):returned())
    assert.is_nil(source.new(""):returned())
  end)

  it("takes text that is no Lua", function()
    for _, text in ipairs({ "container {", "container 'a' { [", "return {", "\"", "[==[", "}{" }) do
      local odd = source.new(text)
      odd:line(odd:call("container", 1), { "a" })
      odd:returned()
    end
  end)
end)

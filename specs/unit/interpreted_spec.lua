local command = require("specs.support.command")

-- Validates until it is compiled, if it ever is, and prints which functions were.
local PROGRAM = [[
package.path = "./lua/?.lua;./lua/?/init.lua"
package.cpath = "./build/?.so"
local ctr = require("ctr")

local started
jit.attach(function(what, _, fn)
  if what == "start" then
    started = debug.getinfo(fn, "S").source
  elseif what == "stop" then
    print(started)
  end
end, "trace")

local function validate(times)
  for _ = 1, times do
    assert(ctr.validate({ rootfs = "/srv", namespaces = { "NEWNS", "NEWPID" } }))
  end
end

local function add(times)
  local sum = 0
  for number = 1, times do
    sum = sum + number
  end
  return sum
end

validate(200)
add(200)
]]

describe("the library's Lua", function()
  it("is interpreted, and the program's is compiled", function()
    local result = command.run({ "/usr/bin/env", "luajit", "-" }, { stdin = PROGRAM })
    assert.equal("", result.stderr)
    assert.truthy(result.stdout:find("=stdin", 1, true), result.stdout)
    assert.is_nil(result.stdout:find("lua/ctr", 1, true), result.stdout)
  end)

  it("is found, or missed, as all else is", function()
    assert.equal(require("ctr.errors"), require("ctr.errors"))
    local ok, problem = pcall(require, "ctr.nonesuch")
    assert.is_false(ok)
    assert.matches("module 'ctr.nonesuch' not found:.*lua/ctr/nonesuch.lua", problem)
  end)
end)

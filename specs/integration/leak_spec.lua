local box = require("specs.support.box")
local machine = require("specs.support.machine")

describe("two hundred containers", function()
  it("leave processes, mounts, cgroups and descriptors as they were", function()
    local b = box.new()
    local before = machine.snapshot(box.PATTERN)
    for round = 1, 200 do
      assert.equal("ok\n", assert(b:sh("echo ok")).out, "round " .. round)
    end
    assert.same(before, machine.snapshot(box.PATTERN))
    b:close()
  end)
end)

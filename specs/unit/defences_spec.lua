-- The proof that specs have power is data about the source: it has to follow it.
describe("tools/defences.lua", function()
  it("applies all its changes to the source of now", function()
    local pipe = io.popen("luajit tools/defences.lua --check 2>&1; echo $?")
    local said = pipe:read("*a")
    pipe:close()
    assert.equal("0\n", said)
  end)

  it("names a spec for each, that is there", function()
    local names = {}
    for _, defence in ipairs(require("tools.defence_list")) do
      assert.is_nil(names[defence.name])
      names[defence.name] = true
      assert.is_true(#defence.edits > 0)
      local file = io.open(defence.spec)
      assert.is_truthy(file, defence.spec)
      file:close()
    end
  end)
end)

local keys = require("ctr.repl.keys")

describe("ctr.repl.keys", function()
  it("finds keys by their paths, through lists and lazy parts", function()
    assert.equal("Bytes of memory.", keys.find("cgroups.memory").about)
    assert.equal("flags", keys.find("mounts[2].flags").kind)
    assert.equal("list", keys.find("seccomp.syscalls.names").kind)
    assert.equal("The program, and what it is given.", keys.find("process.args").about)
    assert.is_nil(keys.find("mounts.colour"))
  end)

  it("knows every key of the schema at the top", function()
    for name in pairs(require("ctr.config.schema").config.fields) do
      assert.is_truthy(keys.find(name).about, name)
    end
  end)

  it("says what may be written", function()
    assert.equal("list of string", keys.type(keys.find("process.args")))
    assert.equal("boolean", keys.type(keys.find("readonlyfs")))
    assert.truthy(keys.type(keys.find("seccomp.default_action")):find("^word: SCMP_ACT_ALLOW"))
  end)
end)

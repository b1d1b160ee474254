local cursors = require("ctr.repl.cursor")

describe("ctr.repl.cursor", function()
  it("knows the name that is typed, and what it is of", function()
    local at = cursors.at("x = ctr.oci.lo")
    assert.equal("lo", at.word)
    assert.equal("ctr.oci", at.object)
    assert.equal(".", at.joint)
  end)

  it("knows the object where its name has ended", function()
    local at = cursors.at("f(containers.web:")
    assert.equal("", at.word)
    assert.equal("containers.web", at.object)
    assert.equal(":", at.joint)
  end)

  it("tells an index from a table", function()
    assert.equal('containers["web"]', cursors.at('containers["web"]:st').object)
    assert.equal("[", cursors.at('containers["we').stack[1].kind)
  end)

  it("tells what a call gives", function()
    assert.equal("factory:load()", cursors.at('factory:load("x"):st').object)
    assert.equal("ctr.container", cursors.at('ctr.container("x") { li').stack[1].callee)
  end)

  it("counts the arguments of the call around", function()
    local at = cursors.at('factory:create("x", { mounts = { { flags = { "no')
    assert.equal("no", at.string)
    local keys = {}
    for index, frame in ipairs(at.stack) do
      keys[index] = frame.from_key or frame.callee or ""
    end
    assert.same({ "factory:create", "", "", "mounts", "", "flags" },
      { keys[1], keys[2], "", keys[3], keys[4], keys[5] })
    assert.equal(2, at.stack[1].argument)
  end)

  it("knows which keys are there", function()
    local at = cursors.at('f({ a = 1, b = { c = 2 }, "d", e')
    assert.same({ a = true, b = true }, at.stack[2].used)
    assert.is_true(at.at_start)
    assert.is_false(cursors.at("f({ a = b").at_start)
  end)

  it("is not led astray by strings and comments", function()
    local at = cursors.at('f("{ (", [[ { ]], --[[ { ]] -- {\n g')
    assert.equal(1, #at.stack)
    assert.equal(3, at.stack[1].argument)
    assert.is_true(cursors.at("f() -- a b").in_comment)
    assert.equal('a\\"b', cursors.at('f("a\\"b').string)
  end)

  it("does with text that is no Lua at all", function()
    for _, text in ipairs({ ")))", "}{", "...", "a..b", "1e5.", "\255\0(", "::", "[==[", "x = =",
    }) do
      assert.is_table(cursors.at(text))
    end
  end)
end)

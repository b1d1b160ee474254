-- What docs/guide/repl.md tells a reader to type is tried here.

local command = require("specs.support.command")
local guide = require("specs.support.guide")

describe("the guide's page of the prompt", function()
  local page = guide.page("repl.md")
  local folder, remove

  before_each(function()
    folder, remove = command.folder()
  end)

  after_each(function()
    remove()
  end)

  local function typed(name)
    local result = command.run({ "build/lctr", "--root", folder .. "/root" },
      { stdin = page:block(name) })
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    return result.stdout
  end

  local function shell(name)
    local lctr = require("ctr.core").path.realpath("build")
    local result = command.run({ "/bin/sh", "-ec", page:block(name) }, {
      env = { "PATH=" .. lctr .. ":/usr/bin:/bin", "ROOT=" .. folder .. "/root" },
    })
    assert.equal("", result.stderr)
    assert.equal(0, result.code)
    return result.stdout
  end

  it("tells of words", function()
    local said = typed("words")
    assert.truthy(said:find("Bytes of memory.", 1, true))
    assert.truthy(said:find("containers(), containers.ID", 1, true))
  end)

  it("looks at a description", function()
    local said = typed("describe")
    assert.truthy(said:find("^description web\n"))
    assert.truthy(said:find("\n *%d+ +hostname +web +config.hostname\n"))
    assert.truthy(said:find('~ cgroups.memory: "64M" → "128M"\n$'), said)
  end)

  it("runs what comes through a pipe", function()
    assert.equal(require("ctr").version .. "\n", shell("pipe"))
    assert.equal("0\n", shell("list"))
  end)

  it("has no other blocks but the first, which shows a prompt", function()
    assert.same({ "1", "describe", "list", "pipe", "words" }, page:names())
  end)

  it("names every word that there is", function()
    local file = assert(io.open("docs/guide/repl.md"))
    local text = file:read("*a")
    file:close()
    for name in pairs(require("ctr.repl.environment").words) do
      assert.truthy(text:find("`" .. name, 1, true), name)
    end
  end)
end)

local displays = require("ctr.repl.display")
local help = require("ctr.repl.help")
local sessions = require("ctr.repl.session")
local styles = require("ctr.repl.style")

local NOWHERE = { has_root = function() return false end }

local STAND_IN = {
  ["ctr.new"] = { signature = "ctr.new([root], [opts]) -> factory", summary = "Makes a factory.",
    params = { { name = "root", type = "string", text = "the state folder" } },
    returns = { { type = "ctr.Factory", text = "" } }, errors = { "ConfigInvalid" },
    example = "local factory = ctr.new()\n", kind = "function", module = "ctr" },
  ["container:run"] = { signature = "container:run(process) -> true", summary = "Starts a process.",
    params = {}, returns = {}, errors = {}, kind = "function", module = "ctr.container" },
  ["container:exec"] = { signature = "container:exec() -> true", summary = "Lets it execute.",
    params = {}, returns = {}, errors = {}, kind = "function", module = "ctr.container" },
}

describe("ctr.repl.help", function()
  local session, before

  before_each(function()
    before = package.loaded["ctr.documentation"]
    package.loaded["ctr.documentation"] = STAND_IN
    session = sessions.new(NOWHERE, displays.new(styles.new(false), { columns = 200, rows = 50 }))
  end)

  after_each(function()
    package.loaded["ctr.documentation"] = before
  end)

  local function said(...)
    local written = {}
    local stdout = io.stdout
    io.stdout = { write = function(_, ...) -- luacheck: ignore 122
      for _, text in ipairs({ ... }) do
        written[#written + 1] = text
      end
    end }
    local ok, problem = pcall(help.word, session, ...)
    io.stdout = stdout -- luacheck: ignore 122
    assert(ok, problem)
    return table.concat(written)
  end

  it("tells of a function: signature, what it takes and gives, an example", function()
    assert.equal([[
ctr.new([root], [opts]) -> factory
Makes a factory.
takes
  root (string): the state folder
returns
   (ctr.Factory)
errors  ConfigInvalid
example
  local factory = ctr.new()
]], said(require("ctr").new))
  end)

  it("knows a method by its name, with and without its object's, and by itself", function()
    local text = "container:run(process) -> true\nStarts a process.\n"
    assert.equal(text, said("container:run"))
    assert.equal(text, said("run"))
    local metatable = {}
    for index = 1, 60 do
      local _, value = debug.getupvalue(require("ctr.container").new, index)
      if type(value) == "table" and rawget(value, "__name") == "ctr.Container" then
        metatable = value
      end
    end
    assert.equal(text, said(metatable.methods.run))
  end)

  it("lists the methods of an object", function()
    local text = said("container")
    assert.truthy(text:find("container:exec() -> true", 1, true))
    assert.truthy(text:find("Starts a process.", 1, true))
  end)

  it("tells of keys of a configuration, by the schema", function()
    assert.truthy(said("cgroups.memory"):find("^cgroups.memory  size"))
    assert.truthy(said("mounts.flags"):find("\nwords .* noexec "))
    assert.truthy(said("mounts"):find("\ndestination +string +Where, in the container."))
  end)

  it("begins with all that is at hand", function()
    local text = said()
    for name in pairs(require("ctr.repl.environment").words) do
      assert.truthy(text:find(name, 1, true), name)
    end
  end)

  it("guesses what was meant", function()
    assert.equal('nothing is known of "container:rum"; did you mean "container:run"?\n',
      said("container:rum"))
  end)

  it("says that it was built without the documentation", function()
    package.loaded["ctr.documentation"] = nil
    package.preload["ctr.documentation"] = function() error("it is not there") end
    assert.truthy(said("nothing:at_all"):find("built without ctr.documentation", 1, true))
    package.preload["ctr.documentation"] = nil
  end)
end)

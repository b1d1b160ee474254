-- What the guide's pages on running and reaching say, run.
local box = require("specs.support.box")
local ctr = require("ctr")
local guide = require("specs.support.guide")
local core = require("ctr.core")
local machine = require("specs.support.machine")

local NAME = "guide-" .. core.proc.getpid() -- the machine may have a container "web"

describe("the guide", function()
  local b

  setup(function()
    b = box.new()
    os.execute("mkdir -p " .. b.folder .. "/data")
  end)

  teardown(function()
    b:close()
  end)

  -- Runs blocks one after the other, as one program: what is local stays.
  local function run(page, ...)
    local parts, printed = {}, {}
    for index, name in ipairs({ ... }) do
      parts[index] = page:block(name)
    end
    local text = table.concat(parts, "\n"):gsub('"/srv/root"', ("%q"):format(b.root))
      :gsub('"/srv/data"', ("%q"):format(b.folder .. "/data"))
      :gsub('"web"', ("%q"):format(NAME))
    local environment = setmetatable({
      print = function(...)
        local words = {}
        for index = 1, select("#", ...) do
          words[index] = tostring((select(index, ...)))
        end
        printed[#printed + 1] = table.concat(words, "\t") .. "\n"
      end,
      io = setmetatable({ stdout = { write = function(_, ...)
        printed[#printed + 1] = table.concat({ ... })
      end } }, { __index = io }),
      require = function(name)
        local module = require(name)
        return name ~= "ctr" and module or setmetatable({
          new = function() return ctr.new(b.folder .. "/state") end,
        }, { __index = module })
      end,
    }, { __index = _G })
    local chunk = assert(loadstring(text, "@" .. page.name))
    setfenv(chunk, environment)
    chunk()
    return table.concat(printed)
  end

  it("tells of ctr.run", function()
    local page = guide.page("run.md")
    local before = machine.snapshot("/ctr%-run%-")
    assert.equal("3\thello world\n\n", run(page, "one"))
    assert.equal("3\thello world\n\ntrue\ttrue\t1024\n", run(page, "one", "bounds"))
    assert.equal("3\thello world\n\n> one\n> two\n", run(page, "one", "many"))
    assert.equal("3\thello world\n\n" .. NAME .. "\n\n", run(page, "one", "inside"))
    assert.same({ "bounds", "inside", "many", "one" }, page:names())
    assert.same(before.descriptors, machine.snapshot("/ctr%-run%-").descriptors)
  end)

  it("tells of what reaches into a container", function()
    local page = guide.page("reach.md")
    local seen = run(page, "begin", "mounts", "call", "adopt", "finish")
    assert.matches("/data\t/data\ntmpfs\t/scratch\n", seen)
    assert.matches("root", seen)
    assert.truthy(seen:find("running\t1\n" .. NAME .. "\n", 1, true))
    assert.same({ "1", "adopt", "begin", "call", "finish", "mounts" }, page:names())
  end)
end)

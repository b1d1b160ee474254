-- What the pages tell a reader to write does what they say.

local core = require("ctr.core")
local machine = require("specs.support.machine")
local pages = require("specs.support.pages")

local FOLDER = "docs/guide/"

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function files_below(path)
  local pipe = assert(io.popen(("find %s -name '*_spec.lua'"):format(path)))
  local list = {}
  for line in pipe:lines() do
    list[#list + 1] = line
  end
  pipe:close()
  return list
end

-- Pages whose blocks a spec of their own tries: those of engines, which want a machine to
-- themselves.
local function tried_elsewhere()
  local found = {}
  for _, path in ipairs(files_below("specs")) do
    for name in read(path):gmatch('guide%.page%("([^"]+)"%)') do
      found[name] = true
    end
  end
  return found
end

local function own_pages()
  local elsewhere, list = tried_elsewhere(), {}
  local folder = assert(core.path.open_root(FOLDER))
  for _, name in ipairs(assert(core.path.list(folder, "."))) do
    if name:find("%.md$") and not elsewhere[name] then
      list[#list + 1] = FOLDER .. name
    end
  end
  folder:close()
  table.sort(list)
  return list
end

local function needs_root()
  if not machine.is_root() then
    pending("needs root")
    return true
  end
end

describe("the guide", function()
  for _, path in ipairs(own_pages()) do
    it("does what it says: " .. path, function()
      if needs_root() then
        return
      end
      local blocks = pages.markdown(path)
      local count = #blocks > 0 and pages.run(blocks, path) or 0
      assert.is_true(#blocks == 0 or count > 0, path .. " has nothing that is run")
    end)
  end

  it("has an index of all its pages", function()
    local index = read(FOLDER .. "README.md")
    local folder = assert(core.path.open_root(FOLDER))
    for _, name in ipairs(assert(core.path.list(folder, "."))) do
      if name ~= "README.md" then
        assert.truthy(index:find("](" .. name .. ")", 1, true), name)
      end
    end
    folder:close()
  end)

  it("has no link that leads nowhere", function()
    for _, path in ipairs(own_pages()) do
      for link in read(path):gmatch("%]%(([^)#]+)[^)]*%)") do
        assert.truthy(core.path.realpath(FOLDER .. link), path .. ": " .. link)
      end
    end
  end)
end)

describe("README.md", function()
  it("does what it says", function()
    if needs_root() then
      return
    end
    assert.is_true(pages.run(pages.markdown("README.md"), "README.md") > 3)
  end)

  it("has no link that leads nowhere", function()
    for link in read("README.md"):gmatch("%]%(([^)#]+)[^)]*%)") do
      assert.truthy(core.path.realpath(link), link)
    end
  end)
end)

describe("the manual", function()
  for _, name in ipairs({ "lctr.1", "lctr.8", "ctr-config.5" }) do
    it("does what its examples say: " .. name, function()
      if needs_root() then
        return
      end
      local blocks = pages.man("docs/man/" .. name)
      assert.is_true(pages.run(blocks, name) > 0)
    end)
  end
end)

local command = require("specs.support.command")
local documentation = require("ctr.documentation")

local FILES = { "factory", "container", "process", "process/source", "cgroup/notices", "loop",
  "supervisor/request", "file" }

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

local function is_public(entry)
  return entry.kind == "function" and not entry.module:find("^ctr%.core")
end

local function public_functions()
  local list = {}
  for key, entry in pairs(documentation) do
    if is_public(entry) then
      list[#list + 1] = key
    end
  end
  table.sort(list)
  return list
end

-- What a file defines, with the comment above it.
local function methods_in(text)
  local list, comment = {}, {}
  for line in text:gmatch("([^\n]*)\n") do
    local word, name = line:match("^function ([%w_]+)_methods:([%w_]+)")
    if word then
      list[#list + 1] = { key = word .. ":" .. name, comment = table.concat(comment, "\n") }
    end
    if line:sub(1, 2) ~= "--" then
      comment = {}
    else
      comment[#comment + 1] = line
    end
  end
  return list
end

-- A method without a comment is one that somebody forgot.
local function is_for_users(comment)
  local is_helper = comment:find("^%-%-[^%-]") ~= nil
  return not is_helper and not comment:find("\n-- @local", 1, true)
end

describe("ctr.documentation", function()
  it("is what the docstrings say (make reference)", function()
    if command.run({ "/bin/sh", "-c", "command -v ldoc" }).code ~= 0 then
      pending("LDoc is not installed (Debian: lua-ldoc)")
      return
    end
    local folder, remove = command.folder()
    local result = command.run({ "/bin/sh", "tools/documentation.sh", folder .. "/made.lua" })
    assert.equal("", result.stderr)
    local is_same = read(folder .. "/made.lua") == read("lua/ctr/documentation.lua")
    remove()
    assert.is_true(is_same, "make reference writes it anew")
  end)

  it("has every function of the module ctr", function()
    local ctr = require("ctr")
    for name in pairs(ctr) do
      assert.truthy(documentation["ctr." .. name], name)
    end
  end)

  it("has every method that is not for the library alone", function()
    local count = 0
    for _, name in ipairs(FILES) do
      for _, method in ipairs(methods_in(read("lua/ctr/" .. name .. ".lua"))) do
        if is_for_users(method.comment) then
          assert.truthy(documentation[method.key], method.key)
          count = count + 1
        end
      end
    end
    assert.is_true(count > 50)
  end)

  it("tells of each function the types, and what it returns", function()
    for _, key in ipairs(public_functions()) do
      local entry = documentation[key]
      assert.matches("^%u.+[%.:]$", entry.summary, key)
      for _, param in ipairs(entry.params) do
        assert.truthy(param.type ~= "any" or param.text ~= "", key .. ": " .. param.name)
      end
      assert.truthy(#entry.returns > 0 or #entry.errors > 0, key .. " returns something")
    end
  end)

  it("names the codes of each error", function()
    for _, key in ipairs(public_functions()) do
      local entry = documentation[key]
      if entry.errors_text then
        assert.truthy(#entry.errors > 0, key)
      end
    end
  end)

  it("has an example of each function, which is Lua", function()
    for _, key in ipairs(public_functions()) do
      local example = documentation[key].example
      assert.truthy(example, key .. " has an example")
      assert(loadstring(example, "=" .. key))
    end
  end)
end)

describe("docs/api.md and docs/primitives.md", function()
  it("are what the documentation says (make reference)", function()
    for name, page in pairs({ api = "docs/api.md", primitives = "docs/primitives.md" }) do
      local result = command.run({ "/usr/bin/luajit", "tools/api.lua", name })
      assert.equal("", result.stderr)
      assert.is_true(result.stdout == read(page), "make reference writes it anew")
    end
  end)
end)

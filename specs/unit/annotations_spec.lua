local command = require("specs.support.command")

local FOLDER = "docs/annotations/"
local MODULES = { "ctr", "ctr.core", "ctr.core.netlink", "ctr.core.seccomp", "ctr.core.systemd" }
local BUILTIN = { any = true, boolean = true, ["false"] = true, fun = true, ["function"] = true,
  integer = true, ["nil"] = true, number = true, string = true, table = true, ["true"] = true,
  userdata = true }

local function read(path)
  local file = assert(io.open(path))
  local text = file:read("*a")
  file:close()
  return text
end

-- Reads a type: names, "words", lists, maps, alternatives, small tables. What is left follows it.
local read_type

local function read_atom(text, names)
  local rest = text:match("^\"[^\"]*\"(.*)$")
  if rest then
    return rest
  end
  rest = text:match("^table<string, (.*)$")
  if rest then
    return assert(read_type(rest, names):match("^>(.*)$"), text)
  end
  rest = text:match("^%((.*)$")
  if rest then
    return assert(read_type(rest, names):match("^%)(.*)$"), text)
  end
  rest = text:match("^{[^{}]*}(.*)$") or text:match("^fun%b()(.*)$")
  if rest then
    return rest
  end
  local name
  name, rest = text:match("^([%a][%w_.]*)(.*)$")
  assert(name, "no type: " .. text)
  names[name] = true
  return rest
end

function read_type(text, names)
  local rest = read_atom(text, names):gsub("^%[%]", ""):gsub("^%?", "")
  local other = rest:match("^|(.*)$")
  return other and read_type(other, names) or rest
end

local PATTERNS = { "^@field [%w_]+%?? (.*)$", "^@param [%w_.]+%?? (.*)$", "^@return (.*)$" }

-- What types a file names, and which ones it declares.
local function types_of(text)
  local named, declared = {}, {}
  for line in text:gmatch("%-%-%-(@[^\n]*)") do
    local class, parent = line:match("^@class ([%w_.]+):? ?([%w_.]*)$")
    if class then
      assert.is_nil(declared[class], class .. " is declared twice")
      declared[class] = true
      named[parent ~= "" and parent or class] = true
    elseif not line:find("^@meta ") then
      local kind
      for _, pattern in ipairs(PATTERNS) do
        kind = kind or line:match(pattern)
      end
      local rest = read_type(assert(kind, "no annotation: " .. line), named)
      assert.truthy(rest == "" or rest:find("^ "), line)
    end
  end
  return named, declared
end

local function functions_in(module, prefix, found)
  for name, value in pairs(module) do
    if type(value) == "function" then
      found[prefix .. name] = true
    elseif type(value) == "table" and prefix == "" then
      functions_in(value, name .. ".", found)
    end
  end
  return found
end

describe("docs/annotations/", function()
  it("is what the schema and the docstrings say (make reference)", function()
    local folder, remove = command.folder()
    local result = command.run({ "/usr/bin/luajit", "tools/annotations.lua", folder })
    assert.equal("", result.stderr)
    for _, name in ipairs(MODULES) do
      local file = name .. ".d.lua"
      assert.is_true(read(folder .. "/" .. file) == read(FOLDER .. file),
        "make reference writes it anew")
    end
    remove()
  end)

  it("names no type that is not declared", function()
    local named, declared = {}, {}
    for _, name in ipairs(MODULES) do
      local more_named, more_declared = types_of(read(FOLDER .. name .. ".d.lua"))
      for kind in pairs(more_named) do
        named[kind] = true
      end
      for kind in pairs(more_declared) do
        declared[kind] = true
      end
    end
    for kind in pairs(named) do
      assert.truthy(BUILTIN[kind] or declared[kind], kind)
    end
    assert.is_true(declared["ctr.Config"] and declared["ctr.Container"])
  end)

  it("has the functions of the core, and no others", function()
    for _, name in ipairs(MODULES) do
      if name ~= "ctr" then
        local told = functions_in(dofile(FOLDER .. name .. ".d.lua"), "", {})
        assert.same(functions_in(require(name), "", {}), told, name)
      end
    end
  end)

  it("has the functions of the module ctr", function()
    local told, ctr = dofile(FOLDER .. "ctr.d.lua"), require("ctr")
    for name, value in pairs(ctr) do
      assert.equal(type(value) == "function", type(told[name]) == "function", name)
    end
    for name in pairs(told) do
      assert.truthy(ctr[name], name)
    end
  end)
end)

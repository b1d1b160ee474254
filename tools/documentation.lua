--- Makes `lua/ctr/documentation.lua` of what LDoc reads: an LDoc filter, which LDoc's own Lua runs.
-- usage: cd tools && DOCUMENTATION=FILE LUA_PATH="./?.lua;;" ldoc -c config.ld
--   --filter documentation.write .
-- LDoc has words of its own for standard output.
-- @module documentation

local M = {}

-- The word that a user calls an object or a module by, for each module that has one.
local WORDS = {
  ["ctr"] = "ctr", ["ctr.factory"] = "factory", ["ctr.container"] = "container",
  ["ctr.process"] = "process", ["ctr.process.source"] = "source",
  ["ctr.cgroup.notices"] = "source", ["ctr.loop"] = "loop", ["ctr.supervisor.request"] = "request",
  ["ctr.file"] = "file", ["ctr.errors"] = "ctr.errors", ["ctr.learn"] = "ctr.learn",
  ["ctr.oci"] = "ctr.oci",
}
-- Modules whose functions, and not only their objects' methods, are for users.
local HAS_FUNCTIONS = { ["ctr"] = true, ["ctr.errors"] = true, ["ctr.learn"] = true,
  ["ctr.oci"] = true }
local RECEIVERS = { watch_methods = "watch", methods = "err", handle = "fd", bus = "bus" }

local CODES = { "IdInUse", "InvalidIdFormat", "ContainerNotExists", "ContainerPaused",
  "ContainerNotStopped", "ContainerNotRunning", "ContainerNotPaused", "NoProcessOps",
  "ConfigInvalid", "ConsoleExists", "SystemError" }

local function is_core(name)
  return name:find("^ctr%.core") ~= nil
end

local function is_lua(module)
  return module.file:find("%.lua$") ~= nil
end

local function one_line(text)
  return (text:gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

-- Paragraphs in a line each; what is indented stays as it is. In Lua each line has the space after
-- its dashes.
local function paragraphs(text, has_spaces)
  local list = {}
  if has_spaces then
    text = text:gsub("\n ", "\n")
  end
  for block in (text .. "\n\n"):gmatch("(.-)\n%s-\n") do
    local plain = block:gsub("^\n+", "")
    if not plain:find("^    ") then
      plain = one_line(plain)
    end
    if plain ~= "" then
      list[#list + 1] = plain
    end
  end
  return #list > 0 and table.concat(list, "\n\n") or nil
end

-- "?string" is LDoc's way to write "string or nil".
local function type_of(text)
  local name, is_optional = text:gsub("^%?", "")
  return name, is_optional > 0
end

local function param_of(item, name)
  local modifiers = item.modifiers.param and item.modifiers.param[name] or {}
  local kind, is_optional = type_of(modifiers.type or "any")
  return {
    name = name, type = kind, text = one_line(item.params.map[name] or ""),
    default = modifiers.opt ~= true and modifiers.opt or nil,
    optional = (is_optional or modifiers.opt or modifiers.optchain) and true or nil,
  }
end

-- The fields of a table follow it: `opts.lazy`.
local function params_of(item)
  local list = {}
  for _, name in ipairs(item.params or {}) do
    list[#list + 1] = param_of(item, name)
    for _, field in ipairs(item.subparams and item.subparams[name] or {}) do
      list[#list + 1] = param_of(item, field)
    end
  end
  return list
end

local function codes_in(text)
  local found = {}
  for _, code in ipairs(CODES) do
    if text:find(code, 1, true) then
      found[#found + 1] = code
    end
  end
  return found
end

local function is_failure(group)
  local last = group[#group]
  return group[1].text == "nil" and last.type == "ctr.Error"
end

-- What is returned on success, the errors' codes, and the sentence about them.
local function returns_of(item)
  local list, codes, text = {}, {}, nil
  local groups = item.retgroups or {}
  for number, group in ipairs(groups) do
    if is_failure(group) then
      text = one_line(group[#group].text)
      codes = codes_in(text)
    else
      for _, value in ipairs(group) do
        local kind, is_optional = type_of(value.type)
        list[#list + 1] = { type = kind == "" and "any" or kind, text = one_line(value.text),
          optional = is_optional or nil, group = #groups > 2 and number or nil }
      end
    end
  end
  return list, codes, text ~= "" and text or nil
end

local SHORT = { ["ctr.EventSource"] = "source", ["ctr.ProcessSource"] = "source",
  ["ctr.Error"] = "err" }

local function short_type(name)
  return SHORT[name] or (name:gsub("^ctr%.(.*)$", string.lower))
end

local function argument_text(params)
  local names = {}
  for _, param in ipairs(params) do
    if not param.name:find(".", 1, true) then
      local text = param.name .. (param.default and "=" .. param.default or "")
      names[#names + 1] = param.optional and "[" .. text .. "]" or text
    end
  end
  return "(" .. table.concat(names, ", ") .. ")"
end

local function result_text(returns)
  local names, by_group = {}, {}
  for _, value in ipairs(returns) do
    local number = value.group or 1
    if not by_group[number] then
      by_group[number] = {}
      names[#names + 1] = by_group[number]
    end
    local name = short_type(value.type)
    table.insert(by_group[number], value.optional and "[" .. name .. "]" or name)
  end
  for index, group in ipairs(names) do
    names[index] = table.concat(group, ", ")
  end
  return #names > 0 and " -> " .. table.concat(names, " or ") or ""
end

local function example_of(item)
  local text = item.usage and item.usage[1]
  if not text then
    return nil
  end
  return (text:gsub("^%s*\n", ""):gsub("%s+$", "") .. "\n")
end

local function key_of(module, item)
  local receiver, name = item.name:match("^([%w_]+):([%w_]+)$")
  if receiver then
    local word = RECEIVERS[receiver] or WORDS[module.name]
    return word and word .. ":" .. name
  elseif is_core(module.name) then
    return module.name .. "." .. item.name
  end
  return HAS_FUNCTIONS[module.name] and WORDS[module.name] .. "." .. item.name or nil
end

local function entry_of(module, item, key)
  local entry = {
    kind = item.type == "function" and "function" or "field", module = module.name,
    summary = one_line(item.summary), text = paragraphs(item.description or "", is_lua(module)),
    params = {}, returns = {}, errors = {}, example = example_of(item),
  }
  entry.signature = key
  if entry.kind == "function" then
    entry.params = params_of(item)
    entry.returns, entry.errors, entry.errors_text = returns_of(item)
    entry.signature = key .. argument_text(entry.params) .. result_text(entry.returns)
  end
  return entry
end

local function module_entry(module)
  return { kind = "module", module = module.name, signature = WORDS[module.name] or module.name,
    summary = one_line(module.summary), text = paragraphs(module.description or "", is_lua(module)),
    params = {}, returns = {}, errors = {} }
end

local function collect(modules)
  local entries, keys = {}, {}
  local function add(key, entry)
    assert(not entries[key], key .. " is documented twice")
    keys[#keys + 1] = key
    entry.place = #keys
    entries[key] = entry
  end
  for _, module in ipairs(modules) do
    local word = is_core(module.name) and module.name or WORDS[module.name]
    if word and not entries[word] then
      add(word, module_entry(module))
    end
    for item in module.items:iter() do
      local key = key_of(module, item)
      if key then
        add(key, entry_of(module, item, key))
      end
    end
  end
  return entries, keys
end

local function quoted(text)
  return '"' .. text:gsub('[\\"]', "\\%0"):gsub("\n", "\\n") .. '"'
end

local write = {}

function write.string(value)
  return quoted(value)
end

function write.boolean(value)
  return tostring(value)
end

function write.number(value)
  return ("%d"):format(value)
end

function write.table(value)
  local parts = {}
  for index, item in ipairs(value) do
    parts[index] = write[type(item)](item)
  end
  local names = {}
  for name in pairs(value) do
    names[#names + 1] = type(name) == "string" and name or nil
  end
  table.sort(names)
  for _, name in ipairs(names) do
    parts[#parts + 1] = name .. " = " .. write[type(value[name])](value[name])
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local FIELDS = { "signature", "summary", "text", "params", "returns", "errors", "errors_text",
  "example", "kind", "module", "place" }

local HEAD = [[
--- The API's documentation as data. Made by `make reference` of the docstrings: change it there.
--
-- The keys are what a user writes: "ctr.new", "container:run", "loop" (a module, or a kind of
-- object). An entry has `signature`, `summary`, `text` (the rest, in paragraphs), `params`
-- (`{ name, type, text, optional, default }`), `returns` (`{ type, text, optional, group }`; of
-- several groups one is returned), `errors` (codes), `errors_text`, `example` (Lua), `kind`
-- ("function", "field" or "module"), `module`, and `place`, by which they are sorted.
-- @module ctr.documentation

return {
]]

--- Writes the file that DOCUMENTATION names.
-- @param modules LDoc's list
function M.write(modules)
  local entries, keys = collect(modules)
  local file = assert(io.open(os.getenv("DOCUMENTATION"), "w"))
  file:write(HEAD)
  for _, key in ipairs(keys) do
    file:write(("[%s] = {\n"):format(quoted(key)))
    for _, name in ipairs(FIELDS) do
      local value = entries[key][name]
      if value ~= nil then
        file:write(("  %s = %s,\n"):format(name, write[type(value)](value)))
      end
    end
    file:write("},\n")
  end
  file:write("}\n")
  assert(file:close())
end

return M

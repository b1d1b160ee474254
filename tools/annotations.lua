--- Writes the types for editors (LuaCATS, as the Lua language server reads them): of the schema and
-- of the documentation. One file for each module that a program requires.
-- usage: luajit tools/annotations.lua FOLDER

package.path = "lua/?.lua;lua/?/init.lua;tools/?.lua;" .. package.path
local documentation = require("ctr.documentation")
local schema = require("ctr.config.schema")

local FOLDER = arg[1] or "docs/annotations"
local HEAD = "-- Made by `make reference`: change it in the schema and in the docstrings.\n"

-- --- what the schema knows -----------------------------------------------------------------------

local Classes = {}
Classes.__index = Classes

local render = {}

local function resolve(shape)
  return shape.load and shape.load() or shape
end

local WRITTEN = { ["function"] = "function", duration = "number|string",
  ["integer, or its digits"] = "integer|string",
  ['integer, its digits, or `"unlimited"`'] = "integer|string" }

function render.string()
  return "string"
end

function render.boolean()
  return "boolean"
end

function render.any()
  return "any"
end

function render.integer()
  return "integer"
end

function render.size()
  return "integer|string"
end

function render.enum(_, shape)
  local words = {}
  for word in pairs(shape.words) do
    words[#words + 1] = type(word) == "string" and ('"%s"'):format(word) or nil
  end
  table.sort(words)
  return #words > 0 and table.concat(words, "|") or "integer"
end

function render.flags(_, shape)
  local words = {}
  for word in pairs(shape.words) do
    words[#words + 1] = ('"%s"'):format(word)
  end
  table.sort(words)
  return ("integer|string|(%s)[]"):format(table.concat(words, "|"))
end

local function bracketed(text)
  return text:find("|", 1, true) and "(" .. text .. ")" or text
end

function render.list(classes, shape, path)
  return bracketed(classes:type(shape.item, path .. ".item")) .. "[]"
end

function render.map(classes, shape, path)
  return ("table<string, %s>"):format(classes:type(shape.value, path .. ".value"))
end

function render.record(classes, shape, path)
  return classes:class(shape, path)
end

function render.choice(classes, shape, path)
  local types = {}
  for index, alternative in ipairs(shape.shapes) do
    types[index] = classes:type(alternative, path)
  end
  return table.concat(types, "|")
end

function Classes:type(shape, path)
  shape = resolve(shape)
  if shape.takes then
    return WRITTEN[shape.takes] or "any"
  end
  local kind = render[shape.kind](self, shape, path)
  -- There is a shorter way to write it.
  return shape.accept and kind ~= "any" and kind .. "|string|number" or kind
end

local function is_optional(field)
  return field.default ~= nil or field.optional or resolve(field).optional
end

-- A record that stands in several places is one class: the first place gives it its name.
function Classes:class(record, path)
  if self.names[record] then
    return self.names[record]
  end
  self.names[record] = path
  local lines = { "---@class " .. path }
  for _, name in ipairs(record.order) do
    local field = record.fields[name]
    local about = field.about or resolve(field).about or ""
    local kind = self:type(field, path .. "." .. name)
    for _, key in ipairs({ name, field.alias }) do
      lines[#lines + 1] = ("---@field %s%s %s %s"):format(key, is_optional(field) and "?" or "",
        bracketed(kind), about:gsub("\n", " "))
    end
  end
  self.texts[#self.texts + 1] = table.concat(lines, "\n") .. "\n"
  return path
end

local function schema_classes()
  local classes = setmetatable({ names = {}, texts = {} }, Classes)
  classes:class(schema.config, "ctr.Config")
  classes:class(schema.process, "ctr.ProcessFields")
  return table.concat(classes.texts, "\n")
end

-- --- what the docstrings know --------------------------------------------------------------------

local CLASSES = {
  factory = "ctr.Factory", container = "ctr.Container", process = "ctr.Process",
  source = "ctr.EventSource", loop = "ctr.Loop", watch = "ctr.Watch", request = "ctr.Request",
  file = "ctr.File", err = "ctr.Error", fd = "ctr.fd", bus = "ctr.systemd",
}
-- What objects have beside their methods.
local FIELDS = {
  ["ctr.Error"] = { "code string", "number integer", "message string", "path? string",
    "errno? string", "op? string", "target? string", "cause? any",
    "problems? { path: string, text: string }[]" },
  ["ctr.Request"] = { "syscall string", "number integer", "arch string", "pid integer",
    "args (integer|string)[]", "setup boolean" },
  ["ctr.Loop"] = { "on_error? fun(text: string, watch: ctr.Watch)" },
  ["ctr.Description"] = { "name string", "config ctr.Config", "process ctr.ProcessFields",
    "on table<string, function>" },
}
local PLAIN = { "ctr.Plan", "ctr.Description" }
local PARENTS = { ["ctr.ProcessSource"] = "ctr.EventSource" }

-- Where the docstrings say "table" the schema says more.
local TABLES = { config = "ctr.Config", ["ctr.process spec"] = "ctr.ProcessFields",
  process = "ctr.Process|ctr.ProcessFields" }

local function type_text(kind)
  return (kind:gsub("{(%w+),…}", "%1[]"):gsub("^list$", "any[]"))
end

local function param_type(key, param, has_fields)
  if has_fields then
    return key .. "." .. param.name
  end
  local known = TABLES[key .. " " .. param.name] or TABLES[param.name]
  if param.type:find("table", 1, true) and known and not key:find("^ctr%.oci") then
    return known
  end
  return type_text(param.type)
end

-- The fields that a table among the parameters has, where each is told.
local function options_classes(key, entry)
  local classes, texts = {}, {}
  for _, param in ipairs(entry.params) do
    local owner, name = param.name:match("^([^.]+)%.(.+)$")
    if owner and not classes[owner] then
      classes[owner] = true
      texts[#texts + 1] = ("---@class %s.%s\n"):format(key, owner)
    end
    if owner then
      texts[#texts + 1] = ("---@field %s%s %s %s\n"):format(name, param.optional and "?" or "",
        type_text(param.type), param.text)
    end
  end
  return classes, #texts > 0 and table.concat(texts) .. "\n" or ""
end

local function return_lines(entry)
  local lines, can_fail = {}, entry.errors_text ~= nil
  local seen_group
  for _, value in ipairs(entry.returns) do
    seen_group = seen_group or value.group
    if value.group == seen_group then
      local kind = type_text(value.type)
      local may_be_nil = value.optional or (can_fail and #lines == 0)
      lines[#lines + 1] = ("---@return %s%s%s\n"):format(bracketed(kind),
        may_be_nil and "?" or "", value.text ~= "" and " # " .. value.text or "")
    end
  end
  if can_fail and #lines < 2 then
    lines[#lines + 1] = #lines == 0 and "---@return nil\n" or nil
    lines[#lines + 1] = "---@return ctr.Error? # " .. entry.errors_text .. "\n"
  end
  return table.concat(lines)
end

local function comment(entry)
  local text = entry.summary .. (entry.text and "\n\n" .. entry.text or "")
  if entry.example then
    text = text .. "\n\n```lua\n" .. entry.example .. "```"
  end
  return "---" .. text:gsub("\n", "\n---") .. "\n"
end

local function function_text(key, entry, owner)
  local classes, text = options_classes(key, entry)
  local names, lines = {}, {}
  for _, param in ipairs(entry.params) do
    if not param.name:find(".", 1, true) then
      names[#names + 1] = param.name
      lines[#lines + 1] = ("---@param %s%s %s %s\n"):format(param.name,
        param.optional and param.name ~= "..." and "?" or "",
        param_type(key, param, classes[param.name]), param.text)
    end
  end
  return text .. comment(entry) .. table.concat(lines) .. return_lines(entry)
    .. ("function %s(%s) end\n"):format(owner, table.concat(names, ", "))
end

local function local_name(class)
  return (class:gsub("[^%w]", "_"))
end

local function class_head(class)
  local parent = PARENTS[class]
  local lines = { "---@class " .. class .. (parent and ": " .. parent or "") }
  for _, field in ipairs(FIELDS[class] or {}) do
    lines[#lines + 1] = "---@field " .. field
  end
  lines[#lines + 1] = ("local %s = {}\n"):format(local_name(class))
  return table.concat(lines, "\n")
end

-- Where a function is defined: in its object's class, or in its module's table.
local function owner_of(key, entry, parts)
  local word, method = key:match("^([%w_]+):([%w_]+)$")
  if word then
    local class = CLASSES[word]
    if entry.module == "ctr.process.source" then
      class = "ctr.ProcessSource"
    end
    if not parts.seen[class] then
      parts.seen[class] = true
      table.insert(parts.classes, class_head(class))
    end
    return local_name(class) .. ":" .. method
  end
  return local_name(entry.module) .. "." .. key:match("[%w_]+$")
end

local function add_entry(parts, key)
  local entry = documentation[key]
  if entry.kind == "module" then
    local is_table = key:find("^ctr%f[^%w]") ~= nil
    if is_table then
      table.insert(parts.tables, ("local %s = {}\n"):format(local_name(entry.module)))
      table.insert(parts.modules, entry.module)
    end
  elseif entry.kind == "function" then
    table.insert(parts.functions, function_text(key, entry, owner_of(key, entry, parts)))
  else
    table.insert(parts.functions, comment(entry)
      .. ("%s.%s = {}\n"):format(local_name(entry.module), key:match("[%w_]+$")))
  end
end

local function keys_of(belongs)
  local keys = {}
  for key, entry in pairs(documentation) do
    if belongs(entry) then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, function(a, b) return documentation[a].place < documentation[b].place end)
  return keys
end

-- Puts each module into the table of the one above it.
local function assemble(parts, root)
  local lines = {}
  for _, module in ipairs(parts.modules) do
    if module ~= root then
      lines[#lines + 1] = ("%s.%s = %s\n"):format(local_name(root), module:match("[%w_]+$"),
        local_name(module))
    end
  end
  return table.concat(lines) .. "return " .. local_name(root) .. "\n"
end

local function write_module(root, belongs, before)
  local parts = { classes = {}, seen = {}, tables = {}, functions = {}, modules = {} }
  for _, key in ipairs(keys_of(belongs)) do
    add_entry(parts, key)
  end
  local file = assert(io.open(("%s/%s.d.lua"):format(FOLDER, root), "w"))
  local text = table.concat({ before or "", table.concat(parts.classes, "\n"),
    table.concat(parts.tables), table.concat(parts.functions, "\n"), assemble(parts, root) }, "\n")
  file:write("---@meta ", root, "\n", HEAD, "\n", (text:gsub("^\n+", ""):gsub(" +\n", "\n")))
  assert(file:close())
end

local OWN = { ["ctr.core.seccomp"] = true, ["ctr.core.netlink"] = true,
  ["ctr.core.systemd"] = true }

local function is_core(entry)
  return entry.module:find("^ctr%.core") ~= nil
end

local function plain_classes()
  local texts = {}
  for index, class in ipairs(PLAIN) do
    texts[index] = class_head(class)
  end
  return table.concat(texts, "\n")
end

write_module("ctr", function(entry) return not is_core(entry) end,
  schema_classes() .. "\n" .. plain_classes() .. "\n")
write_module("ctr.core", function(entry) return is_core(entry) and not OWN[entry.module] end)
for module in pairs(OWN) do
  write_module(module, function(entry) return entry.module == module end)
end

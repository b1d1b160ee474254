--- What a value has: the names behind its "." or ":", looked at without running anything.
-- @module ctr.repl.members

local cards = require("ctr.repl.cards")
local sorted = require("ctr.sorted")

local M = {}

local CHAIN_MAX = 8 -- of metatables

-- What a kind of object is called in the documentation.
local KINDS = {
  ["ctr.Container"] = "container", ["ctr.Factory"] = "factory", ["ctr.Process"] = "process",
  ["ctr.Loop"] = "loop", ["ctr.EventSource"] = "source", ["ctr.Watch"] = "watch",
  ["ctr.File"] = "file", ["ctr.Error"] = "err",
}

--- What objects of a value's kind are called in the documentation.
-- @param value
-- @treturn ?string "container"
function M.topic(value)
  return KINDS[cards.kind(value)]
end

--- The API's documentation.
-- @treturn ?table by what a user writes; nil where this lctr was built without it
function M.documentation()
  local ok, documentation = pcall(require, "ctr.documentation")
  return ok and documentation or nil
end

local function add_table(names, value)
  for key in next, value do
    if type(key) == "string" then
      names[key] = true
    end
  end
end

local function add_methods(names, value)
  local metatable = getmetatable(value)
  for _ = 1, CHAIN_MAX do
    if type(metatable) ~= "table" then
      return
    end
    local methods = rawget(metatable, "methods") or rawget(metatable, "__index")
    if type(methods) ~= "table" then
      return
    end
    add_table(names, methods)
    metatable = getmetatable(methods)
  end
end

-- Modules load parts of themselves when they are used: what those are the documentation knows.
local function add_documented(names, topic)
  for key in pairs(topic and M.documentation() or {}) do
    local name = key:match("^" .. topic:gsub("%p", "%%%0") .. "[.:]([%w_]+)$")
    if name then
      names[name] = true
    end
  end
end

--- Lists them.
-- @param value
-- @tparam[opt] string name how it is written, for modules of the library
-- @treturn {string,…} sorted
function M.of(value, name)
  local names = {}
  local is_object = M.topic(value) ~= nil
  if type(value) == "table" and not is_object then
    add_table(names, value)
  end
  if type(value) == "string" then
    add_table(names, string)
  else
    add_methods(names, value)
  end
  add_documented(names, M.topic(value) or (value ~= nil and name and name:find("^ctr") and name))
  return sorted(names)
end

local function step(value, key)
  if type(value) ~= "table" then
    return nil
  end
  local found = rawget(value, key)
  local metatable = getmetatable(value)
  local index = found == nil and type(metatable) == "table" and rawget(metatable, "__index")
  if type(index) == "table" then
    return step(index, key)
  end
  return found
end

-- A container by its id, as `containers` has it.
local function container_of(session, id)
  local factory = session:factory_if_any()
  return factory and (factory:load(id))
end

local function first_value(session, name)
  local value = rawget(session.env, name)
  if value == nil and require("ctr.repl.environment").words[name] then
    local ok, made = pcall(function() return session.env[name] end)
    return ok and made or nil
  end
  return value == nil and rawget(_G, name) or value
end

local function next_key(rest)
  local key, after = rest:match("^[.:]([%a_][%w_]*)()")
  if not key then
    key, after = rest:match('^%["([^"\\]*)"%]()')
  end
  return key, after
end

--- The value of a chain of names: `containers["web"]`, `ctr.oci`, `x.y`. Nothing is called for it.
-- @tparam table session
-- @tparam string chain
-- @return its value, or nil
function M.resolve(session, chain)
  local first, rest = chain:match("^([%a_][%w_]*)(.*)$")
  if not first then
    return nil
  end
  local value = first_value(session, first)
  while rest ~= "" and value ~= nil do
    local key, after = next_key(rest)
    if not key then
      return nil
    end
    if cards.kind(value) == "ctr.repl.Containers" then
      value = container_of(session, key)
    else
      value = step(value, key)
    end
    rest = rest:sub(after)
  end
  return value
end

return M

--- Puts layers of descriptions on top of each other.
--
-- Maps merge and lists are appended; `replace`, `remove` and `add` say otherwise. A list of a layer
-- that gives way (the defaults, a profile) is replaced by one that is said, but for mounts, which
-- take the place of the one at the same destination. A command line and the capabilities are one
-- thing each: half of one before half of another is none.
-- @module ctr.describe.merge

local checks = require("ctr.config.checks")
local origin = require("ctr.describe.origin")
local sorted = require("ctr.describe.plain").sorted
local spelling = require("ctr.config.spelling")
local words = require("ctr.describe.words")
local config_words = require("ctr.config.words")

local M = {}

local WHOLE = { run = true, args = true, capabilities = true }
local NOT_SAID = { extends = true, profile = true }
local USUAL_SETS = { "bounding", "effective", "permitted" }

local function is_list(value)
  return value[1] ~= nil or next(value) == nil
end

local function report(state, node, text)
  state.problems[#state.problems + 1] = { node = node, text = text }
end

-- A copy without marks. What is marked and stands on nothing is what it holds.
local function resolve(state, value, node)
  if type(value) ~= "table" or value == words.null then
    return value
  end
  if words.mark_of(value) == "remove" then
    report(state, node, "removes something from what nobody said before")
    return nil
  end
  local result = {}
  for key, item in next, value do
    result[key] = resolve(state, item, origin.at(node, key))
  end
  return result
end

local function without_slash(path)
  return type(path) == "string" and (path:gsub("(.)/+$", "%1")) or path
end

-- By what an item of a list is known.
local function name_of(item)
  if type(item) == "table" then
    local name = item.destination or item.path or item.type or item.name or item.interface
    item = without_slash(name)
  end
  if type(item) ~= "string" then
    return item
  end
  return config_words.namespaces[item] or item:match("^([%a_][%w_]*)=") or without_slash(item)
end

local function names_in(list)
  local names = {}
  for _, item in ipairs(list) do
    local name = name_of(item)
    if name ~= nil then
      names[name] = true
    end
  end
  return names
end

local function check_removed(state, known, wanted, node)
  for index, item in ipairs(wanted) do
    local name = name_of(item)
    if name == nil or not known[name] then
      report(state, origin.at(node, index),
        spelling.unknown("is not there to be removed", tostring(name), known))
    end
  end
end

local function without_items(state, base, base_node, own, own_node)
  check_removed(state, names_in(base), own, own_node)
  local unwanted, result = names_in(own), {}
  local node = { layer = base_node.layer, path = base_node.path, kids = {} }
  for index, item in ipairs(base) do
    if not unwanted[name_of(item)] then
      result[#result + 1] = item
      node.kids[#result] = origin.at(base_node, index)
    end
  end
  return result, node
end

local function without_keys(state, base, base_node, own, own_node)
  check_removed(state, base, own, own_node)
  local unwanted, result = names_in(own), {}
  local node = { layer = base_node.layer, path = base_node.path, kids = {} }
  for key, value in pairs(base) do
    if not unwanted[key] then
      result[key], node.kids[key] = value, origin.at(base_node, key)
    end
  end
  return result, node
end

local function removed(state, base, base_node, own, own_node)
  if type(base) ~= "table" then
    report(state, own_node, "removes something from what nobody said before")
    return base, base_node
  end
  return (is_list(base) and without_items or without_keys)(state, base, base_node, own, own_node)
end

-- Where an item of a list goes: a mount in the place of a default one.
local function place_of(list, node, item, is_mounts)
  local wanted = is_mounts and type(item) == "table" and without_slash(item.destination)
  for index, other in ipairs(wanted and list or {}) do
    if origin.at(node, index).layer.gives_way and name_of(other) == wanted then
      return index
    end
  end
  return #list + 1
end

local function appended(state, base, base_node, own, own_node, is_mounts)
  local result = {}
  local node = { layer = own_node.layer, path = own_node.path, kids = {} }
  for index, item in ipairs(base) do
    result[index], node.kids[index] = item, origin.at(base_node, index)
  end
  for index, item in ipairs(own) do
    local own_at = origin.at(own_node, index)
    local at = place_of(result, node, item, is_mounts)
    result[at], node.kids[at] = resolve(state, item, own_at), own_at
  end
  return result, node
end

local merged

local function merged_maps(state, base, base_node, own, own_node)
  local result = {}
  local node = { layer = own_node.layer, path = own_node.path, kids = {} }
  for key, value in pairs(base) do
    result[key], node.kids[key] = value, origin.at(base_node, key)
  end
  for key, value in pairs(own) do
    result[key], node.kids[key] =
      merged(state, result[key], node.kids[key], value, origin.at(own_node, key))
  end
  return result, node
end

local function merged_lists(state, base, base_node, own, own_node, key)
  local is_mounts = key == "mounts"
  if base_node.layer.gives_way and not base_node.kids and not is_mounts and key ~= "env" then
    return resolve(state, own, own_node), own_node
  end
  return appended(state, base, base_node, own, own_node, is_mounts)
end

function merged(state, base, base_node, own, own_node, key)
  local mark = words.mark_of(own)
  if mark == "remove" then
    return removed(state, base, base_node, own, own_node)
  end
  local is_alone = type(base) ~= "table" or type(own) ~= "table" or mark == "replace" or WHOLE[key]
  if is_alone or base == words.null or own == words.null then
    return resolve(state, own, own_node), own_node
  end
  if mark == "add" and is_list(base) then
    return appended(state, base, base_node, own, own_node, key == "mounts")
  end
  if is_list(base) and is_list(own) then
    return merged_lists(state, base, base_node, own, own_node, key)
  end
  if is_list(base) ~= is_list(own) and next(own) ~= nil and next(base) ~= nil then
    return resolve(state, own, own_node), own_node
  end
  return merged_maps(state, base, base_node, own, own_node)
end

local function capability(name)
  return type(name) == "string" and checks.capability(name) or name
end

local function added_capabilities(base, names)
  local result = {}
  for set, list in pairs(base) do
    result[set] = list
  end
  for _, set in ipairs(USUAL_SETS) do
    local list = { unpack(result[set] or {}) }
    for _, name in ipairs(names) do
      list[#list + 1] = capability(name)
    end
    result[set] = list
  end
  return result
end

local function removed_capabilities(state, base, names, node)
  local unwanted, known, result = {}, {}, {}
  for index, name in ipairs(names) do
    unwanted[capability(name)] = origin.at(node, index)
  end
  for set, list in pairs(base) do
    result[set] = {}
    for _, name in ipairs(list) do
      known[capability(name)] = true
      table.insert(result[set], not unwanted[capability(name)] and name or nil)
    end
  end
  for name, at in pairs(unwanted) do
    if not known[name] then
      report(state, at, spelling.unknown("is not there to be removed", tostring(name), known))
    end
  end
  return result
end

-- A list of names stands for the three sets that a program of root's needs.
local function capabilities(state, base, base_node, own, node)
  local mark = words.mark_of(own)
  if type(own) ~= "table" or not is_list(own) or (next(own) == nil and not mark) then
    return merged(state, base, base_node, own, node, "capabilities")
  end
  if mark == "remove" and type(base) == "table" then
    return removed_capabilities(state, base, own, node), node
  end
  local names = {}
  for index, name in ipairs(own) do
    names[index] = name
  end
  return added_capabilities(mark == "add" and type(base) == "table" and base or {}, names), node
end

-- Either form of an environment, as a list: so that both can be put together.
local function env_list(env)
  if type(env) ~= "table" or is_list(env) then
    return env
  end
  local list = {}
  for name, value in pairs(env) do
    local kind = type(value)
    if type(name) ~= "string" or (kind ~= "string" and kind ~= "number") then
      return env
    end
    list[#list + 1] = name .. "=" .. tostring(value)
  end
  table.sort(list)
  return setmetatable(list, debug.getmetatable(env))
end

local function add_layer(state, keys, root, layer)
  for _, key in ipairs(sorted(layer.keys)) do
    local value = layer.keys[key]
    local node = origin.node(layer, { key })
    if key == "env" then
      value = env_list(value)
    end
    if NOT_SAID[key] then
      keys[key], root.kids[key] = value, node
    else
      local merge = key == "capabilities" and capabilities or merged
      keys[key], root.kids[key] = merge(state, keys[key], root.kids[key], value, node, key)
    end
  end
end

--- Puts layers together, the later on top.
-- @tparam table layers (`ctr.describe.origin`), left as they are
-- @treturn table `keys`, what they come to; `node`, where each of them was said; `problems`: each
-- has `node` and `text`
function M.fold(layers)
  local state = { problems = {} }
  local keys = {}
  local root = { layer = layers[#layers], path = {}, kids = {} }
  for _, layer in ipairs(layers) do
    add_layer(state, keys, root, layer)
  end
  return { keys = keys, node = root, problems = state.problems }
end

return M

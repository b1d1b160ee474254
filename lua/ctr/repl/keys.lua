--- The keys of configurations, for people who type them: read from the schema.
-- @module ctr.repl.keys

local schema = require("ctr.config.schema")
local shape = require("ctr.config.shape")
local sorted = require("ctr.sorted")

local M = {}

-- What stands for a shape where nothing is known.
local NOTHING = { kind = "any" }

local function words_of_description()
  return {
    extends = shape.any({ about = "A description, a table, or a list: what it starts from." }),
    run = schema.process.fields.args,
    limits = shape.record({
      memory = shape.size({ about = "The most memory: \"256M\"." }),
      cpus = shape.any({ about = "CPUs, in fractions: 0.5." }),
      pids = shape.integer({ about = "The most processes." }),
    }, { about = "What it may use." }),
    network = schema.config.fields.networks,
    after = shape.any({ about = "Names of containers that are started before it." }),
    profile = shape.any({ about = "The defaults: default, hardened, rootless, privileged." }),
    oci = shape.any({ about = "Members of an OCI configuration, as they are." }),
    on = shape.any({ about = "Handlers: exit = function(container, status) … end." }),
  }
end

-- A description takes its own words beside the keys of a configuration and of a process.
local function description()
  local fields = words_of_description()
  for _, record in ipairs({ schema.config, schema.process }) do
    for name, field in pairs(record.fields) do
      fields[name] = fields[name] or field
    end
  end
  return shape.record(fields)
end

-- What the table is that a call takes: by what it is called, and which argument it is.
local ROOTS = {
  { "%f[%w]create$", 2, function() return schema.config end },
  { ":set$", 1, function() return schema.config end },
  { "%f[%w]validate$", 1, function() return schema.config end },
  { "%f[%w]plan$", 1, function() return schema.config end },
  { "%f[%w]plan$", 2, function() return schema.process end },
  { "%f[%w]process$", 1, function() return schema.process end },
  { "%f[%w]run_inside$", 1, function() return schema.process end },
  { "%f[%w]container$", 1, description },
  { "ctr%.run$", 1, description },
  { "%f[%w]veth$", 1, function() return schema.config.fields.networks end },
}

local function loaded(found)
  return found and found.load and found.load() or found
end

--- The shape of a call's argument.
-- @tparam string callee as it is written: `factory:create`
-- @tparam number argument from 1
-- @treturn ?table
function M.root(callee, argument)
  for _, row in ipairs(ROOTS) do
    if argument == row[2] and callee:find(row[1]) then
      return row[3]()
    end
  end
  return nil
end

-- The records that a value may be one of.
local function alternatives(found)
  found = loaded(found)
  if found and found.kind == "choice" then
    return found.shapes or {}
  end
  return { found }
end

--- The shape of a key's value, or of a list's items.
-- @tparam ?table found a shape
-- @tparam ?string key nil for an item
-- @treturn ?table
function M.inside(found, key)
  for _, one in ipairs(alternatives(found)) do
    one = loaded(one)
    if key and one.kind == "record" then
      local name = one.aliases[key] or key
      if one.fields[name] then
        return loaded(one.fields[name])
      end
    elseif key and one.kind == "map" then
      return loaded(one.value)
    elseif not key and one.kind == "list" then
      return loaded(one.item)
    elseif not key and one.kind == "flags" then
      return one
    elseif key and one.kind == "list" then
      -- What is said of a list's item is said of veth { … } as well.
      return M.inside(one.item, key)
    end
  end
  return nil
end

--- The names of the keys that a table of a shape takes.
-- @tparam ?table found
-- @treturn {string,…}
function M.names(found)
  local names = {}
  for _, one in ipairs(alternatives(found)) do
    one = loaded(one)
    if one and one.kind == "list" and one.item then
      one = loaded(alternatives(one.item)[1])
    end
    for name in pairs(one and one.kind == "record" and one.fields or {}) do
      names[name] = true
    end
  end
  return sorted(names)
end

-- Short words stand for the kernel's long ones.
local function preferred(words)
  local short, all = {}, {}
  for word in pairs(words) do
    if type(word) == "string" then
      all[word] = true
      short[word] = word:find("^%l") and true or nil
    end
  end
  return sorted(all), sorted(short)
end

--- The words that a value of a shape may be.
-- @tparam ?table found
-- @treturn {string,…} all of them
-- @treturn {string,…} the short ones
function M.words(found)
  found = loaded(found) or NOTHING
  if found.kind == "record" and found.fields.type then
    found = loaded(found.fields.type) -- a namespace's type alone will do
  end
  if found.words then
    return preferred(found.words)
  end
  return {}, {}
end

--- Finds a key by its path: "mounts.flags", "cgroups.memory", "process.args".
-- @tparam string path
-- @treturn ?table a shape; its `about` is of the key
function M.find(path)
  local found = schema.config
  local rest = path:gsub("%[[^%]]*%]", "")
  if rest == "process" or rest:find("^process%.") then
    found, rest = schema.process, rest:gsub("^process%.?", "")
  end
  for name in rest:gmatch("[^.]+") do
    local outer = found
    found = M.inside(outer, name)
    if not found then
      return nil
    end
    -- A lazy shape's sentence is the key's.
    found = setmetatable({ about = outer.fields and (outer.fields[name] or NOTHING).about },
      { __index = found })
  end
  return found
end

local KINDS = { record = "table", size = "size: bytes, or \"64M\"", map = "table by name",
  flags = "flags", choice = "table", any = "value" }

--- What may be written for a key.
-- @tparam table found
-- @treturn string
function M.type(found)
  if found.takes then
    return (found.takes:gsub("`", ""))
  elseif found.kind == "enum" then
    return "word: " .. found.choices
  elseif found.kind == "list" then
    return "list of " .. M.type(loaded(found.item))
  end
  return KINDS[found.kind] or found.kind
end

return M

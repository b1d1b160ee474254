--- Writes descriptions: the shortest that evaluates to a given configuration and process.
--
--     local text = assert(require("ctr.describe.write").text("web", config, process))
--
-- What a profile or a default says is left out; each profile is tried. What was written is built
-- again before it is handed out, and what does not come to the same is said in full.
-- @module ctr.describe.write

local describe = require("ctr.describe")
local errors = require("ctr.errors")
local identities = require("ctr.describe.identity")
local layers = require("ctr.describe.layers")
local literal = require("ctr.describe.literal")
local paths = require("ctr.describe.paths")
local said = require("ctr.describe.said")
local schema = require("ctr.config.schema")
local shape = require("ctr.config.shape")
local sorted = require("ctr.sorted")
local unparse = require("ctr.describe.unparse")
local words = require("ctr.describe.words")

local M = {}

local MANY = 30 -- capabilities of one who is privileged
local PROFILES = { "default", "hardened", "privileged", "bare" }

local ORDER = {}
for index, key in ipairs({ "profile", "rootfs", "run", "env", "user", "additional_groups", "cwd",
  "hostname", "limits", "readonlyfs", "mounts", "network", "namespaces", "capabilities" }) do
  ORDER[key] = index
end
ORDER.process, ORDER.oci = 2e3, 3e3

local CONTEXT = {
  copying = { is_trusted = true, kept = words.marked },
  draft_of = function() return nil end, place_of = function() return nil end,
}

-- What a table of keys comes to, as the schema reads it without a look at what belongs together.
local function build(state, keys)
  local place = { file = state.folder and state.folder .. "/description" }
  local draft = layers.read(state.name, literal.values(keys), place, CONTEXT)
  local made = describe.make(draft, state.identity)
  local config, err = shape.parse(schema.config, made.config, { text = true })
  local process
  if config then
    process, err = shape.parse(schema.process, made.process)
  end
  return config and process and { config = config, process = process }, err or made.found[1]
end

-- The keys of one part of a description that are not what they should be.
local function differing(wanted, got)
  local names = {}
  for _, part in ipairs({ wanted, got }) do
    for key in pairs(part) do
      names[key] = not unparse.equal(wanted[key], got[key]) or nil
    end
  end
  return sorted(names)
end

local function both(one, other)
  local result = {}
  for _, map in ipairs({ one or {}, other }) do
    for key, value in pairs(map) do
      result[key] = value
    end
  end
  return result
end

-- The forms of a key are tried from the shortest on, unless they have an order of their own.
local function choose(state, keys, way, part, key)
  local name, before = way.name, keys[way.name]
  if not way.is_ordered then
    table.sort(way.forms, function(one, other)
      return #literal.inline(one) < #literal.inline(other)
    end)
  end
  for other, value in pairs(way.with or {}) do
    keys[other] = value
  end
  for _, form in ipairs(way.forms) do
    keys[name] = way.adds and both(before, form) or form
    local got = build(state, keys)
    if got and unparse.equal(got[part][key], state.wanted[part][key]) then
      return true
    end
  end
  keys[name] = before
  for other in pairs(way.with or {}) do
    keys[other] = nil
  end
  return false
end

local function add_key(state, keys, base, part, key)
  for _, way in ipairs(said.ways(part, key, state.wanted, base, state)) do
    if choose(state, keys, way, part, key) then
      return true
    end
  end
  return false
end

local function cannot_say(part, key)
  local path = part == "process" and "process." .. key or key
  return errors.invalid({ { path = path, text = "cannot be said by a description" } })
end

local function minimal_keys(profile)
  return { rootfs = "/", run = { "x" }, profile = profile ~= "default" and profile or nil }
end

-- The keys of a description on a profile; nil and what it cannot say where that profile says more
-- than is wanted.
local function keys_on(state, profile)
  local keys = minimal_keys(profile)
  local base, problem = build(state, keys)
  if not base then
    return nil, problem
  end
  keys.rootfs = unparse.relative(state.wanted.config.rootfs, state.folder)
  keys.run = state.wanted.process.args
  base.config.rootfs, base.process.args = state.wanted.config.rootfs, keys.run
  keys.oci = state.oci
  for _, part in ipairs({ "config", "process" }) do
    for _, key in ipairs(differing(state.wanted[part], base[part])) do
      if not add_key(state, keys, base, part, key) then
        return nil, cannot_say(part, key)
      end
    end
  end
  return keys
end

local function is_right(state, keys)
  local got = build(state, keys)
  return got and #differing(state.wanted.config, got.config) == 0
    and #differing(state.wanted.process, got.process) == 0
end

-- What other keys brought with them need not be said.
local function pruned(state, keys)
  for _, key in ipairs(sorted(keys)) do
    local value = keys[key]
    keys[key] = nil
    if key == "oci" or key == "rootfs" or not is_right(state, keys) then
      keys[key] = value
    end
  end
  return keys
end

local function text_of(state, keys)
  local text = literal.block(keys, "", 0, ORDER)
  return ("return container %s %s\n"):format(literal.inline(state.name), text)
end

-- Nobody calls privileged what is not.
local function may_stand_on(state, profile)
  local capabilities = state.wanted.config.capabilities
  return profile ~= "privileged" or (capabilities and #capabilities.bounding >= MANY)
end

local function text_on(state, profile)
  local keys, err = keys_on(state, profile)
  if not keys then
    return nil, err
  end
  return is_right(state, keys) and text_of(state, pruned(state, keys)) or nil
end

local function shortest(state)
  local best, problem
  for _, profile in ipairs(PROFILES) do
    local text, err
    if may_stand_on(state, profile) then
      text, err = text_on(state, profile)
    end
    if text and (not best or #text < #best) then
      best = text
    end
    problem = err or problem
  end
  return best, problem
end

-- What no text can hold, by its path.
local function find_foreign(value, path)
  if type(value) ~= "table" then
    local is_plain = value == nil or type(value) == "string" or type(value) == "number"
      or type(value) == "boolean"
    return not is_plain and { path = path, text = "cannot be written: it is a " .. type(value) }
  end
  for _, key in ipairs(require("ctr.describe.plain").sorted(value)) do
    local step = type(key) == "number" and ("[%d]"):format(key) or "." .. tostring(key)
    local found = find_foreign(value[key], (path .. step):gsub("^%.", ""))
    if found then
      return found
    end
  end
  return nil
end

local function without_foreign(value)
  local result = {}
  for key, item in pairs(value) do
    if not find_foreign(item, "") then
      result[key] = item
    end
  end
  return result
end

local function check_foreign(config, process, opts)
  if opts.omit then
    return without_foreign(config), without_foreign(process)
  end
  local found = find_foreign(config, "") or find_foreign(process, "process")
  if found then
    return nil, errors.invalid({ found })
  end
  return config, process
end

local function parsed(config, process)
  local whole, err = schema.parse(config)
  local fields
  if whole then
    fields, err = schema.parse_process(process)
  end
  if not fields then
    return nil, err
  end
  whole.rootfs = paths.absolute(whole.rootfs, ".")
  return { config = whole, process = fields }
end

--- Writes a description.
-- @tparam string name the container's id
-- @tparam table config plain or normalised (`container:config()`)
-- @tparam table process fields of `ctr.process`
-- @tparam[opt] table opts `folder`, absolute: where the file will lie, to which paths below it are
--   then relative; `oci`: what the key of that name says; `omit`: functions and descriptors are
--   left out, and not refused; `identity`: of who will evaluate it, the caller without it
-- @treturn[1] string Lua source that ends in a newline
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`: what is no configuration, or cannot be written, by its
--   path
function M.text(name, config, process, opts)
  opts = opts or {}
  local problem
  config, problem = check_foreign(config, process or {}, opts)
  if not config then
    return nil, problem
  end
  local wanted, err = parsed(config, problem)
  if not wanted then
    return nil, err
  end
  local text
  text, err = shortest({
    name = name, wanted = wanted, folder = opts.folder, oci = opts.oci,
    identity = opts.identity or identities.current(),
  })
  if not text then
    return nil, err or errors.new("ConfigInvalid", name .. " cannot be said by a description")
  end
  return text
end

return M

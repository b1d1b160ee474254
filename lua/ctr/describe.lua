--- Descriptions: containers as people write them.
--
--     return container "web" {
--       rootfs = "./rootfs",
--       run = { "/bin/httpd", "-f" },
--       limits = { memory = "256M" },
--     }
--
-- A description becomes a configuration and a process. What it does not say has a safe default
-- (`ctr.describe.defaults`). It is read in layers (`ctr.describe.layers`): the defaults, a profile,
-- what it extends, itself.
-- @module ctr.describe

local compose = require("ctr.describe.compose")
local defaults = require("ctr.describe.defaults")
local identities = require("ctr.describe.identity")
local layers = require("ctr.describe.layers")
local lazy = require("ctr.lazy")
local merge = require("ctr.describe.merge")
local origin = require("ctr.describe.origin")
local problems_of = require("ctr.describe.problems")
local profiles = require("ctr.describe.profiles")
local program = require("ctr.plan.program")
local schema = require("ctr.config.schema")
local source = lazy("ctr.describe.source")
local spelling = require("ctr.config.spelling")
local words = require("ctr.describe.words")

local M = {}

M.bind, M.tmpfs, M.loopback, M.veth = words.bind, words.tmpfs, words.loopback, words.veth
M.replace, M.remove, M.add = words.replace, words.remove, words.add

local description_methods = {}
local description_metatable = { __index = description_methods, __name = "ctr.Description" }

--- Says whether a value is a description.
function M.is(value)
  return type(value) == "table" and debug.getmetatable(value) == description_metatable
end

local function parse_first(process)
  local parsed, err = schema.parse_process(process)
  if not parsed then
    return nil, err
  end
  return schema.first_process(parsed)
end

local function add_problems(problems, err)
  for _, problem in ipairs(err and (err.problems or { { path = err.path or "",
    text = tostring(err) } }) or {}) do
    problems[#problems + 1] = problem
  end
end

-- What the schema says of a configuration and a process.
local function schema_problems(config, process)
  local problems = {}
  local parsed, config_error = schema.parse(config)
  local first, process_error = parse_first(process)
  add_problems(problems, config_error)
  add_problems(problems, process_error)
  if parsed and first and program.has_filter(parsed, first) then
    local _, err = require("ctr.supervisor.choice").check(parsed, first)
    add_problems(problems, err)
  end
  return problems
end

--- Finds all that is wrong with the description, without looking at the machine.
-- @treturn table problems: each has `container`, `path`, `text`, `value`, `file`, `line`
function description_methods:problems()
  local problems = { unpack(self.found) }
  for _, problem in ipairs(schema_problems(self.config, self.process)) do
    local key = problem.path:gsub("^process%.", "")
    -- Who meant a key and wrote another is told that.
    if not (problem.text == "is required" and self.meant[key == "args" and "run" or key]) then
      problems[#problems + 1] = problem
    end
  end
  return problems_of.locate(self, problems)
end

--- Checks the configuration and the process, without looking at the machine.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; each of its `problems` has `path`, `text`, `file`, `line`
function description_methods:check()
  local found = self:problems()
  if #found > 0 then
    return nil, problems_of.error(found)
  end
  return true
end

local function default_layer(identity)
  local keys = defaults.config(identity)
  for key, value in pairs(defaults.process()) do
    keys[key] = value
  end
  return { keys = keys, label = "the defaults", gives_way = true }
end

local function profile_layer(name, identity, found)
  if not profiles.about[name] then
    found[#found + 1] = { path = "profile",
      text = spelling.unknown("is no profile", name, profiles.about) }
    return nil
  end
  local keys, problem = profiles.keys(name, identity)
  if not keys then
    found[#found + 1] = { path = "profile", text = problem }
    return nil
  end
  return { keys = keys, label = "profile " .. name, gives_way = true }
end

local function weak(layer)
  return setmetatable({ gives_way = true }, { __index = layer })
end

-- All layers of a draft; the defaults are missing where the profile does without.
local function layers_of(draft, identity, found)
  local list, is_bare = {}, false
  for _, profile in ipairs(draft.profile or {}) do
    if type(profile) == "string" then
      is_bare = is_bare or profiles.is_bare(profile)
      list[#list + 1] = profile_layer(profile, identity, found)
    else
      for _, layer in ipairs(profile.layers) do
        list[#list + 1] = weak(layer)
      end
    end
  end
  if not is_bare then
    table.insert(list, 1, default_layer(identity))
  end
  for _, layer in ipairs(draft.layers) do
    list[#list + 1] = layer
  end
  return list, is_bare
end

local function merge_oci(description, result)
  if not result.oci then
    return
  end
  local config, process, problems =
    require("ctr.describe.piece").apply(description.config, description.process, result.oci)
  for _, problem in ipairs(problems or {}) do
    description.found[#description.found + 1] = problem
  end
  if config then
    description.config, description.process = config, process
  end
end

local function note_profile(description, draft)
  for _, layer in ipairs(draft.layers) do
    if draft.profile then
      description.node.kids.profile = origin.node(layer, { "profile" })
    end
  end
end

--- Builds a draft (`ctr.describe.layers`), whatever is wrong with it.
-- @tparam table draft
-- @tparam table identity of the caller (`ctr.describe.identity`)
-- @treturn ctr.Description `name`, `config`, `process`, `on`, `after`, `oci`; `found`: problems
-- beside those of the schema
function M.make(draft, identity)
  local found = { unpack(draft.problems) }
  local all, is_bare = layers_of(draft, identity, found)
  local said = merge.fold(all)
  local result = compose.compose(draft.name, said.keys, { identity = identity, is_bare = is_bare })
  for _, list in ipairs({ said.problems, result.problems }) do
    for _, problem in ipairs(list) do
      found[#found + 1] = problem
    end
  end
  local description = setmetatable({
    name = draft.name, place = draft.place, draft = draft, found = found, meant = result.meant,
    keys = said.keys, node = said.node, names = result.names, config = result.config,
    process = result.process, on = result.on, after = result.after, oci = result.oci,
  }, description_metatable)
  note_profile(description, draft)
  merge_oci(description, result)
  return description
end

local function text_of(file)
  local handle = file and io.open(file, "r")
  local text = handle and handle:read("*a") or ""
  if handle then
    handle:close()
  end
  return text
end

--- Makes a place able to look at its text, when a problem is told.
-- @tparam table place `file` and `line`
-- @treturn table the same
function M.with_text(place)
  local text, entries
  place.look = function()
    if not text then
      text = source.new(text_of(place.file))
      entries = place.line and text:call("container", place.line)
    end
    return text, entries
  end
  return place
end

-- A program's table is the program's: only the configuration's check has something to say to it.
local PROGRAM = {
  copying = { is_trusted = true, kept = words.marked, opaque = { [description_metatable] = true } },
  draft_of = function(value) return M.is(value) and value.draft or nil end,
  place_of = function() return nil end,
}

--- Makes a description of what was said.
-- @tparam string name
-- @tparam table keys
-- @tparam table place where: `file` and `line`
-- @tparam[opt] table identity of the caller; looked up without it
-- @treturn[1] ctr.Description `name`, `config`, `process`, `on`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.build(name, keys, place, identity)
  local draft = layers.read(name, keys, M.with_text(place), PROGRAM)
  local description = M.make(draft, identity or identities.current())
  if #description.found > 0 then
    return nil, problems_of.error(description:problems())
  end
  return description
end

--- Checks the name of a container, for a word that is called with it.
-- @param name
-- @tparam number level as for `error`
function M.check_name(name, level)
  if type(name) ~= "string" then
    error("bad argument #1 to 'container' (string expected, got " .. type(name) .. ")", level + 1)
  end
end

--- Checks the table of a container, for a word that is called with it.
-- @param keys
-- @tparam number level as for `error`
function M.check_keys(keys, level)
  if type(keys) ~= "table" then
    error("a description is a table, not a " .. type(keys), level + 1)
  end
end

--- Begins a description: `ctr.container "web" { … }`.
-- @tparam string name the container's id
-- @treturn function takes the table; returns a description, or nil and a `ctr.Error`
function M.container(name)
  M.check_name(name, 2)
  local place = origin.caller(2)
  return function(keys)
    M.check_keys(keys, 2)
    return M.build(name, keys, place)
  end
end

--- Reads descriptions from a file: `ctr.describe.file`.
-- @tparam string path
-- @tparam[opt] table opts
function M.load(path, opts)
  return require("ctr.describe.file").load(path, opts)
end

return M

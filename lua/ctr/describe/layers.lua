--- From the table of a description to its layers: what it extends, its profile, and itself.
--
-- A draft is a description that nobody has built yet: `name`, `place`, `layers`
-- (`ctr.describe.origin`), `profile` (a list of names and drafts, or nil) and `problems`.
-- @module ctr.describe.layers

local paths = require("ctr.describe.paths")
local plain = require("ctr.describe.plain")
local words = require("ctr.describe.words")

local M = {}

local BASES = { extends = true, profile = true }
local WANTED = {
  extends = "must be a description, a table, or a list of them",
  profile = "must be the name of a profile, a description, a table, or a list of them",
}

local function report(draft, path, text)
  draft.problems[#draft.problems + 1] = { path = path, text = text }
end

local function copy_of(value, path, draft, context)
  local result, problems = plain.copy(value, path, context.copying)
  for _, problem in ipairs(problems) do
    report(draft, problem.path, problem.text)
  end
  return result
end

local function new_layer(keys, place, draft, context)
  local own = {}
  for key, value in next, keys do
    if type(key) ~= "string" then
      report(draft, plain.path_to("", key), "must have a name as its key")
    elseif not BASES[key] then
      own[key] = copy_of(value, key, draft, context)
    end
  end
  if type(own.rootfs) == "string" then
    own.rootfs = paths.absolute(own.rootfs, paths.folder(place.file))
  end
  return { keys = own, file = place.file, line = place.line, look = place.look }
end

local function list_of(value, context)
  if value == nil then
    return {}
  end
  local is_list = type(value) == "table" and not context.draft_of(value)
    and rawget(value, 1) ~= nil
  return is_list and value or { value }
end

local read

local function read_base(draft, base, key, place, context)
  local known = type(base) == "table" and context.draft_of(base)
  if known then
    return known
  end
  if type(base) == "table" then
    return read(nil, base, context.place_of(base) or place, context)
  end
  if key == "profile" and type(base) == "string" then
    return base
  end
  report(draft, key, WANTED[key])
  return nil
end

local function add_bases(draft, keys, place, context)
  for _, base in ipairs(list_of(rawget(keys, "extends"), context)) do
    local known = read_base(draft, base, "extends", place, context)
    for _, layer in ipairs(known and known.layers or {}) do
      draft.layers[#draft.layers + 1] = layer
    end
    for _, problem in ipairs(known and known.problems or {}) do
      draft.problems[#draft.problems + 1] = problem
    end
    draft.profile = known and known.profile or draft.profile
  end
end

local function add_profile(draft, keys, place, context)
  local said = rawget(keys, "profile")
  if said == nil then
    return
  end
  draft.profile = {}
  for _, base in ipairs(list_of(said, context)) do
    draft.profile[#draft.profile + 1] = read_base(draft, base, "profile", place, context)
  end
end

--- Reads a table.
-- @tparam ?string name of the container
-- @tparam table keys whatever somebody wrote; no metamethod of it runs
-- @tparam table place `file`, `line`, and `look` (`ctr.describe.origin`)
-- @tparam table context `copying`: options of `plain.copy`; `draft_of(value)`: the draft of a
--   description, or nil; `place_of(table)`: where a table was returned from, or nil
-- @treturn table a draft
function read(name, keys, place, context)
  local draft = { name = name, place = place, layers = {}, problems = {} }
  if words.mark_of(keys) == nil and debug.getmetatable(keys) and not context.copying.is_trusted then
    keys = copy_of(keys, "", draft, context) or {}
  end
  add_bases(draft, keys, place, context)
  add_profile(draft, keys, place, context)
  draft.layers[#draft.layers + 1] = new_layer(keys, place, draft, context)
  return draft
end

M.read = read

return M

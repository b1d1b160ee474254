--- Shapes that several parts of the schema use.
-- @module ctr.config.schema.fields

local checks = require("ctr.config.checks")
local shape = require("ctr.config.shape")
local words = require("ctr.config.words")

local M = {}

--- A list of paths in the container.
function M.path_list(about)
  local path = shape.string({ normalise = checks.path_below, about = "A path in the container." })
  return shape.list(path, { default = {}, about = about })
end

--- A string that may be left out, and is empty then.
function M.text(about, check)
  return shape.string({ default = "", check = check, about = about })
end

--- What is off unless it is said.
function M.switch(about)
  return shape.boolean({ default = false, about = about })
end

-- libcontainer has the JSON names of the five sets in capitals.
local function capability_set(alias, about)
  local name = shape.string({ normalise = checks.capability, about = "CAP_KILL, or kill." })
  return shape.list(name, {
    default = {}, alias = alias, normalise = checks.unique, about = about,
  })
end

--- The five sets of capabilities.
function M.capabilities(about)
  return shape.record({
    bounding = capability_set("Bounding", "The most that any program can gain."),
    effective = capability_set("Effective", "What the kernel checks."),
    inheritable = capability_set("Inheritable", "What programs with file capabilities may keep."),
    permitted = capability_set("Permitted", "What may be made effective."),
    ambient = capability_set("Ambient", "What programs without file capabilities keep."),
  }, { optional = true, about = about })
end

local function limit(about)
  return shape.string({
    accept = checks.limit, normalise = checks.exact_limit,
    takes = "integer, its digits, or `\"unlimited\"`", about = about,
  })
end

--- A resource limit.
M.rlimit = shape.record({
  type = shape.enum(words.rlimits, {
    accept = checks.rlimit_type,
    choices = "the names of getrlimit(2)",
    about = "RLIMIT_NOFILE, nofile, or the kernel's number.",
  }),
  soft = limit("What applies."),
  hard = limit("How far the soft limit may be raised."),
}, { check = checks.soft_below_hard })

--- A list of resource limits.
function M.rlimits(about)
  return shape.list(M.rlimit, { default = {}, check = checks.unique_types, about = about })
end

--- Which processes go first without memory.
function M.oom_score_adj(about)
  return shape.integer({ optional = true, min = -1000, max = 1000, about = about })
end

--- What new files are not given.
function M.umask(about)
  return shape.integer({
    optional = true, min = 0, max = 511, accept = checks.octal, about = about,
  })
end

--- A list of environment variables, as programs get it.
M.env_list = shape.list(
  shape.string({ check = checks.key_value, about = "NAME=value." }),
  { normalise = checks.merge_env }
)

--- Environment variables by name.
M.env_map = shape.map(
  shape.string({ accept = checks.text_of_number, about = "The variable's value." }),
  { key = checks.env_name, normalise = checks.env_of_map }
)

local function env_shape(value)
  local is_map = type(value) == "table" and type((next(value))) == "string"
  return is_map and M.env_map or M.env_list
end

--- An environment in either form.
function M.env(options)
  options.shapes = { M.env_list, M.env_map }
  return shape.choice(env_shape, options)
end

local LAST_ID = 2 ^ 32 - 2
local LAST_NUMBER = 2 ^ 32 - 1

--- A range of ids.
M.id_mapping = shape.record({
  container_id = shape.integer({ min = 0, max = LAST_ID, about = "The first id inside." }),
  host_id = shape.integer({ min = 0, max = LAST_ID, about = "The first id outside." }),
  size = shape.integer({ min = 1, max = LAST_NUMBER, about = "How many ids." }),
}, { check = checks.id_range })

--- A list of ranges of ids. The kernel takes 340 (Linux 4.15).
function M.id_mappings(about)
  return shape.list(M.id_mapping, { default = {}, max = 340, about = about })
end

--- A list of strings, empty where it is left out.
function M.string_list(about)
  return shape.list(shape.string(), { default = {}, about = about })
end

--- A program of the host that runs before or after a mount is made.
M.command = shape.record({
  path = shape.string({ empty = false, about = "The program; looked up in PATH without a slash." }),
  args = M.string_list("What follows the program's name."),
  env = M.env({ optional = true, about = "Its environment; only the default PATH without it." }),
  dir = M.text("Where it runs."),
})

return M

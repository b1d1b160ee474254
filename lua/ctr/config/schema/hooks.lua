--- The shape of hooks.
-- @module ctr.config.schema.hooks

local checks = require("ctr.config.checks")
local fields = require("ctr.config.schema.fields")
local shape = require("ctr.config.shape")
local units = require("ctr.config.units")

local M = {}

local function is_function(value)
  if type(value) == "function" then
    return true
  end
  return nil, "must be a function, not a " .. type(value)
end

local function positive_duration(value)
  local seconds, text = units.duration(value)
  if not seconds then
    return nil, text
  end
  if seconds <= 0 then
    return nil, "must be more than 0 seconds"
  end
  return seconds
end

-- What would have no effect is refused.
local function settle(hook)
  if not hook.func then
    if not hook.path then
      return nil, "is required, or func", "path"
    end
    if #hook.args == 0 then
      hook.args[1] = hook.path
    end
    return hook
  end
  if hook.path or #hook.args > 0 or hook.env or hook.dir ~= "" or hook.timeout then
    return nil, "must stand alone: path, args, env, dir and timeout are a command's", "func"
  end
  return { func = hook.func }
end

local env_list = shape.list(shape.string({ check = checks.key_value, about = "NAME=value." }))

local function env_shape(value)
  local is_map = type(value) == "table" and type((next(value))) == "string"
  return is_map and fields.env_map or env_list
end

--- A hook: a command, or a function of the calling program.
M.hook = shape.record({
  path = shape.string({
    optional = true,
    normalise = checks.absolute_path,
    about = "The program: an absolute path of the host; of the container for startContainer.",
  }),
  args = fields.string_list("Its argv, exactly; the path alone without it."),
  env = shape.choice(env_shape, {
    shapes = { env_list, fields.env_map },
    optional = true, about = "Its environment, exactly; without it empty, and the process' own for "
      .. "startContainer.",
  }),
  dir = shape.string({
    default = "",
    normalise = checks.absolute_or_empty,
    about = "Where it runs; / without it.",
  }),
  timeout = shape.any({
    optional = true,
    normalise = positive_duration,
    takes = "duration",
    about = "Seconds, or \"30s\": when they have passed it is killed, and all that it started.",
  }),
  func = shape.any({
    optional = true,
    check = is_function,
    takes = "function",
    about = "A function instead of a command: it is given the state; nil or false and a message, "
      .. "or an error, is a failure.",
  }),
}, { normalise = settle })

local function hook_list(alias, about)
  return shape.list(M.hook, { default = {}, alias = alias, about = about })
end

--- The hooks of a container, by kind.
M.hooks = shape.record({
  prestart = hook_list("Prestart", "Before the root is entered, on the host; createRuntime's "
    .. "older name."),
  createRuntime = hook_list("create_runtime", "Before the root is entered, on the host."),
  createContainer = hook_list("create_container", "Before the root is entered, in the "
    .. "container's namespaces; the program is the host's."),
  startContainer = hook_list("start_container", "In the container, as the process' user, just "
    .. "before its program."),
  poststart = hook_list("Poststart", "When the program runs, on the host."),
  poststop = hook_list("Poststop", "When the container is destroyed, on the host."),
})

return M

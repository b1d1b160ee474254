--- What a migration may be told, at both ends. Pure.
-- @module ctr.migrate.options

local criu = require("ctr.criu.options")
local errors = require("ctr.errors")
local fields = require("ctr.config.schema.fields")
local shape = require("ctr.config.shape")

local M = {}

local PORT_MAX = 65535
local ROUNDS_MAX = 32
local GIB = 1024 * 1024 * 1024

--- Most rounds of one migration, the last dump included.
M.ROUNDS_MAX = ROUNDS_MAX + 1

--- What the dump and the restore are told alike: names of `ctr.criu.options`.
M.SHARED = {
  "tcp_established", "tcp_skip_in_flight", "external_unix_connections", "shell_job", "file_locks",
  "link_remap", "manage_cgroups_mode", "empty_ns", "network_lock",
}

local function of_type(wanted)
  return function(value)
    if type(value) == wanted then
      return true
    end
    return nil, "must be a " .. wanted
  end
end

local function is_seconds(value)
  if type(value) == "number" and value > 0 and value < math.huge then
    return true
  end
  return nil, "must be a number of seconds above 0"
end

local function is_named(name)
  return function(value)
    local metatable = type(value) == "table" and getmetatable(value)
    if metatable and metatable.__name == name then
      return true
    end
    return nil, ("must be a %s"):format(name)
  end
end

local function is_config(value)
  if type(value) == "table" or type(value) == "function" then
    return true
  end
  return nil, "must be a configuration, or a function which returns one"
end

local function endpoint(about)
  return shape.record({
    address = shape.string({ empty = false, about = "Its address." }),
    port = shape.integer({ min = 1, max = PORT_MAX, about = "Its port." }),
  }, { optional = true, about = about })
end

local function timeout()
  return shape.any({ default = 120, check = is_seconds,
    about = "How long the other end may say nothing, in seconds." })
end

local function process(about)
  return shape.any({ optional = true, check = is_named("ctr.Process"), about = about })
end

local function source_fields()
  local all = {
    method = shape.enum({ "pre-copy", "post-copy", "stop-and-copy" }, {
      optional = true, about = "pre-copy where the kernel can, else stop-and-copy, without it.",
    }),
    max_rounds = shape.integer({ default = 5, min = 1, max = ROUNDS_MAX,
      about = "Most pre-dumps before the last dump." }),
    dirty_limit = shape.size({ default = 4 * 1024 * 1024,
      about = "A round that has written no more is followed by the last dump." }),
    page_server = fields.switch("Pages go to a page server of the other end, and not to files."),
    lazy_server = endpoint("Where this end serves pages after a post-copy."),
    directory = fields.text("A folder of this end, in which the images' folder is made."),
    process = process("Gets the first process where the source has to be restored."),
    progress = shape.any({ optional = true, check = of_type("function"),
      about = "Is called with how far it is; an error that it raises ends the migration." }),
    timeout = timeout(),
  }
  for _, name in ipairs(M.SHARED) do
    all[name] = criu.options.fields[name]
  end
  return all
end

M.options = shape.record(source_fields())

M.target = shape.record({
  factory = shape.any({ check = is_named("ctr.Factory"), about = "Makes the container." }),
  id = fields.text("The container's id there: the source's without it."),
  config = shape.any({ optional = true, check = is_config,
    about = "Its configuration, or a function of the source's that returns it." }),
  process = process("Gets the restored first process."),
  directory = shape.string({ empty = false,
    about = "A folder, in which the images' folder is made." }),
  network_namespace = shape.any({ optional = true,
    about = "A path or descriptor of the network namespace that is the target's host." }),
  page_server = endpoint("Where a page server may listen."),
  max_bytes = shape.size({ default = 64 * GIB, about = "Most bytes of images that are taken." }),
  timeout = timeout(),
})

local function check_method(options)
  if options.method == "post-copy" and not options.lazy_server then
    return nil, errors.invalid({ { path = "lazy_server", text = "is required by post-copy" } })
  elseif options.method == "post-copy" and options.page_server then
    return nil, errors.invalid({ { path = "page_server", text = "is of no use to post-copy" } })
  end
  return options
end

--- Checks the options of the sending end, and fills in what was left out.
-- @tparam table opts
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.parse(opts)
  local options, err = shape.parse(M.options, opts)
  if not options then
    return nil, err
  end
  options.shared = M.shared_of(opts)
  return check_method(options)
end

--- Checks what is said of the receiving end, and fills in what was left out.
-- @tparam table target
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.parse_target(target)
  return shape.parse(M.target, target)
end

--- Takes what dump and restore are told alike, as it was written.
-- @tparam table opts
-- @treturn table
function M.shared_of(opts)
  local shared = {}
  for _, name in ipairs(M.SHARED) do
    shared[name] = opts[name]
  end
  return shared
end

return M

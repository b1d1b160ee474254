--- Descriptions: containers as people write them.
--
--     return container "web" {
--       rootfs = "./rootfs",
--       run = { "/bin/httpd", "-f" },
--       limits = { memory = "256M" },
--     }
--
-- A description becomes a configuration and a process. What it does not say has a safe default
-- (`ctr.describe.defaults`).
-- @module ctr.describe

local compose = require("ctr.describe.compose")
local errors = require("ctr.errors")
local identities = require("ctr.describe.identity")
local merge = require("ctr.describe.merge")
local origin = require("ctr.describe.origin")
local paths = require("ctr.describe.paths")
local program = require("ctr.plan.program")
local sandbox = require("ctr.describe.sandbox")
local schema = require("ctr.config.schema")

local M = {}

local description_methods = {}
local description_metatable = { __index = description_methods, __name = "ctr.Description" }

--- Says whether a value is a description.
function M.is(value)
  return getmetatable(value) == description_metatable
end

-- The description's own name for a path of the configuration, and where that was said.
local function translate(description, path)
  local from = path
  while from ~= "" do
    local name = description.names[from]
    if name then
      return name.path .. path:sub(#from + 1), name.place
    end
    from = from:match("^(.*)[%.%[][^%.%[]*$") or ""
  end
  return path
end

local function located(description, problem)
  local path, place = translate(description, problem.path)
  if not place then
    local key = path:match("^[%a_][%w_]*") or path
    place = origin.find(description.places[key] or description.place, path)
  end
  return { path = path, text = problem.text, file = place.file, line = place.line }
end

-- As they stand in the file; what has no line of its own comes in the order of the check.
local function sort_by_line(found)
  for index, problem in ipairs(found) do
    problem.order = index
  end
  table.sort(found, function(a, b)
    local one, other = a.line or 0, b.line or 0
    return one < other or (one == other and a.order < b.order)
  end)
  for _, problem in ipairs(found) do
    problem.order = nil
  end
end

local function error_of(description, problems)
  local lines, found = {}, {}
  for index, problem in ipairs(problems) do
    found[index] = located(description, problem)
  end
  sort_by_line(found)
  for index, problem in ipairs(found) do
    lines[index] = ("%s%s %s"):format(origin.prefix(problem), problem.path, problem.text)
  end
  return errors.new("ConfigInvalid", table.concat(lines, "\n"), {
    path = found[1].path,
    problems = found,
  })
end

local function problems_of(err)
  return err.problems or { { path = err.path or "", text = tostring(err) } }
end

local function parse_first(process)
  local parsed, err = schema.parse_process(process)
  if not parsed then
    return nil, err
  end
  return schema.first_process(parsed)
end

--- Checks the configuration and the process, without looking at the machine.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`; each of its `problems` has `path`, `text`, `file`, `line`
function description_methods:check()
  local problems = {}
  local config, config_error = schema.parse(self.config)
  local process, process_error = parse_first(self.process)
  local both_error
  if config and process and program.has_filter(config, process) then
    local _, err = require("ctr.supervisor.choice").check(config, process)
    both_error = err
  end
  for _, err in pairs({ config_error, process_error, both_error }) do
    for _, problem in ipairs(problems_of(err)) do
      problems[#problems + 1] = problem
    end
  end
  if #problems > 0 then
    return nil, error_of(self, problems)
  end
  return true
end

local function layer_of(value, place)
  if M.is(value) then
    return value.said
  end
  return merge.layer(value, place)
end

local function bases_of(extends)
  if extends == nil then
    return {}
  end
  local is_one = type(extends) ~= "table" or M.is(extends) or extends[1] == nil
  return is_one and { extends } or extends
end

-- What is said on top of what it extends.
local function said_in(keys, place)
  local said = { keys = {}, places = {} }
  for _, base in ipairs(bases_of(keys.extends)) do
    if type(base) ~= "table" then
      return nil, { path = "extends", text = "must be a description, a table, or a list of them" }
    end
    said = merge.onto(said, layer_of(base, place))
  end
  local own = merge.layer(keys, place)
  if type(own.keys.rootfs) == "string" then
    own.keys.rootfs = paths.absolute(own.keys.rootfs, paths.folder(place.file))
  end
  return merge.onto(said, own)
end

local function new_description(name, place)
  return setmetatable({
    name = name, place = place, names = {}, places = {},
  }, description_metatable)
end

--- Makes a description of what was said.
-- @tparam string name
-- @tparam table keys
-- @tparam table place where: `file` and `line`
-- @tparam[opt] table identity of the caller; looked up without it
-- @treturn[1] ctr.Description `name`, `config`, `process`, `on`
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`
function M.build(name, keys, place, identity)
  local description = new_description(name, place)
  local said, problem = said_in(keys, place)
  if not said then
    return nil, error_of(description, { problem })
  end
  local result = compose.compose(name, said.keys, identity or identities.current())
  description.said, description.places, description.names = said, said.places, result.names
  if #result.problems > 0 then
    return nil, error_of(description, result.problems)
  end
  description.config, description.process, description.on =
    result.config, result.process, result.on
  return description
end

local function check_name(name)
  if type(name) ~= "string" then
    error("bad argument #1 to 'container' (string expected, got " .. type(name) .. ")", 3)
  end
end

local function check_keys(keys)
  if type(keys) ~= "table" then
    error("a description is a table, not a " .. type(keys), 3)
  end
end

--- Begins a description: `ctr.container "web" { … }`.
-- @tparam string name the container's id
-- @treturn function takes the table; returns a description, or nil and a `ctr.Error`
function M.container(name)
  check_name(name)
  local place = origin.caller(2)
  return function(keys)
    check_keys(keys)
    return M.build(name, keys, place)
  end
end

local function bind_flags(options)
  if options == nil then
    return { "rbind" }
  end
  local flags = { "rbind" }
  for _, word in ipairs(type(options) == "table" and options or { options }) do
    for part in tostring(word):gmatch("[^,]+") do
      flags[#flags + 1] = part
    end
  end
  return flags
end

--- A mount of something of the host's: `bind("./site", "/srv", "ro")`.
-- @tparam string source relative to the file
-- @tparam string destination in the container
-- @param[opt] options words of mount(8): `"ro"`, `"ro,noexec"`, or a list
-- @treturn table a mount
function M.bind(source, destination, options)
  local place = origin.caller(2)
  if type(source) ~= "string" then
    error("bad argument #1 to 'bind' (string expected, got " .. type(source) .. ")", 2)
  end
  return origin.mark({
    source = paths.absolute(source, paths.folder(place.file)),
    destination = destination,
    device = "bind",
    flags = bind_flags(options),
  }, place)
end

local function tmpfs_data(options)
  local names, data = {}, {}
  for name in pairs(options) do
    names[#names + 1] = name
  end
  table.sort(names)
  for index, name in ipairs(names) do
    data[index] = name .. "=" .. tostring(options[name])
  end
  return table.concat(data, ",")
end

--- A file system in memory: `tmpfs("/tmp", { size = "64M" })`.
-- @tparam string destination in the container
-- @tparam[opt] table options tmpfs(5)'s; `mode` is 1777 without it
-- @treturn table a mount
function M.tmpfs(destination, options)
  local all = { mode = "1777" }
  for name, value in pairs(options or {}) do
    all[name] = value
  end
  return origin.mark({
    source = "tmpfs", destination = destination, device = "tmpfs",
    flags = { "nosuid", "nodev" }, data = tmpfs_data(all),
  }, origin.caller(2))
end

--- The network of a container that is alone: `network = { loopback() }`.
-- @treturn table a network
function M.loopback()
  return origin.mark({ type = "loopback" }, origin.caller(2))
end

--- An interface of the container's, and its other end on the host:
-- `network = { veth { bridge = "br0", address = "10.0.0.2/24", gateway = "10.0.0.1" } }`.
-- @tparam table keys of a network (`ctr.config.schema.interfaces`)
-- @treturn table a network
function M.veth(keys)
  local network = { type = "veth" }
  if type(keys) ~= "table" then
    error("bad argument #1 to 'veth' (table expected, got " .. type(keys) .. ")", 2)
  end
  for key, value in pairs(keys) do
    network[key] = value
  end
  return origin.mark(network, origin.caller(2))
end

-- In a file, what is wrong ends its evaluation: nobody is there to look at a second result.
local function container_word(identity)
  return function(name)
    check_name(name)
    local place = origin.caller(2)
    return function(keys)
      check_keys(keys)
      local description, err = M.build(name, keys, place, identity)
      if not description then
        error(err, 0)
      end
      return description
    end
  end
end

local function descriptions_in(values)
  local list = {}
  for _, value in ipairs(values) do
    local items = M.is(value) and { value } or value
    if type(items) ~= "table" then
      return {}
    end
    for _, item in ipairs(items) do
      if not M.is(item) then
        return {}
      end
      list[#list + 1] = item
    end
  end
  return list
end

local function evaluation_error(path, result)
  if errors.is(result.err) then
    return result.err
  end
  local text = tostring(result.err)
  if result.outside then
    text = text .. "; lctr --trust gives a description all of Lua"
  end
  return errors.new("ConfigInvalid", text, { target = path, outside = result.outside })
end

local function no_description(path)
  return errors.new("ConfigInvalid", path .. " returns no description: it ends with "
    .. "return container \"name\" { … }", { target = path })
end

-- A program is not written as a description is, and needs what a description cannot have.
local function is_program(result)
  local describes = result.text and result.text:find("return%s*%(?%s*container%f[^%w_]")
  return not describes and result.text ~= nil and (result.ok or result.outside ~= nil)
end

--- Reads a description from a file.
-- @tparam string path
-- @tparam[opt] table opts `trust`: the file may use all of Lua; `identity`: of the caller
-- @treturn[1] table a list of descriptions, checked
-- @return[2] nil
-- @treturn[2] ctr.Error `is_program` when the file is a Lua program, as it seems
function M.load(path, opts)
  opts = opts or {}
  local words = {
    container = container_word(opts.identity or identities.current()),
    bind = M.bind, tmpfs = M.tmpfs, loopback = M.loopback,
    veth = M.veth,
  }
  local result = sandbox.evaluate(path, words, opts.trust)
  local list = result.ok and descriptions_in(result.values) or {}
  if #list == 0 then
    local err = result.ok and no_description(path) or evaluation_error(path, result)
    err.is_program = not opts.trust and is_program(result) or nil
    return nil, err
  end
  for _, description in ipairs(list) do
    local ok, err = description:check()
    if not ok then
      return nil, err
    end
  end
  return list
end

return M

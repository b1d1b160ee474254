--- `lctr exec`: runs one more process in a container.
-- @module ctr.cli.exec

local context_module = require("ctr.cli.context")
local ctr = require("ctr")
local document = require("ctr.oci.document")
local errors = require("ctr.errors")
local input = require("ctr.cli.input")
local launching = require("ctr.cli.launching")
local oci = require("ctr.oci")
local shapes = require("ctr.oci.shapes")
local whole = require("ctr.cli.whole")
local words = require("ctr.cli.words")

local FAILED = 255 -- what no program's own status is taken for
local ID_MAX = 4294967294

local function invalid(text, ...)
  return nil, errors.new("ConfigInvalid", text:format(...))
end

local function id_of(text)
  local id = text:find("^%d+$") and tonumber(text)
  return id and id <= ID_MAX and id or nil
end

local function copy_list(list)
  return { unpack(list or {}) }
end

local setters = {}

function setters.env(object, list)
  object.env = copy_list(object.env)
  for _, pair in ipairs(list) do
    table.insert(object.env, pair)
  end
  return true
end

-- Without a group it stays the configuration's.
function setters.user(object, text)
  local user, group = text:match("^([^:]*):?([^:]*)$")
  local uid, gid = id_of(user or ""), id_of(group or "")
  if not uid or (text:find(":", 1, true) and not gid) then
    return invalid("--user must be UID or UID:GID, in numbers, not %q", text)
  end
  object.user.uid, object.user.gid = uid, gid or object.user.gid
  return true
end

setters["additional-gids"] = function(object, list)
  local ids = copy_list(object.user.additionalGids)
  for _, text in ipairs(list) do
    local id = id_of(text)
    if not id then
      return invalid("--additional-gids must be numbers, not %q", text)
    end
    ids[#ids + 1] = id
  end
  object.user.additionalGids = ids
  return true
end

local function has(list, value)
  for _, item in ipairs(list or {}) do
    if item == value then
      return true
    end
  end
  return false
end

-- Ambient capabilities have to be inheritable, and no option makes one that.
function setters.cap(object, list)
  local sets = object.capabilities or {}
  local changed = {}
  for name, names in pairs(sets) do
    changed[name] = copy_list(names)
  end
  for _, name in ipairs(list) do
    for _, set in ipairs({ "bounding", "permitted", "effective", "ambient" }) do
      changed[set] = changed[set] or {}
      if set ~= "ambient" or has(sets.inheritable, name) then
        table.insert(changed[set], name)
      end
    end
  end
  object.capabilities = changed
  return true
end

for option, member in pairs({
  cwd = "cwd", ["no-new-privs"] = "noNewPrivileges", ["process-label"] = "selinuxLabel",
  apparmor = "apparmorProfile",
}) do
  setters[option] = function(object, value)
    object[member] = value
    return true
  end
end

-- What a container's first process was given; of one that no bundle describes, what all its
-- processes have.
local function object_of(container)
  local object = container:kept().process
  if not object then
    local config = container:config()
    object = {
      cwd = "/", env = { "PATH=" .. require("ctr.plan.program").DEFAULT_PATH },
      capabilities = config.capabilities, noNewPrivileges = config.no_new_privileges,
      apparmorProfile = config.apparmor_profile, selinuxLabel = config.process_label,
    }
  end
  object.user = object.user or { uid = 0, gid = 0 }
  return object
end

local function object_of_options(container, args, values)
  if #args < 2 then
    return invalid("exec wants a command, or --process")
  end
  local object = object_of(container)
  object.args = { unpack(args, 2) }
  object.terminal = values.tty or false
  for option, set in pairs(setters) do
    if values[option] ~= nil then
      local ok, err = set(object, values[option])
      if not ok then
        return nil, err
      end
    end
  end
  return object
end

local function object_of_file(args, values)
  if #args > 1 then
    return invalid("exec: --process says what to run: %q is one argument too many", args[2])
  end
  local path = context_module.absolute(values.process)
  local text, err = input.read(path)
  local object
  if text then
    object, err = document.decode(text, path, shapes.process)
    err = err and errors.new("ConfigInvalid", err.problems[1].text) -- which names the file
  end
  return object, err
end

-- At commas; "" is a list of "".
local function split(text)
  local list = {}
  for item in (text .. ","):gmatch("([^,]*),") do
    list[#list + 1] = item
  end
  return list
end

-- "cpu,memory:path": hierarchies of their own; "path": all of them.
local function sub_cgroups(list)
  local paths
  for _, text in ipairs(list or {}) do
    paths = paths or {}
    local controllers, path = text:match("^([^:]*):(.*)$")
    if not controllers and #list > 1 then
      return invalid("--cgroup %s says no controller, and is not the only one", text)
    end
    for _, controller in ipairs(split(controllers or "")) do
      if paths[controller] then
        return invalid("--cgroup says %s twice", controller)
      end
      paths[controller] = path or text
    end
  end
  return paths or false
end

local function fields_of(container, args, values, context)
  local object, err
  if values.process then
    object, err = object_of_file(args, values)
  else
    object, err = object_of_options(container, args, values)
  end
  if not object then
    return nil, err
  end
  local fields, ignored = oci.process(object)
  if not fields then
    return nil, ignored
  end
  if not fields.args then
    return invalid("process.args is required")
  end
  for _, entry in ipairs(ignored) do
    context.log:debug(entry.path .. " " .. entry.text)
  end
  local paths
  paths, err = sub_cgroups(values.cgroup)
  if paths == nil then
    return nil, err
  end
  fields.sub_cgroup_paths = paths or nil
  fields.ignore_paused = values["ignore-paused"]
  fields.init = false
  return fields
end

local function check_status(container, values)
  local status, err = container:status()
  if not status then
    return nil, err
  end
  if status == "stopped" then
    return nil, "cannot exec in a stopped container"
  end
  if (status == "paused" or status == "pausing") and not values["ignore-paused"] then
    return nil, "cannot exec in a paused container (use --ignore-paused to override)"
  end
  return true
end

-- Engines take the file for the news that the program runs: without it, it does not.
local function start(container, fields, values)
  local process = ctr.process(fields)
  local ok, err = container:run(process)
  if not ok then
    return nil, words.of_program(err, fields.args[1])
  end
  ok, err = launching.write_pid(values, process)
  if not ok then
    process:signal("SIGKILL")
    return nil, err
  end
  return process
end

local function exec_detached(container, fields, values)
  local ok, err = launching.detach(fields, values)
  if not ok then
    return nil, err
  end
  local process
  process, err = start(container, fields, values)
  return process and 0, err
end

local function exec_attached(container, fields, values)
  local attached = require("ctr.cli.attached")
  local ok, err = launching.check_foreground(values)
  if ok then
    ok, err = launching.pass_descriptors(fields, values)
  end
  if not ok then
    return nil, err
  end
  local signals = attached.open_signals()
  local attachment
  attachment, err = attached.attach(fields, container:config())
  if not attachment then
    return nil, err
  end
  local process
  process, err = start(container, fields, values)
  if not process then
    return nil, err
  end
  local item = { process = process, session = attachment:started(process) }
  ok, err = attached.wait({ item }, signals)
  return ok and attached.exit_status(item.status), err
end

local function exec(args, values, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  whole.for_process(container)
  local ok
  ok, err = check_status(container, values)
  if not ok then
    return nil, err
  end
  local fields
  fields, err = fields_of(container, args, values, context)
  if not fields then
    return nil, err
  end
  context.log:debug(("container %s, whose first process is %s: a further process, %s"):format(
    container:id(), tostring(container.init_pid), values.detach and "detached" or "attached"))
  local run = values.detach and exec_detached or exec_attached
  return run(container, fields, values)
end

return function(args, values, context)
  local status, err = exec(args, values, context)
  if not status then
    return nil, err, FAILED
  end
  return status
end

--- `lctr checkpoint`: writes down a running container, which is gone then unless told otherwise.
-- @module ctr.cli.checkpoint

local bars = require("ctr.cli.bar")
local checkpointing = require("ctr.cli.checkpointing")
local errors = require("ctr.errors")

local REFUSED = { created = true, stopped = true }

local function check_status(container)
  local status, err = container:status()
  if status and REFUSED[status] then
    return nil, errors.new("ContainerNotRunning", ("a %s container cannot be checkpointed"):format(
      status))
  end
  return status, err
end

local function read_options(values)
  local options = checkpointing.options(values)
  if values["status-fd"] then
    options.status_fd = tonumber(values["status-fd"])
    if not options.status_fd then
      return nil, errors.new("ConfigInvalid", "--status-fd must be the number of a descriptor")
    end
  end
  if values["page-server"] then
    local server, err = checkpointing.page_server(values["page-server"])
    if not server then
      return nil, err
    end
    options.page_server = server
  end
  return options
end

local function make_folders(options)
  local ok, err = checkpointing.make_folder(options.images_directory)
  if ok and options.work_directory then
    ok, err = checkpointing.make_folder(options.work_directory)
  end
  return ok, err
end

-- Records on the terminal and a line that is drawn again and again would be in each other's way.
local function open_bar(context)
  return not context.log:shows("info") and bars.open() or nil
end

local function checkpoint(container, options, context)
  local bar = open_bar(context)
  options.progress = bar and function(info) bar:show(info) end
  local ok, err = container:checkpoint(options)
  if bar then
    bar:close()
  end
  if ok and err then
    context.log:warning(tostring(err)) -- what is not in it
  end
  return ok, err
end

return function(args, values, context)
  local container, err = context:container(args[1])
  local options, ok
  if container then
    options, err = read_options(values)
  end
  if options then
    ok, err = check_status(container)
  end
  if ok then
    ok, err = make_folders(options)
  end
  if ok then
    ok, err = checkpoint(container, options, context)
  end
  if not ok then
    return nil, checkpointing.in_words(err)
  end
  if options.leave_running or options.pre_dump then
    return 0
  end
  local warning
  ok, warning = container:destroy()
  if ok and warning then
    context.log:warning(tostring(warning)) -- a hook of the end, which changes nothing
  end
  return ok and 0, not ok and warning or nil
end

--- What `lctr run` and `lctr restore` share: a container of a bundle that is waited for, unless
-- told otherwise.
-- @module ctr.cli.running

local launching = require("ctr.cli.launching")

local M = {}

-- Who waits to hear that it is ready waits for lctr.
local function run_detached(id, values, context, mode)
  local container, err, notices = launching.create(id, values, context, mode)
  if not container then
    return nil, err
  end
  local ok = true
  if notices then
    ok, err = notices:wait()
    notices:close()
  end
  if not ok then
    launching.discard(container)
    return nil, err
  end
  return 0
end

local function remove(container, context)
  local ok, err = container:destroy()
  if ok and err then
    context.log:warning(tostring(err)) -- a hook of the end, which changes nothing
  end
  -- Who is told to may have removed it as soon as its program had ended.
  if not ok and err.code ~= "ContainerNotExists" then
    return nil, err
  end
  return true
end

local function wait(container, process, session, signals, notices)
  local attached = require("ctr.cli.attached")
  local item = { process = process, session = session, notices = notices }
  local ran, ok, err = pcall(attached.wait, { item }, signals)
  if notices then
    notices:close()
  end
  if ran and ok then
    return attached.exit_status(item.status)
  end
  launching.discard(container)
  if not ran then
    error(ok, 0)
  end
  return nil, err
end

local function run_attached(id, values, context, mode)
  local attached = require("ctr.cli.attached")
  local ok, err = launching.check_foreground(values)
  if not ok then
    return nil, err
  end
  local signals, attachment = attached.open_signals(), nil
  local container, process, notices = launching.create(id, values, context, mode,
    function(fields, _, config)
      local problem
      attachment, problem = attached.attach(fields, config)
      if not attachment then
        return nil, problem
      end
      return launching.pass_descriptors(fields, values)
    end)
  if not container then
    return nil, process
  end
  local status
  status, err = wait(container, process, attachment:started(process), signals, notices)
  if not status then
    return nil, err
  end
  if not values.keep then
    ok, err = remove(container, context)
  end
  return ok and status, err
end

--- Makes a container of a bundle, begins its process, and waits for it unless told otherwise.
-- @tparam string id
-- @tparam table values options of the command, `detach` and `keep` among them
-- @tparam table context
-- @tparam string|function mode of `launching.create`
-- @treturn[1] number the exit status
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.run(id, values, context, mode)
  local run = values.detach and run_detached or run_attached
  return run(id, values, context, mode)
end

return M

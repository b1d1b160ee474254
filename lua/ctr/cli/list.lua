--- `lctr list`: shows the containers.
-- @module ctr.cli.list

local columns = require("ctr.cli.columns")
local errors = require("ctr.errors")
local shown = require("ctr.cli.shown")

local HEADER = { "ID", "PID", "STATUS", "BUNDLE", "CREATED", "OWNER" }

-- One that is damaged, or goes away meanwhile, is left out.
local function add(list, factory, id, log)
  local container, err = factory:load(id)
  local state
  if container then
    state, err = shown.of(container)
    container.store:close()
  end
  if state then
    list[#list + 1] = state
  else
    log:debug(("container %s is left out: %s"):format(id, tostring(err)))
  end
end

-- Where there is no root yet there are no containers; one that was named may have been misspelled.
local function ids_of(context, values)
  if not context:has_root() then
    if values.root then
      return nil, errors.new("SystemError", "there is no such state root: " .. values.root,
        { path = "--root" })
    end
    return {}
  end
  local factory, err = context:factory()
  if not factory then
    return nil, err
  end
  local ids, problem = factory:list()
  return ids, problem or factory
end

local function to_table(list)
  local rows = { HEADER }
  for _, state in ipairs(list) do
    rows[#rows + 1] = { state.id, ("%d"):format(state.pid), state.status, state.bundle,
      state.created, state.owner }
  end
  return columns.text(rows)
end

local function to_json(list)
  local objects = {}
  for index, state in ipairs(list) do
    objects[index] = shown.json(state)
  end
  return "[" .. table.concat(objects, ",") .. "]\n"
end

return function(_, values, context)
  local ids, factory = ids_of(context, values)
  if not ids then
    return nil, factory
  end
  if values.quiet then
    for _, id in ipairs(ids) do
      io.stdout:write(id, "\n")
    end
    return 0
  end
  local list = {}
  for _, id in ipairs(ids) do
    add(list, factory, id, context.log)
  end
  if values.format == "json" then
    io.stdout:write(to_json(list))
  else
    io.stdout:write(to_table(list))
  end
  return 0
end

--- `lctr plan`: shows what a start would do.
-- @module ctr.cli.plan

local ctr = require("ctr")
local describe = require("ctr.describe")

local printers = {}

function printers.text(plans)
  for index, plan in ipairs(plans) do
    if #plans > 1 then
      io.stdout:write(index > 1 and "\n" or "", "# ", plan.name, "\n")
    end
    io.stdout:write((tostring(plan.plan):gsub("\n*$", "\n")))
  end
end

-- An empty list has to say that it is one.
local function steps_of(plan, json)
  local steps = plan:to_table()
  for _, step in ipairs(steps) do
    json.array(step.numbers)
    json.array(step.strings)
  end
  return json.array(steps)
end

function printers.json(plans)
  local json = require("ctr.cli.json")
  local tables = {}
  for index, plan in ipairs(plans) do
    tables[index] = { name = plan.name, steps = steps_of(plan.plan, json) }
  end
  local value = #tables == 1 and tables[1] or json.array(tables)
  json.print(value)
end

return function(args, values)
  local list, err = describe.load(args[1], { trust = values.trust })
  if not list then
    return nil, err
  end
  local plans = {}
  for index, description in ipairs(list) do
    local plan
    plan, err = ctr.plan(description.config, description.process)
    if not plan then
      return nil, err
    end
    plans[index] = { name = description.name, plan = plan }
  end
  printers[values.json and "json" or values.format or "text"](plans)
  return 0
end

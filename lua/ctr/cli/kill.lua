--- `lctr kill`: sends a signal.
-- @module ctr.cli.kill

local signal_number = require("ctr.process").signal_number

local function number_of(text)
  local number = signal_number(tonumber(text) or text)
  if number then
    return number
  end
  return nil, "unknown signal: " .. text
end

return function(args, values, context)
  local number, problem = number_of(args[2] or "TERM")
  if not number then
    return nil, problem
  end
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local ok
  ok, err = container:signal(number, values.all)
  return ok and 0, err
end

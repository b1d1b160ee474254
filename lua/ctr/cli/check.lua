--- `lctr check`: says whether a description is right.
-- @module ctr.cli.check

local describe = require("ctr.describe")

-- A call that nobody has heard of is no mistake: the profile may be newer than the library.
local function warnings_of(description)
  if not description.config.seccomp then
    return {}
  end
  local config = require("ctr.config.schema").parse(description.config)
  local unknown, err = require("ctr.seccomp").unknown_calls(config.seccomp)
  if not unknown then
    return { tostring(err) }
  end
  return #unknown > 0
    and { "seccomp names unknown system calls: " .. table.concat(unknown, ", ") } or {}
end

local function print_text(list)
  for _, description in ipairs(list) do
    io.stdout:write(description.name, ": ok\n")
    for _, warning in ipairs(warnings_of(description)) do
      io.stderr:write("lctr: warning: ", description.name, ": ", warning, "\n")
    end
  end
  return 0
end

local function print_json(list, err)
  local json = require("ctr.cli.json")
  local answer = { ok = list ~= nil, containers = json.array({}), warnings = json.array({}),
    problems = json.array(err and err.problems or {}) }
  for index, description in ipairs(list or {}) do
    answer.containers[index] = description.name
    for _, warning in ipairs(warnings_of(description)) do
      table.insert(answer.warnings, { container = description.name, text = warning })
    end
  end
  json.print(answer)
  return list and 0 or 1
end

return function(args, values)
  local list, err = describe.load(args[1], { trust = values.trust })
  if values.json then
    return print_json(list, err)
  end
  if not list then
    return nil, err
  end
  return print_text(list)
end

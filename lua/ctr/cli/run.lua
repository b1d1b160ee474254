--- `lctr FILE.lua`: runs a description's containers, or a Lua program.
-- @module ctr.cli.run

local describe = require("ctr.describe")
local errors = require("ctr.errors")

-- The program's own error is told with a traceback; one of the library's is a sentence already.
local function explain(err)
  if errors.is(err) then
    return err
  end
  return debug.traceback(tostring(err), 2)
end

local function run_program(args)
  local chunk, problem = loadfile(args[1])
  if not chunk then
    return nil, problem
  end
  arg = { [-1] = "lctr", [0] = args[1], unpack(args, 2) } -- luacheck: globals arg
  local ok, err = xpcall(function() return chunk(unpack(args, 2)) end, explain)
  if not ok then
    return nil, err
  end
  return 0
end

return function(args, values)
  local list, err = describe.load(args[1], { trust = values.trust })
  if list then
    if #args > 1 then
      return nil, "a description takes no arguments: " .. args[2]
    end
    return require("ctr.cli.foreground").run(list, values.root)
  end
  if err.is_program then
    return run_program(args)
  end
  return nil, err
end

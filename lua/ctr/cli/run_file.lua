--- `lctr FILE.lua`: runs a description's containers, or a Lua program.
-- @module ctr.cli.run_file

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

local function read_source(path)
  local file = io.open(path, "r")
  if not file then
    return nil
  end
  local source = file:read("*a")
  file:close()
  return source
end

-- A description has neither the library nor cause to ask for it: what does is a program, and need
-- not be tried as a description first.
local function asks_for_library(path)
  local source = read_source(path)
  return source and source:find("require%s*%(?%s*[\"']ctr[\"']")
    and not source:find("return%s+container")
end

local function report(fields)
  fields.seccomp_report = true
end

local function run_library_program(args, values)
  if values["seccomp-report"] then
    return nil, "--seccomp-report is for descriptions: a program sets seccomp_report of a process"
  end
  if values.detach then
    return nil, "--detach is for descriptions: a program sets attachable of a process"
  end
  return run_program(args)
end

return function(args, values, context)
  if asks_for_library(args[1]) then
    return run_library_program(args, values)
  end
  local describe = require("ctr.describe")
  local list, err = describe.load(args[1], { trust = values.trust })
  if list then
    if #args > 1 then
      return nil, "a description takes no arguments: " .. args[2]
    end
    local way = require(values.detach and "ctr.cli.detached" or "ctr.cli.foreground")
    return way.run(list, context, values["seccomp-report"] and report or nil)
  end
  if err.is_program then
    return run_library_program(args, values)
  end
  return nil, err
end

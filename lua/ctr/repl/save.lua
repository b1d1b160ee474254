--- `save(c, "web.lua")`: a container or a description as a file that lctr runs.
-- @module ctr.repl.save

local cards = require("ctr.repl.cards")
local core = require("ctr.core")
local file = require("ctr.cli.context")

local M = {}

local MODE = 420 -- 0644

local function from_command_line(pid)
  local procfs = pid and core.path.open_root("/proc")
  local text = procfs and core.path.read(procfs, ("%d/cmdline"):format(pid), 2 ^ 20)
  if procfs then
    procfs:close()
  end
  local args = {}
  for argument in (text or ""):gmatch("([^%z]*)%z") do
    args[#args + 1] = argument
  end
  return #args > 0 and { args = args } or nil
end

-- What the first process was is known where it was started here; of others the command line is.
local function process_of(container)
  local process = container.init_process
  local spec = process and rawget(process, "spec") or from_command_line(container.init_pid)
  if not spec then
    error("what ran in " .. container:id() .. " is not known any longer", 3)
  end
  local fields = {}
  for key, value in pairs(spec) do
    local is_stream = key == "stdin" or key == "stdout" or key == "stderr"
    if not is_stream and type(value) ~= "userdata" and type(value) ~= "function" then
      fields[key] = value
    end
  end
  return fields
end

local function parts_of(value)
  if cards.kind(value) == "ctr.Container" then
    return value:id(), value:config(), process_of(value)
  elseif cards.kind(value) == "ctr.Description" then
    return value.name, value.config, value.process
  end
  error("bad argument #1 to 'save' (a container or a description expected)", 3)
end

-- Made at once and whole, or not at all.
local function write(folder, name, text)
  local handle, err = core.path.open_root(folder)
  if not handle then
    return nil, err
  end
  local ok
  ok, err = core.path.replace(handle, name, text, MODE)
  handle:close()
  return ok, err
end

local function exists(path)
  local found = io.open(path, "r")
  if found then
    found:close()
  end
  return found ~= nil
end

--- The word.
-- @tparam table session
-- @param value a container or a description
-- @tparam string path
-- @tparam[opt=false] boolean overwrite what is there
function M.word(session, value, path, overwrite)
  if type(path) ~= "string" or path == "" or path:find("/$") then
    error("bad argument #2 to 'save' (the path of a file expected)", 2)
  end
  local ok, writer = pcall(require, "ctr.describe.write")
  if not ok then
    error("this lctr was built without ctr.describe.write", 2)
  end
  if exists(path) and not overwrite then
    error(path .. " is there already; save(c, path, true) writes over it", 2)
  end
  local folder, name = file.absolute(path):match("^(.*)/([^/]+)$")
  folder = folder == "" and "/" or folder
  local id, config, process = parts_of(value)
  local text, problem = writer.text(id, config, process, { folder = folder })
  local done = text
  if text then
    done, problem = write(folder, name, text)
  end
  if not done then
    error(problem, 0)
  end
  io.stdout:write("saved: ", session.display.style:paint("bold", path), "\n")
end

return M

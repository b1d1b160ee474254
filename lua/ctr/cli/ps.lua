--- `lctr ps`: shows a container's processes.
-- @module ctr.cli.ps

local core = require("ctr.core")

local FOLDERS = { "/usr/local/bin", "/usr/bin", "/bin" }
local DEFAULT = { "-ef" }

local function find_ps()
  for _, folder in ipairs(FOLDERS) do
    local path = folder .. "/ps"
    local real = core.path.realpath(path)
    if real then
      return real
    end
  end
  return nil, "ps is missing: it shows the table; --format json does without it"
end

local function run_ps(options)
  local path, err = find_ps()
  if not path then
    return nil, err
  end
  local result, problem = core.proc.run({
    path = path, args = { "ps", unpack(#options > 0 and options or DEFAULT) }, output_max = 2 ^ 26,
  })
  if not result then
    return nil, problem
  end
  if result.code ~= 0 then
    return nil, "ps: " .. (result.stderr:match("[^\n]+") or "failed")
  end
  return result.stdout
end

-- Which of the columns is the process' id.
local function pid_column(header)
  local index = 0
  for title in (header or ""):gmatch("%S+") do
    index = index + 1
    if title == "PID" then
      return index
    end
  end
  return nil
end

local function cell(line, column)
  local index = 0
  for text in line:gmatch("%S+") do
    index = index + 1
    if index == column then
      return text
    end
  end
  return nil
end

local function write_table(pids, options)
  local text, err = run_ps(options)
  if not text then
    return nil, err
  end
  local is_ours = {}
  for _, pid in ipairs(pids) do
    is_ours[("%d"):format(pid)] = true
  end
  local lines = text:gmatch("[^\n]+")
  local header = lines()
  local column = pid_column(header)
  if not column then
    return nil, "ps shows no column PID with these options"
  end
  io.stdout:write(header, "\n")
  for line in lines do
    if is_ours[cell(line, column) or ""] then
      io.stdout:write(line, "\n")
    end
  end
  return 0
end

return function(args, values, context)
  local container, err = context:container(args[1])
  if not container then
    return nil, err
  end
  local pids
  pids, err = container:processes()
  if not pids then
    return nil, err
  end
  table.sort(pids)
  if values.format == "json" then
    io.stdout:write(core.json.encode(core.json.array(pids)), "\n")
    return 0
  end
  return write_table(pids, { unpack(args, 2) })
end

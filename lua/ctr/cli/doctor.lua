--- `lctr doctor`: shows what this machine can do.
-- @module ctr.cli.doctor

local colours = require("ctr.cli.colours")
local doctor = require("ctr.doctor")
local json = require("ctr.cli.json")

local COLOURS = { ok = "green", missing = "red", absent = "yellow", unknown = "yellow" }
local FAILED = 1

local function widths(results)
  local name = 0
  for _, result in ipairs(results) do
    name = math.max(name, #result.name)
  end
  return name
end

local function write_result(result, width, paint)
  io.stdout:write("  ", paint(result.status, COLOURS[result.status]),
    (" "):rep(9 - #result.status), result.name, (" "):rep(width - #result.name + 2), result.found,
    "\n")
  if result.status == "ok" then
    return
  end
  local indent = (" "):rep(11)
  io.stdout:write(indent, "for: ", result.why, "\n")
  if result.remedy then
    io.stdout:write(indent, "mend: ", result.remedy, "\n")
  end
end

local function summary(results)
  local counts = { ok = 0, missing = 0, absent = 0, unknown = 0 }
  for _, result in ipairs(results) do
    counts[result.status] = counts[result.status] + 1
  end
  if counts.missing > 0 then
    return ("%d essential of %d are missing: containers cannot be started"):format(counts.missing,
      #results)
  end
  return ("All that is essential is there; %d of %d other things are not."):format(counts.absent,
    #results)
end

local function write_text(results)
  local paint, width, group = colours.painter(1), widths(results), nil
  for _, result in ipairs(results) do
    if result.group ~= group then
      io.stdout:write(group and "\n" or "", paint(result.group, "bold"), "\n")
      group = result.group
    end
    write_result(result, width, paint)
  end
  io.stdout:write("\n", summary(results), "\n")
end

local function write_json(results, is_well)
  local rows = {}
  for index, result in ipairs(results) do
    rows[index] = {
      name = result.name, group = result.group, status = result.status, found = result.found,
      why = result.why, essential = result.is_essential, remedy = result.remedy,
    }
  end
  json.print({ ok = is_well, checks = json.array(rows) })
end

return function(_, values)
  local results, is_well = doctor.run()
  if values.json then
    write_json(results, is_well)
  else
    write_text(results)
  end
  return is_well and 0 or FAILED
end

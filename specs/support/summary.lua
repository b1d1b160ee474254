--- How busted tells about one file of specs: a line, what failed, what was skipped and why.
-- Its counts are appended to the file that `-Xoutput` names, for who sums up the files.

local new_base = require("busted.outputHandlers.base")

local function location(entry)
  local trace = entry.element.trace or entry.trace
  return trace and ("%s:%d"):format(trace.short_src, trace.currentline) or "?"
end

local function message_of(entry)
  local message = entry.message
  if type(message) ~= "string" then
    message = message and require("pl.pretty").write(message) or ""
  end
  return message
end

local function indent(text)
  return "    " .. text:gsub("\n", "\n    ")
end

local function print_problem(kind, entry)
  print(("  %s %s: %s"):format(kind, location(entry), entry.name or "the file itself"))
  print(indent(message_of(entry)))
  if entry.trace and entry.trace.traceback then
    print(indent(entry.trace.traceback))
  end
end

local function print_skipped(entry)
  local reason = message_of(entry)
  print(("  skipped: %s (%s)"):format(entry.name, reason ~= "" and reason or "no reason given"))
end

local function append_totals(path, passed, failed, skipped)
  local file = assert(io.open(path, "a"))
  file:write(("%d %d %d\n"):format(passed, failed, skipped))
  assert(file:close())
end

local function names_of(files)
  local names = {}
  for name in pairs(files) do
    names[#names + 1] = name
  end
  return #names > 0 and table.concat(names, " ") or "specs"
end

return function(options)
  local busted = require("busted")
  local handler = new_base()
  local files, started = {}, os.clock()

  busted.subscribe({ "file", "start" }, function(file)
    files[file.name] = true
    return nil, true
  end)

  busted.subscribe({ "suite", "end" }, function()
    local failed = handler.failuresCount + handler.errorsCount
    print(("%s: %d passed, %d failed, %d skipped (%.1f s of CPU)"):format(names_of(files),
      handler.successesCount, failed, handler.pendingsCount, os.clock() - started))
    for _, entry in ipairs(handler.failures) do
      print_problem("FAILED", entry)
    end
    for _, entry in ipairs(handler.errors) do
      print_problem("ERROR", entry)
    end
    for _, entry in ipairs(handler.pendings) do
      print_skipped(entry)
    end
    local totals = options.arguments[1]
    if totals then
      append_totals(totals, handler.successesCount, failed, handler.pendingsCount)
    end
    io.stdout:flush()
    return nil, true
  end)

  return handler
end

--- `help(x)`: what something is, from the one documentation of the API and from the schema.
-- @module ctr.repl.help

local cards = require("ctr.repl.cards")
local environment = require("ctr.repl.environment")
local grid = require("ctr.repl.grid")
local members = require("ctr.repl.members")
local sorted = require("ctr.sorted")

local M = {}

local MISSING = "this lctr was built without ctr.documentation"

-- The modules whose functions make the objects with methods.
local CLASSES = {
  container = "ctr.container", factory = "ctr.factory", process = "ctr.process", loop = "ctr.loop",
}

-- The methods of a module's objects are among what its functions see.
local function methods_of(module, wanted)
  for _, public in pairs(require(module)) do
    local index = 1
    local name, value = debug.getupvalue(public, index)
    while type(public) == "function" and name do
      if type(value) == "table" and members.topic(setmetatable({}, value)) == wanted then
        return rawget(value, "methods") or rawget(value, "__index")
      end
      index = index + 1
      name, value = debug.getupvalue(public, index)
    end
  end
  return {}
end

local function name_in(owner, prefix, wanted)
  for name, value in pairs(owner) do
    if value == wanted then
      return prefix .. name
    end
  end
  return nil
end

-- What a user writes to call a function.
local function name_of(callback)
  local found = name_in(require("ctr"), "ctr.", callback)
  for topic, module in pairs(CLASSES) do
    found = found or name_in(methods_of(module, topic), topic .. ":", callback)
  end
  return found
end

--- How a function is called, where it is one of the library's.
-- @tparam function callback
-- @treturn ?string
function M.signature(callback)
  local name = name_of(callback)
  local entry = name and (members.documentation() or {})[name]
  return entry and entry.signature or name
end

local function append(lines, text)
  for line in (text .. "\n"):gmatch("([^\n]*)\n") do
    lines[#lines + 1] = line
  end
end

local function add_rows(lines, title, rows)
  if #rows == 0 then
    return
  end
  lines[#lines + 1] = title
  for _, row in ipairs(rows) do
    local kind = row.type and row.type ~= "" and " (" .. row.type .. ")" or ""
    local text = row.text and row.text ~= "" and ": " .. row.text or ""
    lines[#lines + 1] = "  " .. (row.name or "") .. kind .. text
  end
end

local function indented(text)
  return (text:gsub("[^\n]+", "  %0"))
end

local function entry_lines(entry, style)
  local lines = { style:paint("bold", entry.signature), entry.summary or "" }
  if entry.text and entry.text ~= "" then
    append(lines, entry.text)
  end
  add_rows(lines, "takes", entry.params or {})
  add_rows(lines, "returns", entry.returns or {})
  if entry.errors and #entry.errors > 0 then
    lines[#lines + 1] = "errors  " .. table.concat(entry.errors, ", ")
  end
  if entry.example then
    lines[#lines + 1] = "example"
    append(lines, indented((entry.example:gsub("\n+$", ""))))
  end
  return lines
end

local function word_lines(row, style)
  local lines = { style:paint("bold", row.signature), row.about }
  if row.example then
    lines[#lines + 1] = "example"
    lines[#lines + 1] = "  " .. row.example
  end
  return lines
end

-- The keys of a table of the configuration.
local function key_rows(found)
  local keys = require("ctr.repl.keys")
  local rows = { { "key", "type", "" } }
  for _, name in ipairs(keys.names(found)) do
    local field = keys.inside(found, name)
    rows[#rows + 1] = { name, keys.type(field), field.about or "" }
  end
  return rows
end

local function config_lines(path, found, session)
  local keys = require("ctr.repl.keys")
  local style, columns = session.display.style, session.display.size.columns
  local lines = { style:paint("bold", path) .. "  " .. keys.type(found), found.about }
  local words, short = keys.words(found)
  words = #short > 0 and short or words
  if #words > 0 then
    lines[#lines + 1] = "words  " .. table.concat(words, " ")
  end
  local rows = key_rows(found)
  if #rows > 1 then
    for _, line in ipairs(grid.lines(rows, columns)) do
      lines[#lines + 1] = line
    end
  end
  return lines
end

local function topic_lines(topic, session)
  local documentation = members.documentation()
  local rows = {}
  for name, entry in pairs(documentation or {}) do
    if name:find("^" .. topic:gsub("%p", "%%%0") .. "[.:][%w_]+$") then
      rows[#rows + 1] = { entry.signature, entry.summary or "" }
    end
  end
  table.sort(rows, function(a, b) return a[1] < b[1] end)
  if #rows == 0 then
    return nil
  end
  local own = documentation[topic]
  table.insert(rows, 1, { topic, own and own.summary or "" })
  return grid.lines(rows, session.display.size.columns)
end

local function overview(session)
  local rows = { { "word", "" } }
  for _, name in ipairs(sorted(environment.words)) do
    rows[#rows + 1] = { environment.words[name].signature, environment.words[name].about }
  end
  local lines = grid.lines(rows, session.display.size.columns)
  append(lines, [[
_, _1, _2, …: the last result, the first, the second, …
Tab completes: names, methods, keys of a configuration, words in strings, ids, paths.
Ctrl-R searches what was typed, Ctrl-C ends what runs, Ctrl-D ends lctr.
help("container:run"), help("mounts.flags"), help(factory): more of each.]])
  return lines
end

-- "run" is asked for where "container:run" is meant.
local function by_last_name(documentation, name)
  local found = {}
  for key in pairs(documentation) do
    if key:match("[.:]([%w_]+)$") == name then
      found[#found + 1] = key
    end
  end
  table.sort(found)
  return found
end

local function unknown(name, documentation)
  local known = {}
  for _, source in ipairs({ documentation or {}, environment.words }) do
    for key in pairs(source) do
      known[key] = true
    end
  end
  for _, key in ipairs(require("ctr.repl.keys").names(require("ctr.config.schema").config)) do
    known[key] = true
  end
  local text = require("ctr.config.spelling").missing("nothing is known of %s", name, known)
  return { documentation and text or text .. " (" .. MISSING .. ")" }
end

local function named(name, documentation, session)
  local style = session.display.style
  if documentation and documentation[name] and documentation[name].kind ~= "module" then
    return entry_lines(documentation[name], style)
  end
  local word, topic = environment.words[name], topic_lines(name, session)
  if word and topic then
    local lines = word_lines(word, style)
    append(lines, table.concat(topic, "\n"))
    return lines
  end
  return topic or word and word_lines(word, style)
end

local function of_name(name, session)
  local documentation = members.documentation()
  local lines = named(name, documentation, session)
  if lines then
    return lines
  end
  local found = require("ctr.repl.keys").find(name)
  if found and name:find("^[%w_%.%[%]]+$") then
    return config_lines(name, found, session)
  end
  lines = {}
  for _, key in ipairs(by_last_name(documentation or {}, name)) do
    append(lines, table.concat(entry_lines(documentation[key], session.display.style), "\n"))
  end
  return #lines > 0 and lines or unknown(name, documentation)
end

-- A word of the prompt is a function that was made for it.
local function word_of(session, value)
  for name in pairs(environment.words) do
    if rawget(session.env, name) == value then
      return name
    end
  end
  return nil
end

local function of_function(callback, session)
  local name = name_of(callback) or word_of(session, callback)
  if name then
    return of_name(name, session)
  end
  local info = debug.getinfo(callback, "S")
  return { ("a function of %s:%d"):format(info.short_src, info.linedefined) }
end

local function lines_of(value, session)
  if type(value) == "string" then
    return of_name(value, session)
  elseif type(value) == "function" then
    return of_function(value, session)
  end
  local topic = members.topic(value)
  local lines = topic and topic_lines(topic, session)
  local name = topic or word_of(session, value)
  if not lines and name then
    lines = of_name(name, session)
  end
  return lines or { ("a %s"):format(cards.kind(value) or type(value)) }
end

--- The word: writes what there is to say.
-- @tparam table session
-- @param ... a function, an object, a name, or nothing
function M.word(session, ...)
  local lines = select("#", ...) == 0 and overview(session) or lines_of((...), session)
  io.stdout:write(table.concat(lines, "\n"), "\n")
end

return M

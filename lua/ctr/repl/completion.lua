--- What the tab key offers: names, methods, keys of a configuration, words in strings, ids, paths.
-- @module ctr.repl.completion

local cards = require("ctr.repl.cards")
local cursors = require("ctr.repl.cursor")
local members = require("ctr.repl.members")
local sorted = require("ctr.sorted")
local text = require("ctr.repl.text")

local M = {}

local LISTED_MAX = 120

local function starting_with(list, prefix)
  local found = {}
  for _, name in ipairs(list) do
    if name:sub(1, #prefix) == prefix then
      found[#found + 1] = name
    end
  end
  return found
end

-- The names between two brackets that a table's own names lead through; the shape of the table.
local function table_at(stack)
  local keys = require("ctr.repl.keys")
  local path = {}
  for index = #stack, 1, -1 do
    local frame, outer = stack[index], stack[index - 1]
    if frame.kind ~= "{" then
      return nil, path
    end
    local root = frame.callee and keys.root(frame.callee, 1)
    if not root and outer and outer.kind == "(" and outer.callee then
      root = keys.root(outer.callee, outer.argument)
    end
    if not root and not outer and frame.target then
      root = keys.root(frame.target:find("process") and "process" or "validate", 1)
    end
    if root then
      for at = #path, 1, -1 do
        root = keys.inside(root, path[at] or nil)
      end
      return root, path
    end
    table.insert(path, frame.from_key or false)
  end
  return nil, path
end

-- "capabilities.bounding", "seccomp.syscalls.names": the keys alone.
local function key_path(path, key)
  local names = {}
  for at = #path, 1, -1 do
    names[#names + 1] = path[at] or nil
  end
  names[#names + 1] = key
  return table.concat(names, ".")
end

local function signals()
  return sorted(require("ctr.config.words").signals)
end

local function system_calls()
  local seccomp = require("ctr.core.seccomp")
  return sorted((seccomp.syscalls(seccomp.native())))
end

local function capabilities()
  return require("ctr.config.words").capability_list
end

-- What strings of the configuration may hold, where the schema has a check in place of a list.
local BY_PATH = {
  { "^capabilities%.", capabilities }, { "syscalls%.names$", system_calls },
  { "syscalls%.name$", system_calls }, { "^parent_death_signal$", signals },
}

local function words_at(stack)
  local keys = require("ctr.repl.keys")
  local frame = stack[#stack]
  local found, path = table_at(stack)
  local name = key_path(path, frame.key)
  for _, row in ipairs(BY_PATH) do
    if name:find(row[1]) then
      return row[2]()
    end
  end
  return keys.words(keys.inside(found, frame.key))
end

local function topics()
  local names = {}
  for name in pairs(members.documentation() or {}) do
    names[name] = true
  end
  for name in pairs(require("ctr.repl.environment").words) do
    names[name] = true
  end
  return sorted(names)
end

local function ids(session)
  return require("ctr.repl.containers").ids(session)
end

-- What strings among a call's arguments may be.
local CALLS = {
  { ":signal$", 1, signals },
  { ":notify_memory_pressure$", 1, function() return { "low", "medium", "critical" } end },
  { ":load$", 1, ids }, { "^containers$", 1, ids },
  { "^help$", 1, topics },
  { "^plot$", 2, function() return require("ctr.repl.plot").names end },
}

local function call_words(session, frame)
  for _, row in ipairs(CALLS) do
    if frame.callee and frame.argument == row[2] and frame.callee:find(row[1]) then
      return row[3](session)
    end
  end
  return nil
end

-- The container whose call a string is part of. Where a mount comes from is the host's.
local function container_around(session, stack)
  for index = #stack, 1, -1 do
    local object, method = (stack[index].callee or ""):match("^(.*):([%w_]+)$")
    local value = object and members.resolve(session, object)
    if cards.kind(value) == "ctr.Container" then
      local is_of_host = method == "checkpoint" or method == "restore"
        or method == "mount" and stack[index].argument == 1
      return not is_of_host and value or nil
    end
  end
  return nil
end

local function string_candidates(session, at)
  local typed, frame = at.string, at.stack[#at.stack]
  local words, short
  if frame and frame.kind == "{" then
    words, short = words_at(at.stack)
  elseif frame then
    words = call_words(session, frame)
  end
  if words and #words > 0 then
    local found = starting_with(short and #short > 0 and short or words, typed)
    return #found > 0 and found or starting_with(words, typed)
  end
  if typed:find("/") then
    return require("ctr.repl.paths").complete(typed, container_around(session, at.stack))
  end
  return {}
end

local function key_candidates(at)
  local found = table_at(at.stack)
  local frame, names = at.stack[#at.stack], {}
  for _, name in ipairs(found and require("ctr.repl.keys").names(found) or {}) do
    if not frame.used[name] then
      names[#names + 1] = name
    end
  end
  return starting_with(names, at.word)
end

-- What a call gives is known of few.
local RESULTS = {
  { ":create%(%)$", "container" }, { ":load%(%)$", "container" }, { "ctr%.new%(%)$", "factory" },
  { "ctr%.process%(%)$", "process" }, { "ctr%.loop%(%)$", "loop" },
}

local function results_of(chain)
  for _, row in ipairs(RESULTS) do
    if chain:find(row[1]) then
      local names = {}
      for key in pairs(members.documentation() or {}) do
        names[#names + 1] = key:match("^" .. row[2] .. ":([%w_]+)$")
      end
      table.sort(names)
      return names
    end
  end
  return {}
end

local function member_candidates(session, at)
  if at.object == "containers" and at.joint == "." then
    local found = {}
    for _, id in ipairs(ids(session)) do
      found[#found + 1] = id:find("^[%a_][%w_]*$") and id or nil
    end
    return starting_with(found, at.word)
  end
  local value = members.resolve(session, at.object)
  local names = value ~= nil and members.of(value, at.object) or results_of(at.object)
  local found = starting_with(names, at.word)
  if at.word:sub(1, 1) == "_" then
    return found
  end
  local shown = {}
  for _, name in ipairs(found) do
    shown[#shown + 1] = name:sub(1, 1) ~= "_" and name or nil
  end
  return shown
end

local function global_candidates(session, word)
  local names = {}
  for _, source in ipairs({ session.env, require("ctr.repl.environment").words, _G,
    cursors.keywords }) do
    for name in next, source do
      if type(name) == "string" and (name:sub(1, 1) ~= "_" or word:sub(1, 1) == "_") then
        names[name] = true
      end
    end
  end
  return starting_with(sorted(names), word)
end

-- What is typed already, what it may become, and what follows the only one.
local function find(session, at)
  if at.in_comment then
    return "", {}, ""
  elseif at.string then
    return at.string, string_candidates(session, at), at.quote or ""
  end
  local frame = at.stack[#at.stack]
  if frame and frame.kind == "{" and at.at_start and not at.object then
    local names = key_candidates(at)
    if #names > 0 then
      return at.word, names, " = "
    end
  end
  if at.object then
    return at.word, member_candidates(session, at), at.joint == ":" and "(" or ""
  end
  return at.word, global_candidates(session, at.word), ""
end

local function common_prefix(list)
  local prefix = list[1]
  for _, name in ipairs(list) do
    while name:sub(1, #prefix) ~= prefix do
      prefix = prefix:sub(1, -2)
    end
  end
  -- Not within a character.
  return (prefix:gsub("[\192-\255][\128-\191]*$", function(character)
    return require("ctr.config.spelling").is_utf8(character) and character or ""
  end))
end

local function base(name)
  return name:match("([^/]+/?)$") or name
end

-- The candidates in columns; how many were left out.
local function listing(session, names)
  local columns = session:size()
  local width, shown = 0, math.min(#names, LISTED_MAX)
  for index = 1, shown do
    width = math.max(width, text.width(base(names[index])) + 2)
  end
  local across, lines = math.max(1, math.floor(columns / width)), {}
  local down = math.ceil(shown / across)
  for row = 1, down do
    local cells = {}
    for index = row, shown, down do
      cells[#cells + 1] = text.pad(text.cut(base(names[index]), columns), width)
    end
    lines[row] = table.concat(cells):gsub("%s+$", "")
  end
  if shown < #names then
    lines[#lines + 1] = ("… and %d more"):format(#names - shown)
  end
  return table.concat(lines, "\n") .. "\n"
end

-- At the beginning of a line the tab key indents.
local INDENT = "  "

--- Completes what stands before the cursor.
-- @tparam table session
-- @tparam string before the line up to the cursor
-- @tparam string after the rest of it
-- @treturn ?string what is to be put at the cursor
-- @treturn ?string lines to show above: what it may become
function M.complete(session, before, after)
  local whole = session.pending and session.pending .. "\n" .. before or before
  local at = cursors.at(whole)
  if before:find("^%s*$") and not at.string and #at.stack == 0 then
    return INDENT
  end
  local typed, names, tail = find(session, at)
  if #names == 0 then
    return nil
  end
  local prefix = common_prefix(names)
  if #names == 1 and not names[1]:find("/$") and after:sub(1, #tail) ~= tail then
    prefix = prefix .. tail
  end
  local insertion = prefix:sub(#typed + 1)
  if insertion == "" and #names > 1 then
    return nil, listing(session, names)
  end
  return insertion
end

return M

--- `diff(a, b)`: what differs between configurations, containers, descriptions, plans, tables.
-- @module ctr.repl.diff

local cards = require("ctr.repl.cards")
local flat = require("ctr.repl.flat")

local M = {}

-- Of a plan the lines are compared, of all else the paths.
local function plan_entries(plan)
  local list, seen = {}, {}
  for line in tostring(plan):gmatch("[^\n]+") do
    local step = line:gsub("^%s*%d+%s+", ""):gsub("%s+", " ")
    seen[step] = (seen[step] or 0) + 1
    list[#list + 1] = { path = step .. (seen[step] > 1 and " #" .. seen[step] or ""), value = "" }
  end
  return list
end

local function entries_of(value)
  local kind = cards.kind(value)
  if kind == "ctr.Plan" then
    return plan_entries(value)
  elseif kind == "ctr.Container" then
    return flat.of(value:config())
  elseif kind == "ctr.Description" then
    local both = {}
    for key, setting in pairs(value.config) do
      both[key] = setting
    end
    both.process = value.process
    return flat.of(both)
  elseif type(value) == "table" then
    return flat.of(value)
  end
  return nil
end

local function index_of(list)
  local index = {}
  for _, entry in ipairs(list) do
    index[entry.path] = entry
  end
  return index
end

local function is_equal(a, b)
  if type(a) == "table" and type(b) == "table" then
    return next(a) == nil and next(b) == nil
  end
  return a == b
end

--- Compares.
-- @param a
-- @param b
-- @treturn[1] {table,…} `sign` ("-", "+" or "~"), `path`, `before`, `after`
-- @return[2] nil where one of them is nothing that has parts
function M.compare(a, b)
  local before, after = entries_of(a), entries_of(b)
  if not before or not after then
    return nil
  end
  local known, found, changes = index_of(before), index_of(after), {}
  for _, entry in ipairs(before) do
    local other = found[entry.path]
    if not other then
      changes[#changes + 1] = { sign = "-", path = entry.path, before = entry.value }
    elseif not is_equal(entry.value, other.value) then
      changes[#changes + 1] = { sign = "~", path = entry.path, before = entry.value,
        after = other.value }
    end
  end
  for _, entry in ipairs(after) do
    if not known[entry.path] then
      changes[#changes + 1] = { sign = "+", path = entry.path, after = entry.value }
    end
  end
  return changes
end

local COLOURS = { ["-"] = "red", ["+"] = "green", ["~"] = "yellow" }

local function text_of(change, inline)
  local text = change.sign .. " " .. change.path
  local value = change.sign == "-" and change.before or change.after
  if change.sign == "~" then
    return ("%s: %s → %s"):format(text, inline.of(change.before), inline.of(value))
  elseif value == "" then
    return text
  end
  return text .. " = " .. inline.of(value)
end

--- The word.
-- @tparam table session
-- @param a
-- @param b of the same kind
function M.word(session, a, b)
  local changes = M.compare(a, b)
  if not changes then
    error("diff compares configurations, containers, descriptions, plans and tables", 2)
  end
  local lines = { #changes == 0 and "no difference" or nil }
  for _, change in ipairs(changes) do
    lines[#lines + 1] = session.display.style:paint(COLOURS[change.sign],
      text_of(change, require("ctr.repl.inline")))
  end
  io.stdout:write(table.concat(lines, "\n"), "\n")
end

return M

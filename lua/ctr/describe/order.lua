--- The order of the containers of one file: `after = "db"`.
-- @module ctr.describe.order

local spelling = require("ctr.config.spelling")

local M = {}

local function by_name(list, found)
  local known = {}
  for _, description in ipairs(list) do
    if known[description.name] then
      found[#found + 1] = { description = description, path = "name",
        text = ("is that of another container, %q"):format(description.name) }
    end
    known[description.name] = description
  end
  return known
end

local visit

local function visit_others(state, description)
  for index, name in ipairs(description.after) do
    local other = state.known[name]
    local path = ("after[%d]"):format(index)
    if not other then
      table.insert(state.found, { description = description, path = path,
        text = spelling.unknown("is no container of this file", name, state.known) })
    elseif state.marks[other] == "open" then
      table.insert(state.found, { description = description, path = path,
        text = ("is %q, which comes after this one itself"):format(name) })
    else
      visit(state, other)
    end
  end
end

function visit(state, description)
  if state.marks[description] then
    return
  end
  state.marks[description] = "open"
  visit_others(state, description)
  state.marks[description] = "done"
  table.insert(state.sorted, description)
end

--- Sorts descriptions: each behind those that it comes after, the others as they stand.
-- @tparam table list
-- @treturn table
-- @treturn table problems, each with `description`, `path` and `text`
function M.sort(list)
  local found = {}
  local state = { known = by_name(list, found), found = found, marks = {}, sorted = {} }
  for _, description in ipairs(list) do
    visit(state, description)
  end
  return state.sorted, found
end

return M

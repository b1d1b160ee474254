--- `explain(x)`: what a start comes to, what a container was configured to, what is known of an
-- error.
-- @module ctr.repl.explain

local cards = require("ctr.repl.cards")
local errors = require("ctr.errors")
local flat = require("ctr.repl.flat")
local grid = require("ctr.repl.grid")

local M = {}

local explainers = {}

explainers["ctr.Description"] = function(_, description)
  local plan, err = require("ctr").plan(description.config, description.process)
  if not plan then
    error(err, 0)
  end
  return tostring(plan)
end

explainers["ctr.Plan"] = function(_, plan)
  return tostring(plan)
end

local function is_said(entry)
  local value = entry.value
  local is_empty = type(value) == "table" and next(value) == nil
  return value ~= "" and value ~= false and value ~= 0 and not is_empty
end

-- Each key that says something, and what it is about.
explainers["ctr.Container"] = function(session, container)
  local keys, inline = require("ctr.repl.keys"), require("ctr.repl.inline")
  local rows = { { "key", "value", "" } }
  for _, entry in ipairs(flat.of(container:config())) do
    if is_said(entry) then
      local found = keys.find((entry.path:gsub("%[[^%]]*%]", "")))
      rows[#rows + 1] = { entry.path, inline.of(entry.value), found and found.about or "" }
    end
  end
  return table.concat(grid.lines(rows, session.display.size.columns), "\n")
end

--- The word.
-- @tparam table session
-- @param value
function M.word(session, value)
  local explainer = explainers[cards.kind(value)]
  local text
  if errors.is(value) then
    text = value:detail()
  elseif explainer then
    text = explainer(session, value)
  else
    error("explain takes a description, a container, a plan or an error; help tells of the rest", 2)
  end
  io.stdout:write((text:gsub("\n*$", "\n")))
end

return M

--- What is wrong with a description: where that stands, and what stands there.
-- @module ctr.describe.problems

local errors = require("ctr.errors")
local origin = require("ctr.describe.origin")
local spelling = require("ctr.config.spelling")

local M = {}

-- The description's own name for a path of the configuration.
local function translate(names, path)
  local from = path
  while from ~= "" do
    if names[from] then
      return names[from] .. path:sub(#from + 1)
    end
    from = from:match("^(.*)[%.%[][^%.%[]*$") or ""
  end
  return path
end

--- Finds where a path of the configuration was said.
-- @tparam ctr.Description description
-- @tparam string path
-- @treturn table its node (`ctr.describe.origin`); the whole description's where nobody said it
-- @treturn table the keys of the path in the description as a whole
-- @treturn number how many of them lead to the node
function M.find(description, path)
  local keys = origin.keys(translate(description.names, path))
  local node = description.node
  for index, key in ipairs(keys) do
    if node.kids and not node.kids[key] then
      return node, keys, index - 1
    end
    node = origin.at(node, key)
  end
  return node, keys, #keys
end

local function value_at(value, keys)
  for _, key in ipairs(keys) do
    if type(value) ~= "table" then
      return nil
    end
    value = value[key]
  end
  return value
end

local function text_of(value)
  if type(value) == "string" then
    return spelling.quote(value)
  end
  local is_simple = type(value) == "number" or type(value) == "boolean"
  return is_simple and tostring(value) or nil
end

-- The path as it is counted where it was said.
local function said_path(node, keys, count)
  local path = { unpack(node.path) }
  for index = count + 1, #keys do
    path[#path + 1] = keys[index]
  end
  local said = node.layer.keys and node.layer.keys.capabilities
  if path[1] == "capabilities" and type(said) == "table" and said[1] ~= nil then
    table.remove(path, 2) -- one list stood for several sets
  end
  return origin.text(path)
end

local function new_problem(description, problem, node, path, value)
  local place = node.layer.file and { file = node.layer.file, line = origin.line(node) }
    or description.place
  local shown = text_of(value)
  local text = problem.text
  if shown and not text:find(shown, 1, true)
    and not text:find("^is not known here") then
    text = ("%s (it is %s)"):format(text, shown)
  end
  return { container = description.name, path = path, text = text, value = shown,
    file = place.file, line = place.line }
end

local function located(description, problem)
  if problem.node then
    local node = problem.node
    return new_problem(description, problem, node, origin.text(node.path),
      value_at(node.layer.keys, node.path))
  end
  local node, keys, count = M.find(description, problem.path)
  if count == 0 then
    return new_problem(description, problem, { layer = description.place, path = {} },
      origin.text(keys))
  end
  return new_problem(description, problem, node, said_path(node, keys, count),
    value_at(description.keys, keys))
end

-- As they stand in the file; what has no line of its own comes in the order of the check.
local function sort_by_line(found)
  for index, problem in ipairs(found) do
    problem.order = index
  end
  table.sort(found, function(a, b)
    local one, other = a.line or 0, b.line or 0
    return one < other or (one == other and a.order < b.order)
  end)
  for _, problem in ipairs(found) do
    problem.order = nil
  end
end

local function without_repeats(found)
  local result, seen = {}, {}
  for _, problem in ipairs(found) do
    local key = problem.path .. "\0" .. problem.text
    if not seen[key] then
      seen[key] = true
      result[#result + 1] = problem
    end
  end
  return result
end

--- Finds where problems are.
-- @tparam ctr.Description description
-- @tparam table problems each with `text` and `path` or `node`
-- @treturn table each with `container`, `path`, `text`, `value`, `file`, `line`
function M.locate(description, problems)
  local found = {}
  for index, problem in ipairs(problems) do
    found[index] = located(description, problem)
  end
  sort_by_line(found)
  return without_repeats(found)
end

--- Makes one error of problems that were located.
-- @tparam table found
-- @treturn ctr.Error
function M.error(found)
  local lines = {}
  for index, problem in ipairs(found) do
    lines[index] = ("%s%s %s"):format(origin.prefix(problem), problem.path, problem.text)
  end
  return errors.new("ConfigInvalid", table.concat(lines, "\n"), {
    path = found[1].path, problems = found,
  })
end

return M

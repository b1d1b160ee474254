--- Writes a list of limits to a container's cgroups, and puts back what was there.
-- @module ctr.cgroup.apply

local tree = require("ctr.cgroup.tree")

local M = {}

-- The line of a file that begins with an item, "8:16 …".
local function line_of(text, item)
  for line in text:gmatch("[^\n]+") do
    if line:sub(1, #item + 1) == item .. " " then
      return line
    end
  end
  return nil
end

-- What to write to have the old value back; nil where a file does not say.
local function old_text(write, text)
  if write.field then
    return text:match("%f[%w_]" .. write.field .. " (%S+)")
  end
  if write.item then
    return line_of(text, write.item) or write.blank
  end
  return text ~= "" and text or "\n"
end

local function remember(journal, node, write, file)
  local text = journal and tree.read_file(node, file)
  local old = text and old_text(write, text)
  if old then
    journal[#journal + 1] = { node = node, file = file, text = old, key = write.path,
      inherited = text == "" and write.inherited and tree.read_file(node, write.inherited) or nil }
  end
end

local function try(node, write, file, text, journal)
  local mark = journal and #journal
  remember(journal, node, write, file)
  local ok, err = tree.write_file(node, file, text)
  if not ok and journal then
    journal[mark + 1] = nil -- nothing was changed
  end
  return ok, err
end

local function write_one(node, write, journal)
  local ok, err = try(node, write, write.file, write.text, journal)
  if not ok and write.other and err.errno == "ENOENT" then
    return try(node, write, write.other, write.other_text or write.text, journal)
  end
  return ok, err
end

local function put(node, write, explain, journal)
  local ok, err = write_one(node, write, journal)
  if not ok and err.errno == "EINVAL" and write.first then
    ok = put(node, write.first, explain, journal)
    if ok then
      ok, err = write_one(node, write, journal)
    end
  end
  if ok or (write.optional and err.errno == "ENOENT") then
    return true
  end
  return nil, tree.refused(node, write.file, write.text, write.path, err,
    explain and explain(node, write, err))
end

--- Writes limits in order.
-- @tparam table manager
-- @tparam table writes (`ctr.cgroup.files`)
-- @tparam[opt] func explain `(node, write, err)`: what else helps to understand a refusal
-- @tparam[opt] table journal gets what `undo` needs
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.all(manager, writes, explain, journal)
  for _, write in ipairs(writes) do
    local node, err = manager:node(write.controller, write.path)
    local ok = node
    if node then
      ok, err = put(node, write, explain, journal)
    elseif write.optional then
      ok = true
    end
    if not ok then
      return nil, err
    end
  end
  return true
end

--- Puts back what was there, the last write first.
-- @tparam table journal
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error of the first that would not go back
function M.undo(journal)
  local first
  for index = #journal, 1, -1 do
    local entry = journal[index]
    local ok, err = tree.write_file(entry.node, entry.file, entry.text)
    if not ok and entry.inherited then
      ok, err = tree.write_file(entry.node, entry.file, entry.inherited)
    end
    if not ok then
      first = first or tree.refused(entry.node, entry.file, entry.text, entry.key, err)
    end
  end
  if first then
    return nil, first
  end
  return true
end

return M

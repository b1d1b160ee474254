--- Where what is said comes from: layers of a description, and the places of their keys.
--
-- A layer is what one table said: `keys` (plain), `file` and `line`, `label` (of what was not said
-- in a file: "the defaults", "profile hardened"), `gives_way` (whether lists of it are replaced and
-- not appended to), and `look`, where its text is at hand: a function that returns the text
-- (`ctr.describe.source`) and the table's entries in it.
-- What layers come to is a table and a tree of nodes beside it. A node has `layer` and `path`, the
-- keys that lead to the value in that layer; `kids`, where parts of the value have other origins.
-- @module ctr.describe.origin

local M = {}

--- The place from which a function was called.
-- @tparam number level as for `debug.getinfo`, 1 being the function that calls this one
-- @treturn table `file` and `line`; both nil where the caller was not read from a file
function M.caller(level)
  local info = debug.getinfo(level + 1, "Sl")
  local file = info and info.source:match("^@(.*)$")
  return { file = file, line = file and info.currentline }
end

local function extended(path, key)
  local result = { unpack(path) }
  result[#result + 1] = key
  return result
end

--- The node of a value that a layer says.
-- @tparam table layer
-- @tparam table path
-- @treturn table
function M.node(layer, path)
  return { layer = layer, path = path }
end

--- The node of a part of a value.
-- @tparam table node
-- @param key
-- @treturn table
function M.at(node, key)
  return node.kids and node.kids[key] or M.node(node.layer, extended(node.path, key))
end

--- The keys of a path: `mounts[2].flags`.
-- @tparam string path
-- @treturn table
function M.keys(path)
  local keys, at = {}, 1
  while at <= #path do
    local first, last, name = path:find("^%.?([%a_][%w_%-]*)", at)
    if not first then
      first, last, name = path:find("^%[(%d+)%]", at)
      name = tonumber(name)
    end
    if not first then
      first, last, name = path:find('^%["(.-)"%]', at)
    end
    if not first then
      break
    end
    keys[#keys + 1], at = name, last + 1
  end
  return keys
end

--- The text of a path.
-- @tparam table keys
-- @treturn string
function M.text(keys)
  local text = ""
  local path_to = require("ctr.describe.plain").path_to
  for _, key in ipairs(keys) do
    text = path_to(text, key)
  end
  return text
end

--- The line on which a node's value stands, as near as the text tells.
-- @tparam table node
-- @treturn ?number
function M.line(node)
  local layer = node.layer
  local source, entries
  if layer.look then
    source, entries = layer.look()
  end
  return source and entries and source:line(entries, node.path) or layer.line
end

--- What a node came from, for people: `web.lua:12`, `the defaults`.
-- @tparam table node
-- @treturn string
function M.label(node)
  local layer = node.layer
  if layer.label or not layer.file then
    return layer.label or "the program"
  end
  local line = M.line(node)
  return line and ("%s:%d"):format(layer.file, line) or layer.file
end

--- A place as it stands before a message.
-- @tparam table place
-- @treturn string `web.lua:12: `, or nothing where the place is not known
function M.prefix(place)
  if not place.file then
    return ""
  end
  return place.line and ("%s:%d: "):format(place.file, place.line) or place.file .. ": "
end

return M

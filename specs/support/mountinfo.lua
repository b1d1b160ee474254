--- A mountinfo, taken apart.
-- @module specs.support.mountinfo

local M = {}

--- Makes a set of comma separated words.
function M.set_of(text)
  local set = {}
  for word in text:gmatch("[^,]+") do
    set[word] = true
  end
  return set
end

--- The lines by mount point; of several on one point, the last.
-- @tparam string text
-- @treturn table point → `id`, `root`, `options`, `tags`, `kind`, `source`, `super`
function M.parse(text)
  local found = {}
  for line in text:gmatch("[^\n]+") do
    local id, root, point, options, rest = line:match("^(%d+) %d+ %S+ (%S+) (%S+) (%S+) (.*)$")
    local tags, kind, source, super = rest:match("^(.-)%s*%- (%S+) (%S+) (%S+)$")
    found[point] = { id = id, root = root, options = M.set_of(options), tags = tags, kind = kind,
      source = source, super = M.set_of(super) }
  end
  return found
end

return M

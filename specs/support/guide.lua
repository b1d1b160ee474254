--- Reads the guide, so that specs try what its pages tell a reader to write.
-- A block has a name: the second word after its opening fence.
-- @module specs.support.guide

local M = {}

local FOLDER = "docs/guide/"

local page_methods = {}
local page_metatable = { __index = page_methods }

local function read_blocks(path)
  local blocks, name, lines = {}, nil, nil
  for line in io.lines(path) do
    if lines and line == "```" then
      blocks[name or #blocks + 1] = table.concat(lines, "\n") .. "\n"
      lines = nil
    elseif lines then
      lines[#lines + 1] = line
    elseif line:sub(1, 3) == "```" then
      name, lines = line:match("^```%w+ (%S+)$"), {}
      assert(not name or not blocks[name], path .. " has two blocks named " .. tostring(name))
    end
  end
  assert(not lines, path .. " has a block without an end")
  return blocks
end

--- Opens a page.
-- @string name such as `podman.md`
-- @treturn table
function M.page(name)
  return setmetatable({ name = name, blocks = read_blocks(FOLDER .. name) }, page_metatable)
end

--- The text of a block.
-- @string name
-- @treturn string
function page_methods:block(name)
  return self.blocks[name] or error(("%s has no block %s"):format(self.name, name), 2)
end

--- The names of the blocks; one without a name has its number for one.
-- @treturn {string,…} sorted
function page_methods:names()
  local names = {}
  for name in pairs(self.blocks) do
    names[#names + 1] = tostring(name)
  end
  table.sort(names)
  return names
end

return M

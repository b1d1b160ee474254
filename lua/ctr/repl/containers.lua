--- `containers`: the containers of a factory, by a short word.
--
--     containers()         all of them, as a table
--     containers.web       one, by its id; containers["web-1"] where that is no Lua name
-- @module ctr.repl.containers

local M = {}

local LIST = { __name = "ctr.Containers" }

-- One that is damaged, or goes away meanwhile, is left out.
local function load_all(session)
  local factory = session:factory_if_any()
  local list = setmetatable({}, LIST)
  for _, id in ipairs(factory and factory:list() or {}) do
    list[#list + 1] = factory:load(id)
  end
  return list
end

local function load_one(session, id)
  if type(id) ~= "string" then
    error("an id is a string, not a " .. type(id), 3)
  end
  local container, err = session:factory():load(id)
  if not container then
    error(err, 0)
  end
  return container
end

--- The ids of what is there.
-- @tparam table session
-- @treturn {string,…}
function M.ids(session)
  local factory = session:factory_if_any()
  return factory and factory:list() or {}
end

--- Makes the word.
-- @tparam table session
-- @treturn table
function M.new(session)
  return setmetatable({}, {
    __name = "ctr.repl.Containers",
    __tostring = function() return "containers(): all; containers.ID: one" end,
    __call = function() return load_all(session) end,
    __index = function(_, id) return load_one(session, id) end,
  })
end

return M

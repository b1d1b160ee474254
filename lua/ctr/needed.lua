--- C modules of libraries that a machine may lack: asked for before one is needed.
-- @module ctr.needed

local errors = require("ctr.errors")

--- Requires a module.
-- @tparam string name
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError` with the loader's words
return function(name)
  local is_there, module = pcall(require, name)
  if is_there then
    return module
  end
  -- The loader says in its first line that there is none, or goes on with the reason.
  local words = module:match("^error loading") and module:gsub("%s+", " ") or module:match("[^\n]*")
  return nil, errors.new("SystemError", words)
end

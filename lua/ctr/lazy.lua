--- C modules that are loaded when something of theirs is first used, where that cannot fail.
--
-- lctr has its modules loaded when it is built, and C modules that it does not hold are for those
-- commands alone that need them. Elsewhere a module is a file, which a program that has no
-- descriptor left could not open: there it is loaded at once.
-- @module ctr.lazy

local is_inside = package.preload["ctr.image"] ~= nil

local function load_key(proxy, key)
  local value = require(rawget(proxy, 1))[key]
  rawset(proxy, key, value)
  return value
end

local metatable = { __index = load_key }

--- Requires a module, now or later.
-- @tparam string name of a module whose fields never change
-- @treturn table the module, or what stands for it
return function(name)
  if not is_inside then
    return require(name)
  end
  return setmetatable({ name }, metatable)
end

--- Has the library's own Lua interpreted, from the first module on.
--
-- LuaJIT before April 2022, which Debian 12 has, compiles loops over tables wrong (its issue 829:
-- half of an address is lost where two registers are exchanged), and the program crashes. Elsewhere
-- nothing is lost either: what a start does in Lua is over before a trace pays. The program's own
-- functions are compiled as they were.
-- @module ctr.interpreted

jit.off(true, true)

local M = {}

--- Says whether a LuaJIT compiles loops over tables right. (Releases are numbered since 2023.)
-- @string version `jit.version`
-- @treturn boolean
function M.is_sound(version)
  return version:find("beta", 1, true) == nil
end

local function is_own(name)
  return name == "ctr" or name:sub(1, 4) == "ctr."
end

local function interpreted(load)
  if type(load) == "function" and debug.getinfo(load, "S").what ~= "C" then
    jit.off(load, true)
  end
  return load
end

-- Before all others, and by their means.
local function search(name)
  if not is_own(name) then
    return nil
  end
  for _, searcher in ipairs(package.loaders) do
    local load = searcher ~= search and searcher(name)
    if type(load) == "function" then
      return interpreted(load)
    end
  end
end

table.insert(package.loaders, 1, search)

return M

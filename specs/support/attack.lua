--- What specs of attacks share: programs that attack, written in C, and how long they go on.
-- @module specs.support.attack

local host = require("specs.support.host")

local M = {}

--- How often what is left to chance is tried: some hundred times for a quick answer, times
-- CTR_HOSTILE_RUNS for a thorough one.
-- @tparam number count
-- @treturn number
function M.runs(count)
  return count * (tonumber(os.getenv("CTR_HOSTILE_RUNS")) or 1)
end

--- Some of the numbers from 1 to a total, evenly spaced; all of them for a thorough answer.
-- @tparam number total
-- @tparam number count how many for a quick answer
-- @treturn {number,…}
function M.points(total, count)
  local points, last = {}, 0
  count = math.min(total, M.runs(count))
  for index = 1, count do
    local point = math.floor(index * total / count + 0.5)
    if point > last then
      points[#points + 1], last = point, point
    end
  end
  return points
end

--- Compiles `specs/support/<name>.c`, static: it runs in any root.
-- @tparam string name
-- @tparam string folder of the program
-- @treturn string its path
function M.compile(name, folder)
  local path = folder .. "/" .. name
  local built = host.sh(("musl-gcc -static -D_GNU_SOURCE -O1 -Wall -Wextra -o %s -idirafter "
    .. "/usr/include -idirafter /usr/include/$(gcc -print-multiarch) specs/support/%s.c"):format(
    path, name))
  assert(built.code == 0, built.stderr)
  return path
end

--- Everything about a folder that an attack may not touch.
-- @tparam string folder
-- @treturn string
function M.look(folder)
  local result = host.sh(("cd %s && find . -printf '%%p %%y %%m %%U %%G %%s %%T@ %%C@ %%l\\n' "
    .. "| sort && find . -type f | sort | xargs -r cat"):format(folder))
  assert(result.code == 0, result.stderr)
  return result.stdout
end

return M

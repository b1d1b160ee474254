--- What reaches into a container that runs: methods of `ctr.Container`, loaded when one is called.
-- @module ctr.reach

local M = {}

local function check_table(name, fields)
  if type(fields) ~= "table" then
    error(("bad argument #1 to '%s' (table expected, got %s)"):format(name, type(fields)), 3)
  end
end

--- Runs a program in the running container, waits for it, and returns what it wrote, how it ended
-- and what it used. What it leaves in the background is the container's, and is not waited for.
-- @function container:run_inside
-- @tparam table fields of a process (`ctr.process`: `args`, `env`, `user`, `cwd`, `capabilities`),
-- and `stdin`, `timeout`, `output_limit`, `stdout`, `stderr` as of `ctr.run`. When the time is over
-- the process is killed, and those that come from it
-- @treturn[1] table as of `ctr.run`; `oom`: whether something in the container was killed meanwhile
-- @return[2] nil
-- @treturn[2] ctr.Error as `container:run`, when it could not be run
function M.run_inside(container, fields)
  check_table("run_inside", fields)
  return require("ctr.run").inside(container, fields)
end

return M

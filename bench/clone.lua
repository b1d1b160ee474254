--- What a program that takes its time to warm up costs: started, and cloned of a checkpoint.
-- @module bench.clone

local core = require("ctr.core")
local ctr = require("ctr")
local measure = require("measure")
local stats = require("stats")

local M = {}

local ROUNDS_MAX = 20

-- A table of a few MiB, in a few tenths of a second; then it answers.
local PROGRAM = [[BEGIN {
  for (i = 0; i < 400000; i++) table[i % 30000] = table[i % 30000] + i * i
  while ((getline line) > 0) { n++; print n, line; fflush() }
}]]

local function find_criu()
  local result = core.proc.run({ path = "/bin/sh", args = { "sh", "tools/criu.sh" },
    timeout = 600 })
  local path = result and result.code == 0 and result.stdout:match("^(/[^\n]+)\n$")
  return path or nil, result and result.stderr:match("[^\n]+") or "no CRIU"
end

local function answer(io, word)
  io.stdin:write(word .. "\n")
  return io.stdout:read("*l")
end

local function finish(container, process, io)
  container:signal("SIGKILL")
  process:wait()
  for _, stream in pairs(io) do
    stream:close()
  end
  assert(container:destroy())
end

-- From nothing to its first answer.
local function cold(factory, config, env)
  local process = ctr.process({ args = { "/bin/awk", PROGRAM }, env = env })
  local io = assert(process:initialize_io())
  local from = core.proc.clock()
  local container = assert(factory:create("bench-cold", config))
  assert(container:run(process))
  assert(answer(io, "cold") == "1 cold")
  return core.proc.clock() - from, container, process, io
end

local function clone(factory, images)
  local process = ctr.process({})
  local io = assert(process:initialize_io())
  local from = core.proc.clock()
  local container = assert(factory:clone(images, "bench-clone", { process = process }))
  assert(answer(io, "clone") == "2 clone")
  local taken = core.proc.clock() - from
  finish(container, process, io)
  return taken
end

local function warm_up(factory, config, env, images)
  local _, container, process, io = cold(factory, config, env)
  measure.sh("rm -rf " .. images)
  assert(container:checkpoint({ images_directory = images }))
  process:wait()
  for _, stream in pairs(io) do
    stream:close()
  end
  assert(container:destroy())
end

--- Measures both in turns.
-- @tparam string state the state root
-- @tparam table config
-- @tparam {string,…} env
-- @tparam string images a folder for the checkpoint
-- @tparam number rounds
-- @treturn[1] number median of the starts, in seconds
-- @treturn[1] number median of the clones
-- @return[2] nil
-- @treturn[2] string why not
function M.measure(state, config, env, images, rounds)
  local path, reason = find_criu()
  if not path then
    return nil, reason
  end
  local factory = assert(ctr.new(state, { criu_path = path }))
  warm_up(factory, config, env, images)
  local starts, clones = {}, {}
  for round = 1, math.min(rounds, ROUNDS_MAX) do
    local taken, container, process, io = cold(factory, config, env)
    finish(container, process, io)
    starts[round], clones[round] = taken, clone(factory, images)
  end
  factory:close()
  return stats.median(starts), stats.median(clones)
end

return M

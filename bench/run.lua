--- What a container costs, beside the peers and beside the floor: ratios of medians from one run.
-- Run by `make bench`, in a private mount namespace, as root. Arguments: the build folder, the
-- folder of this file; rounds from CTR_BENCH_ROUNDS (default 30).

local build, here = arg[1], arg[2]
package.path = here .. "/../lua/?.lua;" .. here .. "/../lua/?/init.lua;" .. here .. "/?.lua;"
  .. package.path
package.cpath = build .. "/?.so;" .. package.cpath

local clone = require("clone")
local core = require("ctr.core")
local ctr = require("ctr")
local growth = require("growth")
local measure = require("measure")
local stats = require("stats")

local ROUNDS = tonumber(os.getenv("CTR_BENCH_ROUNDS")) or 30
local SPORADIC = 0.06 -- seconds between two runs
local ROOT = build .. "/rootfs"
local STATE = "/run/ctr-bench"
local config, process_fields = dofile(here .. "/config.lua")(ROOT)

-- Which column of targets counts. To join a cgroup of v1 is dear for those who do it the long way.
local IS_V2 = core.path.fs_type(assert(core.path.open_root("/")), "/sys/fs/cgroup") == "cgroup2"

local counter = 0
local function next_id(name)
  counter = counter + 1
  return ("bench-%s-%d"):format(name, counter)
end

local LCTR = build .. "/lctr"

-- One document for all: that of the first peer which is there, without what not all can do.
local function bundle_of(name, args)
  local folder = build .. "/bench/" .. name
  local maker = measure.find("crun") or measure.find("runc") or LCTR
  measure.sh(("rm -rf %s && mkdir -p %s && cd %s && %s spec"):format(folder, folder, folder, maker))
  local file = assert(io.open(folder .. "/config.json"))
  local text = file:read("*a")
  file:close()
  local spec = assert(core.json.decode(text))
  spec.root.path = ROOT
  spec.process.terminal = false
  spec.process.args = args or { "/bin/true" }
  spec.process.capabilities.ambient = nil
  local mounts = {}
  for _, mount in ipairs(spec.mounts) do
    if mount.type ~= "cgroup" then
      mounts[#mounts + 1] = mount
    end
  end
  spec.mounts = mounts
  file = assert(io.open(folder .. "/config.json", "w"))
  file:write(assert(core.json.encode(spec)))
  file:close()
  return folder
end

local function peer_entry(peer)
  local path = measure.find(peer)
  if not path then
    return nil
  end
  local entry = { name = peer, folder = bundle_of(peer), command = function()
    return { path, "--root", "/run/bench-" .. peer, "run", next_id(peer) }
  end }
  if pcall(measure.command, entry.command(), entry.folder) then
    return entry
  end
  print(peer .. " does not run here, and is left out")
  return nil
end

local function bwrap_entry()
  local path = measure.find("bwrap")
  return path and { name = "bwrap", command = function()
    return { path, "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--ro-bind",
      ROOT, "/", "--proc", "/proc", "--dev", "/dev", "/bin/true" }
  end }
end

local FLOOR_PARTS = "cgmnt"

local function floor_command(extra)
  return { build .. "/bench/floor", "-n", "1", "-x", FLOOR_PARTS, extra or "-v", ROOT, "/bin/true" }
end

local function whole_commands()
  local entries = {
    { name = "lctr", folder = bundle_of("lctr"), command = function()
      return { LCTR, "--root", STATE, "run", next_id("lctr") }
    end },
    { name = "floor", command = function() return floor_command() end },
  }
  for _, entry in ipairs({ peer_entry("crun") or false, peer_entry("runc") or false,
    bwrap_entry() or false }) do
    if entry then
      entries[#entries + 1] = entry
    end
  end
  return entries
end

local function ratio(a, b)
  return ("%.2f"):format(a / b)
end

local function by_name(entries, name)
  for _, entry in ipairs(entries) do
    if entry.name == name then
      return entry
    end
  end
  return nil
end

local function print_commands(entries, title)
  local base = by_name(entries, "crun") or by_name(entries, "floor") or entries[1]
  local rows = {}
  for _, entry in ipairs(entries) do
    rows[#rows + 1] = {
      entry.name, ("%.2f"):format(stats.median(entry.wall) * 1e3),
      ratio(stats.median(entry.wall), stats.median(base.wall)),
      ("%.2f"):format(stats.median(entry.cpu) * 1e3),
      ratio(stats.median(entry.cpu), stats.median(base.cpu)),
      ("%.1f"):format(entry.peak / 1048576),
    }
  end
  print("\n" .. title)
  stats.print_table({ "command", "ms", "to " .. base.name, "cpu ms", "to " .. base.name,
    "peak MiB" }, rows)
end

-- Not the name of one that an earlier run left behind.
local TARGET = "bench-target-" .. core.proc.getpid()

-- lctr and crun, each with a container that only waits.
local function with_targets()
  local runtimes, sleeper = {}, { "/bin/sleep", "100000" }
  for _, name in ipairs({ "lctr", "crun" }) do
    local path = name == "lctr" and LCTR or measure.find(name)
    local runtime = { name = name, path = path, root = "/run/bench-target-" .. name }
    runtime.command = function(...)
      return { path, "--root", runtime.root, ... }
    end
    if path then
      runtime.folder = bundle_of(name .. "-target", sleeper)
      measure.command(runtime.command("run", "-d", TARGET), runtime.folder)
      runtimes[#runtimes + 1] = runtime
    end
  end
  return runtimes
end

local function end_targets(runtimes)
  for _, runtime in ipairs(runtimes) do
    measure.command(runtime.command("delete", "-f", TARGET))
  end
end

-- A command of each of them.
local function entries_of(runtimes, ...)
  local words, entries = { ... }, {}
  for index, runtime in ipairs(runtimes) do
    entries[index] = { name = runtime.name, command = function()
      return runtime.command(unpack(words))
    end }
  end
  return entries
end

local function deletions(runtimes)
  local entries = {}
  for index, runtime in ipairs(runtimes) do
    local id
    entries[index] = { name = runtime.name, prepare = function()
      id = next_id("doomed")
      measure.command(runtime.command("run", "-d", id), runtime.folder)
    end, command = function()
      return runtime.command("delete", "--force", id)
    end }
  end
  return entries
end

-- What a created container's first process takes while it waits, in KiB.
local function waiting_memory(factory)
  local container = assert(factory:create("bench-waiting", config))
  local process = ctr.process(process_fields)
  assert(container:start(process))
  local text = io.open(("/proc/%d/status"):format(process:pid())):read("*a")
  assert(container:destroy())
  return tonumber(text:match("VmRSS:%s+(%d+)"))
end

-- In one program: start, wait, destroy.
local function one_start(factory, other_config)
  local id = next_id("in")
  local from = core.proc.clock()
  local container = assert(factory:create(id, other_config or config))
  local process = ctr.process(process_fields)
  assert(container:run(process))
  local result = assert(process:wait())
  assert(container:destroy())
  local took = core.proc.clock() - from
  assert(result.code == 0)
  return took
end

local function floor_batch(count)
  local command = table.concat({ build .. "/bench/floor", "-n", count, "-o", "quiet", "-x",
    FLOOR_PARTS, ROOT, "/bin/true" }, " ")
  local pipe = assert(io.popen(command))
  local line = pipe:read("*a")
  pipe:close()
  return assert(tonumber(line:match("total%s+([%d.]+) us"))) / 1e6
end

-- In turns of ten, after three that do not count: the floor program warms up so, too.
local function in_process(factory)
  local ours, floors = {}, {}
  for _ = 1, ROUNDS do
    for turn = -2, 10 do
      local took = one_start(factory)
      if turn > 0 then
        ours[#ours + 1] = took
      end
    end
    floors[#floors + 1] = floor_batch(10)
  end
  return stats.median(ours), stats.median(floors)
end

local function median_start(factory)
  local times = {}
  for round = 1, ROUNDS do
    times[round] = one_start(factory)
  end
  return stats.median(times)
end

-- Memory that is really there, beside the Lua heap: a sealed file's pages would not do.
local function ballast(mebibytes)
  local ffi = require("ffi")
  local size = mebibytes * 1048576
  ffi.cdef("void *malloc(size_t); void free(void *);")
  local memory = ffi.cast("char *", ffi.C.malloc(size))
  for offset = 0, size - 1, 4096 do
    memory[offset] = 1
  end
  return function()
    ffi.C.free(memory)
  end
end

local function caller_size(factory)
  local small, large = {}, {}
  for _ = 1, 4 do
    small[#small + 1] = median_start(factory)
    local release = ballast(1024)
    large[#large + 1] = median_start(factory)
    release()
  end
  return stats.median(large), stats.median(small)
end

-- In turns, after one of each that does not count: it compiles the profile.
local function with_seccomp(factory)
  local filtered = { seccomp = ctr.default_seccomp(config.capabilities) }
  for name, value in pairs(config) do
    filtered[name] = value
  end
  local with, without = {}, {}
  for round = 0, 4 * ROUNDS do
    with[round] = one_start(factory, filtered)
    without[round] = one_start(factory)
  end
  return stats.median(with), stats.median(without)
end

local function host_mounts(count, folder)
  measure.sh((("mkdir -p F && mount -t tmpfs none F && cd F && mkdir $(seq N)"):gsub("[FN]",
    { F = folder, N = count })))
  local file = assert(io.popen("sh", "w"))
  for index = 1, count do
    file:write(("mount --bind %s/%d %s/%d\n"):format(folder, index, folder, index))
  end
  file:close()
  return function()
    measure.sh("umount -l " .. folder)
  end
end

-- Each side with a factory of its own: what it opens once is made anew under the many mounts.
local function many_mounts()
  local few, many = {}, {}
  local factory = assert(ctr.new(STATE))
  one_start(factory)
  few[1] = median_start(factory)
  local remove = host_mounts(3000, "/run/bench-mounts")
  local crowded = assert(ctr.new(STATE))
  one_start(crowded)
  for round = 1, 2 do
    many[round] = median_start(crowded)
  end
  remove()
  few[2] = median_start(factory)
  factory:close()
  crowded:close()
  return stats.median(many), stats.median(few)
end

-- One more container where there are a thousand, against the first. The first entry of a list costs
-- what opening the folder does: lists are compared from 250 on.
local function grown()
  local factory = assert(ctr.new(STATE))
  local rows = growth.measure(factory, config, process_fields.env, one_start)
  factory:close()
  growth.print(rows)
  local first, second, last = rows[1], rows[2], rows[#rows]
  return { start = last.start / first.start, stats = last.stats / first.stats,
    list = last.list / second.list }
end

local targets = {}

local function row(what, value, limit, is_least, reason)
  if not value then
    targets[#targets + 1] = { what, "-", (is_least and "≥ " or "≤ ") .. limit,
      reason or "no peer" }
    return
  end
  local reached = value <= limit
  if is_least then
    reached = value >= limit
  end
  targets[#targets + 1] = { what, ("%.2f"):format(value), (is_least and "≥ " or "≤ ") .. limit,
    reached and "reached" or "missed" }
end

local function against_crun(entries, field)
  local crun = by_name(entries, "crun")
  return crun and stats.median(by_name(entries, "lctr")[field]) / stats.median(crun[field])
end

local function rows_of_commands()
  local hot = whole_commands()
  measure.race(hot, ROUNDS, 0)
  print_commands(hot, "whole command, back to back")
  local sporadic = whole_commands()
  measure.race(sporadic, ROUNDS, SPORADIC)
  print_commands(sporadic, "whole command, one every 60 ms")
  row("run of a trivial program, one every 60 ms, against crun", against_crun(sporadic, "wall"),
    IS_V2 and 0.60 or 0.35)
  row("the same, back to back", against_crun(hot, "wall"), 0.60)
  row("CPU time of the same, against crun", against_crun(hot, "cpu"), 0.65)
  return hot
end

local function rows_of_library(factory)
  local ours, floor = in_process(factory)
  print(("\nin one program: start, wait, destroy %.2f ms, floor %.2f ms"):format(ours * 1e3,
    floor * 1e3))
  row("start-wait-destroy inside a Lua program, against the floor", ours / floor, 1.25)
  local large, small = caller_size(factory)
  print(("caller of 1 GiB %.2f ms, of a few MiB %.2f ms"):format(large * 1e3, small * 1e3))
  row("the caller at 1 GiB, against a small one", large / small, 1.05)
  local with, without = with_seccomp(factory)
  print(("with the default seccomp profile %.2f ms, without %.2f ms"):format(with * 1e3,
    without * 1e3))
  row("with a 400-name seccomp profile (cached), against without", with / without, 1.1)
end

-- Without those that do not know the command.
local function able(entries)
  local list = {}
  for _, entry in ipairs(entries) do
    if entry.prepare or pcall(measure.command, entry.command()) then
      list[#list + 1] = entry
    end
  end
  return list
end

local function race_row(entries, title, limit)
  entries = able(entries)
  measure.race(entries, ROUNDS, SPORADIC)
  print_commands(entries, title .. ", one every 60 ms")
  row(title .. ", against crun", against_crun(entries, "wall"), limit)
end

local function rows_of_others()
  local runtimes = with_targets()
  race_row(entries_of(runtimes, "exec", TARGET, "/bin/true"), "exec into a running container",
    IS_V2 and 0.50 or 0.25)
  race_row(entries_of(runtimes, "state", TARGET), "state", 0.6)
  race_row(entries_of(runtimes, "kill", TARGET, "0"), "kill", 0.6)
  race_row(entries_of(runtimes, "features"), "features", 0.6)
  race_row(deletions(runtimes), "delete --force of a running container", 0.15)
  end_targets(runtimes)
end

local function row_of_clones()
  local start, taken = clone.measure(STATE, config, process_fields.env, build .. "/bench/images",
    ROUNDS)
  if start then
    print(("until a program that warms up answers: started %.0f ms, cloned %.0f ms"):format(
      start * 1e3, taken * 1e3))
  end
  row("clone of a warmed-up program, against its cold start", start and taken / start, 0.6, false,
    taken)
end

local function rows_of_many(hot)
  local many, few = many_mounts()
  print(("3000 host mounts %.2f ms, none %.2f ms"):format(many * 1e3, few * 1e3))
  row("3000 host mounts, against none", many / few, 1.3)
  local more = grown()
  row("the 1000th container, against the first: start", more.start, 1.1)
  row("its statistics", more.stats, 1.1)
  row("its place in the list, against the 250th's", more.list, 1.1)
  local crun = by_name(hot, "crun")
  local ours = measure.throughput(by_name(hot, "lctr"), 8, 8 * ROUNDS)
  local theirs = crun and measure.throughput(crun, 8, 8 * ROUNDS)
  row("eight starts at a time, containers per second, against crun", theirs and ours / theirs, 1.8,
    true)
end

local function main()
  measure.sh("mkdir -p " .. build .. "/bench")
  local hot = rows_of_commands()
  rows_of_others()
  local factory = assert(ctr.new(STATE))
  rows_of_library(factory)
  local waiting = waiting_memory(factory)
  factory:close()
  row_of_clones()
  rows_of_many(hot)
  row("peak memory of a run, MiB", by_name(hot, "lctr").peak / 1048576, 4)
  row("memory of a created container's waiting init, KiB", waiting, 150)
  print(("\ntargets (cgroup %s)"):format(IS_V2 and "v2" or "v1"))
  stats.print_table({ "what", "measured", "target", "" }, targets)
end

main()

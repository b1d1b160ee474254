-- A program of odd habits that uses the library: what it finds, and whether it stays as it was.
-- Arguments: the project's folder, the state root, the container's root, where to write, the id,
-- and the habits.

local project, state, root, output, id = unpack(arg)
package.path = project .. "/lua/?.lua;" .. project .. "/lua/?/init.lua;" .. project .. "/?.lua;"
  .. package.path
package.cpath = project .. "/build/?.so;" .. package.cpath

local ffi = require("ffi")
local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

ffi.cdef([[
typedef struct { unsigned long bits[16]; } signal_set;
void (*signal(int number, void (*handler)(int)))(int);
int sigfillset(signal_set *set);
int sigprocmask(int how, const signal_set *set, signal_set *old);
unsigned umask(unsigned mask);
int close(int fd);
]])

local SIG_IGN = ffi.cast("void (*)(int)", 1)
local SCRIPT = "grep -E '^(SigBlk|SigIgn|Umask)' /proc/self/status; cat; exit 7"
local MAPPING = { { container_id = 0, host_id = 100000, size = 65536 } }

local HABITS = {}

function HABITS.ignores_children()
  ffi.C.signal(core.proc.signals.SIGCHLD, SIG_IGN)
end

function HABITS.ignores_pipes()
  ffi.C.signal(core.proc.signals.SIGPIPE, SIG_IGN)
end

function HABITS.blocks_signals()
  local all = ffi.new("signal_set")
  ffi.C.sigfillset(all)
  ffi.C.sigprocmask(0, all, nil)
end

function HABITS.masks_all_modes()
  ffi.C.umask(511) -- 0777
end

function HABITS.has_no_streams()
  for number = 0, 2 do
    ffi.C.close(number)
  end
end

function HABITS.has_few_descriptors()
  local _, hard = core.proc.getrlimit("RLIMIT_NOFILE")
  assert(core.proc.prlimit(core.proc.getpid(), "RLIMIT_NOFILE", 64, hard))
end

local function read(path)
  local handle = assert(core.fd.open(path, { flags = { "rdonly" } }))
  local text = assert(core.fd.read(handle, 65536))
  handle:close()
  return text
end

-- Its memory and its descriptors apart, which come and go; what waits for the whole process, as the
-- news of an ended child does for who blocks it; and the signal that glibc keeps for itself, which
-- it catches from the first thread on (nptl(7)).
local function look()
  local kept = {}
  for line in read("/proc/self/status"):gmatch("[^\n]+") do
    if not line:find("^Vm") and not line:find("^Rss") and not line:find("ctxt_switches")
      and not line:find("^State") and not line:find("^FDSize") and not line:find("^SigQ")
      and not line:find("^ShdPnd") then
      kept[#kept + 1] = line:gsub("^(SigCgt:%s*%x%x%x%x%x%x%x)%x", "%1-")
    end
  end
  return table.concat(kept, "\n") .. read("/proc/self/limits") .. read("/proc/self/mountinfo")
    .. read("/proc/self/cgroup") .. read("/proc/self/oom_score_adj")
    .. core.path.realpath(".")
end

local function descriptors()
  collectgarbage()
  collectgarbage()
  local folder = assert(core.path.open_root("/proc/self/fd"))
  local list = {}
  for _, name in ipairs(assert(core.path.list(folder, "."))) do
    local text = core.path.readlink(folder, name)
    if text and not text:find("^/proc/%d+/fd$") then
      list[#list + 1] = name .. " " .. text
    end
  end
  folder:close()
  return table.concat(list, "\n")
end

local factory
local lines = {}

local function tell(...)
  lines[#lines + 1] = table.concat({ ... }, " ")
end

local function new_process()
  local said = ""
  local process = ctr.process({ args = { "/bin/sh", "-c", SCRIPT }, env = { "PATH=/bin" },
    stdin = "input\n", stdout = function(data) said = said .. data end })
  return process, function()
    local result, err = process:wait(60)
    tell(said:gsub("%s+", " "), result and result.code or tostring(err))
  end
end

local function live(changes)
  changes = changes or {}
  changes.cgroups = {}
  local container = assert(factory:create(id, box.config(root, changes)))
  local first, finish_first = new_process()
  assert(container:run(first))
  finish_first()
  assert(container:destroy())

  container = assert(factory:create(id, box.config(root, changes)))
  local sleeper = ctr.process({ args = { "/bin/sleep", "1000" } })
  assert(container:start(sleeper))
  assert(container:exec())
  local further, finish_further = new_process()
  assert(container:run(further))
  finish_further()
  assert(container:signal("SIGKILL"))
  local result, err = sleeper:wait(60)
  tell("killed", result and result.signal or tostring(err))
  assert(container:destroy())
end

local function fail()
  local container = assert(factory:create(id, box.config(root, { cgroups = {} })))
  local ok, err = container:run(ctr.process({ args = { "/bin/nonesuch" } }))
  tell("fails", tostring(ok), err.path, err.errno)
  assert(container:destroy())
end

local function inherit()
  local container = assert(factory:create(id, box.config(root, { cgroups = {} })))
  local process = ctr.process({ args = { "/bin/sh", "-c", "readlink /proc/self/fd/0; exit 7" },
    stdin = "inherit", stdout = "null" })
  local ok, err = container:run(process)
  if ok then
    process:wait(60)
  end
  tell("inherits", ok and "its input" or err.path .. " " .. err.errno)
  assert(container:destroy())
end

for index = 6, #arg do
  HABITS[arg[index]]()
end
local before = look()
factory = assert(ctr.new(state))
live()
local open_before = descriptors()
live()
live({ namespaces = { "NEWNS", "NEWUTS", "NEWIPC", "NEWPID", "NEWUSER", "NEWNET" },
  uid_mappings = MAPPING, gid_mappings = MAPPING })
fail()
inherit()
tell("is as it was", tostring(before == look()), tostring(open_before == descriptors()))
factory:close()

local file = assert(core.fd.open(output, { flags = { "wronly" } }))
assert(core.fd.write_all(file, table.concat(lines, "\n") .. "\n"))

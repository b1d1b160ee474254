--- The sending end of a migration: rounds, the last dump, and what becomes of the source.
--
-- All that has to be done while the source stands still is done at CRIU's step `post-dump`. Its
-- images are written then, its network is locked, and it is still there: a failure, or the end of
-- this program, has CRIU let it go on. Only when the target is complete, and waits, the source
-- ends; then the target is told to go on.
-- @module ctr.migrate.source

local channel = require("ctr.migrate.channel")
local core = require("ctr.core")
local ending = require("ctr.ending")
local errors = require("ctr.errors")
local hierarchy = require("ctr.criu.hierarchy")
local methods = require("ctr.migrate.method")
local process_module = require("ctr.process")
local record = require("ctr.record")

local M = {}

local SIGKILL = 9
local PAGE = 4096
local WORTH_IT = 0.9 -- of the round before: more is no progress

-- Where the source is. What can be taken back depends on it.
local RUNS, GONE = "running", "gone"

local function tell(self, phase, info)
  if not self.options.progress then
    return true
  end
  info = info or {}
  info.phase = phase
  local returned, problem = pcall(self.options.progress, info)
  if returned then
    return true
  end
  return nil, errors.is(problem) and problem or errors.new("SystemError", tostring(problem),
    { path = "progress" })
end

local function offer(self)
  local state, err = self.container:state()
  if not state then
    return nil, err
  end
  return self.peer:offer({ protocol = channel.VERSION, id = self.container:id(), criu = self.criu,
    method = self.method, options = self.options.shared, config = state.config,
    page_server = self.options.page_server })
end

-- What the dumps are told; `more` is said of this one alone.
local function dump_options(self, where, more)
  local all = { images_directory = self.peer:place(), page_server = where.port and
    { address = where.address, port = where.port } or nil }
  if self.number > 1 then
    all.parent_image = ("../%d"):format(self.number - 1)
  end
  for name, value in pairs(self.options.shared) do
    all[name] = value
  end
  for name, value in pairs(more) do
    all[name] = value
  end
  return all
end

local function begin_round(self)
  local where, err = self.peer:begin_round(self.options.page_server)
  self.number = self.number + 1
  return where, err
end

local function end_round(self, round)
  local sent, err = self.peer:end_round()
  if not sent then
    return nil, err
  end
  round.sent = sent
  self.sent = self.sent + sent
  return true
end

-- Takes over CRIU's own count, which comes when it has done its work.
local function count(round, info)
  if info.step == "done" and info.pages_written then
    round.pages, round.bytes = info.pages_written, info.pages_written * PAGE
  end
end

local function pre_dump(self)
  local began = core.proc.clock()
  local round = { pages = 0, bytes = 0 }
  local where, err = begin_round(self)
  local ok = where
  if ok then
    ok, err = self.container:checkpoint(dump_options(self, where, { pre_dump = true,
      progress = function(info) count(round, info) end }))
  end
  if ok then
    ok, err = end_round(self, round)
  end
  if not ok then
    return nil, err
  end
  round.seconds = core.proc.clock() - began
  self.rounds[#self.rounds + 1] = round
  return round
end

local function pre_copy(self)
  local before = math.huge
  for number = 1, self.options.max_rounds do
    local round, err = pre_dump(self)
    local ok = round
    if round then
      ok, err = tell(self, "round", { number = number, pages = round.pages, bytes = round.bytes })
    end
    if not ok then
      return nil, err
    end
    if round.bytes <= self.options.dirty_limit or round.bytes > before * WORTH_IT then
      break
    end
    before = round.bytes
  end
  return true
end

-- The target runs from now on, as far as anybody can know.
local function go(self)
  local ok, err = tell(self, "go")
  if not ok then
    return nil, err
  end
  local is_certain
  ok, err, is_certain = self.peer:go()
  if ok then
    self.source = GONE
    self.down_time = core.proc.clock() - self.stopped
  elseif not is_certain then
    self.source = GONE
    err = errors.wrap(err, "the source has ended, and it is not known whether the target runs")
  end
  return ok, err
end

local function restore_there(self, lazy)
  local ok, err = tell(self, "restore")
  if ok then
    ok, err = self.peer:restore(lazy)
  end
  return ok, err
end

local steps = {}

steps["pre-dump"] = function(self)
  self.stopped = core.proc.clock()
  return true
end

steps["post-dump"] = function(self, round)
  self.has_images = true
  local ok, err = tell(self, "transfer")
  if ok then
    ok, err = end_round(self, round)
  end
  if ok and self.method ~= "post-copy" then
    ok, err = restore_there(self)
  end
  return ok, err
end

-- CRIU serves the pages of what stands still. Where it is not known whether the target runs, it
-- must not go on: it is killed before CRIU is.
steps["serving"] = function(self)
  local ok, err = restore_there(self, self.options.lazy_server)
  if ok then
    ok, err = go(self)
  end
  if not ok and self.source == GONE then
    self.container.cgroup:signal(SIGKILL)
  end
  return ok, err
end

local function last_dump(self)
  local round = { pages = 0, bytes = 0 }
  local began = core.proc.clock()
  local where, err = begin_round(self)
  if not where then
    return nil, err
  end
  local is_lazy = self.method == "post-copy"
  if is_lazy then
    where = self.options.lazy_server
  end
  local ok
  ok, err = self.container:checkpoint(dump_options(self, where, { lazy_pages = is_lazy,
    progress = function(info)
      count(round, info)
      local done, problem = true, nil
      if steps[info.step] then
        done, problem = steps[info.step](self, round)
      end
      if not done then
        error(problem, 0)
      end
    end }))
  round.seconds = core.proc.clock() - began
  self.rounds[#self.rounds + 1] = round
  return ok, err
end

-- Nobody tells the target to go on before the kernel says that the source has ended.
local function go_on_there(self)
  local ok, err = ending.kill_init(self.container)
  if ok then
    ok, err = go(self)
  end
  return ok, err
end

local function drive(self)
  local ok, err = offer(self)
  if ok and self.method == "pre-copy" then
    ok, err = pre_copy(self)
  end
  if ok then
    ok, err = tell(self, "dump")
  end
  if ok then
    ok, err = last_dump(self)
  end
  if ok and self.source == RUNS then
    ok, err = go_on_there(self)
  end
  -- Once the target runs, it is the one to say whether it has all that it needs.
  if self.down_time then
    self.there, err = self.peer:finish()
    ok = self.there
  end
  return ok, err
end

local function restore_here(self, err)
  if self.options.page_server then
    err.message = err.message .. "; the source has ended, and the receiving end has its pages"
    err.source = "stopped"
    return
  end
  local process = self.options.process or process_module.new({})
  local all = { images_directory = self.peer:place() }
  for name, value in pairs(self.options.shared) do
    all[name] = value
  end
  local ok, problem = self.container:restore(process, all)
  err.source, err.process = ok and "restored" or "stopped", ok and process or nil
  if not ok then
    err.message = ("%s; and the source could not be restored: %s"):format(err.message,
      tostring(problem))
  end
end

-- What becomes of the source after a failure; `err.source` says it.
local function settle(self, err)
  self.peer:abort(err)
  if self.source == GONE then
    self.container:signal("SIGKILL", true)
    err.source = "stopped"
    return
  end
  err.source = self.container:status()
  if self.has_images and err.source == "stopped" then
    restore_here(self, err)
  end
end

local function report_of(self)
  -- What is left of the source has no process, and can be destroyed at any time.
  local destroyed, problem = self.container:destroy()
  local bytes = 0
  for _, round in ipairs(self.rounds) do
    bytes = bytes + (self.options.page_server and round.bytes or 0)
  end
  return {
    method = self.method, fallback = self.fallback, rounds = self.rounds,
    bytes = self.sent + bytes, down_time = self.down_time, total = core.proc.clock() - self.began,
    container = self.there.container, process = self.there.process,
    warning = not destroyed and problem or nil,
  }
end

local function check_running(container)
  local status, err = container:status()
  if status and status ~= "running" then
    return nil, record.refusal(container, "ContainerNotRunning", "is not running: it is " .. status)
  end
  return status, err
end

local function run(self, connect)
  local ok, err = check_running(self.container)
  if ok then
    self.method, self.criu, self.fallback = methods.choose(self.container, self.options.method)
    err = self.criu
  end
  if self.method then
    self.peer, err = connect()
  end
  if not self.peer then
    return nil, err
  end
  ok, err = drive(self)
  if not ok then
    settle(self, err)
    self.peer:close(err)
    return nil, err
  end
  self.peer:close()
  return report_of(self)
end

--- Migrates a container.
-- @tparam ctr.Container container
-- @tparam table options parsed (`ctr.migrate.options`)
-- @tparam func connect makes the receiving end
-- @treturn[1] table the report
-- @return[2] nil
-- @treturn[2] ctr.Error with `source`
function M.run(container, options, connect)
  -- Where both ends are one machine, the restore begins while the dump has not put them back yet.
  local before = hierarchy.options()
  local report, err = run({ container = container, options = options, rounds = {}, number = 0,
    sent = 0, source = RUNS, began = core.proc.clock() }, connect)
  hierarchy.put_back(before)
  return report, err
end

return M

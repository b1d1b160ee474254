--- `top()`: all containers, live, with keys to pause, kill and enter them.
-- @module ctr.repl.top

local core = require("ctr.core")
local grid = require("ctr.repl.grid")
local measure = require("ctr.repl.measure")
local screens = require("ctr.repl.screen")
local spark = require("ctr.repl.spark")
local text = require("ctr.repl.text")

local M = {}

local INTERVAL = 1 -- seconds
local WIDTH = 12 -- of a sparkline
local KEPT = 60
local HEADER = { "  ID", "STATUS", "CPU", "", "MEMORY", "", "PROCESSES", "DISK", "NETWORK" }
local KEYS = "up and down choose, p pauses and resumes, k kills, Enter enters, q ends"
local SHELLS = { "/bin/sh", "/bin/bash", "/bin/busybox" }

local top_methods = {}
local top_metatable = { __index = top_methods }

local function push(list, value)
  list[#list + 1] = value
  if #list > KEPT then
    table.remove(list, 1)
  end
end

-- Measures all; what is gone is forgotten.
function top_methods:look()
  local factory = self.session:factory_if_any()
  local rows = {}
  for _, id in ipairs(factory and factory:list() or {}) do
    local row = self.known[id] or { id = id, cpu = {}, memory = {} }
    row.container = row.container or factory:load(id)
    if row.container then
      local now = measure.of(row.container)
      row.share = measure.cpu(row.now, now)
      row.network = measure.rate(row.now, now, "network")
      row.disk = measure.rate(row.now, now, "disk")
      row.now = now
      push(row.cpu, row.share or 0)
      push(row.memory, now.memory or 0)
      rows[#rows + 1] = row
    end
  end
  self.rows, self.known = rows, {}
  for _, row in ipairs(rows) do
    self.known[row.id] = row.now.status ~= "gone" and row or nil
  end
  self.at = math.max(1, math.min(self.at, #rows))
end

local function shown(value, show)
  return value and show(value) or ""
end

local function percent(value)
  return ("%.0f %%"):format(value * 100)
end

local function whole(value)
  return ("%d"):format(value)
end

local function per_second(value)
  return text.size(value) .. "/s"
end

function top_methods:cells(row, is_chosen)
  local now, opts = row.now, { is_ascii = self.is_ascii }
  return {
    (is_chosen and "> " or "  ") .. text.printable(row.id), now.status,
    shown(row.share, percent), spark.line(row.cpu, WIDTH, opts), shown(now.memory, text.size),
    spark.line(row.memory, WIDTH, opts), shown(now.processes, whole),
    shown(row.disk, per_second), shown(row.network, per_second),
  }
end

--- The lines of the table; those of it that are not on the screen are counted.
function top_methods:lines(columns, rows)
  local table_rows = { HEADER }
  local room = math.max(1, rows - 4)
  local first = math.max(1, math.min(self.at - room + 1, #self.rows - room + 1))
  for index = first, math.min(#self.rows, first + room - 1) do
    table_rows[#table_rows + 1] = self:cells(self.rows[index], index == self.at)
  end
  local lines = grid.lines(table_rows, columns)
  local left_out = #self.rows - (#table_rows - 1)
  lines[#lines + 1] = left_out > 0 and ("… and %d more"):format(left_out) or ""
  lines[#lines + 1] = self.message or (#self.rows == 0 and "no containers") or ""
  lines[#lines + 1] = KEYS
  return lines
end

local actions = {}

function actions.up(top)
  top.at = math.max(1, top.at - 1)
end

function actions.down(top)
  top.at = math.min(math.max(1, #top.rows), top.at + 1)
end

function actions.p(top, row)
  local status = row.container:status() -- of now: the table is up to a second old
  local is_paused = status == "paused" or status == "pausing"
  local ok, err = row.container[is_paused and "resume" or "pause"](row.container)
  top.message = ok and row.id .. (is_paused and " goes on" or " is paused") or tostring(err)
end

function actions.k(top, row)
  top.message = ("kill %s? y kills it, any other key does not"):format(row.id)
  top:draw()
  if top.screen:key(60) ~= "y" then
    top.message = row.id .. " was not killed"
    return
  end
  row.container:resume() -- frozen it would not die; one that is not is left as it is
  local ok, err = row.container:signal("SIGKILL", true)
  top.message = ok and row.id .. " was killed" or tostring(err)
end

local function shell_of(container)
  local root = core.path.open_root(("/proc/%d/root"):format(container.init_pid))
  local found
  for _, path in ipairs(SHELLS) do
    found = found or (root and core.path.stat(root, path:sub(2)) and path)
  end
  if root then
    root:close()
  end
  return found and { found, found == "/bin/busybox" and "sh" or nil }
end

local function enter(container)
  local args = shell_of(container)
  if not args then
    return nil, "there is no shell in " .. container:id()
  end
  local process = require("ctr").process({ args = args, terminal = true, cwd = "/",
    env = { "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
      "TERM=" .. (core.proc.getenv("TERM") or "dumb") } })
  local ok, err = container:run(process)
  if not ok then
    return nil, err
  end
  return process:wait()
end

function actions.enter(top, row)
  local status = row.container:status() or "gone"
  if status ~= "running" then
    top.message = ("%s is %s: there is nothing to enter"):format(row.id, status)
    return
  end
  top.screen:pause()
  local ended, err = enter(row.container)
  top.screen:resume()
  top.message = ended and ("back from %s"):format(row.id) or tostring(err)
end

local NEEDS_ROW = { p = true, k = true, enter = true }

function top_methods:act(key)
  local action, row = actions[key], self.rows[self.at]
  if action and (row or not NEEDS_ROW[key]) then
    self.message = nil
    action(self, row)
  end
end

function top_methods:draw()
  self.screen:draw(self:lines(self.session:size()))
end

-- Looks each second, and draws at each key.
function top_methods:run()
  local key
  local due = 0
  while key ~= "quit" and key ~= "q" do
    local now = core.proc.clock()
    if now >= due then
      self:look()
      due = now + INTERVAL
    end
    self:draw()
    key = self.screen:key(math.max(0, due - core.proc.clock()))
    self:act(key)
  end
end

-- Without a screen: the table again and again, until Ctrl-C.
local function run_in_lines(top)
  repeat
    top:look()
    local columns = top.session:size()
    local lines = top:lines(columns, math.huge)
    io.stdout:write(table.concat(lines, "\n", 1, #lines - 2), "\n")
    io.stdout:flush()
  until not core.poll.wait({}, INTERVAL)
end

--- The word.
-- @tparam table session
function M.word(session)
  local top = setmetatable({ session = session, known = {}, rows = {}, at = 1,
    is_ascii = not screens.is_there(session) }, top_metatable)
  if not screens.is_there(session) then
    return run_in_lines(top)
  end
  screens.with(session, function(screen)
    top.screen = screen
    top:run()
  end)
end

return M

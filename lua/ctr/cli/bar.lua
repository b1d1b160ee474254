--- A line on a terminal that shows how far a checkpoint is, and is gone when it is done.
-- @module ctr.cli.bar

local core = require("ctr.core")

local M = {}

local STDERR = 2
local WIDTH_MAX, WIDTH_MIN = 30, 5 -- columns of the bar itself
local COLUMNS = 80 -- of a terminal that does not know
local ERASE = "\r\27[K" -- what is in the line
local UNITS = { "B", "KiB", "MiB", "GiB", "TiB" }
local PAGE = 4096

-- What CRIU's steps mean to people; others change nothing that they see.
local WORDS = {
  ["pre-dump"] = "preparing", ["network-lock"] = "looking", memory = "memory",
  ["post-dump"] = "finishing", ["status-ready"] = "waiting for who asks for memory",
}

--- A size for people.
-- @tparam number bytes
-- @treturn string "47.1 MiB"
function M.size_text(bytes)
  local unit = 1
  while bytes >= 1024 and UNITS[unit + 1] do
    bytes, unit = bytes / 1024, unit + 1
  end
  return (unit == 1 and "%d %s" or "%.1f %s"):format(bytes, UNITS[unit])
end

local function fraction_of(info)
  if info.step == "done" or info.step == "post-dump" then
    return 1
  end
  return math.min(1, info.pages_written / math.max(1, info.pages_expected))
end

--- The line for what a checkpoint tells of itself.
-- @tparam table info `step`, `word`, `bytes_written`, `pages_written`, `pages_expected`,
-- `iteration`
-- @tparam number columns of the terminal: the line is shorter
-- @treturn string
function M.line(info, columns)
  local part = fraction_of(info)
  local text = ("%3d%% %s of %s"):format(math.floor(part * 100), M.size_text(info.bytes_written),
    M.size_text(math.max(info.pages_expected * PAGE, info.bytes_written)))
  if info.iteration > 1 then
    text = text .. (", iteration %d"):format(info.iteration)
  end
  local word = info.word and " " .. info.word or ""
  local room = math.min(WIDTH_MAX, columns - #text - #word - 4)
  if room < WIDTH_MIN then
    return text:sub(1, math.max(0, columns - 1))
  end
  local full = math.floor(part * room)
  return ("[%s%s] %s%s"):format(("#"):rep(full), ("-"):rep(room - full), text, word)
end

local bar_methods = {}
local bar_metatable = { __index = bar_methods }

--- Opens it on standard error, where that is a terminal that can erase what was written.
-- @treturn ?table
function M.open()
  local term = os.getenv("TERM")
  if not core.tty.is_tty(STDERR) or not term or term == "" or term == "dumb" then
    return nil
  end
  return setmetatable({}, bar_metatable)
end

--- Shows how far it is: a function for `progress`.
function bar_methods:show(info)
  self.word = WORDS[info.step] or self.word
  info.word = self.word
  local columns = core.tty.size(STDERR)
  local line = M.line(info, columns and columns > 0 and columns or COLUMNS)
  if line ~= self.shown then
    self.shown = line
    core.fd.write(STDERR, ERASE .. line)
  end
end

--- Takes it away: what is said next stands where it was.
function bar_methods:close()
  if self.shown then
    core.fd.write(STDERR, ERASE)
  end
end

return M

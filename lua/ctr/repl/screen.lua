--- The whole screen, for what is live: drawn anew each time, and given back as it was.
-- @module ctr.repl.screen

local core = require("ctr.core")
local text = require("ctr.repl.text")

local M = {}

local STDIN = 0
local ENTER, LEAVE = "\27[?1049h\27[?25l", "\27[?25h\27[?1049l"
local HOME, TO_LINE_END, TO_END = "\27[H", "\27[K", "\27[J"

local KEYS = {
  ["\27[A"] = "up", ["\27[B"] = "down", ["\27OA"] = "up", ["\27OB"] = "down", ["\3"] = "quit",
  ["\4"] = "quit", ["\27"] = "quit", ["\r"] = "enter", ["\n"] = "enter",
}

local screen_methods = {}
local screen_metatable = { __index = screen_methods }

local function write(data)
  io.stdout:write(data)
  io.stdout:flush()
end

--- Takes the screen and the keys.
-- @tparam table session
-- @treturn table
function M.open(session)
  local screen = setmetatable({ session = session }, screen_metatable)
  screen:resume()
  return screen
end

--- Takes them again.
function screen_methods:resume()
  self.saved = core.tty.raw(STDIN, { translates = true })
  write(ENTER)
end

--- Gives them back.
function screen_methods:pause()
  if self.saved then
    core.tty.restore(STDIN, self.saved)
    self.saved = nil
    write(LEAVE)
  end
end

--- Draws lines, as many as there is room for. A line may have colours where it is short enough.
-- @tparam {string,…} lines
function screen_methods:draw(lines)
  local columns, rows = self.session:size()
  local parts = { HOME }
  for index = 1, math.min(rows, #lines) do
    local line = lines[index]
    if not line:find("\27", 1, true) then
      line = text.cut(line, columns)
    end
    parts[#parts + 1] = line .. TO_LINE_END .. (index < rows and "\n" or "")
  end
  parts[#parts + 1] = #lines < rows and TO_END or ""
  write(table.concat(parts))
end

--- Waits for a key.
-- @tparam number timeout seconds
-- @treturn ?string a character, "up", "down", "enter" or "quit"; nil when time ran out
function screen_methods:key(timeout) -- luacheck: ignore 212
  local ready = core.poll.wait({ { fd = STDIN, events = "r" } }, timeout)
  if not ready then
    return "quit" -- interrupted
  elseif not ready[1] then
    return nil
  end
  local data = core.fd.read(STDIN, 16)
  if not data or data == "" then
    return "quit" -- the terminal is gone
  end
  return KEYS[data] or data:sub(1, 1)
end

--- Runs a function with a screen, which is given back whatever happens.
-- @tparam table session
-- @tparam function use is given the screen
-- @return what it returned
function M.with(session, use)
  local screen = M.open(session)
  local ok, result = pcall(use, screen)
  screen:pause()
  if not ok then
    error(result, 0)
  end
  return result
end

--- Says whether the session has a screen.
-- @tparam table session
-- @treturn boolean
function M.is_there(session)
  return session.editor ~= nil and not session.is_dumb
end

return M

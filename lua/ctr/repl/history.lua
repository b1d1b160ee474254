--- What was typed before: a file below `$XDG_STATE_HOME`, which nobody else may read.
--
-- An entry is a line of the file; newlines and backslashes in it are written as `\n` and `\\`.
-- @module ctr.repl.history

local core = require("ctr.core")

local M = {}

--- How many entries are kept.
M.MAX = 1000

local PRIVATE_FOLDER, PRIVATE_FILE = 448, 384 -- 0700, 0600
local APPEND = {
  flags = { "wronly", "append", "creat", "nofollow", "nonblock" }, mode = PRIVATE_FILE,
}
local SIZE_MAX = 16 * 1024 * 1024

local history_methods = {}
local history_metatable = { __index = history_methods }

-- `~/.local/state` where the environment says nothing else.
local function state_home(getenv)
  local state, home = getenv("XDG_STATE_HOME"), getenv("HOME")
  if state and state:sub(1, 1) == "/" then
    return state
  end
  return home and home:sub(1, 1) == "/" and home .. "/.local/state" or nil
end

local function make_folders(path)
  local root = core.path.open_root("/")
  if not root then
    return nil
  end
  local below = ""
  for name in path:gmatch("[^/]+") do
    below = below == "" and name or below .. "/" .. name
    core.path.mkdir(root, below, PRIVATE_FOLDER)
  end
  root:close()
  return core.path.open_root(path)
end

-- Another user's folder is no place for what is typed (HOME may be left over from su).
local function open_folder(path)
  local folder = make_folders(path)
  local stat = folder and core.path.stat(folder, "")
  if stat and stat.uid == core.proc.ids().euid then
    return folder
  end
  if folder then
    folder:close()
  end
  return nil
end

local function encode(entry)
  return (entry:gsub("\\", "\\\\"):gsub("\n", "\\n"))
end

local DECODED = { ["\\\\"] = "\\", ["\\n"] = "\n" }

local function decode(line)
  return (line:gsub("\\[\\n]", DECODED))
end

local function read_entries(folder)
  local stat = core.path.stat(folder, "history", { nofollow = true })
  local content = stat and stat.type == "file" and core.path.read(folder, "history", SIZE_MAX)
  local entries = {}
  for line in (content or ""):gmatch("[^\n]+") do
    entries[#entries + 1] = decode(line)
  end
  return entries
end

-- Somebody may have made it with another mode.
local function keep_private(folder)
  local stat = core.path.stat(folder, "history", { nofollow = true })
  if stat and stat.type == "file" then
    core.path.chmod(folder, "history", PRIVATE_FILE)
  end
end

local function last_of(entries, count)
  return { unpack(entries, math.max(1, #entries - count + 1)) }
end

-- The file grows to twice the entries, and is then written anew.
local function trim(history)
  if #history.entries <= 2 * M.MAX then
    return
  end
  history.entries = last_of(history.entries, M.MAX)
  local lines = {}
  for index, entry in ipairs(history.entries) do
    lines[index] = encode(entry) .. "\n"
  end
  core.path.replace(history.folder, "history", table.concat(lines), PRIVATE_FILE)
end

--- Opens the history. Where it cannot be kept in a file, it lasts as long as the program.
-- @tparam function getenv
-- @treturn table `entries`, the oldest first; `path` of the file
function M.open(getenv)
  local home = state_home(getenv)
  local history = setmetatable({ entries = {} }, history_metatable)
  history.folder = home and open_folder(home .. "/ctr")
  if history.folder then
    history.path = home .. "/ctr/history"
    history.entries = read_entries(history.folder)
    keep_private(history.folder)
    trim(history)
    history.entries = last_of(history.entries, M.MAX)
  end
  return history
end

--- Adds an entry. Left out are what came just before, and what begins with a blank.
-- @tparam string entry
-- @treturn boolean whether it was added
function history_methods:add(entry)
  if entry == self.entries[#self.entries] or entry:find("^%s") or entry == "" then
    return false
  end
  self.entries[#self.entries + 1] = entry
  local file = self.folder and core.path.open(self.folder, "history", APPEND)
  if file then
    core.fd.write_all(file, encode(entry) .. "\n")
    file:close()
  end
  return true
end

--- Closes it.
function history_methods:close()
  if self.folder then
    self.folder:close()
    self.folder = nil
  end
end

return M

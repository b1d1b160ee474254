--- Evaluates the file of a description: in an environment of its own, within limits
-- (`ctr.describe.guard`), and with nothing of the machine in reach but files below its folder.
-- @module ctr.describe.sandbox

local core = require("ctr.core")
local guard = require("ctr.describe.guard")
local library = require("ctr.describe.library")
local paths = require("ctr.describe.paths")
local source = require("ctr.describe.source")
local spelling = require("ctr.config.spelling")

local M = {}

local SIZE_MAX = 4 * 2 ^ 20
local REASONS = {
  ENOENT = "No such file or directory", EACCES = "Permission denied", EISDIR = "is a directory",
  EFBIG = "is larger than a description may be",
}
local LINKS = { EXDEV = true, ELOOP = true }

local function refusal(path, err)
  return nil, ("%s: %s"):format(path, REASONS[err.errno] or tostring(err))
end

-- Regular files, and no waiting for one that is a pipe.
local function read_handle(handle, path)
  local stat, err = core.path.stat(handle, "")
  local text
  if stat and stat.type ~= "file" then
    return nil, path .. ": is not a regular file"
  end
  if stat then
    text, err = core.path.read_fd(handle, SIZE_MAX)
  end
  if not text then
    return refusal(path, err)
  end
  -- As in a program, a first line that begins with # is not Lua.
  return (text:gsub("^#[^\n]*", ""))
end

local function read_text(state, path, dir, name)
  local flags = { "rdonly", "nonblock" }
  local handle, err
  if dir and not state.trust then
    handle, err = core.path.open(dir, name, { flags = flags, beneath = true })
  else
    handle, err = core.fd.open(path, { flags = flags })
  end
  if not handle then
    return nil, err
  end
  local text, problem = read_handle(handle, path)
  handle:close()
  if text then
    state.texts[path] = text
  end
  return text, problem
end

local function load_text(state, text, path)
  local chunk, problem = load(text, "@" .. path, "t", state.env)
  if chunk and not state.trust then
    jit.off(chunk, true)
  end
  return chunk, problem
end

local function wants_outside(state, name)
  state.outside = state.outside or name
  local known = {}
  for key in next, state.env do
    known[key] = true
  end
  local near = spelling.nearest(name, known)
  error(name .. " is not there in a description" .. (near and ("; did you mean %q?"):format(near)
    or ""), 3)
end

local function is_module_name(name)
  return (name:find("^[%w_%-]+$") or name:find("^[%w_%-][%w_%-%.]*[%w_%-]$"))
    and not name:find("..", 1, true)
end

-- The text of a module below the folder, and its path; nil where there is none.
local function find_module(state, name)
  if not is_module_name(name) then
    return nil
  end
  local below = name:gsub("%.", "/")
  for _, file in ipairs({ below .. ".lua", below .. "/init.lua" }) do
    local path = state.folder == "." and file or state.folder .. "/" .. file
    local text, problem = read_text(state, path, state.dir, file)
    if text then
      return text, path
    end
    if type(problem) == "string" then
      error(problem, 0)
    end
    if LINKS[problem.errno] then
      error(path .. ": is a link or lies behind one, and a description follows none", 0)
    end
  end
  return nil
end

-- Where in its file a module's table stands.
local function note_returned(state, value, path)
  if type(value) == "table" then
    local place = { file = path, line = 1 }
    place.look = state.look(place, function(text) return text:returned() end)
    state.returned[value] = state.returned[value] or place
  end
end

local LOADING = {}

local function load_module(state, name, text, path)
  local chunk, problem = load_text(state, text, path)
  if not chunk then
    error(problem, 0)
  end
  state.loaded[name] = LOADING
  local value = chunk(name)
  if value == nil then
    value = true
  end
  state.loaded[name] = value
  note_returned(state, value, path)
  return value
end

-- `require` below the folder of the description; with trust, Lua's own after that.
local function new_require(state)
  return function(name)
    if type(name) ~= "string" then
      error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
    end
    local loaded = state.loaded[name]
    if loaded == LOADING then
      error(("module '%s' requires itself"):format(name), 2)
    end
    if loaded ~= nil then
      return loaded
    end
    local text, path = find_module(state, name)
    if text then
      return load_module(state, name, text, path)
    end
    if state.trust then
      return require(name)
    end
    state.outside = state.outside or ("require %q"):format(name)
    error(("module '%s' is not in the folder of the description"):format(name), 2)
  end
end

local function new_environment(state)
  if state.trust then
    return setmetatable({}, { __index = _G })
  end
  return setmetatable(library.new(), {
    __index = function(_, name)
      -- No tail call: it would leave out the level at which the file stands.
      local nothing = wants_outside(state, tostring(name))
      return nothing
    end,
  })
end

local function new_state(path, trust)
  local state = {
    trust = trust or false, folder = paths.folder(path), loaded = {}, texts = {}, drafts = {},
    returned = {},
  }
  local sources = {}
  -- What a place's text is, and its table in it, when somebody asks.
  state.look = function(place, find)
    local entries
    return function()
      local file = place.file or ""
      if not sources[file] then
        sources[file] = source.new(state.texts[file] or "")
      end
      entries = entries or find(sources[file])
      return sources[file], entries
    end
  end
  return state
end

local function run(state, text, path)
  local chunk, problem = load_text(state, text, path)
  if not chunk then
    return { false, problem }
  end
  if state.trust then
    return { pcall(chunk) }
  end
  return { guard.call({ is_short = true }, chunk) }
end

local function evaluate(state, path, words)
  local text, problem = read_text(state, path)
  if not text then
    if type(problem) ~= "string" then
      problem = select(2, refusal(path, problem))
    end
    return { ok = false, err = problem }
  end
  state.env = new_environment(state)
  for name, word in pairs(words(state)) do
    state.env[name] = word
  end
  state.env.require = new_require(state)
  state.env._G = state.env
  local results = run(state, text, path)
  local ok = table.remove(results, 1)
  if not ok then
    results[1] = guard.text_of_error(results[1])
    if not results[1]:find(path, 1, true) then
      results[1] = path .. ": " .. results[1]
    end
  end
  return {
    ok = ok, values = ok and results or {}, err = not ok and results[1] or nil, text = text,
    outside = state.outside,
  }
end

--- Evaluates a file.
-- @tparam string path
-- @tparam func words is given the state (`drafts`, `returned`, `look`, `trust`), and returns what
-- the file may call
-- @tparam boolean trust everything is in reach, and nothing limited
-- @treturn table `ok`, `values` (what it returned) or `err`, a text; `text` is the file's;
-- `outside` is what it looked for in vain
-- @treturn table the state
function M.evaluate(path, words, trust)
  local state = new_state(path, trust)
  state.dir = core.path.open_root(state.folder)
  local result = evaluate(state, path, words)
  if state.dir then
    state.dir:close()
    state.dir = nil
  end
  return result, state
end

return M

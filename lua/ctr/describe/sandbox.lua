--- The environment in which a description is evaluated: its own words, and as much of Lua as
-- touches nothing outside.
-- @module ctr.describe.sandbox

local paths = require("ctr.describe.paths")
local spelling = require("ctr.config.spelling")

local M = {}

local FUNCTIONS = {
  "assert", "error", "ipairs", "next", "pairs", "pcall", "rawequal", "rawget", "rawset", "select",
  "setmetatable", "tonumber", "tostring", "type", "unpack", "xpcall",
}
local LIBRARIES = { "bit", "coroutine", "math", "string", "table" }

local function copy(library)
  local result = {}
  for name, value in pairs(library) do
    result[name] = value
  end
  return result
end

-- A string's metatable leads to the string library that everybody uses: it stays out of reach.
local function table_metatable(value)
  return type(value) == "table" and getmetatable(value) or nil
end

local function log_writer(level)
  return function(...)
    local words = { "lctr: " .. level .. ":" }
    for index = 1, select("#", ...) do
      words[#words + 1] = tostring((select(index, ...)))
    end
    io.stderr:write(table.concat(words, " "), "\n")
  end
end

local function safe_library()
  local env = { getmetatable = table_metatable, _VERSION = _VERSION }
  for _, name in ipairs(FUNCTIONS) do
    env[name] = _G[name]
  end
  for _, name in ipairs(LIBRARIES) do
    env[name] = copy(_G[name] or require(name))
  end
  env.string.dump = nil
  env.log = { info = log_writer("info"), warn = log_writer("warning"), error = log_writer("error") }
  return env
end

local function read_text(path)
  local file, problem = io.open(path, "r")
  if not file then
    return nil, problem
  end
  local text = file:read("*a")
  file:close()
  if not text then
    return nil, path .. ": cannot be read"
  end
  -- As in a program, a first line that begins with # is not Lua.
  return (text:gsub("^#[^\n]*", ""))
end

local function load_text(path, env)
  local text, problem = read_text(path)
  if not text then
    return nil, problem
  end
  local chunk
  chunk, problem = load(text, "@" .. path, "t", env)
  return chunk, problem, text
end

local function wants_outside(state, name)
  state.outside = state.outside or name
  local text = spelling.unknown("is not there in a description", name, state.env)
  error(name .. " " .. text:gsub(": " .. spelling.quote(name):gsub("%p", "%%%0"), "", 1), 3)
end

local function find_module(folder, name)
  if not name:find("^[%w_%-]+$") and not name:find("^[%w_%-][%w_%-%.]*[%w_%-]$")
    or name:find("..", 1, true) then
    return nil
  end
  local base = folder .. "/" .. name:gsub("%.", "/")
  for _, path in ipairs({ base .. ".lua", base .. "/init.lua" }) do
    local file = io.open(path, "r")
    if file then
      file:close()
      return path
    end
  end
  return nil
end

local function load_module(state, name, path)
  local chunk, problem = load_text(path, state.env)
  if not chunk then
    error(problem, 0)
  end
  local value = chunk(name)
  if value == nil then
    value = true
  end
  state.loaded[name] = value
  return value
end

-- `require` below the folder of the description; with trust, Lua's own after that.
local function new_require(state, folder)
  return function(name)
    if type(name) ~= "string" then
      error("bad argument #1 to 'require' (string expected, got " .. type(name) .. ")", 2)
    end
    if state.loaded[name] ~= nil then
      return state.loaded[name]
    end
    local path = find_module(folder, name)
    if path then
      return load_module(state, name, path)
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
  return setmetatable(safe_library(), {
    __index = function(_, name)
      -- No tail call: it would leave out the level at which the file stands.
      local nothing = wants_outside(state, tostring(name))
      return nothing
    end,
  })
end

--- Evaluates a file.
-- @tparam string path
-- @tparam table words what the file may call
-- @tparam boolean trust everything is in reach
-- @treturn table `ok`, `values` (what it returned) or `err`; `text` is the file's; `outside` is
-- what it looked for in vain
function M.evaluate(path, words, trust)
  local state = { loaded = {}, trust = trust }
  state.env = new_environment(state)
  for name, word in pairs(words) do
    state.env[name] = word
  end
  state.env.require = new_require(state, paths.folder(path))
  state.env._G = state.env
  local chunk, problem, text = load_text(path, state.env)
  if not chunk then
    return { ok = false, err = problem }
  end
  local result = { pcall(chunk) }
  local ok = table.remove(result, 1)
  return {
    ok = ok, values = ok and result or {}, err = not ok and result[1] or nil,
    text = text, outside = state.outside,
  }
end

return M

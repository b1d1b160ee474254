--- What is typed, as Lua: expressions without `return`, statements, and what is not complete yet.
-- @module ctr.repl.chunk

local M = {}

-- The name that messages have for it.
local NAME = "=input"

-- A name that is declared at the prompt is meant to be there in the next line, too.
local function keep_locals(text)
  local rest = text:match("^%s*local%s+(.*)$")
  if not rest then
    return text
  end
  return rest:find("^[%w_,%s]+$") and not rest:find("^function%s") and rest .. " = nil" or rest
end

-- A string in quotes goes on in the next line only behind a backslash.
local function is_unfinished(problem, text)
  if problem:find("unfinished string", 1, true) then
    return text:find("\\$") ~= nil
  end
  return problem:find("near '<eof>'$") ~= nil
end

local function load_text(text, env)
  return load(text, NAME, "t", env)
end

--- Says whether there is nothing to run in a text: blanks and comments.
-- @tparam string text
-- @treturn boolean
function M.is_blank(text)
  return text:gsub("%-%-[^\n]*", ""):find("%S") == nil and not text:find("%-%-%[=*%[")
end

--- Compiles a text.
-- @tparam string text
-- @tparam table env what its globals are
-- @treturn[1] function returns the values of an expression
-- @return[2] nil
-- @treturn[2] string what is wrong with it
-- @treturn[2] boolean whether more lines may make it right
function M.compile(text, env)
  local expression = text:gsub("^%s*=", "")
  local chunk, as_expression = load_text("return " .. expression .. "\n", env)
  if chunk then
    return chunk
  end
  local problem
  chunk = load_text(keep_locals(text), env)
  if chunk then
    return chunk
  end
  chunk, problem = load_text(text, env)
  if chunk then
    return chunk
  end
  return nil, problem, is_unfinished(as_expression, text) or is_unfinished(problem, text)
end

return M

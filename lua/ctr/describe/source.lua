--- Where the keys of a description stand: a look at its text, which knows strings, comments and
-- tables, and nothing else of Lua.
-- @module ctr.describe.source

local M = {}

local source_methods = {}
local source_metatable = { __index = source_methods }

local OPENS = { ["("] = true, ["{"] = true, ["["] = true, ["function"] = true, ["do"] = true,
  ["if"] = true, ["repeat"] = true }
local CLOSES = { [")"] = true, ["}"] = true, ["]"] = true, ["end"] = true, ["until"] = true }

local function count_lines(text, from, to)
  local count = 0
  for _ in text:sub(from, to):gmatch("\n") do
    count = count + 1
  end
  return count
end

-- Where a long bracket ends that begins at a position, and its content.
local function long_bracket(text, at)
  local signs = text:match("^%[(=*)%[", at)
  if not signs then
    return nil
  end
  local first, last = text:find("]" .. signs .. "]", at, true)
  if not first then
    return #text + 1, ""
  end
  return last + 1, text:sub(at + #signs + 2, first - 1)
end

local function quoted_end(text, at)
  local quote = text:sub(at, at)
  local place = at + 1
  while place <= #text do
    local char = text:sub(place, place)
    if char == quote or char == "\n" then
      return place + 1, text:sub(at + 1, place - 1)
    end
    place = place + (char == "\\" and 2 or 1)
  end
  return place, ""
end

local function comment_end(text, at)
  local stop = long_bracket(text, at + 2)
  return stop or (text:find("\n", at, true) or #text + 1)
end

-- One token, and where it ends; nil for what means nothing.
local function read_token(text, at)
  if text:find("^%-%-", at) then
    return nil, comment_end(text, at)
  end
  local name = text:match("^[%a_][%w_]*", at)
  if name then
    return { kind = "word", text = name }, at + #name
  end
  local char = text:sub(at, at)
  if char == '"' or char == "'" then
    local stop, content = quoted_end(text, at)
    return { kind = "string", text = content }, stop
  end
  local stop, content = long_bracket(text, at)
  if stop then
    return { kind = "string", text = content }, stop
  end
  local number = text:match("^%d[%w%.]*", at)
  if number then
    return { kind = "number", text = number }, at + #number
  end
  return { kind = "sign", text = char }, at + 1
end

local function tokens_of(text)
  local tokens, line, at = {}, 1, 1
  while at <= #text do
    local blank = text:match("^%s+", at)
    local stop = blank and at + #blank
    local token
    if not blank then
      token, stop = read_token(text, at)
    end
    if token then
      token.line = line
      tokens[#tokens + 1] = token
    end
    line = line + count_lines(text, at, stop - 1)
    at = stop
  end
  return tokens
end

local read_table

local function is_sign(token, text)
  return token ~= nil and token.kind ~= "string" and token.text == text
end

-- Behind an expression; the first table in it is what it stands for.
local function read_value(source, at)
  local tokens, depth, first, inner = source.tokens, 0, at, nil
  while tokens[at] do
    local token = tokens[at]
    local text = token.kind ~= "string" and token.text or ""
    if depth == 0 and (text == "," or text == ";" or text == "}") then
      break
    end
    if text == "{" and not inner then
      inner, at = read_table(source, at)
    else
      depth = depth + (OPENS[text] and 1 or CLOSES[text] and -1 or 0)
      at = at + 1
    end
  end
  local is_name = at == first + 1 and tokens[first].kind == "word"
  return inner, at, is_name and tokens[first].text or nil
end

-- The key of an entry, and where its value begins.
local function read_key(tokens, at)
  if tokens[at].kind == "word" and is_sign(tokens[at + 1], "=")
    and not is_sign(tokens[at + 2], "=") then
    return tokens[at].text, at + 2
  end
  local key = tokens[at + 1]
  if is_sign(tokens[at], "[") and key and is_sign(tokens[at + 2], "]")
    and is_sign(tokens[at + 3], "=") then
    return key.kind == "number" and tonumber(key.text) or key.text, at + 4
  end
  return nil, at
end

-- A table's entries by their keys: `line`, `inner` (a table) or `name` (of a variable).
function read_table(source, at)
  local tokens, entries, count = source.tokens, { line = source.tokens[at].line }, 0
  local fields = {}
  entries.fields = fields
  at = at + 1
  while tokens[at] and not is_sign(tokens[at], "}") do
    local line = tokens[at].line
    local key, value_at = read_key(tokens, at)
    if key == nil then
      count = count + 1
      key = count
    end
    local inner, stop, name = read_value(source, value_at)
    fields[key] = { line = line, inner = inner, name = name }
    at = stop
    if is_sign(tokens[at], ",") or is_sign(tokens[at], ";") then
      at = at + 1
    end
  end
  return entries, at + 1
end

-- Behind a call's first argument: `container "web" {`, `container("web", …)`.
local function table_behind(tokens, at)
  local depth = 0
  while tokens[at] do
    local text = tokens[at].kind ~= "string" and tokens[at].text or ""
    if text == "{" then
      return at
    end
    depth = depth + (text == "(" and 1 or text == ")" and -1 or 0)
    if depth < 0 or (depth == 0 and tokens[at].kind == "word") then
      return nil
    end
    at = at + 1
  end
  return nil
end

--- Reads a text.
-- @tparam string text of a Lua file
-- @treturn table
function M.new(text)
  return setmetatable({ text = text }, source_metatable)
end

-- A text is looked at when somebody asks: for most descriptions nobody does.
local function tokens(source)
  source.tokens = rawget(source, "tokens") or tokens_of(source.text)
  return source.tokens
end

-- Whether a call's first argument is a string.
local function says(list, at, text)
  local argument = is_sign(list[at + 1], "(") and list[at + 2] or list[at + 1]
  return argument ~= nil and argument.kind == "string" and argument.text == text
end

--- Finds the table of a call.
-- @tparam string word what is called
-- @tparam number line where the call begins
-- @tparam[opt] string name its first argument, which tells two calls on one line apart
-- @treturn ?table its entries
function source_methods:call(word, line, name)
  local list = tokens(self)
  local found, is_named
  for at, token in ipairs(list) do
    if token.line > line then
      break
    end
    local entries = token.kind == "word" and token.text == word and table_behind(list, at + 1)
    local is_same = entries and token.line == line and says(list, at, name)
    if entries and (is_same or not is_named) then
      found, is_named = entries, is_same
    end
  end
  return found and (read_table(self, found)) or nil
end

--- Finds the table that a file returns.
-- @treturn ?table its entries
function source_methods:returned()
  local list = tokens(self)
  for at = #list - 1, 1, -1 do
    if list[at].kind == "word" and list[at].text == "return" then
      local is_table = is_sign(list[at + 1], "{")
      return is_table and (read_table(self, at + 1)) or self:variable(list[at + 1].text)
    end
  end
  return nil
end

--- Finds the table that a variable was set to, where that happened once.
-- @tparam string name
-- @treturn ?table its entries
function source_methods:variable(name)
  local list, found = tokens(self), nil
  for at = 1, #list - 2 do
    if list[at].kind == "word" and list[at].text == name and is_sign(list[at + 1], "=")
      and is_sign(list[at + 2], "{") then
      if found then
        return nil
      end
      found = at + 2
    end
  end
  return found and (read_table(self, found)) or nil
end

--- Finds the line of a key in a table.
-- @tparam ?table entries
-- @tparam table path keys, one after the other: `{ "limits", "memory" }`
-- @treturn ?number the line of the last one that was found
function source_methods:line(entries, path)
  local line
  for _, key in ipairs(path) do
    local entry = entries and entries.fields[key]
    if not entry then
      break
    end
    line = entry.line
    entries = entry.inner or (entry.name and self:variable(entry.name))
  end
  return line
end

return M

--- Where the cursor stands in a piece of Lua that is still being typed: in a string, in a table of
-- some call, behind a name.
-- @module ctr.repl.cursor

local M = {}

local scanner = {}
scanner.__index = scanner

local CLOSES = { [")"] = "(", ["}"] = "{", ["]"] = "[" }

function scanner:top()
  return self.stack[#self.stack]
end

-- An expression ends: what comes next begins a new one.
function scanner:reset()
  self.chain, self.is_called = nil, false
end

function scanner:push(kind)
  local outer = self:top()
  self.stack[#self.stack + 1] = {
    kind = kind, callee = self.chain, argument = 1, used = {}, at_start = true,
    from_key = outer and outer.kind == "{" and outer.key or nil, target = self.target,
  }
  self:reset()
end

-- What a call or an index gives is known by what was called.
function scanner:pop(kind)
  local frame = self:top()
  if not frame or frame.kind ~= kind then
    return
  end
  table.remove(self.stack)
  self:reset()
  if kind == "(" then
    self.chain, self.is_called = frame.callee, frame.callee ~= nil
  elseif kind == "[" and frame.text and frame.callee then
    self.chain = ("%s[%q]"):format(frame.callee, frame.text)
  end
end

function scanner:separate()
  local frame = self:top()
  if frame then
    frame.argument = frame.argument + 1
    frame.key, frame.at_start = nil, true
  end
  self:reset()
end

function scanner:assign()
  local frame = self:top()
  local name = self.chain and self.chain:match("^[%a_][%w_]*$")
  if frame and frame.kind == "{" and name then
    frame.key = name
    frame.used[name] = true
  elseif not frame then
    self.target = self.chain
  end
  self:reset()
end

-- The end of a long bracket, and where its text begins; nil where none begins.
function scanner:long_bracket(at)
  local level, first = self.text:match("^%[(=*)%[()", at)
  if not level then
    return nil
  end
  local close, after = self.text:find("]" .. level .. "]", first, true)
  return first, close, after
end

function scanner:comment(at)
  local _, close, after = self:long_bracket(at + 2)
  if close then
    return after + 1
  end
  local line_end = not self.text:find("^%[=*%[", at + 2) and self.text:find("\n", at, true)
  self.in_comment = not line_end
  return line_end and line_end + 1 or #self.text + 1
end

-- A string is an argument where a name stands before it: container "web".
function scanner:end_string(content)
  local frame = self:top()
  if frame and frame.kind == "[" then
    frame.text = content
  end
  if self.chain then
    self.is_called = true
  end
end

function scanner:string(at)
  local first, close, after = self:long_bracket(at)
  if first then
    if not close then
      self.string_at = first
      return #self.text + 1
    end
    self:end_string(self.text:sub(first, close - 1))
    return after + 1
  end
  local quote, position = self.text:sub(at, at), at + 1
  while position <= #self.text do
    local character = self.text:sub(position, position)
    if character == quote then
      self:end_string(self.text:sub(at + 1, position - 1))
      return position + 1
    end
    position = position + (character == "\\" and 2 or 1)
  end
  self.string_at, self.quote = at + 1, quote
  return #self.text + 1
end

local KEYWORDS = {}
for name in ("and break do else elseif end false for function goto if in local nil not or repeat "
  .. "return then true until while"):gmatch("%a+") do
  KEYWORDS[name] = true
end

--- Lua's keywords.
M.keywords = KEYWORDS

function scanner:name(at)
  local name, after = self.text:match("^([%a_][%w_]*)()", at)
  local joint = self.joint
  self.joint = nil
  if joint then
    self.chain = self.chain .. joint .. name
  elseif KEYWORDS[name] and after <= #self.text then
    self:reset()
  else
    self.chain, self.is_called = name, false
  end
  self.word_at = after > #self.text and at or nil
  local frame = self:top()
  self.at_start = frame ~= nil and frame.at_start
  if frame then
    frame.at_start = false
  end
  return after
end

function scanner:joined(at)
  local joint = self.text:match("^[.:]", at)
  if joint and self.chain and not self.text:find("^%.%.", at) then
    if self.is_called then
      self.chain, self.is_called = self.chain .. "()", false
    end
    self.joint = joint
    return at + 1
  end
  self:reset()
  return (self.text:match("^%.+()", at) or at + 1)
end

function scanner:bracket(at, character)
  if CLOSES[character] then
    self:pop(CLOSES[character])
  elseif character == "[" and self.text:find("^%[=*%[", at) then
    return self:string(at)
  else
    self:push(character)
  end
  return at + 1
end

function scanner:other(at)
  local frame = self:top()
  if frame then
    frame.at_start = false
  end
  self:reset()
  return at + 1
end

local BEGINS_NAME, BEGINS_BRACKET = "^[%a_]", "^[%(%){}%[%]]"

-- One token; returns where the next one begins.
function scanner:step(at)
  local text = self.text
  local character = text:sub(at, at)
  if character:find("%s") then
    return text:match("^%s+()", at)
  elseif text:find("^%-%-", at) then
    return self:comment(at)
  elseif character == '"' or character == "'" then
    return self:string(at)
  elseif character:find(BEGINS_NAME) then
    return self:name(at)
  elseif character:find(BEGINS_BRACKET) then
    return self:bracket(at, character)
  elseif character:find("[.:]") then
    return self:joined(at)
  elseif text:find("^%d[%w.]*", at) then
    self:other(at)
    return text:match("^%d[%w.]*()", at)
  elseif character == "," or character == ";" then
    self:separate()
    return at + 1
  elseif character == "=" and not text:find("^==", at) then
    self:assign()
    return at + 1
  end
  return self:other(at)
end

--- Reads a piece of Lua up to the cursor.
-- @tparam string text
-- @treturn table `stack` of open brackets, the innermost last: `kind`, `callee` (what is called or
-- indexed), `argument`, `key` (whose value is typed), `used` keys, `from_key` (its own in the table
-- around it), `target` (what it is assigned to); `string`: what is typed of a string, and `quote`;
-- `word`: what is typed of a name; `object` and `joint`: what stands before its "." or ":";
-- `at_start`: a key may be meant; `in_comment`
function M.at(text)
  local self = setmetatable({ text = text, stack = {} }, scanner)
  local at = 1
  while at <= #text do
    self.word_at = nil
    at = self:step(at)
  end
  local frame = self:top()
  local result = {
    stack = self.stack, in_comment = self.in_comment, quote = self.quote,
    string = self.string_at and text:sub(self.string_at), word = "", joint = self.joint,
    object = self.joint and self.chain, at_start = frame ~= nil and frame.at_start,
  }
  if self.word_at then
    result.word = text:sub(self.word_at)
    result.at_start = self.at_start
    local chain = self.chain or result.word
    result.object, result.joint = chain:match("^(.*)([.:])[%w_]+$")
  end
  return result
end

return M

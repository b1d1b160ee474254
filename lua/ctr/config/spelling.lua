--- Words in messages: quoting what someone wrote, and guessing what was meant.
-- @module ctr.config.spelling

local M = {}

local MAX_QUOTED = 64

--- Quotes a text for a message: printable, on one line, not too long.
-- @tparam string text
-- @treturn string
function M.quote(text)
  local short = #text > MAX_QUOTED and text:sub(1, MAX_QUOTED) .. "…" or text
  local safe = short:gsub("[%c\"\\]", function(char)
    return (char == '"' or char == "\\") and "\\" .. char or ("\\%d"):format(char:byte())
  end)
  return '"' .. safe .. '"'
end

-- What may follow a byte that starts a character: how many bytes, and the range of the first.
local function sequence_of(byte)
  if byte >= 0xC2 and byte <= 0xDF then
    return 1, 0x80, 0xBF
  end
  if byte >= 0xE0 and byte <= 0xEF then
    return 2, byte == 0xE0 and 0xA0 or 0x80, byte == 0xED and 0x9F or 0xBF
  end
  if byte >= 0xF0 and byte <= 0xF4 then
    return 3, byte == 0xF0 and 0x90 or 0x80, byte == 0xF4 and 0x8F or 0xBF
  end
  return nil
end

-- Where the character ends that starts at a position; nil where none does.
local function character_end(text, position)
  local count, low, high = sequence_of(text:byte(position))
  if not count then
    return nil
  end
  for offset = 1, count do
    local byte = text:byte(position + offset)
    if not byte or byte < low or byte > high then
      return nil
    end
    low, high = 0x80, 0xBF
  end
  return position + count
end

--- Tells whether a text is UTF-8: no stray bytes, nothing in more bytes than needed, no surrogates.
-- @tparam string text
-- @treturn boolean
function M.is_utf8(text)
  local position = text:find("[\128-\255]")
  while position do
    local last = character_end(text, position)
    if not last then
      return false
    end
    position = text:find("[\128-\255]", last + 1)
  end
  return true
end

-- Edit distance, a swap of neighbours counting once; a row per letter, three are kept.
local function distance(a, b)
  local before, above, row = {}, {}, {}
  for j = 0, #b do
    above[j] = j
  end
  for i = 1, #a do
    row[0] = i
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local best = math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same and 0 or 1))
      if i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j) then
        best = math.min(best, before[j - 2] + 1)
      end
      row[j] = best
    end
    before, above, row = above, row, before
  end
  return above[#b]
end

local function allowed_distance(word)
  if #word <= 3 then
    return 1
  end
  return #word <= 8 and 2 or 3
end

-- How far two words are apart, letters of another case counting least; nil when too far.
local function score(word, candidate, limit)
  if type(candidate) ~= "string" or math.abs(#candidate - #word) > limit then
    return nil
  end
  local far = distance(word:lower(), candidate:lower())
  return far <= limit and far + distance(word, candidate) / 1000 or nil
end

--- Finds the word that someone probably meant.
-- @tparam string word
-- @tparam table words names as keys; the first by alphabet wins among equals
-- @treturn ?string nil when none is near
function M.nearest(word, words)
  if #word > MAX_QUOTED then
    return nil
  end
  local limit = allowed_distance(word)
  local best, best_score
  for candidate in pairs(words) do
    local far = score(word, candidate, limit)
    if far and (not best or far < best_score or (far == best_score and candidate < best)) then
      best, best_score = candidate, far
    end
  end
  return best
end

--- Says that a name was not found, and which one is near.
-- @tparam string text with `%s` for the quoted name: `no user %s in /etc/passwd`
-- @tparam string word
-- @tparam table words the known ones, as keys
-- @treturn string
function M.missing(text, word, words)
  local sentence = text:format(M.quote(word))
  local near = M.nearest(word, words)
  return near and sentence .. "; did you mean " .. M.quote(near) .. "?" or sentence
end

--- Says that a word is unknown, and which known one is near.
-- @tparam string text `is not a known flag`
-- @tparam string word
-- @tparam table words the known ones, as keys
-- @treturn string
function M.unknown(text, word, words)
  return M.missing(text .. ": %s", word, words)
end

return M

local patterns = require("ctr.describe.patterns")

local ATOMS = { "a", "b", ".", "%a", "%d", "%s", "[ab]", "[^a]", "[a-c]", "%w", "x", "%.", "(", ")",
  "()", "%1", "%b()", "%f[%w]", "$", "^", "[%w_-]", "%bx", "-", "%z", "%x", "%u" }
local QUANTIFIERS = { "", "", "", "*", "+", "-", "?" }
local CHARACTERS = { "a", "b", "ab", "c", " ", "1", "(", ")", "x", "_", "-", ".", "\0", "Z" }
local function count(...)
  return select("#", ...) .. tostring((...))
end

local REPLACEMENTS = { "<%0>", "%1x", "", count, { a = "Q", ab = 5 } }

local function some(list)
  return list[math.random(#list)]
end

local function text_of(parts, most, more)
  local text = {}
  for index = 1, math.random(0, most) do
    text[index] = some(parts) .. (more and some(more) or "")
  end
  return table.concat(text)
end

local function pack(...)
  return { n = select("#", ...), ... }
end

local function all(gmatch, text, pattern)
  local found = {}
  local ok = pcall(function()
    for first, second in gmatch(text, pattern) do
      found[#found + 1] = tostring(first) .. "|" .. tostring(second)
    end
  end)
  return ok and found
end

-- What both answer; where a pattern is malformed one of them finds that out later.
local function compare(name, ...)
  local wanted, got = pack(pcall(string[name], ...)), pack(pcall(patterns[name], ...))
  if got[1] and wanted[1] then
    assert.same(wanted, got, ("%s of %q with %q"):format(name, ...))
    return true
  end
  return false
end

describe("ctr.describe.patterns", function()
  it("answers as string does, whatever is asked", function()
    math.randomseed(11)
    local right = 0
    for _ = 1, 6000 do
      local pattern = (math.random() < 0.3 and "^" or "") .. text_of(ATOMS, 5, QUANTIFIERS)
      local text = text_of(CHARACTERS, 12)
      local init = some({ 1, 2, -2, 5, -100, 20 })
      local was_right = compare("find", text, pattern, init)
      compare("match", text, pattern, init)
      compare("gsub", text, pattern, some(REPLACEMENTS), some({ 1, 2, 100 }))
      if was_right then
        right = right + 1
        assert.same(all(string.gmatch, text, pattern), all(patterns.gmatch, text, pattern), pattern)
      end
    end
    assert.is_true(right > 3000, right)
  end)

  it("finds plain text", function()
    assert.same({ 2, 4 }, { patterns.find("a.*b", ".*b", 1, true) })
    assert.same({ 3, 3 }, { patterns.find(12345, 3) })
  end)

  it("says what is malformed", function()
    for pattern, problem in pairs({
      ["[a"] = "malformed pattern (missing ']')", ["%"] = "malformed pattern (ends with '%')",
      ["(a"] = "unfinished capture", ["a)"] = "invalid pattern capture",
      ["%1"] = "invalid capture index", ["%f"] = "missing '[' after '%f' in pattern",
      [("()"):rep(33)] = "too many captures",
    }) do
      assert.has_error(function() patterns.match("aaa", pattern) end, problem)
    end
  end)

  it("says what is no text", function()
    assert.has_error(function() patterns.find(nil, "a") end,
      "bad argument #1 to 'find' (string expected, got no value)")
    assert.has_error(function() patterns.gsub("a", "a") end,
      "bad argument #3 to 'gsub' (string/function/table expected)")
    assert.has_error(function() patterns.gsub("a", "a", function() return {} end) end,
      "invalid replacement value (a table)")
  end)
end)

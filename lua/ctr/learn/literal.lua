--- A seccomp profile as Lua source.
-- @module ctr.learn.literal

local M = {}

local function condition_text(condition)
  local parts = {
    "index = " .. condition.index, ("op = %q"):format(condition.op),
    "value = " .. ("%.0f"):format(condition.value),
  }
  if condition.value_two then
    parts[#parts + 1] = "value_two = " .. ("%.0f"):format(condition.value_two)
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

local function name_lines(rule, counts)
  local width, lines = 0, {}
  for _, name in ipairs(rule.names) do
    width = math.max(width, #name)
  end
  for index, name in ipairs(rule.names) do
    local text = ("%q,"):format(name)
    local count = counts[name]
    lines[index] = count and ("        %-" .. width + 3 .. "s -- %d"):format(text, count)
      or "        " .. text
  end
  return lines
end

local function rule_lines(rule, counts)
  local lines = { "    {", "      names = {" }
  for _, line in ipairs(name_lines(rule, counts)) do
    lines[#lines + 1] = line
  end
  lines[#lines + 1] = "      },"
  lines[#lines + 1] = ("      action = %q,"):format(rule.action)
  if rule.args then
    lines[#lines + 1] = "      args = {"
    for _, condition in ipairs(rule.args) do
      lines[#lines + 1] = "        " .. condition_text(condition) .. ","
    end
    lines[#lines + 1] = "      },"
  end
  lines[#lines + 1] = "    },"
  return lines
end

local function quoted(list)
  local words = {}
  for index, word in ipairs(list) do
    words[index] = ("%q"):format(word)
  end
  return table.concat(words, ", ")
end

--- Writes a profile.
-- @tparam table profile as `ctr.learn.profile` proposes it
-- @tparam table counts by name
-- @treturn string
function M.profile(profile, counts)
  local lines = {
    "seccomp = {",
    ("  default_action = %q,"):format(profile.default_action),
    ("  default_errno_ret = %d,"):format(profile.default_errno_ret),
    ("  architectures = { %s },"):format(quoted(profile.architectures)),
    "  syscalls = {",
  }
  for _, rule in ipairs(profile.syscalls) do
    for _, line in ipairs(rule_lines(rule, counts)) do
      lines[#lines + 1] = line
    end
  end
  lines[#lines + 1] = "  },"
  lines[#lines + 1] = "},"
  return table.concat(lines, "\n") .. "\n"
end

return M

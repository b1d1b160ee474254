--- The lines of resctrl's file `schemata`: rules on text alone.
-- @module ctr.intel_rdt.schemata

local M = {}

--- Lists what a configuration writes, in order.
-- @tparam table rdt normalised
-- @treturn {table,…} records `text` (a line, or two), `path` (the key that it comes from)
function M.lines(rdt)
  local lines = {}
  local function add(text, path)
    if text ~= "" then
      lines[#lines + 1] = { text = text, path = "intel_rdt." .. path }
    end
  end
  add(rdt.l3_cache_schema, "l3_cache_schema")
  add(rdt.mem_bw_schema, "mem_bw_schema")
  for index, text in ipairs(rdt.schemata) do
    add(text, ("schemata[%d]"):format(index))
  end
  return lines
end

-- A bandwidth is decimal, a cache's bit mask hexadecimal: neither changes by zeros in front.
local function plain(value)
  return (value:lower():gsub("^0+(.)", "%1"))
end

--- Reads schemata: domain → value by resource, `{ L3 = { ["0"] = "7f" } }`.
-- @tparam string text
-- @treturn table
function M.parse(text)
  local found = {}
  for line in text:gmatch("[^\n]+") do
    local name, rest = line:match("^%s*([%w_]+):(.*)$")
    if name then
      found[name] = found[name] or {}
      for domain, value in rest:gmatch("(%d+)%s*=%s*(%w+)") do
        found[name][plain(domain)] = plain(value)
      end
    end
  end
  return found
end

--- Finds the first line that asks for something else than a group has.
-- @tparam {table,…} lines of `lines`
-- @tparam string text what the group's file says
-- @treturn ?table the line; nil where all agree
function M.mismatch(lines, text)
  local has = M.parse(text)
  for _, line in ipairs(lines) do
    for name, domains in pairs(M.parse(line.text)) do
      for domain, value in pairs(domains) do
        if not has[name] or has[name][domain] ~= value then
          return line
        end
      end
    end
  end
  return nil
end

--- Finds the line of a resource, as statistics show it.
-- @tparam ?string text
-- @tparam string name L3
-- @treturn ?string
function M.line_of(text, name)
  for line in (text or ""):gmatch("[^\n]+") do
    local trimmed = line:match("^%s*(.-)%s*$")
    if trimmed:sub(1, #name + 1) == name .. ":" then
      return trimmed
    end
  end
  return nil
end

return M

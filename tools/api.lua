--- Prints docs/api.md, or with the argument "primitives" docs/primitives.md: the API reference.
-- usage: luajit tools/api.lua >docs/api.md

package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
local documentation = require("ctr.documentation")

local HEADS = {
  api = [[
# The API

*Made by `make reference` of the docstrings in `lua/ctr/`: change it there.*

What can fail returns its value, or nil and an error (`ctr.errors`); a wrong type of an argument is
raised. A time is a number of seconds. `[name]` may be left out. The keys of a configuration and of
a process are in [configuration.md](configuration.md), the primitives beneath in
[primitives.md](primitives.md). `lctr` shows the same by `help(ctr.new)`.
]],
  primitives = [[
# Primitives

*Made by `make reference` of the docstrings in `src/`: change it there.*

What the C core exports to Lua: `require("ctr.core").mount.clone(…)`; `seccomp`, `netlink` and
`systemd` are modules of their own, `require("ctr.core.netlink")`. Each does one thing and decides
nothing. [The API](api.md) is made of them; they are there for whoever wants to make another one.
]],
}

local function is_primitive(entry)
  return entry.module:find("^ctr%.core") ~= nil
end

local function sorted_keys(wants_primitives)
  local keys = {}
  for key, entry in pairs(documentation) do
    if is_primitive(entry) == wants_primitives then
      keys[#keys + 1] = key
    end
  end
  table.sort(keys, function(a, b) return documentation[a].place < documentation[b].place end)
  return keys
end

local function row(name, kind, text)
  local cells = { name, "`" .. kind .. "`", text }
  for index, cell in ipairs(cells) do
    cells[index] = cell:gsub("|", "\\|")
  end
  return "| " .. table.concat(cells, " | ") .. " |"
end

local function params_of(entry)
  local lines = {}
  for _, param in ipairs(entry.params) do
    local text = param.text
    if param.default then
      text = ("%s (default `%s`)"):format(text, param.default)
    end
    local name = "`" .. param.name .. "`"
    lines[#lines + 1] = row(param.optional and "[" .. name .. "]" or name, param.type, text)
  end
  if #lines > 0 then
    table.insert(lines, 1, "| argument | type | |\n|---|---|---|")
    return table.concat(lines, "\n")
  end
  return nil
end

local function returns_of(entry)
  local lines = {}
  for _, value in ipairs(entry.returns) do
    local kind = value.optional and value.type .. "|nil" or value.type
    local text = value.text ~= "" and " (" .. value.text .. ")" or ""
    lines[#lines + 1] = ("`%s`%s"):format(kind, text)
  end
  return #lines > 0 and "Returns " .. table.concat(lines, "; ") .. "." or nil
end

local function errors_of(entry)
  return entry.errors_text and "Errors: " .. entry.errors_text .. "." or nil
end

local function example_of(entry)
  return entry.example and "```lua\n" .. entry.example .. "```" or nil
end

-- The rest follows the first sentence, unless it begins with an example.
local function about(entry)
  local text = entry.text
  if not text then
    return entry.summary
  end
  return entry.summary .. (text:find("^    ") and "\n\n" or " ") .. text
end

local function write_entry(entry)
  local level = entry.kind == "module" and "##" or "###"
  io.stdout:write(("\n%s `%s`\n"):format(level, entry.signature))
  for _, part in ipairs({ about, params_of, returns_of, errors_of, example_of }) do
    local text = part(entry)
    if text and text ~= "" then
      io.stdout:write("\n", text, "\n")
    end
  end
end

local which = arg[1] or "api"
io.stdout:write(HEADS[which])
for _, key in ipairs(sorted_keys(which == "primitives")) do
  write_entry(documentation[key])
end

--- Prints docs/configuration.md: every key of a configuration and of a process, from the schema.
-- usage: luajit tools/reference.lua >docs/configuration.md

package.path = "lua/?.lua;lua/?/init.lua;tools/?.lua;" .. package.path
local keys = require("keys")
local schema = require("ctr.config.schema")

local HEAD = [[
# Configuration

*Made by `make reference` from `lua/ctr/config/schema.lua`: change it there.*

These are the keys of `factory:create(id, config)`, of `ctr.process(fields)`, and of descriptions,
which have some shorter ones beside them (`man lctr`) and safe defaults where these here have none.
Names are libcontainer's; another spelling that is read, too, stands in parentheses.
`lctr check` names what is wrong in a description by file and line, `lctr plan` shows what each key
comes to.

A size is a number of bytes, or text as `"64M"`; a duration is a number of seconds, or text as
`"30s"`. Flags are words in a list, one word, or the kernel's number; for `noexec` its own name,
`MS_NOEXEC`, is read, too. "derived" stands for a default that depends on other keys, "–" for none:
nothing is done, or what the last column says.
]]

local function anchor(title)
  return (title:lower():gsub("[^%w_%- ]", ""))
end

local function table_of(rows)
  local lines, words = { "| key | type | default | |", "|---|---|---|---|" }, {}
  for _, row in ipairs(rows) do
    local key = "`" .. row.name .. "`" .. (row.alias and (" (`%s`)"):format(row.alias) or "")
    lines[#lines + 1] = ("| %s | %s | %s | %s |"):format(key, row.type, row.default,
      (row.meaning:gsub("|", "\\|")))
    if row.words then
      words[#words + 1] = ("\nWords of `%s`: %s.\n"):format(row.name, row.words)
    end
  end
  return table.concat(lines, "\n") .. "\n" .. table.concat(words)
end

local read = keys.reader(function(title)
  return ("[%s](#%s)"):format(title, anchor(title))
end)

local function part(title, record, prefix)
  local rows, sections = read(record, prefix)
  local texts = {}
  for index, section in ipairs(sections) do
    texts[index] = ("### %s\n\n%s"):format(section.title, table_of(section.rows))
  end
  return ("\n## %s\n\n%s\n%s"):format(title, table_of(rows), table.concat(texts, "\n"))
end

io.stdout:write(HEAD, part("A container", schema.config, ""),
  part("A process", schema.process, "process"))

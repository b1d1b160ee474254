--- Prints docs/man/ctr-config.5: every key of a configuration and of a process, from the schema.
-- usage: luajit tools/manual.lua >docs/man/ctr-config.5

package.path = "lua/?.lua;lua/?/init.lua;tools/?.lua;" .. package.path
local keys = require("keys")
local schema = require("ctr.config.schema")

local HEAD = [[
.\" Made by `make reference` from lua/ctr/config/schema.lua: change it there.
.TH CTR\-CONFIG 5 "" "ctr" "File Formats"
.SH NAME
ctr\-config \- the keys of a container and of a process
.SH SYNOPSIS
.nf
return container "web" {
  rootfs = "./rootfs",
  args = { "/bin/httpd", "\-f", "\-p", "8080" },
  cgroups = { memory = "256M", pids_limit = 64 },
  mounts = { { source = "tmpfs", destination = "/tmp", device = "tmpfs" } },
}
.fi
.SH DESCRIPTION
These are the keys of the library's
.BR "factory:create(id, config)" ,
of
.BR "ctr.process(fields)" ,
and of the descriptions that
.BR lctr (1)
runs, which have some shorter ones beside them and safe defaults where these here have none.
Names are libcontainer's; another spelling that is read, too, stands in parentheses.
.B lctr check
names what is wrong in a description by file and line,
.B lctr plan
shows what each key comes to.
.PP
A size is a number of bytes, or text as \(dq64M\(dq; a duration is a number of seconds, or text as
\(dq30s\(dq.
Flags are words in a list, one word, or the kernel's number; for
.B noexec
its own name,
.BR MS_NOEXEC ,
is read, too.
A default that is derived depends on other keys.
A type in bold is a table with a list of its own keys below, under that title.
]]

local TAIL = [[
.SH SEE ALSO
.BR lctr (1),
.BR lctr (8),
.BR capabilities (7),
.BR cgroups (7),
.BR mount (8),
.BR namespaces (7)
]]

-- Text as roff: what the page quotes is bold, and no line is taken for a request.
local function escaped(text)
  text = text:gsub("\\", "\\e"):gsub("%-", "\\-"):gsub("–", "\\(en"):gsub("…", "...")
  text = text:gsub("µ", "\\(mc"):gsub('"', "\\(dq"):gsub("`([^`]*)`", "\\fB%1\\fP")
  return (text:gsub("^[.']", "\\&%0"))
end

-- A sentence begins on a line of its own, as manual pages have it.
local function paragraph(text)
  return (escaped(text):gsub("%. (%u)", ".\n%1"))
end

local function heading(row)
  local alias = row.alias and (" (\\fB%s\\fP)"):format(escaped(row.alias)) or ""
  local default = row.default
  if default == "–" then
    default = "optional"
  elseif default ~= "required" then
    default = "default: " .. default
  end
  return (".TP\n\\fB%s\\fP%s: %s; %s\n"):format(escaped(row.name), alias, escaped(row.type),
    escaped(default))
end

local function write_rows(rows)
  for _, row in ipairs(rows) do
    io.stdout:write(heading(row), paragraph(row.meaning), "\n")
    if row.words then
      io.stdout:write("Words: ", escaped(row.words), ".\n")
    end
  end
end

local read = keys.reader(function(title)
  return "`" .. title .. "`"
end)

local function write_part(title, record, prefix)
  local rows, sections = read(record, prefix)
  io.stdout:write(".SH ", title, "\n")
  write_rows(rows)
  for _, section in ipairs(sections) do
    io.stdout:write((".SS %s\n"):format(escaped(section.title)))
    write_rows(section.rows)
  end
end

io.stdout:write(HEAD)
write_part("A CONTAINER", schema.config, "")
write_part("A PROCESS", schema.process, "process")
io.stdout:write(TAIL)

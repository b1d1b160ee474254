--- The names of system calls and architectures, by the kernel's numbers.
-- @module ctr.supervisor.names

local bit = require("bit")

local M = {}

local X32_BIT = 0x40000000 -- x86_64's own numbers do not have it

local archs -- token → name
local tables = {} -- architecture → `by_number`, `numbers`

-- libseccomp's tables, which only a program with a supervisor needs.
local function library()
  return require("ctr.core.seccomp")
end

local function arch_names()
  local found = {}
  for _, name in ipairs(library().archs()) do
    if name ~= "x32" then -- its token is x86_64's
      found[library().arch(name)] = name
    end
  end
  return found
end

local function short_arch(token)
  archs = archs or arch_names()
  return archs[token]
end

local function new_table(arch)
  local by_number, numbers = {}, require("ctr.seccomp.machine").arch(arch).numbers
  for name, number in pairs(numbers) do
    local other = by_number[number]
    if not other or name < other then -- of two names always the same
      by_number[number] = name
    end
  end
  return { by_number = by_number, numbers = numbers }
end

local function table_of(number, token)
  local arch = short_arch(token)
  if arch == "x86_64" and bit.band(number, X32_BIT) ~= 0 then
    arch = "x32"
  end
  if arch and not tables[arch] then
    tables[arch] = new_table(arch)
  end
  return tables[arch or ""]
end

--- The name of an architecture.
-- @tparam number token AUDIT_ARCH_*
-- @treturn string OCI's name ("SCMP_ARCH_X86_64"), or `"#3221225534"` where it has none
function M.arch(token)
  local name = short_arch(token)
  return name and "SCMP_ARCH_" .. name:upper() or ("#%d"):format(token)
end

--- The name of a system call.
-- @tparam number number
-- @tparam number token of its architecture
-- @treturn string or `"#500"` where libseccomp knows none
function M.syscall(number, token)
  local found = table_of(number, token)
  return found and found.by_number[number] or ("#%d"):format(number)
end

--- The newest of some calls, by the number of it.
-- @tparam table wanted a table with the calls' names as its keys
-- @tparam number number of a call on the same architecture
-- @tparam number token
-- @treturn ?number
function M.newest(wanted, number, token)
  local found, newest = table_of(number, token), nil
  for name in pairs(found and wanted or {}) do
    newest = math.max(newest or -1, found.numbers[name] or -1)
  end
  return newest
end

return M

--- Checks and other spellings of single values, which the schema refers to.
-- Each takes a value and returns what to keep (or true, for a check), or nil, a text and a key.
-- @module ctr.config.checks

local bit = require("bit")

local spelling = require("ctr.config.spelling")
local units = require("ctr.config.units")
local words = require("ctr.config.words")

local M = {}

local band = bit.band

local SLASH = 47
local MAX_COMPONENT = 255
local MAX_ID = 2 ^ 31 - 1

--- Cleans a path by its text alone, as Go's `filepath.Clean` does.
-- @tparam string path absolute
-- @treturn string without `.`, `..`, empty components and a slash at the end
function M.clean_path(path)
  if path:byte(-1) ~= SLASH and not path:find("/[/.]") then
    return path
  end
  local parts = {}
  for part in path:gmatch("[^/]+") do
    if part == ".." then
      parts[#parts] = nil
    elseif part ~= "." then
      parts[#parts + 1] = part
    end
  end
  return "/" .. table.concat(parts, "/")
end

--- Says whether a path is a folder, or leads to what is below it, by their texts.
-- @tparam string path
-- @tparam string folder
-- @treturn boolean
function M.is_below(path, folder)
  return folder == "/" or (path .. "/"):sub(1, #folder + 1) == folder .. "/"
end

--- Accepts an absolute path, and cleans it.
function M.absolute_path(path)
  if path:byte() ~= SLASH then
    return nil, "must be an absolute path"
  end
  return M.clean_path(path)
end

--- Accepts an absolute path or none.
function M.absolute_or_empty(path)
  if path == "" then
    return ""
  end
  return M.absolute_path(path)
end

--- Accepts an absolute path that does not climb: what `..` means depends on links inside.
function M.path_inside(path)
  if path:find("..", 1, true) and (path .. "/"):find("/../", 1, true) then
    return nil, "must not contain `..`"
  end
  return M.absolute_path(path)
end

--- Accepts an absolute path that does not climb, and is not the root itself.
function M.path_below(path)
  local clean, text = M.path_inside(path)
  if clean == "/" then
    return nil, "must not be / itself"
  end
  return clean, text
end

--- Checks a cgroup's path or a part of it, absolute or not.
function M.cgroup_path(path)
  for part in (path:gsub("^/", "") .. "/"):gmatch("([^/]*)/") do
    if part == "" or part == "." or part == ".." then
      return nil, "must not contain `.`, `..` or empty components"
    end
    if #part > MAX_COMPONENT then
      return nil, ("must not contain a component of more than %d bytes"):format(MAX_COMPONENT)
    end
  end
  if path:find("%c") then
    return nil, "must not contain control characters"
  end
  return true
end

--- Checks the cgroup that another is made in: the hierarchy's root will do.
function M.cgroup_parent(path)
  if path == "/" then
    return true
  end
  return M.cgroup_path(path)
end

--- Checks the name of a hierarchy: `cpu`, `cpu,cpuacct`, `name=systemd`; cgroup2's is "".
function M.subsystem(name)
  if name:find("^[%w_=,.%-]*$") then
    return name
  end
  return nil, "is not the name of a cgroup hierarchy"
end

--- Checks a list of numbers and ranges as cpusets have it: `0-3,7`.
function M.cpu_list(text)
  for item in (text .. ","):gmatch("([^,]*),") do
    local first, last = item:match("^(%d+)$"), nil
    if not first then
      first, last = item:match("^(%d+)%-(%d+)$")
    end
    if not first or (last and tonumber(last) < tonumber(first)) then
      return nil, "must be a list of numbers and ranges, as in 0-3,7"
    end
  end
  return true
end

--- Checks a CPU quota: the kernel takes a millisecond and more, or no limit.
function M.cpu_quota(quota)
  if quota > 0 and quota < 1000 then
    return nil, "must be at least 1000 microseconds, or -1 for no limit"
  end
  return true
end

--- Checks a CPU period: the kernel takes from a millisecond to a second.
function M.cpu_period(period)
  if period < 1000 or period > 1000000 then
    return nil, "must be from 1000 to 1000000 microseconds"
  end
  return true
end

--- Accepts words for "no limit" where a count stands.
function M.count_or_unlimited(value)
  if value == "max" or value == "unlimited" then
    return -1
  end
  return value
end

--- Accepts an octal string, as in "0666".
function M.octal(value)
  if type(value) ~= "string" then
    return value
  end
  local number = value:find("^[0-7]+$") and #value <= 8 and tonumber(value, 8)
  if not number then
    return nil, "must be a number, or a string of octal digits as in \"0644\""
  end
  return number
end

--- Accepts a signal's name for its number.
function M.signal(value)
  if type(value) ~= "string" then
    return value
  end
  local number = words.signals[value:upper()]
  if not number then
    return nil, spelling.unknown("is not a known signal", value, words.signals)
  end
  return number
end

--- Checks that a number of root_propagation or propagation_flags is one type, recursive or not.
function M.one_propagation(flags)
  local kind = band(flags, words.PROPAGATION_MASK)
  if kind == 0 or band(kind, kind - 1) ~= 0 then
    return nil, "must be one of private, slave, shared and unbindable, or one of these with r"
  end
  return true
end

--- Accepts a capability in any case, with or without `CAP_`.
function M.capability(name)
  if words.capabilities[name] then
    return name
  end
  local full = name:upper()
  if full:sub(1, 4) ~= "CAP_" then
    full = "CAP_" .. full
  end
  if not words.capabilities[full] then
    return nil, spelling.unknown("is not a known capability", full, words.capabilities)
  end
  return full
end

--- Leaves each value of a list once, where it stood first.
function M.unique(list)
  local seen, result = {}, {}
  for _, value in ipairs(list) do
    if not seen[value] then
      seen[value] = true
      result[#result + 1] = value
    end
  end
  return result
end

--- Checks that no two records of a list have one type.
function M.unique_types(list)
  local seen = {}
  for i, record in ipairs(list) do
    local first = seen[record.type]
    if first then
      return nil, ("is a second %s: the first is at %d"):format(record.type, first), i
    end
    seen[record.type] = i
  end
  return true
end

--- Accepts a namespace's name in place of its record.
function M.namespace(value)
  if type(value) == "string" then
    return { type = value }
  end
  return value
end

-- libcontainer keeps a device's type as the number of its letter.
local DEVICE_LETTERS = { [97] = "a", [98] = "b", [99] = "c", [112] = "p", [117] = "u" }

--- Accepts the number of a device type's letter.
function M.device_type(value)
  return type(value) == "number" and DEVICE_LETTERS[value] or value
end

--- Accepts `*` for any device number.
function M.device_number(value)
  if value == "*" then
    return -1
  end
  return value
end

--- Accepts some of `rwm`, and puts them in this order.
function M.permissions(text)
  if text == "rwm" then
    return text
  end
  if not text:find("^[rwm]+$") then
    return nil, "must be made of r, w and m"
  end
  return (text:find("r") and "r" or "") .. (text:find("w") and "w" or "")
    .. (text:find("m") and "m" or "")
end

--- What a device number is when it was left out: only a pipe has none.
function M.default_device_number(record)
  local kind = rawget(record, "type")
  return (kind == "p" or kind == 112) and 0 or nil
end

--- Checks that ids do not run over the last one: 2^32-1 stands for "no id" in the kernel.
function M.id_range(mapping)
  local most = 2 ^ 32 - 1
  if mapping.container_id + mapping.size > most then
    return nil, "runs over the last container id, 4294967294", "size"
  end
  if mapping.host_id + mapping.size > most then
    return nil, "runs over the last host id, 4294967294", "size"
  end
  return true
end

local LIMIT_HELP = "must be a limit: an integer from 0, a decimal string, or \"unlimited\""

--- Accepts a resource limit, as decimal text: 64 bits are more than a number holds.
function M.limit(value)
  if value == -1 or value == "-1" or value == "unlimited" or value == "infinity" then
    return words.UNLIMITED
  end
  if units.is_integer(value) and value >= 0 then
    return ("%.0f"):format(value)
  end
  local digits = type(value) == "string" and value:match("^0*(%d+)$")
  if not digits or units.decimal_less(words.UNLIMITED, digits) then
    return nil, LIMIT_HELP
  end
  return digits
end

--- Makes a number of a limit where it is exact.
function M.exact_limit(digits)
  if units.decimal_less(("%.0f"):format(units.MAX_INTEGER), digits) then
    return digits
  end
  return tonumber(digits)
end

--- Checks that a soft limit is not above the hard one.
function M.soft_below_hard(rlimit)
  local soft, hard = M.limit(rlimit.soft), M.limit(rlimit.hard)
  if units.decimal_less(hard, soft) then
    return nil, "must not be above the hard limit", "soft"
  end
  return true
end

--- Accepts a resource limit's number.
function M.rlimit_type(value)
  return type(value) == "number" and words.rlimit_list[value + 1] or value
end

--- Accepts the name of a kernel setting, with dots or slashes; keeps it with dots.
function M.sysctl_name(name)
  local is_name = name:find("^[a-z0-9_]+[./]") and not name:find("[^%w_./%-]")
    and not name:find("[./][./]") and not name:find("[./]$")
  if not is_name then
    return nil, "is not the name of a kernel setting, as in net.ipv4.ip_forward"
  end
  return words.sysctl_name(name)
end

--- Accepts a number where text is wanted.
function M.text_of_number(value)
  if type(value) ~= "number" then
    return value
  end
  if not units.is_integer(value) then
    return nil, "must be a string or an integer"
  end
  return ("%.0f"):format(value)
end

--- Checks "key=value".
function M.key_value(text)
  if text:find("^[^=]+=") then
    return true
  end
  return nil, "must be of the form key=value"
end

--- Checks that a text is one printable line.
function M.one_line(text)
  if text:find("%c") then
    return nil, "must not contain control characters"
  end
  return true
end

--- Checks a label that becomes an option of mounts: the kernel takes 255 bytes.
function M.mount_label(label)
  if #label > 255 - #"context=" then
    return nil, "must not be longer than 247 bytes"
  end
  return M.one_line(label)
end

--- Checks how much output is kept: it is memory of a process that lasts as long as the container.
function M.kept_output(size)
  if size <= 16 * 1024 * 1024 then
    return true
  end
  return nil, "must be at most 16M"
end

--- Checks what a bind's source is relabelled for.
function M.relabel(letter)
  if letter == "z" or letter == "Z" then
    return true
  end
  if letter:find("z", 1, true) and letter:find("Z", 1, true) then
    return nil, "must not be both z and Z"
  end
  return nil, "must be z, for all containers, or Z, for this one"
end

--- Checks a file system type.
function M.fs_type(name)
  if name:find("^[%w_.+-]+$") then
    return true
  end
  return nil, "must be a file system type, as in tmpfs, or bind"
end

-- A user or a group: a name, or an id in decimal digits, which are never a name.
local function is_account(text, what)
  if text:find("^%d+$") then
    if #text > 10 or tonumber(text) > MAX_ID then
      return nil, ("must be a %s id from 0 to 2147483647"):format(what)
    end
    return true
  end
  if text:find("^[-+]") or text:find("[%c%s:]") then
    return nil, ("must be the name or the number of a %s"):format(what)
  end
  return true
end

--- Checks a group: a name or a number.
function M.group(text)
  return is_account(text, "group")
end

--- Checks a user: nothing, "user" or "user:group", each a name or a number.
function M.user(text)
  local user, group = text:match("^([^:]*):?(.*)$")
  local ok, problem = is_account(user, "user")
  if not ok then
    return nil, problem
  end
  return is_account(group, "group")
end

--- Merges an environment's duplicates: the last value wins, where the first stood.
function M.merge_env(list)
  local position, result = {}, {}
  for _, entry in ipairs(list) do
    local name = entry:match("^[^=]+")
    local at = position[name] or #result + 1
    position[name] = at
    result[at] = entry
  end
  return result
end

--- Makes a sorted list of an environment that was written as a table.
function M.env_of_map(map)
  local result = {}
  for name, value in pairs(map) do
    result[#result + 1] = name .. "=" .. value
  end
  table.sort(result)
  return result
end

--- Checks a variable's name.
function M.env_name(name)
  if name == "" or name:find("[=%z]") then
    return nil, "is not a variable's name"
  end
  return name
end

--- Checks that the first argument names a program.
function M.has_program(args)
  if args[1] == "" then
    return nil, "must name a program", 1
  end
  return true
end

--- Wraps one propagation type in a list.
function M.list_of_one(value)
  if type(value) == "string" or type(value) == "number" then
    return { value }
  end
  return value
end

--- A function.
function M.is_function(value)
  if type(value) == "function" then
    return true
  end
  return nil, "must be a function"
end

return M

--- Users and groups of a container, from the text of its own files.
-- Digits are never a name, and what is not found is an error: never id -1, which the kernel takes
-- for "leave as it is".
-- @module ctr.user

local errors = require("ctr.errors")
local spelling = require("ctr.config.spelling")

local M = {}

local MAX_LINE = 64 * 1024
local COLON, CARRIAGE_RETURN = 58, 13

-- The last id is 2^32-2; an id that is given as a number may only be a positive int.
local LAST_ID = 2 ^ 32 - 2
local LAST_GIVEN_ID = 2 ^ 31 - 1

local function parse_id(text)
  if not text or not text:find("^%d+$") or #text > 10 then
    return nil
  end
  local id = tonumber(text)
  return id <= LAST_ID and id or nil
end

-- What a line without a NUL byte, and of a bearable length, holds.
local function readable(line)
  if #line > MAX_LINE or line:find("\0", 1, true) then
    return nil
  end
  return line:byte(-1) == CARRIAGE_RETURN and line:sub(1, -2) or line
end

-- The entry of a line of `/etc/passwd`, or nil.
local function passwd_entry(line)
  local name, uid, gid, rest = line:match("^%s*([^%s:][^:]*):[^:]*:(%d+):(%d+)(.*)$")
  uid, gid = parse_id(uid), parse_id(gid)
  if not uid or not gid then
    return nil
  end
  rest = rest:match("^(.*%S)") or "" -- and not by "%s+$", which takes the square of a run of spaces
  if rest ~= "" and rest:byte() ~= COLON then
    return nil
  end
  local home, shell = rest:match("^:[^:]*:([^:]*):?([^:]*)")
  return { name = name, uid = uid, gid = gid, home = home or "", shell = shell or "" }
end

-- The entry of a line of `/etc/group`, or nil.
local function group_entry(line)
  local name, gid, rest = line:match("^([^:]+):[^:]*:(%d+)(.*)$")
  gid = parse_id(gid)
  if not gid or (rest ~= "" and rest:byte() ~= COLON) then
    return nil
  end
  local members = {}
  for member in (rest:match("^:([^:]*)") or ""):gmatch("[^,]+") do
    members[#members + 1] = member
  end
  return { name = name, gid = gid, members = members }
end

-- Goes through the entries of the lines that hold a text, until `use` returns true: of the others
-- no table is made.
local function each_entry(text, entry_of, needle, use)
  if needle ~= "" and not text:find(needle, 1, true) then
    return
  end
  for line in text:gmatch("[^\n]+") do
    local entry = line:find(needle, 1, true) and readable(line)
    entry = entry and entry_of(entry)
    if entry and use(entry) then
      return
    end
  end
end

local function all_entries(text, entry_of)
  local entries = {}
  each_entry(text, entry_of, "", function(entry)
    entries[#entries + 1] = entry
  end)
  return entries
end

--- Reads `/etc/passwd`. Lines without a name or with malformed ids are left out.
-- @tparam string text
-- @treturn table `{ name, uid, gid, home, shell }` each, in the order of the file
function M.parse_passwd(text)
  return all_entries(text, passwd_entry)
end

--- Reads `/etc/group`. Lines without a name or with a malformed id are left out.
-- @tparam string text
-- @treturn table `{ name, gid, members }` each, in the order of the file
function M.parse_group(text)
  return all_entries(text, group_entry)
end

local function invalid(path, text)
  return nil, errors.new("ConfigInvalid", path .. ": " .. text, {
    path = path,
    problems = { { path = path, text = text } },
  })
end

-- The first entry with a value, on a line that holds a text.
local function find(text, entry_of, needle, key, value)
  local found
  each_entry(text, entry_of, needle, function(entry)
    found = entry[key] == value and entry or nil
    return found
  end)
  return found
end

local function not_found(path, what, name, entries, file)
  local names = {}
  for _, entry in ipairs(entries) do
    names[entry.name] = true
  end
  return invalid(path, spelling.missing(("no %s %%s in %s"):format(what, file), name, names))
end

-- An id in digits: the number, or nil and an error.
local function given_id(path, text)
  if #text > 10 or tonumber(text) > LAST_GIVEN_ID then
    return invalid(path, ("%s is not an id from 0 to 2147483647"):format(spelling.quote(text)))
  end
  return tonumber(text)
end

local function is_digits(text)
  return text:find("^%d+$") ~= nil
end

-- A known user, or a stand-in for an id that nobody has.
local function find_user(name, passwd)
  if name ~= "" and not is_digits(name) then
    local entry = find(passwd, passwd_entry, name .. ":", "name", name)
    if not entry then
      return not_found("process.user", "user", name, M.parse_passwd(passwd), "/etc/passwd")
    end
    return entry
  end
  local uid, err = 0, nil
  if name ~= "" then
    uid, err = given_id("process.user", name)
  end
  if not uid then
    return nil, err
  end
  -- The file's own number may have zeros in front.
  local entry = find(passwd, passwd_entry, ("%.0f:"):format(uid), "uid", uid)
  return entry or { uid = uid, gid = 0, home = "/" }
end

local function find_group(path, name, groups)
  if is_digits(name) then
    return given_id(path, name)
  end
  local entry = find(groups, group_entry, name .. ":", "name", name)
  if not entry then
    return not_found(path, "group", name, M.parse_group(groups), "/etc/group")
  end
  return entry.gid
end

local function add_memberships(ids, name, groups)
  each_entry(groups, group_entry, name, function(group)
    for _, member in ipairs(group.members) do
      if member == name then
        ids[group.gid] = true
      end
    end
  end)
end

local function add_named(ids, names, groups)
  for i, name in ipairs(names) do
    local gid, err = find_group(("process.additional_groups[%d]"):format(i), name, groups)
    if not gid then
      return nil, err
    end
    ids[gid] = true
  end
  return true
end

local function sorted(ids)
  local list = {}
  for id in pairs(ids) do
    list[#list + 1] = id
  end
  table.sort(list)
  return list
end

--- Resolves a process's user and groups, as libcontainer does.
-- A user's own groups are those whose members list it; they count only without an explicit group.
-- @tparam table request `user` ("", "user" or "user:group", names or numbers),
--   `additional_groups` (names or numbers, as text), `passwd` and `group`: the text of the files,
--   nil where there is none
-- @treturn[1] table `{ uid, gid, groups, home }`; `groups` are sorted numbers, each once
-- @return[2] nil
-- @treturn[2] ctr.Error `ConfigInvalid`, `path` is `process.user` or `process.additional_groups[n]`
function M.resolve(request)
  local passwd, groups = request.passwd or "", request.group or ""
  local user_name, group_name = (request.user or ""):match("^([^:]*):?(.*)$")

  local user, err = find_user(user_name, passwd)
  if not user then
    return nil, err
  end
  local gid, ids = user.gid, {}
  if group_name ~= "" then
    gid, err = find_group("process.user", group_name, groups)
    if not gid then
      return nil, err
    end
  elseif user.name then
    add_memberships(ids, user.name, groups)
  end
  local ok
  ok, err = add_named(ids, request.additional_groups or {}, groups)
  if not ok then
    return nil, err
  end
  local home = user.home ~= "" and user.home or "/"
  return { uid = user.uid, gid = gid, groups = sorted(ids), home = home }
end

return M

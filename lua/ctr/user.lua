--- Users and groups of a container, from the text of its own files.
-- Digits are never a name, and what is not found is an error: never id -1, which the kernel takes
-- for "leave as it is".
-- @module ctr.user

local errors = require("ctr.errors")
local spelling = require("ctr.config.spelling")

local M = {}

local MAX_LINE = 64 * 1024

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

-- Fields of a line, the empty ones too.
local function split(text, separator)
  local fields = {}
  for field in (text .. separator):gmatch("([^" .. separator .. "]*)" .. separator) do
    fields[#fields + 1] = field
  end
  return fields
end

local function each_line(text, read)
  for line in text:gmatch("[^\n]+") do
    if #line <= MAX_LINE and not line:find("\0", 1, true) then
      read((line:gsub("\r$", "")))
    end
  end
end

--- Reads `/etc/passwd`. Lines without a name or with malformed ids are left out.
-- @tparam string text
-- @treturn table `{ name, uid, gid, home, shell }` each, in the order of the file
function M.parse_passwd(text)
  local entries = {}
  each_line(text, function(line)
    local fields = split(line:match("^%s*(.-)%s*$"), ":")
    local uid, gid = parse_id(fields[3]), parse_id(fields[4])
    if fields[1] ~= "" and uid and gid then
      entries[#entries + 1] = {
        name = fields[1], uid = uid, gid = gid, home = fields[6] or "", shell = fields[7] or "",
      }
    end
  end)
  return entries
end

--- Reads `/etc/group`. Lines without a name or with a malformed id are left out.
-- @tparam string text
-- @treturn table `{ name, gid, members }` each, in the order of the file
function M.parse_group(text)
  local entries = {}
  each_line(text, function(line)
    local fields = split(line, ":")
    local gid = parse_id(fields[3])
    if fields[1] ~= "" and gid then
      local members = {}
      for member in (fields[4] or ""):gmatch("[^,]+") do
        members[#members + 1] = member
      end
      entries[#entries + 1] = { name = fields[1], gid = gid, members = members }
    end
  end)
  return entries
end

local function invalid(path, text)
  return nil, errors.new("ConfigInvalid", path .. ": " .. text, {
    path = path,
    problems = { { path = path, text = text } },
  })
end

local function find(entries, key, value)
  for _, entry in ipairs(entries) do
    if entry[key] == value then
      return entry
    end
  end
  return nil
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
  if name == "" then
    return find(passwd, "uid", 0) or { uid = 0, gid = 0, home = "/" }
  end
  if not is_digits(name) then
    local entry = find(passwd, "name", name)
    if not entry then
      return not_found("process.user", "user", name, passwd, "/etc/passwd")
    end
    return entry
  end
  local uid, err = given_id("process.user", name)
  if not uid then
    return nil, err
  end
  return find(passwd, "uid", uid) or { uid = uid, gid = 0, home = "/" }
end

local function find_group(path, name, groups)
  if is_digits(name) then
    return given_id(path, name)
  end
  local entry = find(groups, "name", name)
  if not entry then
    return not_found(path, "group", name, groups, "/etc/group")
  end
  return entry.gid
end

local function add_memberships(ids, name, groups)
  for _, group in ipairs(groups) do
    for _, member in ipairs(group.members) do
      if member == name then
        ids[group.gid] = true
      end
    end
  end
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
  local passwd = M.parse_passwd(request.passwd or "")
  local groups = M.parse_group(request.group or "")
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

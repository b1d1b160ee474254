--- What lctr says when something fails: engines look for some of these words.
--
-- "No such file or directory" and "permission denied" tell an engine that the program to run is not
-- there, or may not be executed, and it ends with 127 or 126. So they are said of programs alone.
-- @module ctr.cli.words

local errors = require("ctr.errors")

local M = {}

local MESSAGE_MAX = 8000 -- one write(2) that no other's comes between

local BY_CODE = {
  ContainerNotExists = "container does not exist",
  IdInUse = "container with given ID already exists",
  InvalidIdFormat = "invalid container ID format",
}

-- The kernel's words for what is no program.
local OTHERWISE = {
  { "[Nn]o such file or directory", "missing" },
  { "[Pp]ermission denied", "access refused (EACCES)" },
  { "[Oo]peration not permitted", "not allowed (EPERM)" },
}

-- What people look for who know it from another runtime, by the path of an error and its text; it
-- is said before ours.
local WELL_KNOWN = {
  { "^cgroups%.path$", "is in use: it holds", "container's cgroup is not empty" },
  { "^cgroups%.name$", "is in use: it holds", "container's cgroup is not empty" },
  { "^cgroups%.path$", "is frozen$", "container's cgroup unexpectedly frozen" },
  { "^cgroups%.memory$", "must not be below what is in use", "rejecting memory limit" },
  { "^cgroups%.memory_swap$", "must not be below what is in use", "rejecting memory+swap limit" },
  { "^process%.sub_cgroup_paths", "must not contain", "bad sub cgroup path" },
  { "^linux%.memoryPolicy%.mode$", "", "invalid memory policy mode" },
  { "^memory_policy%.mode$", "", "invalid memory policy mode" },
  { "^memory_policy%.flags", "", "invalid memory policy flag" },
  { "^memory_policy%.nodes", "", "invalid memory policy nodes" },
  { "^mounts%[%d+%]$", "openat2 /proc: too many levels of symbolic links$",
    "/proc must be mounted on ordinary directory" },
  { "^mounts%[%d+%]$", "openat2 /sys: too many levels of symbolic links$",
    "/sys must be mounted on ordinary directory" },
  { "^seccomp%.listener_path$", "connect ", "failed to connect with seccomp agent" },
  { "^seccomp%.syscalls", "must not be write with SCMP_ACT_NOTIFY",
    "SCMP_ACT_NOTIFY cannot be used for the write syscall" },
  { "^cgroups%.unified$", "needs cgroup v2$", "invalid configuration" },
}

local REASONS = {
  ENOENT = "no such file or directory",
  EACCES = "permission denied",
  EPERM = "permission denied",
  EISDIR = "is a directory: permission denied",
  ENOTDIR = "not a directory",
}

local function is_of_program(err)
  return err.op == "exec" and (err.path or ""):find("^process%.args") ~= nil
end

-- "/bin/x (interpreter /bin/y not found)": the program, and what it needs and has not.
local function split_target(target)
  local program, what, helper = target:match("^(.-) %((%a+) (/.*) not %a+%)$")
  if program then
    return program, what .. " " .. helper
  end
  return (target:gsub(" %(not found in PATH%)$", "")), nil
end

-- What the program was called by, where the caller knows; else what was found.
local function program_message(err, name)
  local program, helper = split_target(err.target or "")
  local reason = REASONS[err.errno]
  name = name or program
  if helper and reason then
    return ("exec: %q: %s: %s"):format(name, helper, reason)
  end
  if err.errno == "ENOENT" and not name:find("/", 1, true) then
    reason = "executable file not found in $PATH"
  end
  return ("exec: %q: %s"):format(name, reason or tostring(err.message):match("[^:]*$"):sub(2))
end

--- Makes an error of a program that cannot be executed tell its name as the caller wrote it.
-- @param err any error
-- @tparam ?string name the first of the arguments
-- @return an error; the same one where it is another's
function M.of_program(err, name)
  if not errors.is(err) or not is_of_program(err) then
    return err
  end
  local text = program_message(err, name)
  return errors.new(err.code, text, { op = err.op, path = err.path, errno = err.errno,
    target = err.target, cause = err, words = text })
end

-- Hooks are counted from 0 there.
local function hook_text(err, text)
  local kind, number = err.path:match("^hooks%.(%a+)%[(%d+)%]$")
  if not kind then
    return nil
  end
  local said = text:sub(1, #err.path + 2) == err.path .. ": " and text:sub(#err.path + 3) or text
  return ("error running %s hook #%d: %s"):format(kind, number - 1, said)
end

local function well_known(err, text)
  for _, row in ipairs(WELL_KNOWN) do
    if err.path:find(row[1]) and text:find(row[2]) then
      return row[3] .. ": " .. text
    end
  end
  return hook_text(err, text) or text
end

local function text_of(err)
  if errors.is(err) then
    if err.words or is_of_program(err) then
      return err.words or program_message(err)
    end
    if BY_CODE[err.code] then
      return BY_CODE[err.code]
    end
  end
  local text = tostring(err)
  if errors.is(err) and err.errno == "EISDIR" and (err.path or ""):find("^mounts%[") then
    text = text .. ", and what is mounted is not a directory" -- engines know these words
  end
  for _, row in ipairs(OTHERWISE) do
    text = text:gsub(row[1], row[2])
  end
  return errors.is(err) and err.path and well_known(err, text) or text
end

--- The one line for an error.
-- @param err an error of the library, or text
-- @treturn string without a newline
function M.line(err)
  local text = text_of(err):gsub("%s*\n%s*", "; ")
  if #text > MESSAGE_MAX then
    text = text:sub(1, MESSAGE_MAX) .. "…"
  end
  return text
end

return M

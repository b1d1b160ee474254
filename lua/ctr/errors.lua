--- Errors: tables with one metatable.
--
-- Public fields: `code` (libcontainer's name), `number` (its position), `message`, `path` (the
-- config path to blame), `errno` (its name), `op` and `target` (what was tried, on what), `cause`
-- (the error underneath), `problems` (every `{ path, text }` of an invalid configuration).
-- Code reads fields; `tostring` makes the sentence for people, `err:detail()` what a report needs.
-- @module ctr.errors

local M = {}

--- The codes, by name: libcontainer's, with its numbers.
M.codes = {
  IdInUse = 0,
  InvalidIdFormat = 1,
  ContainerNotExists = 2,
  ContainerPaused = 3,
  ContainerNotStopped = 4,
  ContainerNotRunning = 5,
  ContainerNotPaused = 6,
  NoProcessOps = 7,
  ConfigInvalid = 8,
  ConsoleExists = 9,
  SystemError = 10,
}

--- What each code says to people: libcontainer's own words.
M.texts = {
  IdInUse = "Id already in use",
  InvalidIdFormat = "Invalid format",
  ContainerNotExists = "Container does not exist",
  ContainerPaused = "Container paused",
  ContainerNotStopped = "Container is not stopped",
  ContainerNotRunning = "Container is not running",
  ContainerNotPaused = "Container is not paused",
  NoProcessOps = "No process operations",
  ConfigInvalid = "Invalid configuration",
  ConsoleExists = "Console exists for process",
  SystemError = "System error",
}

-- A chain is as long as the layers of a call; the bound is for one that a caller tied into a ring.
local MAX_CAUSES = 16

local methods = {}

--- The metatable of every error; the core makes its own errors with it.
M.metatable = {
  __name = "ctr.Error",
  __index = methods,
}

-- The message, or what can be said without one.
local function message_of(err)
  local message = err.message
  if message and message ~= "" then
    return tostring(message)
  end
  local what = err.op or M.texts[err.code] or "unknown error"
  if err.target and err.target ~= "" then
    what = what .. " " .. tostring(err.target)
  end
  if err.errno then
    what = what .. ": " .. tostring(err.errno)
  end
  return what
end

-- A message that names the path itself ("mounts[1].device is required") says it once.
local function with_path_in_front(message, path)
  if not path or path == "" or message:find(path, 1, true) then
    return message
  end
  return path .. ": " .. message
end

local function sentence(err)
  return with_path_in_front(message_of(err), err.path)
end

M.metatable.__tostring = sentence

-- Where a new error comes from; two levels are this function and its caller in this module.
local function capture_stack()
  return debug.traceback("", 3):gsub("^%s*stack traceback:%s*", "")
end

local function copy_of(err)
  local copy = {}
  for key, value in pairs(err) do
    copy[key] = value
  end
  return setmetatable(copy, M.metatable)
end

--- Tells whether a value is an error of this library.
-- @param value anything
-- @treturn boolean
-- @usage
-- local _, err = factory:load("nobody")
-- assert(ctr.errors.is(err))
function M.is(value)
  return type(value) == "table" and getmetatable(value) == M.metatable
end

--- Makes an error.
-- @tparam string code one of `errors.codes`
-- @tparam string message one sentence, no full stop
-- @tparam[opt] table fields `path`, `errno`, `op`, `target`, `cause`, `problems`
-- @treturn ctr.Error
-- @usage
-- local err = ctr.errors.new("SystemError", "the disk is full", { errno = "ENOSPC" })
-- assert(tostring(err) == "the disk is full")
function M.new(code, message, fields)
  local number = M.codes[code]
  if not number then
    error("unknown error code: " .. tostring(code), 2)
  end
  local err = {}
  for key, value in pairs(fields or {}) do
    err[key] = value
  end
  err.code = code
  err.number = number
  err.message = message
  err.stack = capture_stack()
  return setmetatable(err, M.metatable)
end

-- Foreign code may fail with anything; its text becomes ours.
local function adopt(value)
  if M.is(value) then
    return value
  end
  return setmetatable({
    code = "SystemError",
    number = M.codes.SystemError,
    message = tostring(value),
  }, M.metatable)
end

--- Adds what was tried, on what: once per layer.
-- An error that says so already is returned as it is.
-- @param err the error underneath
-- @tparam string op what this layer tried: `mount`
-- @tparam[opt] string target on what
-- @treturn ctr.Error a new error with the code, errno and path of `err`, which is its `cause`
-- @usage
-- local err = ctr.errors.wrap("no such file", "read", "/etc/motd")
-- assert(tostring(err) == "read /etc/motd: no such file")
function M.wrap(err, op, target)
  local inner = adopt(err)
  if inner.op == op and inner.target == target then
    return inner
  end
  local context = target and (op .. " " .. tostring(target)) or op
  return setmetatable({
    code = inner.code,
    number = inner.number,
    message = context .. ": " .. message_of(inner),
    path = inner.path,
    errno = inner.errno,
    op = op,
    target = target,
    cause = inner,
    problems = inner.problems,
    stack = inner.stack or capture_stack(),
  }, M.metatable)
end

--- Puts the config path to blame in front of an error's message.
-- An error that names a path already keeps it: who found the failure knows best.
-- @param err an error, or text
-- @tparam string path `mounts[3]`
-- @treturn ctr.Error a new error; `err` is left as it was
-- @usage
-- local err = ctr.errors.with_path("no such file", "mounts[3]")
-- assert(err.path == "mounts[3]")
function M.with_path(err, path)
  local inner = adopt(err)
  if inner.path and inner.path ~= "" then
    return inner
  end
  local blamed = copy_of(inner)
  blamed.path = path
  blamed.message = with_path_in_front(message_of(inner), path)
  blamed.stack = inner.stack or capture_stack()
  return blamed
end

--- Makes the error for a list of problems. Its message lists them all, one per line.
-- @tparam table problems `{ path, text }`, at least one
-- @tparam[opt] number more how many were found beyond these
-- @treturn ctr.Error `ConfigInvalid`, whose `path` is the first problem's
-- @usage
-- local err = ctr.errors.invalid({ { path = "rootfs", text = "is required" } })
-- assert(tostring(err) == "rootfs is required")
function M.invalid(problems, more)
  local lines = {}
  for i, problem in ipairs(problems) do
    lines[i] = problem.path .. " " .. problem.text
  end
  if more and more > 0 then
    lines[#lines + 1] = ("and %d more"):format(more)
  end
  return M.new("ConfigInvalid", table.concat(lines, "\n"), {
    path = problems[1].path,
    problems = problems,
  })
end

local function add_context(lines, err)
  lines[#lines + 1] = "Code: " .. (M.texts[err.code] or "Unknown error")
  for _, row in ipairs({
    { "Errno", err.errno },
    { "Operation", err.op },
    { "Target", err.target },
    { "Path", err.path },
  }) do
    if row[2] then
      lines[#lines + 1] = row[1] .. ": " .. tostring(row[2])
    end
  end
end

local function add_causes(lines, err)
  local cause = err.cause
  for _ = 1, MAX_CAUSES do
    if cause == nil then
      return
    end
    lines[#lines + 1] = "Caused by: " .. tostring(cause)
    cause = M.is(cause) and cause.cause or nil
  end
end

--- Tells all that is known: the message, its context, what caused it, and the stack.
-- @treturn string several lines
-- @usage
-- local _, err = factory:load("nobody")
-- print(err:detail())
function methods:detail()
  local lines = { sentence(self) }
  add_context(lines, self)
  add_causes(lines, self)
  if self.stack then
    lines[#lines + 1] = "Stack:"
    lines[#lines + 1] = "\t" .. self.stack
  end
  return table.concat(lines, "\n")
end

return M

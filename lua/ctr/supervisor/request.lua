--- A system call that waits for its answer.
--
--     seccomp_notify = function(request)
--       if request.syscall == "mkdir" and request:read_string(request.args[1]) == "/data" then
--         return request:return_value(0)
--       end
--       request:fail("EPERM")
--     end
--
-- It gets one answer. A function that returns without one, or raises an error, denies the call: it
-- fails with `EPERM`.
--
-- `allow` lets the kernel run the call as it is then, not as the function saw it: another thread
-- of the container can put other bytes behind a pointer meanwhile. It is no security boundary for
-- what a pointer leads to, nor for a descriptor's file; decide by the arguments that are numbers,
-- or do the call's work here and return its value.
--
-- To read memory may take as long as the container likes, where it can map files of a file system
-- that it serves itself (FUSE): it gets no `/dev/fuse` unless a configuration gives it.
-- @module ctr.supervisor.request

local core = require("ctr.core")
local names = require("ctr.supervisor.names")

local M = {}

local STRING_MAX = 4096 -- PATH_MAX
local ADD_FD_OPTIONS = { at = true, cloexec = true, answer = true }

local request_methods = {}
local getters = {}

-- The names are looked up when they are asked for.
local request_metatable = {
  __name = "ctr.Request",
  __index = function(request, key)
    local getter = getters[key]
    if getter then
      return getter(request)
    end
    return request_methods[key]
  end,
}

function getters.syscall(request)
  return names.syscall(request.call.number, request.call.arch_token)
end

function getters.arch(request)
  return names.arch(request.call.arch_token)
end

--- Makes a request.
-- @tparam ctr.fd listener
-- @tparam table call as `core.notify.receive` returned it
-- @treturn ctr.Request `syscall` (its name, or `"#500"` where it has none), `number`, `arch`
-- (`"SCMP_ARCH_X86_64"`), `pid` (of the thread, as this program sees it), `args` (six numbers:
-- unsigned, a decimal string where a number would not be exact), `setup`: whether `ctr` itself
-- makes the call, while it sets the process up; the last of these is the program's `execve`
function M.new(listener, call)
  return setmetatable({
    listener = listener, call = call, pid = call.pid, number = call.number, args = call.args,
  }, request_metatable)
end

--- Says whether it has no answer yet.
-- @treturn boolean
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
--   request:allow()
--   assert(not request:is_open())
-- end })
function request_methods:is_open()
  return not self.answered
end

--- Says whether the process still waits: it may have been killed, or interrupted by a signal, after
-- which it makes the call again. (Where that must not be, the profile has the flag
-- `SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV`.) What is done for a call that needs the process to be
-- the same has to ask this afterwards.
-- @treturn boolean
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
--   local path = request:read_string(request.args[1])
--   if path and request:is_pending() then
--     print(request.pid, path)
--   end
--   request:allow()
-- end })
function request_methods:is_pending()
  return not self.answered and core.notify.is_pending(self.listener, self.call)
end

--- Reads memory of the process.
-- @tparam number|string address as in `args`: a number, or a decimal string
-- @tparam number length
-- @treturn[1] string as long as asked for
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`: errno `EFAULT` for an address that cannot be read, `ENOENT`
-- when the process is gone
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
--   local bytes = request:read(request.args[1], 16)
--   print(bytes and #bytes)
--   request:allow()
-- end })
function request_methods:read(address, length)
  return core.notify.read(self.listener, self.call, address, length)
end

--- Reads a string of the process.
-- @tparam number|string address as in `args`: a number, or a decimal string
-- @tparam[opt=4096] number max the most bytes, with the NUL at its end
-- @treturn[1] string
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`: errno as `read`, and `ENAMETOOLONG`
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
--   print(request.syscall, request:read_string(request.args[1]))
--   request:allow()
-- end })
function request_methods:read_string(address, max)
  return core.notify.read_string(self.listener, self.call, address, max or STRING_MAX)
end

local function take_turn(request, level)
  if request.answered then
    error("the request has its answer already", level + 1)
  end
end

local function respond(request, answer)
  take_turn(request, 3)
  request.answered = true
  return core.notify.respond(request.listener, request.call, answer)
end

--- Lets the kernel run the call. See above what this does not protect from.
-- @treturn[1] boolean false when the process is gone
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
--   request:allow()
-- end })
function request_methods:allow()
  return respond(self, { go_on = true })
end

--- Makes the call fail.
-- @tparam string|number errno a name ("EPERM") or a number
-- @treturn[1] boolean false when the process is gone
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
--   request:fail("EPERM")
-- end })
function request_methods:fail(errno)
  local number = errno
  if type(errno) == "string" then
    number = core.notify.errno(errno)
  end
  if type(number) ~= "number" or number < 1 or number > 4095 or number % 1 ~= 0 then
    error("bad argument #1 to 'fail' (not an errno: " .. tostring(errno) .. ")", 2)
  end
  return respond(self, { errno = number })
end

--- Makes the call return a value, without running it.
-- @tparam number|string value a number, or a decimal string
-- @treturn[1] boolean false when the process is gone
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
--   request:return_value(0)
-- end })
function request_methods:return_value(value)
  return respond(self, { value = value })
end

--- Gives the process a descriptor, and lets the call return its number.
-- @param fd a descriptor, a Lua file, or an object of the library's with `fd()`; it stays open here
-- @tparam[opt] table opts `at`: the number that it gets, in place of what is open there (the lowest
-- free one); `cloexec`; `answer = false`: the number is only returned here, and the call waits for
-- another answer
-- @treturn[1] number|boolean its number in the process; false when that is gone
-- @return[2] nil
-- @treturn[2] ctr.Error `SystemError`: the request is still open then
-- @usage
-- local process = ctr.process({ args = { "/bin/true" }, seccomp_notify = function(request)
--   local file = assert(io.open("/dev/null"))
--   request:add_fd(file, { cloexec = true })
--   file:close()
-- end })
function request_methods:add_fd(fd, opts)
  opts = opts or {}
  for name in pairs(opts) do
    if not ADD_FD_OPTIONS[name] then
      error("bad argument #2 to 'add_fd' (unknown option '" .. tostring(name) .. "')", 2)
    end
  end
  take_turn(self, 2)
  if type(fd) == "table" and type(fd.fd) == "function" then
    fd = fd:fd()
  end
  local answers = opts.answer ~= false
  local number, err = core.notify.add_fd(self.listener, self.call, fd,
    { at = opts.at, cloexec = opts.cloexec, answers = answers })
  if number == nil then
    return nil, err
  end
  self.answered = answers or number == false
  return number
end

return M

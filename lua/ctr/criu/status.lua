--- How far a checkpoint or a restore is: for the caller's function, and for who waits until lazy
-- pages can be asked for.
-- @module ctr.criu.status

local core = require("ctr.core")
local counts = require("ctr.criu.counts")
local errors = require("ctr.errors")
local protobuf = require("ctr.criu.protobuf")
local stream = require("ctr.stream")

local M = {}

local WITH_NOTICE = 31500 -- the first version that says when it is ready
local IMAGE_MAX = 65536
local HEADER = 8 + 4 -- two magic numbers, the length of the message
local PAGE = 4096
local WRITE = { flags = { "wronly", "trunc" } }

local DUMP = {
  { 1, "freezing_time", "number" }, { 2, "frozen_time", "number" },
  { 3, "memdump_time", "number" }, { 4, "memwrite_time", "number" },
  { 5, "pages_scanned", "number" }, { 6, "pages_skipped_parent", "number" },
  { 7, "pages_written", "number" }, { 9, "pages_lazy", "number" },
}
local RESTORE = {
  { 1, "pages_compared", "number" }, { 2, "pages_skipped_cow", "number" },
  { 3, "forking_time", "number" }, { 4, "restore_time", "number" },
  { 5, "pages_restored", "number" },
}
local STATISTICS = { { 1, "dump", DUMP }, { 2, "restore", RESTORE } }

--- Reads the statistics that CRIU left in its work directory. Times are microseconds.
-- @tparam ctr.fd dir
-- @tparam string kind "dump" or "restore"
-- @treturn ?table
function M.statistics(dir, kind)
  local text = core.path.read(dir, "stats-" .. kind, IMAGE_MAX)
  local entry = text and protobuf.decode(STATISTICS, text:sub(HEADER + 1))
  return entry and entry[kind]
end

local status_methods = {}
local status_metatable = { __index = status_methods }

local function open_status(value)
  if value == nil then
    return nil
  end
  if type(value) == "string" then
    local handle, err = core.fd.open(value, WRITE)
    return handle, err and errors.with_path(err, "status_fd"), true
  end
  local fd = stream.descriptor(value)
  return fd, not fd and errors.new("ConfigInvalid",
    "must be a path, a descriptor or a Lua file", { path = "status_fd" }) or nil
end

--- Opens what is told how far it is.
-- @tparam table options parsed
-- @tparam number version of CRIU
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error
function M.new(options, version)
  local fd, err, is_ours = open_status(options.lazy_pages and options.status_fd or nil)
  if err then
    return nil, err
  end
  return setmetatable({ fd = fd, is_ours = is_ours, progress = options.progress,
    has_notice = version >= WITH_NOTICE, bytes_told = 0 }, status_metatable)
end

--- Adds to a request what an older CRIU tells by itself.
function status_methods:fill(request)
  if self.fd and not self.has_notice then
    request.status_fd = core.fd.number(self.fd)
  end
end

local function report(status, info)
  if not status.progress then
    return true
  end
  if status.counts then
    status.counts:fill(info)
  end
  local returned, problem = pcall(status.progress, info)
  if returned then
    return true
  end
  return nil, errors.is(problem) and problem or errors.new("SystemError", tostring(problem),
    { path = "progress" })
end

--- Hands on that CRIU has come to a step.
-- @tparam string script its name
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error what the caller's function raised
function status_methods:tell(script)
  if script == "status-ready" and self.fd then
    local ok, err = core.fd.write(self.fd, "\0")
    if not ok then
      return nil, errors.with_path(err, "status_fd")
    end
  end
  return report(self, { step = script })
end

--- Has what is told say how much memory was taken as well, and between steps too.
-- @tparam table container, options, opened, log as `ctr.criu.counts.new` takes them
function status_methods:count(...)
  if self.progress then
    self.counts = counts.new(...)
  end
end

--- Hands on how much memory was taken since the last time, if any was.
-- @treturn[1] true
-- @return[2] nil
-- @treturn[2] ctr.Error what the caller's function raised
function status_methods:tick()
  if not self.counts then
    return true
  end
  local info = self.counts:fill({ step = "memory" })
  if info.bytes_written == self.bytes_told then
    return true
  end
  self.bytes_told = info.bytes_written
  return report(self, info)
end

--- Hands on what was done in all.
-- @tparam ctr.fd dir
-- @tparam[opt="dump"] string kind
function status_methods:finish(dir, kind)
  if not self.progress then
    return
  end
  local info = M.statistics(dir, kind or "dump") or {}
  info.step = "done"
  info.bytes_written = info.pages_written and info.pages_written * PAGE
  report(self, info)
end

function status_methods:close()
  if self.is_ours then
    self.fd:close()
  end
  if self.counts then
    self.counts:close()
  end
end

return M

--- The log of lctr: records for engines in a file, for people on standard error.
--
-- Engines read the file as JSON (podman the whole file as one object), so a command that succeeds
-- writes nothing at the default level, and one that fails writes one record.
-- @module ctr.cli.log

local core = require("ctr.core")
local times = require("ctr.cli.times")

local M = {}

local LEVELS = { error = 1, warning = 2, info = 3, debug = 4 }
local APPEND = { flags = { "wronly", "append", "creat" }, mode = 384 } -- 0600

local log_methods = {}
local log_metatable = { __index = log_methods }

local function now()
  return times.rfc3339(core.proc.time())
end

local formats = {}

function formats.json(level, text)
  return (core.json.encode({ level = level, msg = text, time = now() }))
end

local ESCAPES = { ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ['"'] = '\\"', ["\\"] = "\\\\" }

function formats.text(level, text)
  return ('time="%s" level=%s msg="%s"'):format(now(), level, (text:gsub('[%c"\\]', ESCAPES)))
end

local PRIORITIES = { error = 3, warning = 4, info = 6, debug = 7 } -- syslog(3)
local DAEMON = 3 * 8

-- Where records go, by the word before the colon: the socket, and a record in its words.
local sockets = {
  journald = {
    path = "/run/systemd/journal/socket",
    record = function(id, level, text)
      return ("MESSAGE=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=%s\n"):format((text:gsub("\n", " ")),
        PRIORITIES[level], id)
    end,
  },
  syslog = {
    path = "/dev/log",
    record = function(id, level, text)
      return ("<%d>%s: %s"):format(DAEMON + PRIORITIES[level], id, text)
    end,
  },
}

local function open_target(log, target)
  local kind, rest = target:match("^(%a+):(.*)$")
  local row = sockets[kind]
  local err
  if row then
    log.record = function(level, text) return row.record(rest, level, text) end
    log.file, err = core.fd.connect_unix(row.path, "datagram")
  else
    log.file, err = core.fd.open(kind == "file" and rest or target, APPEND)
  end
  return log.file ~= nil or nil, err
end

--- Opens the log that the global options ask for.
-- @tparam table values `log` (a file, "file:PATH", "journald:ID" or "syslog:ID"), `log-format`,
-- `log-level`, `debug`
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error the log cannot be opened
function M.open(values)
  local format = formats[values["log-format"] or "text"]
  local log = setmetatable({
    level = LEVELS[values.debug and "debug" or values["log-level"] or "error"],
    record = function(level, text) return format(level, text) .. "\n" end,
  }, log_metatable)
  if values.log and values.log ~= "" then
    local ok, err = open_target(log, values.log)
    if not ok then
      return nil, err
    end
  end
  return log
end

--- Writes a record, where its level is asked for: to the log, else to standard error.
-- @tparam string level "error", "warning", "info" or "debug"
-- @tparam string text
function log_methods:write(level, text)
  if LEVELS[level] > self.level then
    return
  end
  if self.file then
    core.fd.write(self.file, self.record(level, text))
  elseif level ~= "error" then
    io.stderr:write(self.record(level, text))
  end
end

--- Says whether records of a level go to standard error.
-- @tparam string level
-- @treturn boolean
function log_methods:shows(level)
  return not self.file and LEVELS[level] <= self.level
end

--- Closes the file.
function log_methods:close()
  if self.file then
    self.file:close()
    self.file = nil
  end
end

function log_methods:warning(text)
  self:write("warning", text)
end

function log_methods:debug(text)
  self:write("debug", text)
end

return M

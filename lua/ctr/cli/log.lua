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

--- Opens the log that the global options ask for.
-- @tparam table values `log`, `log-format`, `log-level`, `debug`
-- @treturn[1] table
-- @return[2] nil
-- @treturn[2] ctr.Error the file cannot be opened
function M.open(values)
  local log = setmetatable({
    level = LEVELS[values.debug and "debug" or values["log-level"] or "error"],
    format = formats[values["log-format"] or "text"],
  }, log_metatable)
  if values.log and values.log ~= "" then
    local file, err = core.fd.open(values.log:gsub("^file:", ""), APPEND)
    if not file then
      return nil, err
    end
    log.file = file
  end
  return log
end

--- Writes a record, where its level is asked for: to the file, else to standard error.
-- @tparam string level "error", "warning", "info" or "debug"
-- @tparam string text
function log_methods:write(level, text)
  if LEVELS[level] > self.level then
    return
  end
  local line = self.format(level, text) .. "\n"
  if self.file then
    core.fd.write(self.file, line)
  elseif level ~= "error" then
    io.stderr:write(line)
  end
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

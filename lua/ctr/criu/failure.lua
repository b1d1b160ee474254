--- Why CRIU failed: the first errors of its log, and what they mean where that is known.
-- @module ctr.criu.failure

local core = require("ctr.core")
local errors = require("ctr.errors")

local M = {}

local LINES = 2 -- of the log in a message
local LOG_MAX = 64 * 1024 * 1024

-- What people meet, by CRIU's own words: the first row that matches one of the lines speaks.
local MEANINGS = {
  { "Unable to open .*%.img: Permission denied", "in a user namespace, the group of its root has "
    .. "to be let into images_directory" },
  { "Can't lookup mount=%d+ for fd=%-?%d+", "a file is open that lies outside of the container's "
    .. "mounts, like a standard stream: pipes and /dev/null can be taken along" },
  { "[Ii]p6?tables%-?%w* ?.*[Nn]o such file", "iptables is not installed: network_lock may be "
    .. "nftables or skip" },
  { "Can't run iptables", "iptables is not installed, or does not run here: network_lock may "
    .. "be nftables or skip" },
  { "iptables", "the network is locked by iptables, which failed: network_lock may be nftables or "
    .. "skip" },
  { "Can't bind inet socket", "a socket listens at an address that the clone does not have, or "
    .. "that is in use here" },
  { "In%-flight connection", "a TCP connection waits to be accepted: tcp_skip_in_flight leaves it "
    .. "out" },
  { "Unknown peer net namespace", "an interface's other end was on the host: veth_pairs says "
    .. "how it is called there" },
  { "No space left on device", "the disk of the images is full" },
  { "Connected TCP socket", "a TCP connection is open: tcp_established takes it along" },
  { "tcp%-established", "a TCP connection is open: tcp_established takes it along" },
  { "Unix socket %d+ without peer", "a unix socket leads out of the container: CRIU takes it along "
    .. "where the network is the host's alone" },
  { "ext%-unix%-sk", "a unix socket leads out of the container: external_unix_connections" },
  { "External socket", "a unix socket leads out of the container: external_unix_connections" },
  { "shell%-job", "the session or the terminal is from outside of the container: shell_job" },
  { "file%-locks", "files are locked: file_locks takes the locks along" },
  { "link%-remap", "a file is open that was unlinked and has another name: "
    .. "link_remap takes it along" },
  { "Can't get 1:%d+ opt: Operation not supported", "this CRIU is too old for the kernel" },
  { "Unsupported .*vDSO", "this CRIU is too old for the kernel" },
  { "vDSO", "this CRIU is too old for the kernel" },
  { "unreachable sharing", "a mount is shared with one that is not in the container" },
  { "Can't dump ghost file .* too big", "an open file was unlinked, and is too large" },
  { "Pid %d+ do not match expected", "its process id is in use here: the container needs a pid "
    .. "namespace of its own" },
  { "Can't fork for %d+: File exists", "its process id is in use here: the container needs a pid "
    .. "namespace of its own" },
  { "killed by signal 9", "out of memory? the memory limit may be too low" },
  { "Can't set pgid", "its process group is in use here" },
  { "connect a socket: Network is unreachable", "the loopback interface is down where CRIU is" },
  { "Can't connect to server", "nobody answers at the page server's address" },
}

-- The text after "(00.012345)   1: Error (criu/files-reg.c:1331): ".
local function said(line)
  local text = line:match("Error %b(): (.*)$") or line:match("^%b()%s+(.*)$") or line
  return (text:gsub("%s+$", ""):gsub("[%c\127]", "?"))
end

-- Not all that CRIU cannot do it calls an error.
local function tells_of_error(line)
  return line:find("Error (", 1, true) or line:find("^%b()%s+Can't ")
end

-- What CRIU calls an error and lives with.
local HARMLESS = { "rlimit: Can't setup RLIMIT_NOFILE for self" }

local function is_harmless(text)
  for _, words in ipairs(HARMLESS) do
    if text:find(words, 1, true) then
      return true
    end
  end
  return false
end

--- The lines of a log that tell of errors, in their order.
-- @tparam string text
-- @treturn {string,…}
function M.lines(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do
    local words = tells_of_error(line) and said(line)
    if words and not is_harmless(words) then
      lines[#lines + 1] = words
    end
  end
  return lines
end

--- What lines of a log mean, where that is known.
-- @tparam {string,…} lines
-- @treturn ?string
function M.meaning(lines)
  for _, line in ipairs(lines) do
    for _, row in ipairs(MEANINGS) do
      if line:find(row[1]) then
        return row[2]
      end
    end
  end
  return nil
end

local function first_lines(lines)
  return table.concat(lines, "; ", 1, math.min(#lines, LINES))
end

--- Makes the error of a request that failed.
-- @tparam table how `what` ("dump"), `dir` (a descriptor of the work directory), `log` (its file's
-- name), `folder` (its path), `response` (where there is one), `err` (where there is none)
-- @treturn ctr.Error one line; `log` is the log's path
function M.error(how)
  local text = core.path.read(how.dir, how.log, LOG_MAX) or ""
  local lines = M.lines(text)
  local reason = first_lines(lines)
  if reason == "" or how.err then
    reason = how.response and how.response.cr_errmsg or how.err and tostring(how.err)
      or "it does not say why"
  end
  local meaning = M.meaning(lines)
  local path = how.folder .. "/" .. how.log
  local err = errors.new("SystemError", ("CRIU could not %s: %s%s (log: %s)"):format(how.what,
    reason, meaning and " (" .. meaning .. ")" or "", path),
    { op = "criu", target = how.what, cause = how.err })
  err.log, err.lines, err.meaning = path, lines, meaning
  return err
end

return M

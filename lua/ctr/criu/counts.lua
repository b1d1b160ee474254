--- How much of a container's memory a dump has taken so far: CRIU itself says so at the end alone.
-- Pages are in files, which grow; those that go to a page server are told of in CRIU's log.
-- @module ctr.criu.counts

local chain = require("ctr.criu.chain")
local core = require("ctr.core")

local M = {}

local PAGE = 4096
local FILE_MAX = 65536
local KIB = 1024

-- What it says of pages that it hands on: "\tp 0x401000 - 0x402000" or, until 4.1,
-- "\tp 0x401000 [1]".
local RANGE, COUNT = "^%s+p 0x(%x+) %- 0x(%x+)", "^%s+p 0x%x+ %[(%d+)%]"

--- The bytes that a line of CRIU's log says it hands on.
-- @tparam string line
-- @treturn number
function M.bytes_of(line)
  local text = line:match("page%-xfer:(.*)")
  if not text then
    return 0
  end
  local first, last = text:match(RANGE)
  if first then
    return tonumber(last, 16) - tonumber(first, 16)
  end
  return (tonumber(text:match(COUNT)) or 0) * PAGE
end

-- The memory that a process has for itself alone, and what it shares without a file.
local function memory_of(procfs, pid)
  local text = core.path.read(procfs, pid .. "/status", FILE_MAX) or ""
  local anonymous, shared = text:match("RssAnon:%s*(%d+)"), text:match("RssShmem:%s*(%d+)")
  return (tonumber(anonymous) or 0) + (tonumber(shared) or 0)
end

-- An estimate: the kernel's counters lag a little, pages of zeros are left out, and those that an
-- earlier image has.
local function expected(container)
  local procfs, sum = container.host:procfs(), 0
  for _, pid in ipairs(container.cgroup:pids(true) or {}) do
    sum = sum + memory_of(procfs, pid)
  end
  return math.floor(sum * KIB / PAGE)
end

--- Which one a dump is of a row in which each has what has changed since the one before.
-- @tparam ctr.fd dir of the images
-- @tparam string parent its folder relative to that, "" where there is none
-- @treturn number 1 for one that stands alone
function M.iteration(dir, parent)
  if parent == "" then
    return 1
  end
  return 1 + #chain.follow(("/proc/self/fd/%d"):format(core.fd.number(dir)), parent)
end

local function bytes_in_files(dir)
  local sum = 0
  for _, name in ipairs(core.path.list(dir, ".") or {}) do
    local stat = name:find("^pages%-.*%.img$") and core.path.stat(dir, name, { nofollow = true })
    sum = sum + (stat and stat.size or 0)
  end
  return sum
end

-- Goes on in the log where it was; half a line is left for the next time.
local function follow(self)
  self.log = self.log or core.path.open(self.work, self.log_name, { flags = { "rdonly" } })
  local text = self.log and core.fd.read(self.log, FILE_MAX)
  while text and text ~= "" do
    text = self.rest .. text
    for line in text:gmatch("([^\n]*)\n") do
      self.sent = self.sent + M.bytes_of(line)
    end
    self.rest = text:match("[^\n]*$")
    text = core.fd.read(self.log, FILE_MAX)
  end
  return self.sent
end

local counts_methods = {}
local counts_metatable = { __index = counts_methods }

--- Begins to count.
-- @tparam ctr.Container container
-- @tparam table options parsed
-- @tparam table opened `images` and `work` (`ctr.criu.folders`)
-- @tparam string log CRIU's log, in the work directory
-- @treturn table
function M.new(container, options, opened, log)
  return setmetatable({ images = opened.images, work = opened.work, log_name = log,
    is_sent = options.page_server ~= nil, sent = 0, rest = "", pages_expected = expected(container),
    iteration = M.iteration(opened.images, options.parent_image) }, counts_metatable)
end

--- Adds what is known by now to what a caller's function is told: `iteration`, `bytes_written`,
-- `pages_written` and, an estimate, `pages_expected`.
-- @tparam table info
-- @treturn table info
function counts_methods:fill(info)
  info.iteration, info.pages_expected = self.iteration, self.pages_expected
  info.bytes_written = info.bytes_written
    or (self.is_sent and follow(self) or bytes_in_files(self.images))
  info.pages_written = info.pages_written or math.floor(info.bytes_written / PAGE)
  return info
end

function counts_methods:close()
  if self.log then
    self.log:close()
  end
end

return M

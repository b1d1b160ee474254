--- lctr as an engine calls it: with streams that the container inherits.
-- @module specs.support.engine

local bundles = require("specs.support.bundle")
local core = require("ctr.core")
local orphans = require("specs.support.orphans")

local M = {}

local SECONDS = 60
local NULL = { flags = { "rdwr" } }
local OUT = { flags = { "rdwr", "creat", "trunc" }, mode = 384 }

--- The pattern of the containers' cgroups.
M.PATTERN = bundles.PATTERN

local engine_methods = {}
local engine_metatable = { __index = engine_methods }

--- Makes an engine with a bundle, whose program sleeps unless it is told otherwise.
-- @tparam[opt] table process members of its process object
-- @tparam[opt] table linux members of `linux`
function M.new(process, linux)
  local bundle = bundles.new(process or { args = { "sleep", "1000" } }, linux)
  return setmetatable({ bundle = bundle, folder = bundle.folder, id = bundle.id }, engine_metatable)
end

--- The descriptors of a call: none to read from, and files of the bundle's folder.
-- @tparam {ctr.fd,…} extra follow them
-- @treturn {ctr.fd,…} the first three are the caller's to close
function engine_methods:streams(extra)
  return {
    assert(core.fd.open("/dev/null", NULL)),
    assert(core.fd.open(self.folder .. "/out", OUT)),
    assert(core.fd.open(self.folder .. "/err", OUT)),
    unpack(extra or {}),
  }
end

--- Runs lctr to its end.
-- @tparam {string,…} args
-- @tparam[opt] {ctr.fd,…} extra what it has open as 3, 4, …
-- @treturn table `code`, `signal`, `stdout`, `stderr`
function engine_methods:call(args, extra)
  local fds = self:streams(extra)
  local child = self.bundle:start(args, fds)
  for index = 1, 3 do
    fds[index]:close()
  end
  local result = child.wait()
  return { code = result.code, signal = result.signal, stdout = self.bundle:read("out"),
    stderr = self.bundle:read("err") }
end

--- Runs lctr, which has to succeed without a word of its own.
-- @treturn string what it wrote
function engine_methods:succeeds(...)
  local result = self:call({ ... })
  assert(result.code == 0 and result.stderr == "", result.stderr)
  return result.stdout
end

--- Runs lctr, which has to fail with one line.
-- @treturn string the line, without lctr's name
function engine_methods:fails(...)
  local result = self:call({ ... })
  assert(result.code == 1 and result.stdout == "", "it did not fail: " .. result.stdout)
  return assert(result.stderr:match("^lctr: ([^\n]*)\n$"), result.stderr)
end

--- Runs lctr with an input.
-- @treturn table as `specs.support.command.run`
function engine_methods:feed(input, ...)
  return self.bundle:lctr({ ... }, { stdin = input })
end

--- Creates the container.
-- @treturn number the id of its first process
function engine_methods:create(...)
  local args = { "create", "--bundle", self.folder, "--pid-file", self.folder .. "/pid", ... }
  args[#args + 1] = self.id
  self:succeeds(unpack(args))
  return tonumber(self.bundle:read("pid"))
end

--- Creates and starts it.
-- @treturn number the id of its first process
function engine_methods:start(...)
  local pid = self:create(...)
  self:succeeds("start", self.id)
  return pid
end

--- Creates and starts it with pipes.
-- @tparam[opt] ctr.fd input where it reads; closed here
-- @treturn ctr.fd what it writes, and its errors
function engine_methods:start_piped(input)
  local output, write_end = core.fd.pipe()
  input = input or assert(core.fd.open("/dev/null", NULL))
  local child = self.bundle:start({ "create", "--bundle", self.folder, self.id },
    { input, write_end, write_end })
  input:close()
  write_end:close()
  assert(child.wait().code == 0)
  self:succeeds("start", self.id)
  return output
end

--- What `state` shows.
function engine_methods:state()
  return assert(core.json.decode(self:succeeds("state", self.id)))
end

--- Waits until a process has ended: then it is a zombie, for this program is its parent.
function M.await(pid)
  local handle = assert(core.proc.pidfd_open(pid))
  assert(core.poll.wait({ { fd = handle, events = "r" } }, SECONDS)[1])
  handle:close()
end

--- Deletes the container by force, and reaps whom it leaves.
function engine_methods:delete()
  self:succeeds("delete", "--force", self.id)
  orphans.reap("a container that was deleted")
end

--- Ends all.
function engine_methods:close()
  self.bundle:close()
end

return M

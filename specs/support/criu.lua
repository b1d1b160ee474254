--- CRIU for specs: one that runs on this machine (`tools/criu.sh`), or why there is none; and
-- containers that are asked how far they have counted.
-- @module specs.support.criu

local box = require("specs.support.box")
local core = require("ctr.core")
local ctr = require("ctr")

local M = {}

local SECONDS = 60

--- What a process waits with that is restored: some `sleep`s end when a restore interrupts them.
M.WAITING = { "/bin/tail", "-f", "/dev/null" }

local function find()
  if core.proc.ids().euid ~= 0 then
    return nil, "needs root"
  end
  local result = core.proc.run({ path = "/bin/sh", args = { "sh", "tools/criu.sh" },
    timeout = 600 })
  local path = result and result.code == 0 and result.stdout:match("^(/[^\n]+)\n$")
  if path then
    return path
  end
  return nil, "CRIU cannot be had: " .. (result and result.stderr:match("[^\n]*\n?$") or "")
end

M.path, M.reason = find()

--- Makes a box whose factory has that CRIU.
function M.box(opts)
  local all = { criu_path = M.path }
  for key, value in pairs(opts or {}) do
    all[key] = value
  end
  local made = box.new(all)
  made.images = 0
  return made
end

--- A folder that images may be put in; it is not there yet.
function M.folder(b)
  b.images = b.images + 1
  return ("%s/images-%d"):format(b.folder, b.images)
end

local COUNTER = "while read word; do i=$((i+1)); echo $i $word; done"

local client_methods = {}
local client_metatable = { __index = client_methods }

--- Says something to the container, and returns its answer.
function client_methods:ask(word)
  self.io.stdin:write(word .. "\n")
  return self.io.stdout:read("*l")
end

--- Ends the container's program by the end of its input, and returns how it ended.
function client_methods:finish()
  self.io.stdin:close()
  local result = assert(self.process:wait(SECONDS))
  self:close()
  return result
end

function client_methods:close()
  for _, stream in pairs(self.io) do
    stream:close()
  end
end

--- A process with pipes to talk by.
-- @tparam[opt] table fields of the process
-- @treturn table `process`, `io`; `ask(word)`, `finish()`, `close()`
function M.client(fields)
  local process = ctr.process(fields or {})
  return setmetatable({ process = process, io = assert(process:initialize_io()) }, client_metatable)
end

--- A container whose first process counts the lines that it is given, in memory alone.
-- @tparam table b box
-- @tparam[opt] table changes of the configuration
-- @tparam[opt] string before what its shell does first
-- @tparam[opt] table fields of the process
-- @treturn ctr.Container
-- @treturn table the client
function M.counter(b, changes, before, fields)
  local container = assert(b:create(changes))
  local all = { args = { "/bin/sh", "-c", (before or "") .. "\n" .. COUNTER },
    env = { "PATH=/bin" } }
  for key, value in pairs(fields or {}) do
    all[key] = value
  end
  local client = M.client(all)
  assert(container:run(client.process))
  return container, client
end

--- Takes a checkpoint that stops the container, and waits for its end.
-- @treturn string the images' folder
function M.dump(b, container, client, options)
  local all = { images_directory = M.folder(b) }
  for key, value in pairs(options or {}) do
    all[key] = value
  end
  assert(container:checkpoint(all))
  assert(client.process:wait(SECONDS))
  client:close()
  return all.images_directory
end

--- Restores a container.
-- @treturn table a client
function M.restore(container, folder, options)
  local client = M.client()
  local all = { images_directory = folder }
  for key, value in pairs(options or {}) do
    all[key] = value
  end
  local ok, err = container:restore(client.process, all)
  if not ok then
    client:close()
    return nil, err
  end
  return client
end

--- Makes a clone.
-- @tparam[opt] table overrides
-- @tparam[opt] string id
-- @treturn table a client, with `container`
function M.clone(b, folder, overrides, id)
  local client, all = M.client(), {}
  for key, value in pairs(overrides or {}) do
    all[key] = value
  end
  all.process = client.process
  b.clones = (b.clones or 0) + 1
  local container, err = b.factory:clone(folder, id or "clone-" .. b.clones, all)
  if not container then
    client:close()
    return nil, err
  end
  b.containers[#b.containers + 1] = container
  client.container = container
  return client
end

return M

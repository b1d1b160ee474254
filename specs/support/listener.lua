--- A unix socket that a spec listens on.
-- @module specs.support.listener

local ffi = require("ffi")
local core = require("ctr.core")

ffi.cdef([[
struct ctr_listener_address { uint16_t family; char path[108]; };
int socket(int domain, int type, int protocol);
int bind(int fd, const struct ctr_listener_address *address, uint32_t size);
int listen(int fd, int backlog);
int accept4(int fd, void *address, void *size, int flags);
]])

local M = {}

local UNIX, STREAM, CLOEXEC = 1, 1, 524288
local SECONDS = 60

--- Listens.
-- @tparam string folder
-- @tparam string name also one that is longer than an address holds
-- @treturn table `accept()` → a connection, `close()`
function M.new(folder, name)
  local socket = core.fd.wrap(ffi.C.socket(UNIX, STREAM + CLOEXEC, 0))
  local address = ffi.new("struct ctr_listener_address", UNIX, folder .. "/listener")
  assert(ffi.C.bind(socket:fd(), address, ffi.sizeof(address)) == 0)
  assert(ffi.C.listen(socket:fd(), 5) == 0)
  assert(os.rename(folder .. "/listener", folder .. "/" .. name))
  local listener = {}
  function listener.accept()
    assert(core.poll.wait({ { fd = socket, events = "r" } }, SECONDS)[1], "nobody connects")
    local number = ffi.C.accept4(socket:fd(), nil, nil, CLOEXEC)
    assert(number >= 0)
    return core.fd.wrap(number)
  end
  function listener.close()
    socket:close()
  end
  return listener
end

return M

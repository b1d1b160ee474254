-- A process under a filter of its own. Arguments: the numbers of the system calls that it hands
-- over, separated by commas; Lua code, which has `core`, `ffi`, `C` (of the C library). It passes
-- its listener over descriptor 3, waits for a byte there, and closes it, before the code runs.

package.path = "lua/?.lua;lua/?/init.lua;" .. package.path
package.cpath = "build/?.so;" .. package.cpath
local core = require("ctr.core")
local ffi = require("ffi")

ffi.cdef([[
long syscall(long number, ...);
int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d);
struct sock_filter { uint16_t code; uint8_t jt; uint8_t jf; uint32_t k; };
struct sock_fprog { unsigned short len; struct sock_filter *filter; };
void _exit(int status);
int open(const char *path, int flags, ...);
int close(int fd);
int mkdir(const char *path, unsigned mode);
int pause(void);
long read(int fd, void *data, unsigned long size);
]])
local C = ffi.C

local NO_NEW_PRIVS, SECCOMP, NEW_LISTENER = 38, 317, 8
local LOAD_NUMBER, IF_EQUAL, RETURN = 0x20, 0x15, 0x06
local NOTIFY, ALLOW = 0x7fc00000, 0x7fff0000

local rows = { { LOAD_NUMBER, 0, 0, 0 } }
for number in arg[1]:gmatch("%d+") do
  rows[#rows + 1] = { IF_EQUAL, 0, 1, tonumber(number) }
  rows[#rows + 1] = { RETURN, 0, 0, NOTIFY }
end
rows[#rows + 1] = { RETURN, 0, 0, ALLOW }
local filter = ffi.new("struct sock_filter[?]", #rows, rows)
local program = ffi.new("struct sock_fprog", { #rows, filter })

assert(C.prctl(NO_NEW_PRIVS, 1, 0, 0, 0) == 0)
local listener = tonumber(C.syscall(SECCOMP, ffi.cast("long", 1), ffi.cast("long", NEW_LISTENER),
  program))
assert(listener >= 0, "seccomp: " .. ffi.errno())
assert(core.fd.send(3, "x", { listener }))
C.close(listener)
assert(core.fd.read(3, 1) == "g")
C.close(3)

local code = assert(loadstring("local core, ffi, C = ...\n" .. arg[2]))
C._exit(code(core, ffi, C) or 0)

--- Runs a command in a mount namespace of its own, so that nothing it mounts reaches the machine:
-- `unshare --mount --propagation private`, which also works in a chroot. There, the chroot's
-- folder becomes the namespace's root: whoever lives in a chroot may make no user namespaces.
-- Arguments: the command.

local ffi = require("ffi")
ffi.cdef([[
int unshare(int flags);
int setns(int fd, int kind);
int mount(const char *source, const char *target, const char *type, unsigned long flags,
          const void *data);
int umount2(const char *target, int flags);
long syscall(long number, ...);
int open(const char *path, int flags, ...);
int fchdir(int fd);
int chdir(const char *path);
char *getcwd(char *buffer, size_t size);
int execvp(const char *file, const char *const *argv);
char *strerror(int number);
]])

local C = ffi.C
local NEWNS, PRIVATE, BIND_TREE, DETACH, CLOEXEC = 0x20000, 0x44000, 0x5000, 2, 0x80000
local PIVOT_ROOT = ffi.arch == "x64" and 155 or 41

local function check(result, what)
  if result < 0 then
    io.stderr:write("private.lua: ", what, ": ", ffi.string(C.strerror(ffi.errno())), "\n")
    os.exit(1)
  end
  return result
end

local function working_folder()
  local buffer = ffi.new("char[4096]")
  return ffi.string(C.getcwd(buffer, 4096))
end

-- The chroot's folder, bound on itself, in the place of the root.
local function become_root(root)
  check(C.fchdir(root), "fchdir")
  check(C.mount(".", ".", nil, BIND_TREE, nil), "bind the root")
  -- What is mounted over the current folder is found by its path anew.
  local path = working_folder()
  check(C.chdir(path), path)
  check(tonumber(C.syscall(PIVOT_ROOT, ".", ".")), "pivot_root")
  check(C.umount2(".", DETACH), "umount the old root")
end

local folder = working_folder()
check(C.unshare(NEWNS), "unshare")
local root = check(C.open("/", CLOEXEC), "/")
local own = check(C.open("/proc/self/ns/mnt", CLOEXEC), "/proc/self/ns/mnt")
if C.mount(nil, "/", nil, PRIVATE, nil) < 0 then
  check(C.setns(own, NEWNS), "setns")
  check(C.mount(nil, "/", nil, PRIVATE, nil), "make the mounts private")
  become_root(root)
end
check(C.chdir(folder), folder)

local argv = ffi.new("const char *[?]", #arg + 1)
for index, word in ipairs(arg) do
  argv[index - 1] = word
end
check(C.execvp(arg[1], argv), arg[1])

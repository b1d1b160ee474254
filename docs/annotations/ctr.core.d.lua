---@meta ctr.core
-- Made by `make reference`: change it in the schema and in the docstrings.

---@class ctr.fd
local ctr_fd = {}

local ctr_core_bpf = {}
local ctr_core_caps = {}
local ctr_core = {}
local ctr_core_event = {}
local ctr_core_fd = {}
local ctr_core_inside = {}
local ctr_core_interrupt = {}
local ctr_core_json = {}
local ctr_core_kernel = {}
local ctr_core_mount = {}
local ctr_core_notify = {}
local ctr_core_ns = {}
local ctr_core_path = {}
local ctr_core_poll = {}
local ctr_core_proc = {}
local ctr_core_text = {}
local ctr_core_tty = {}
local ctr_core_watch = {}
local ctr_core_wire = {}
local ctr_core_xattr = {}

---Attaches device rules to a cgroup, in place of those that were attached so before: at no time are there none.
---
---Of the rules that match an access the last one counts.
---@param cgroup any descriptor of its directory, open for reading
---@param rules table a list of `{ allow, types, major, minor, access }`: `types` 1 block, 2 character, 3 both; `access` 1 mknod, 2 read, 4 write and sums of these; no number: every one
---@param allow boolean what counts where no rule matches
---@return true?
---@return ctr.Error? # `SystemError`
function ctr_core_bpf.set_devices(cgroup, rules, allow) end

---Counts the device programs that are attached to a cgroup.
---@param cgroup any descriptor of its directory
---@return number?
---@return ctr.Error? # `SystemError`
function ctr_core_bpf.count_devices(cgroup) end

---The number of the kernel's last capability.
---@return number
function ctr_core_caps.last() end

---The number of a name.
---@param name string
---@return (number|nil) # nil for a name that is not known
function ctr_core_caps.number(name) end

---The mask of some capabilities.
---@param names table
---@return string? # decimal, 64 bits
---@return ctr.Error? # `SystemError`; `EINVAL` for a name that libcap or the kernel does not know
function ctr_core_caps.mask(names) end

---The capabilities of a process.
---@param pid? number default: the caller
---@return table? # lists of names: `effective`, `permitted`, `inheritable`, and of the caller also `bounding` and `ambient`
---@return ctr.Error? # `SystemError`
function ctr_core_caps.of(pid) end

---Makes a set of descriptors, which is readable itself when one of them is ready.
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_event.set() end

---Adds a descriptor to a set.
---@param set any
---@param fd any
---@param events string of `r`, `w`, `p`, as `poll.wait` has them
---@param id number what `collect` calls it
---@return boolean? # true
---@return ctr.Error? # `SystemError`: `EEXIST`; `EPERM` for what is always ready (a regular file)
function ctr_core_event.add(set, fd, events, id) end

---Changes what a descriptor of a set is watched for, and its id.
---@param set any
---@param fd any
---@param events string
---@param id number
---@return boolean? # true
---@return ctr.Error? # `SystemError`: `ENOENT`
function ctr_core_event.change(set, fd, events, id) end

---Takes a descriptor out of a set.
---@param set any
---@param fd any
---@return boolean? # true
---@return ctr.Error? # `SystemError`: `ENOENT`
function ctr_core_event.remove(set, fd) end

---Waits until some descriptors of a set are ready.
---@param set any
---@param timeout? number seconds; without it there is no end
---@return table? # an id and its events by turns (`{ 7, "r", 9, "rh" }`): of `r`, `w`, `p`, `e`, `h`; empty when time ran out
---@return ctr.Error? # `SystemError`
function ctr_core_event.collect(set, timeout) end

---Makes a timer: a descriptor that is readable from the time on that it is set to.
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_event.timer() end

---Sets a timer anew.
---@param timer any
---@param when? number on the clock of `proc.clock`; without it the timer rests
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_event.set_timer(timer, when) end

---Opens a descriptor that a signal can be read from.
---
---The signal is blocked in the calling thread.
---@param signo number
---@return ctr.fd?
---@return boolean # whether it was not blocked before, so that `unblock` is to undo it
function ctr_core_event.signal(signo) end

---Reads a signal that has arrived.
---@param fd any as `signal` opened it
---@return (table|boolean)? # `signal` (its name), `pid` and `uid` of who sent it; false when none has
---@return ctr.Error? # `SystemError`
function ctr_core_event.read_signal(fd) end

---Lets a signal through again that `signal` blocked.
---@param signo number
---@return boolean # true
function ctr_core_event.unblock(signo) end

---The number of an open handle.
---@return number
function ctr_fd:fd() end

---Closes the descriptor; a closed handle is left as it is.
---@return boolean # true
function ctr_fd:close() end

---Gives the descriptor away: the handle is closed, the number stays open.
---@return number
function ctr_fd:take() end

---Tells whether the handle still owns a descriptor.
---@return boolean
function ctr_fd:is_open() end

---Takes over a number: it is closed with the handle.
---@param fd number
---@return ctr.fd
function ctr_core_fd.wrap(fd) end

---Duplicates a descriptor, close-on-exec.
---@param fd any a handle, a number or a Lua file
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_fd.dup(fd) end

---The number of a descriptor.
---@param fd any a handle, a number or a Lua file
---@return number
function ctr_core_fd.number(fd) end

---Makes a pipe.
---@return ctr.fd? # the end to read from
---@return ctr.fd # the end to write to
function ctr_core_fd.pipe() end

---Makes a pair of connected unix sockets.
---@param type string `"stream"` or `"seqpacket"`
---@return ctr.fd?
---@return ctr.fd
function ctr_core_fd.socketpair(type) end

---Reads once.
---@param fd any
---@param max number bytes at most
---@return string? # `""` at the end
---@return ctr.Error? # `SystemError`
function ctr_core_fd.read(fd, max) end

---Writes once.
---@param fd any
---@param data string
---@return number? # bytes written
---@return ctr.Error? # `SystemError`
function ctr_core_fd.write(fd, data) end

---Writes all of the data.
---@param fd any
---@param data string
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_fd.write_all(fd, data) end

---Makes reads and writes of the open file wait, or fail with `EAGAIN`.
---@param fd any
---@param nonblock boolean
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_fd.set_nonblock(fd, nonblock) end

---Opens a path of the host, close-on-exec.
---@param path string
---@param options? table `flags` (list of `"rdonly"`, `"wronly"`, `"rdwr"`, `"creat"`, `"excl"`, `"append"`, `"trunc"`, `"nonblock"`, `"path"`, `"directory"`, `"nofollow"`, `"noctty"`), `mode`
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_fd.open(path, options) end

---Makes a sealed memory file that holds a string, to be read from its start.
---@param name string
---@param content string
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_fd.memfd(name, content) end

---Copies a program to a sealed memory file that can be executed, and never changed.
---@param path string
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_fd.seal(path) end

---Sends data, and descriptors with it.
---@param socket any
---@param data string at least one byte where descriptors go along
---@param fds? table a list, at most 253
---@param all? boolean go on until all is sent (default: once)
---@return number? # bytes sent
---@return ctr.Error? # `SystemError`
function ctr_core_fd.send(socket, data, fds, all) end

---Receives one message.
---@param socket any
---@param max number bytes at most
---@return string? # `""` at the end
---@return table # handles that came along
function ctr_core_fd.recv(socket, max) end

---Changes the owner of an open file.
---@param fd any
---@param uid number
---@param gid number
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_fd.chown(fd, uid, gid) end

---Connects to a unix socket.
---@param path string , or `@name` for an abstract one (unix(7))
---@param type? string `"stream"` or `"datagram"`
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_fd.connect_unix(path, type) end

---Makes a unix datagram socket with a name.
---@param path string where nothing is yet, or `@name`
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_fd.bind_unix(path) end

---Makes a unix stream socket with a name, which only its owner may connect to, and listens.
---@param path string where nothing is yet
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_fd.listen_unix(path) end

---Takes who has connected to a socket of `listen_unix`; his end never waits.
---@param fd any
---@return ctr.fd?
---@return number # the user that he was when he connected
function ctr_core_fd.accept(fd) end

---What a descriptor refers to.
---@param fd any
---@return string? # `"file"`, `"directory"`, `"char"`, `"block"`, `"fifo"`, `"socket"`, `"link"`, or `"anonymous"` (a pidfd)
---@return ctr.Error? # `SystemError`
function ctr_core_fd.type(fd) end

---Forks the calling program: it returns twice.
---
---The copy waits for a byte on the channel, then becomes what the options say, sends `READY` and goes on; what it does not keep leads to `null`. It must end by `exit`, and never return to what called it.
---@param options table `channel` (a stream socket), `null` (a descriptor that leads nowhere), `open` (numbers of all that is open, ascending), `keep`, `cgroups` (lists of descriptors), `target` (a pidfd), `namespaces` (CLONE_NEW*), `is_mapped`, `sets_groups`, `root` (a descriptor), `user` (table: `uid`, `gid`, `groups`, `sets_groups`, `bounding`, `caps`, `ambient`), `filter` (string), `filter_flags`, `follows`, `is_orphan` (booleans): as `src/inside.h` has them
---@return table? # `pid` and `pidfd`
---@return ctr.Error? # `SystemError`
function ctr_core_inside.fork(options) end

---Ends the process at once: nothing is flushed, closed or collected.
---@param code? number
function ctr_core_inside.exit(code) end

---Calls a function, which SIGINT ends: it raises "interrupted" in the next step of Lua code that is not the library's own, and what waits in the library fails with `EINTR` before.
---
---Machine code that LuaJIT made notices nothing of it: who calls has turned its compiler off.
---@param spared string what the names of the library's sources begin with, as `debug.getinfo` has them
---@param handler function is given an error, and returns what is told of it
---@param callback function
---@return boolean # whether it returned
---@return boolean # whether it was interrupted
---@return any # what it returned, or what `handler` did
function ctr_core_interrupt.call(spared, handler, callback) end

---Writes a value as JSON, keys sorted.
---
---A table whose keys are 1 to n is an array, and so is an empty one that `array` marked; any other is an object.
---@param value any of tables, strings, numbers, booleans and `null`
---@param options? table `indent`: spaces per level, at most 31 (default: all on one line)
---@return string?
---@return ctr.Error? # `SystemError`: `ELOOP` beyond a depth of 128, `EILSEQ` for what is not UTF-8, `EINVAL` for what JSON has not
function ctr_core_json.encode(value, options) end

---Reads a JSON document: an object or an array, and nothing behind it.
---
---Integers beyond 2^53 become decimal strings, null becomes `null`, arrays are marked as by `array`.
---@param text string
---@return table?
---@return ctr.Error? # `SystemError`: `EBADMSG` for what is no JSON, has a key twice, or a NUL in a string; `ELOOP` beyond a depth of 128
function ctr_core_json.decode(text) end

---Marks a table as an array, for when it is empty.
---@param table table
---@return table # the same
function ctr_core_json.array(table) end

---Tells whether the kernel has a system call, and lets the caller use it: one that a filter hides with `ENOSYS` is not there.
---@param name string one of those that the library needs: `"clone3"`
---@return boolean
function ctr_core_kernel.has_call(name) end

---Clones the mount at a path, detached from any namespace.
---@param path string
---@param options? table `recursive` (boolean): the whole tree; `set` and `clear`: words (`"rdonly"`, `"nosuid"`, `"nodev"`, `"noexec"`, `"atime"`, `"relatime"`, `"noatime"`, `"strictatime"`, `"nodiratime"`, `"nosymfollow"`) or the kernel's number; `propagation`: `"private"`, `"slave"`, `"shared"`, `"unbindable"` or its number; `userns`: the user namespace by whose mappings ids are translated; `dir`: where a relative path starts
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_mount.clone(path, options) end

---Tells mounts apart.
---@param fd any
---@return string? # of the mount that it is on; no two are the same while both are there
---@return ctr.Error? # `SystemError`
function ctr_core_mount.id(fd) end

---Changes the attributes of a mount.
---@param fd any
---@param options table `set`, `clear`, `propagation`, `userns`, `recursive` as of `clone`
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_mount.change(fd, options) end

---Makes a file system, detached.
---@param type string
---@param source string
---@param options table strings `"key=value"` or `"key"`
---@param change? table `set`: words as of `clone`
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_mount.new(type, source, options, change) end

---Attaches a detached mount.
---@param mount any
---@param target any a descriptor of what it will cover
---@param what string the target's name, for an error
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_mount.attach(mount, target, what) end

---Takes away a mount.
---@param fd any of something in the mount
---@param what string its name, for an error
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_mount.detach(fd, what) end

---A procfs that is mounted nowhere: nobody else can change what its paths lead to.
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_mount.procfs() end

---Makes a mount namespace of one empty read-only tmpfs, in a thread of its own.
---@param with_proc? boolean with a whole procfs and sysfs in it: what a user namespace needs
---@return ctr.fd? # an nsfs descriptor, which keeps the namespace alive
---@return ctr.Error? # `SystemError`
function ctr_core_mount.lean(with_proc) end

---Takes the next call that waits for an answer; never waits, as long as nobody else reads the listener.
---@param listener any
---@return (table|boolean)? # `id`, `pid` (of the thread), `number`, `arch_token` (AUDIT_ARCH_*), `args` (six, unsigned: decimal strings where a number would not be exact); false when none is pending
---@return ctr.Error? # `SystemError`; `ENOTCONN` when nobody is left whose calls could come
function ctr_core_notify.receive(listener) end

---Answers a call.
---@param listener any
---@param call table
---@param answer table one of `go_on` (true): the kernel runs the call; `errno` (a number): it fails; `value` (a number or a decimal string): it returns that
---@return boolean? # false when the call is gone, with the process that made it
---@return ctr.Error? # `SystemError`
function ctr_core_notify.respond(listener, call, answer) end

---Tells whether a call still waits for its answer.
---@param listener any
---@param call table
---@return boolean
function ctr_core_notify.is_pending(listener, call) end

---Gives the process that made a call a descriptor.
---@param listener any
---@param call table
---@param fd any
---@param options? table `at` (the number that it gets; else the lowest free one), `cloexec` (boolean), `answers` (boolean): the call returns the number (Linux 5.14)
---@return (number|boolean)? # its number there; false when the call is gone
---@return ctr.Error? # `SystemError`
function ctr_core_notify.add_fd(listener, call, fd, options) end

---Reads memory of the process that made a call.
---@param listener any
---@param call table
---@param address number|string
---@param length number
---@return string? # as long as asked for
---@return ctr.Error? # `SystemError`: `EFAULT` when not all of it can be read, `ENOENT` when the call is gone
function ctr_core_notify.read(listener, call, address, length) end

---Reads a string of the process that made a call, up to its NUL.
---@param listener any
---@param call table
---@param address number|string
---@param max number the most bytes, with the NUL
---@return string? # without the NUL
---@return ctr.Error? # `SystemError`: `EFAULT` where it cannot be read, `ENAMETOOLONG` when it is longer, `ENOENT` when the call is gone
function ctr_core_notify.read_string(listener, call, address, max) end

---Lets the kernel hand the processor from the caller to the supervisor and back at once, where it can (Linux 6.6).
---@param listener any
---@return boolean # true
function ctr_core_notify.set_sync(listener) end

---Compares an argument as a filter does: unsigned, with 64 bits.
---@param op string `"SCMP_CMP_EQ"` …
---@param arg number|string
---@param value number|string
---@param value_two? number|string of `"SCMP_CMP_MASKED_EQ"`: `value` is its mask
---@return boolean
function ctr_core_notify.compare(op, arg, value, value_two) end

---The number of an errno.
---@param name string `"EPERM"`
---@return (number|nil)
function ctr_core_notify.errno(name) end

---The name of an errno.
---@param errno number
---@return (string|nil)
function ctr_core_notify.errno_name(errno) end

---Opens a namespace.
---@param path string of the host: `/proc/1/ns/net`
---@return ctr.fd?
---@return string # its type, `"NEWNET"`
function ctr_core_ns.open(path) end

---Enters a namespace: the calling thread alone does, and what it starts from then on.
---@param fd any of a namespace
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `EINVAL` for what is no namespace
function ctr_core_ns.enter(fd) end

---Tells whether the kernel has a kind of namespace.
---@param name string `"NEWTIME"`
---@return boolean
function ctr_core_ns.supported(name) end

---Opens a directory of the host, to look up paths below it.
---@param path string
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_path.open_root(path) end

---Opens a path below dir, close-on-exec.
---@param dir any
---@param path string
---@param options? table `flags` and `mode` as of `fd.open`; `beneath` (boolean): no link and no mount on the way
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_path.open(dir, path, options) end

---Reads a regular file; never waits for what is in its place.
---@param dir any
---@param path string
---@param max number bytes at most
---@return string?
---@return ctr.Error? # `SystemError`; `EFBIG` for more than max bytes, `EINVAL` for no regular file
function ctr_core_path.read(dir, path, max) end

---Reads an open regular file from its start.
---@param fd any
---@param max number bytes at most
---@return string?
---@return ctr.Error? # `SystemError`; `EFBIG` for more than max bytes, `EINVAL` for no regular file
function ctr_core_path.read_fd(fd, max) end

---Writes to a regular file with one write(2).
---@param dir any
---@param path string
---@param data string
---@param options? table `beneath` (boolean) as of `open`; `create`, the mode of a file to make (one that exists is cut to nothing first); `append` (boolean)
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.write(dir, path, data, options) end

---Puts a new file in the place of a name: whole, or not at all.
---@param dir any
---@param name string
---@param data string
---@param mode number exactly
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.replace(dir, name, data, mode) end

---Makes a directory.
---@param dir any
---@param name string
---@param mode number less the umask
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `EEXIST` when it is there
function ctr_core_path.mkdir(dir, name, mode) end

---Makes a fifo.
---@param dir any
---@param name string
---@param mode number less the umask
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.mkfifo(dir, name, mode) end

---Makes a symbolic link.
---@param dir any
---@param text string where it leads
---@param name string
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.symlink(dir, text, name) end

---Removes an empty directory.
---@param dir any
---@param name string
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.rmdir(dir, name) end

---Removes a name that is no directory.
---@param dir any
---@param name string
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.unlink(dir, name) end

---Renames; what has the new name is replaced.
---@param dir any
---@param old string
---@param new string
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.rename(dir, old, new) end

---The names in a directory, sorted, without `.` and `..`.
---@param dir any
---@param path string
---@return table?
---@return ctr.Error? # `SystemError`
function ctr_core_path.list(dir, path) end

---What is at a path; `""` is dir itself, of whatever kind.
---@param dir any
---@param path string
---@param options? table `nofollow` (boolean)
---@return table? # `type` as of `fd.type`, `mode`, `uid`, `gid`, `size`, `ino`, `dev`, `rdev_major`, `rdev_minor`, `mtime` (seconds)
---@return ctr.Error? # `SystemError`
function ctr_core_path.stat(dir, path, options) end

---The text of a symbolic link.
---@param dir any
---@param path string
---@return string?
---@return ctr.Error? # `SystemError`
function ctr_core_path.readlink(dir, path) end

---Removes a name and all below it; follows no link and enters no mount.
---@param dir any
---@param name string
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `EXDEV` or `EBUSY` at a mount
function ctr_core_path.remove_tree(dir, name) end

---Takes the exclusive lock of a file, which is made where it is missing.
---@param dir any
---@param name string
---@param options? table `wait` (boolean, default true)
---@return ctr.fd? # the lock, until it is closed
---@return ctr.Error? # `SystemError`; `EAGAIN` when another has it
function ctr_core_path.lock(dir, name, options) end

---The file system that a path is on.
---@param dir any
---@param path string
---@return (string|number)? # `"proc"`, `"tmpfs"`, `"cgroup"`, `"cgroup2"`, `"devpts"`, `"sysfs"`, `"nsfs"` and some more, or statfs(2)'s number
---@return ctr.Error? # `SystemError`
function ctr_core_path.fs_type(dir, path) end

---The canonical name of a path of the host.
---@param path string
---@return string?
---@return ctr.Error? # `SystemError`
function ctr_core_path.realpath(path) end

---Changes the permissions of what a path leads to.
---@param dir any
---@param path string
---@param mode number
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.chmod(dir, path, mode) end

---Changes the owner of what a path leads to.
---@param dir any
---@param path string
---@param uid number
---@param gid number
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_path.chown(dir, path, uid, gid) end

---Waits until one of some descriptors is ready.
---@param set table a list of `{ fd =, events = }`, events of `r` (readable), `w` (writable) and `p` (an exceptional state: a change of a cgroup's file)
---@param timeout? number seconds; without it there is no end
---@return table? # by index in the set, what is ready: of `r`, `w`, `p`, `e` (an error), `h` (the other end is gone); empty when time ran out
---@return ctr.Error? # `SystemError`
function ctr_core_poll.wait(set, timeout) end

---Starts a program in a child.
---
---`argv[1]` is its name, not its path.
---@param options table `image` (a descriptor of the program) or `path`; `argv`; `env` (default: the caller's); `fds`: what the child has as 0, 1, …, and nothing else; `flags`: CLONE_NEW* of new namespaces; `cgroup`: a descriptor of a cgroup2 directory to start in; `dir`: its working directory; `new_group` (boolean): a process group of its own
---@return table? # `pid` and `pidfd`
---@return ctr.Error? # `SystemError`; also when the program cannot be executed
function ctr_core_proc.spawn(options) end

---Becomes a program, which keeps this process' descriptors that are not close-on-exec.
---@param options table `image` (a descriptor of the program) or `path`; `argv`; `env` (default: the caller's)
---@return nil
---@return ctr.Error? # `SystemError`: it returns only to say why not
function ctr_core_proc.exec(options) end

---Opens a process.
---@param pid number
---@return ctr.fd?
---@return ctr.Error? # `SystemError`; `ESRCH` when there is none
function ctr_core_proc.pidfd_open(pid) end

---Sends a signal to a process.
---@param pidfd any
---@param signo number 0 only asks whether it could be sent
---@return boolean? # true
---@return ctr.Error? # `SystemError`; `ESRCH` when the process is gone
function ctr_core_proc.send_signal(pidfd, signo) end

---Waits for the end of a child.
---@param pidfd any
---@param options? table `nohang` (boolean): do not wait; `nowait` (boolean): leave it to be waited for again
---@return (table|boolean)? # `code` or `signal` (a name), `core` (boolean), `usage` (`cpu`, `user` and `system` in seconds, `memory_peak` in bytes); false while it runs, with `nohang`
---@return ctr.Error? # `SystemError`; `ECHILD` for what is no child
function ctr_core_proc.wait(pidfd, options) end

---What a procfs says about a process.
---@param procfs any the descriptor of its root
---@param pid number
---@return table? # `state` (a letter), `start_time` (a string), `ppid`, `comm`
---@return ctr.Error? # `SystemError`; `ENOENT` when there is none
function ctr_core_proc.stat(procfs, pid) end

---Reads a resource limit of the caller.
---@param name string `"RLIMIT_NOFILE"`
---@return (number|string)? # soft; a decimal string where a number would not be exact
---@return (number|string) # hard
function ctr_core_proc.getrlimit(name) end

---Sets a resource limit of a process.
---@param pid number 0 is the caller
---@param name string `"RLIMIT_NOFILE"`
---@param soft number|string
---@param hard number|string
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_proc.prlimit(pid, name, soft, hard) end

---The caller's user and group.
---@return table # `uid`, `gid`, `euid`, `egid`
function ctr_core_proc.ids() end

---The caller's process number.
---@return number
function ctr_core_proc.getpid() end

---A variable of the caller's environment.
---@param name string
---@return (string|nil)
function ctr_core_proc.getenv(name) end

---Makes the caller the parent of its orphaned descendants.
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_proc.subreaper() end

---Seconds on a clock that only goes forward.
---@return number
function ctr_core_proc.clock() end

---Seconds since 1970.
---@return number
function ctr_core_proc.time() end

---Runs a helper of the host to its end.
---
---What it left behind in the background is not waited for; when time is over its whole process group is killed.
---@param options table `path` (absolute); `args`, its argv; `env` (default: the caller's); `dir`; `stdin`, a string (default: the null device); `timeout` in seconds (default: none); `output_max`, bytes that are kept of each stream (default 65536; the rest is read and dropped); `fds`: its descriptors from 3 on
---@return table? # `code` or `signal`, `stdout`, `stderr`, `timed_out` (boolean)
---@return ctr.Error? # `SystemError`
function ctr_core_proc.run(options) end

---A sum that tells damaged bytes from whole ones (FNV-1a, 64 bits).
---
---Against whoever means to deceive it is no help.
---@param text string
---@return string # 16 hexadecimal digits
function ctr_core_text.checksum(text) end

---Tells whether a descriptor is a terminal.
---@param fd any
---@return boolean
function ctr_core_tty.is_tty(fd) end

---The size of a terminal.
---@param fd any
---@return number? # columns
---@return number # rows
function ctr_core_tty.size(fd) end

---Sets the size of a terminal.
---@param fd any
---@param columns number
---@param rows number
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_tty.set_size(fd, columns, rows) end

---Makes a terminal pass every byte as it is.
---@param fd any
---@param options? table `translates`: what is written to it is treated as before (boolean, default false)
---@return userdata? # what `restore` goes back to
---@return ctr.Error? # `SystemError`
function ctr_core_tty.raw(fd, options) end

---Tells how a terminal is set.
---@param fd any
---@return userdata? # what `restore` goes back to
---@return ctr.Error? # `SystemError`
function ctr_core_tty.save(fd) end

---Puts a terminal back.
---@param fd any
---@param state userdata from `raw`
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_tty.restore(fd, state) end

---Makes a pseudo-terminal.
---@return ctr.fd? # its master
---@return string # the path of its other end
function ctr_core_tty.open_pty() end

---Makes a descriptor that is readable when a file that was added has changed.
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_watch.files() end

---Adds a file to `files`.
---@param watch any
---@param file any a descriptor of it
---@return true?
---@return ctr.Error? # `SystemError`
function ctr_core_watch.add(watch, file) end

---Makes an eventfd(2): readable when the kernel has counted something.
---@return ctr.fd?
---@return ctr.Error? # `SystemError`
function ctr_core_watch.counter() end

---Takes what is there to be read, without waiting.
---@param watch any of `files` or `counter`
---@return boolean? # whether there was anything
---@return ctr.Error? # `SystemError`
function ctr_core_watch.take(watch) end

---Writes a plan as one message.
---@param plan table a list of `{ name, numbers, strings }`; a number may be a decimal string
---@param keep number how many descriptors reach the program
---@return string?
---@return ctr.Error? # `SystemError`: `E2BIG`, or `EINVAL` for a string that holds a NUL
function ctr_core_wire.encode(plan, keep) end

---Reads a message as the bootstrap does.
---@param message string
---@return table? # a plan as `encode` takes it
---@return number # keep
function ctr_core_wire.decode(message) end

---Makes a frame.
---@param kind string `"ACK"`, …
---@param step number
---@return string
function ctr_core_wire.frame(kind, step) end

---Reads a frame.
---@param frame string
---@return table? # `kind`, `step`, `value`; `err` of a `FAIL`; `name` of a `SYNC`; `text` of an `OUTPUT` and of a `READY`; `num` of `FILES` (bit 0 passwd, bit 1 group)
---@return ctr.Error? # `SystemError`: `EBADMSG`
function ctr_core_wire.parse_frame(frame) end

---Sets an attribute to a string, with the NUL that security modules want behind it.
---@param dir any
---@param path string below dir; "" is dir itself
---@param name string `security.selinux`
---@param value string
---@return boolean? # true
---@return ctr.Error? # `SystemError`
function ctr_core_xattr.set(dir, path, name, value) end

---Reads an attribute of at most 4096 bytes.
---@param dir any
---@param path string below dir; "" is dir itself
---@param name string
---@return string? # all of its bytes
---@return ctr.Error? # `SystemError`; `ENODATA` where there is none
function ctr_core_xattr.get(dir, path, name) end

ctr_core.bpf = ctr_core_bpf
ctr_core.caps = ctr_core_caps
ctr_core.event = ctr_core_event
ctr_core.fd = ctr_core_fd
ctr_core.inside = ctr_core_inside
ctr_core.interrupt = ctr_core_interrupt
ctr_core.json = ctr_core_json
ctr_core.kernel = ctr_core_kernel
ctr_core.mount = ctr_core_mount
ctr_core.notify = ctr_core_notify
ctr_core.ns = ctr_core_ns
ctr_core.path = ctr_core_path
ctr_core.poll = ctr_core_poll
ctr_core.proc = ctr_core_proc
ctr_core.text = ctr_core_text
ctr_core.tty = ctr_core_tty
ctr_core.watch = ctr_core_watch
ctr_core.wire = ctr_core_wire
ctr_core.xattr = ctr_core_xattr
return ctr_core

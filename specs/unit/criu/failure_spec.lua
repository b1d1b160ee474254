local failure = require("ctr.criu.failure")

local LOG = [[
(00.000001) Version: 4.2.1 (gitid 0)
(00.083492) Error (criu/util.c:1533): rlimit: Can't setup RLIMIT_NOFILE for self: EPERM
(00.083500) Warn  (criu/kerndat.c:1285): Can't keep kdat cache on non-tempfs
(00.100000)     12: Error (criu/files-reg.c:1831): Can't lookup mount=42 for fd=1 path=/var/log/x
(00.100001) Can't connect to server 127.0.0.1:1
(00.100002) Error (criu/cr-dump.c:2128): Dumping FAILED.
]]

describe("ctr.criu.failure", function()
  it("has the errors of a log, but those that CRIU lives with", function()
    assert.same({
      "Can't lookup mount=42 for fd=1 path=/var/log/x",
      "Can't connect to server 127.0.0.1:1",
      "Dumping FAILED.",
    }, failure.lines(LOG))
    assert.same({}, failure.lines(""))
  end)

  it("leaves no control character in them", function()
    assert.same({ "a?b" }, failure.lines("(00.1) Error (x.c:1): a\27b\n"))
  end)

  it("knows what some of them mean", function()
    for line, meaning in pairs({
      ["Can't lookup mount=42 for fd=1 path=/x"] = "outside of the container's mounts",
      ["Connected TCP socket, consider using --tcp-established option."] = "tcp_established",
      ["Some file locks are hold by dumping tasks! You can try --file-locks"] = "file_locks",
      ["External socket is used. Consider using --ext-unix-sk option."] = "external_unix",
      ["iptables-restore: No such file or directory"] = "iptables is not installed: "
        .. "network_lock may be nftables or skip",
      ["sockets: Can't get 1:16 opt: Operation not supported"] = "too old for the kernel",
      ["Unable to open tty-info.img: Permission denied"] = "group of its root",
    }) do
      assert.matches(meaning, failure.meaning({ "something else", line }), 1, true)
    end
    assert.is_nil(failure.meaning({ "Dumping FAILED." }))
  end)
end)

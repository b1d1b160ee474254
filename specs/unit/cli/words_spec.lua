local errors = require("ctr.errors")
local words = require("ctr.cli.words")

local function of_program(errno, target)
  return errors.new("SystemError", "exec " .. target .. ": what the kernel says", {
    op = "exec", errno = errno, target = target, path = "process.args[1]",
  })
end

describe("ctr.cli.words", function()
  describe("line", function()
    for code, line in pairs({
      ContainerNotExists = "container does not exist",
      IdInUse = "container with given ID already exists",
      InvalidIdFormat = "invalid container ID format",
    }) do
      it("says of " .. code .. ": " .. line, function()
        assert.equal(line, words.line(errors.new(code, "something else")))
      end)
    end

    for _, case in ipairs({
      { "ENOENT", "foo (not found in PATH)", 'exec: "foo": executable file not found in $PATH' },
      { "ENOENT", "/bin/foo", 'exec: "/bin/foo": no such file or directory' },
      { "EACCES", "/bin/foo", 'exec: "/bin/foo": permission denied' },
      { "EPERM", "/bin/foo", 'exec: "/bin/foo": permission denied' },
      { "EISDIR", "/etc", 'exec: "/etc": is a directory: permission denied' },
      { "ENOTDIR", "/etc/passwd/x", 'exec: "/etc/passwd/x": not a directory' },
      { "ENOENT", "/bin/foo (interpreter /no/sh not found)",
        'exec: "/bin/foo": interpreter /no/sh: no such file or directory' },
      { "ENOENT", "/bin/foo (loader /no/ld.so not found)",
        'exec: "/bin/foo": loader /no/ld.so: no such file or directory' },
      { "EACCES", "/bin/foo (interpreter /etc not executable)",
        'exec: "/bin/foo": interpreter /etc: permission denied' },
      { "ENOEXEC", "/bin/foo", 'exec: "/bin/foo": what the kernel says' },
    }) do
      it(("says of a program, %s and %s: %s"):format(unpack(case)), function()
        assert.equal(case[3], words.line(of_program(case[1], case[2])))
      end)
    end

    it("says of nothing but a program what engines take for one", function()
      for text, line in pairs({
        ["open /x: no such file or directory"] = "open /x: missing",
        ["No such file or directory"] = "missing",
        ["mount /x: permission denied"] = "mount /x: access refused (EACCES)",
        ["mount /x: operation not permitted"] = "mount /x: not allowed (EPERM)",
      }) do
        assert.equal(line, words.line(text))
        assert.equal(line, words.line(errors.new("SystemError", text)))
      end
    end)

    it("says of a file on a directory what engines say of a directory on a file", function()
      assert.equal("mounts[1]: open /etc: is a directory, and what is mounted is not a directory",
        words.line(errors.new("SystemError", "open /etc: is a directory", { errno = "EISDIR",
          path = "mounts[1]" })))
    end)

    for _, case in ipairs({
      { "hooks.createRuntime[2]", "/bin/false exited with 1",
        "error running createRuntime hook #1: /bin/false exited with 1" },
      { "cgroups.path", "cgroup /a is in use: it holds the processes 7",
        "container's cgroup is not empty: cgroups.path: cgroup /a is in use: it holds the "
          .. "processes 7" },
      { "cgroups.path", "cgroup /a is frozen",
        "container's cgroup unexpectedly frozen: cgroups.path: cgroup /a is frozen" },
      { "process.sub_cgroup_paths[\"\"]", "must not contain `..`",
        "bad sub cgroup path: process.sub_cgroup_paths[\"\"]: must not contain `..`" },
      { "memory_policy.flags[1]", "is not known",
        "invalid memory policy flag: memory_policy.flags[1]: is not known" },
      { "seccomp.listener_path", "connect /a: gone",
        "failed to connect with seccomp agent: seccomp.listener_path: connect /a: gone" },
      { "mounts[1]", "openat2 /proc: too many levels of symbolic links",
        "/proc must be mounted on ordinary directory: mounts[1]: openat2 /proc: too many levels of "
          .. "symbolic links" },
      { "cgroups.memory", "is in use: it holds", "cgroups.memory: is in use: it holds" },
    }) do
      it("says first what people look for: " .. case[3], function()
        assert.equal(case[3], words.line(errors.with_path(errors.new("SystemError", case[2]),
          case[1])))
      end)
    end

    it("is one line of a bounded length", function()
      assert.equal("one; two; three", words.line("one\n  two\n\tthree"))
      assert.is_true(#words.line(("x"):rep(100000)) < 8192 - #"lctr: \n")
    end)
  end)

  describe("of_program", function()
    it("names the program as it was asked for", function()
      local err = words.of_program(of_program("ENOENT", "/only/foo"), "foo")
      assert.equal('exec: "foo": executable file not found in $PATH', words.line(err))
      assert.equal("ENOENT", err.errno)
      err = words.of_program(of_program("EACCES", "/bin/foo"), "foo")
      assert.equal('exec: "foo": permission denied', words.line(err))
    end)

    it("leaves other errors alone", function()
      local err = errors.new("SystemError", "x", { op = "exec", path = "mounts[1]" })
      assert.equal(err, words.of_program(err, "foo"))
      assert.equal("text", words.of_program("text", "foo"))
    end)
  end)
end)

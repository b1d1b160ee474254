local errors = require("ctr.errors")

describe("ctr.errors", function()
  -- What the core makes: the metatable and plain fields, no stack.
  local function core_error(fields)
    fields.code, fields.number = "SystemError", 10
    return setmetatable(fields, errors.metatable)
  end

  describe("codes", function()
    it("have libcontainer's numbers", function()
      assert.same({
        IdInUse = 0,
        InvalidIdFormat = 1,
        ContainerNotExists = 2,
        ContainerPaused = 3,
        ContainerNotStopped = 4,
        ContainerNotRunning = 5,
        ContainerNotPaused = 6,
        NoProcessOps = 7,
        ConfigInvalid = 8,
        ConsoleExists = 9,
        SystemError = 10,
      }, errors.codes)
    end)

    it("have a text each", function()
      for code in pairs(errors.codes) do
        assert.is_string(errors.texts[code])
      end
    end)
  end)

  describe("new", function()
    it("fills in the number of the code", function()
      local err = errors.new("ContainerPaused", "it is paused")
      assert.equal("ContainerPaused", err.code)
      assert.equal(3, err.number)
      assert.equal("it is paused", err.message)
    end)

    it("keeps the fields that it is given", function()
      local err = errors.new("SystemError", "no", { errno = "EPERM", op = "mount", target = "/x" })
      assert.equal("EPERM", err.errno)
      assert.equal("mount", err.op)
      assert.equal("/x", err.target)
    end)

    it("leaves the table of fields as it was", function()
      local fields = { errno = "EPERM" }
      errors.new("SystemError", "no", fields)
      assert.same({ errno = "EPERM" }, fields)
    end)

    it("raises for a code that there is not", function()
      assert.has_error(function()
        errors.new("Sytem", "no")
      end, "unknown error code: Sytem")
    end)
  end)

  describe("is", function()
    it("knows its own errors", function()
      assert.is_true(errors.is(errors.new("SystemError", "no")))
      assert.is_true(errors.is(core_error({})))
    end)

    it("refuses all else", function()
      assert.is_false(errors.is(nil))
      assert.is_false(errors.is("SystemError"))
      assert.is_false(errors.is({ code = "SystemError" }))
    end)
  end)

  describe("tostring", function()
    it("is the message", function()
      assert.equal("it is paused", tostring(errors.new("ContainerPaused", "it is paused")))
    end)

    it("has the path in front", function()
      local err = errors.new("SystemError", "mount tmpfs on /data", { path = "mounts[3]" })
      assert.equal("mounts[3]: mount tmpfs on /data", tostring(err))
    end)

    it("names a path once", function()
      local err = errors.new("ConfigInvalid", "rootfs is required", { path = "rootfs" })
      assert.equal("rootfs is required", tostring(err))
    end)

    it("copes with an error of the core that has no message", function()
      local err = core_error({ op = "openat2", target = "/data", errno = "ENOENT" })
      assert.equal("openat2 /data: ENOENT", tostring(err))
    end)

    it("copes with an error without anything", function()
      assert.equal("unknown error", tostring(setmetatable({}, errors.metatable)))
    end)
  end)

  describe("wrap", function()
    local inner = core_error({
      op = "fsconfig", target = "tmpfs", errno = "EINVAL", message = "fsconfig tmpfs: invalid",
    })

    it("adds what was tried on what", function()
      local err = errors.wrap(inner, "mount", "/data")
      assert.equal("mount /data: fsconfig tmpfs: invalid", err.message)
      assert.equal("mount", err.op)
      assert.equal("/data", err.target)
    end)

    it("keeps code, number, errno and path", function()
      local err = errors.wrap(errors.with_path(inner, "mounts[1]"), "mount", "/data")
      assert.equal("SystemError", err.code)
      assert.equal(10, err.number)
      assert.equal("EINVAL", err.errno)
      assert.equal("mounts[1]", err.path)
      assert.equal("mount /data: mounts[1]: fsconfig tmpfs: invalid", tostring(err))
    end)

    it("keeps the error underneath as its cause", function()
      assert.equal(inner, errors.wrap(inner, "mount", "/data").cause)
    end)

    it("adds a layer only once", function()
      local once = errors.wrap(inner, "mount", "/data")
      assert.equal(once, errors.wrap(once, "mount", "/data"))
    end)

    it("does without a target", function()
      assert.equal("start: fsconfig tmpfs: invalid", errors.wrap(inner, "start").message)
    end)

    it("makes an error of what foreign code failed with", function()
      local err = errors.wrap("boom", "hook", "prestart[1]")
      assert.equal("SystemError", err.code)
      assert.equal("hook prestart[1]: boom", err.message)
    end)
  end)

  describe("with_path", function()
    it("puts the path in front of the message", function()
      local inner = core_error({ message = "mount tmpfs on /data: invalid argument (size=12Q)" })
      local err = errors.with_path(inner, "mounts[3]")
      assert.equal("mounts[3]", err.path)
      assert.equal("mounts[3]: mount tmpfs on /data: invalid argument (size=12Q)", err.message)
      assert.equal(err.message, tostring(err))
    end)

    it("leaves the error underneath as it was", function()
      local inner = core_error({ message = "no" })
      errors.with_path(inner, "mounts[3]")
      assert.equal("no", inner.message)
      assert.is_nil(inner.path)
    end)

    it("lets an error keep the path that it has", function()
      local inner = errors.new("ConfigInvalid", "rootfs is required", { path = "rootfs" })
      assert.equal("rootfs", errors.with_path(inner, "process").path)
    end)
  end)

  describe("invalid", function()
    local problems = {
      { path = "mounts[1].device", text = "is required" },
      { path = "rootfs", text = "must be an absolute path" },
    }

    it("lists every problem, one per line", function()
      local err = errors.invalid(problems)
      assert.equal("ConfigInvalid", err.code)
      assert.equal("mounts[1].device", err.path)
      assert.equal(problems, err.problems)
      assert.equal("mounts[1].device is required\nrootfs must be an absolute path", tostring(err))
    end)

    it("counts those that are not listed", function()
      local lines = tostring(errors.invalid(problems, 7))
      assert.equal("and 7 more", lines:match("[^\n]*$"))
    end)
  end)

  describe("detail", function()
    it("tells message, context, causes and stack", function()
      local inner = core_error({ op = "fsconfig", target = "tmpfs", errno = "EINVAL" })
      local err = errors.with_path(errors.wrap(inner, "mount", "/data"), "mounts[3]")
      local text = err:detail()
      assert.equal(table.concat({
        "mounts[3]: mount /data: fsconfig tmpfs: EINVAL",
        "Code: System error",
        "Errno: EINVAL",
        "Operation: mount",
        "Target: /data",
        "Path: mounts[3]",
        "Caused by: fsconfig tmpfs: EINVAL",
        "Stack:",
      }, "\n"), text:match("^(.-Stack:)"))
      assert.truthy(text:find("errors_spec.lua", 1, true))
    end)

    it("does without a stack", function()
      assert.equal("no\nCode: System error", core_error({ message = "no" }):detail())
    end)

    it("ends when causes run in a ring", function()
      local err = core_error({ message = "no" })
      err.cause = err
      local _, count = err:detail():gsub("Caused by: no", "")
      assert.equal(16, count)
    end)
  end)
end)

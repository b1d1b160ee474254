local core = require("ctr.core")

describe("ctr.core.kernel", function()
  it("has the system calls that the library needs", function()
    for _, name in ipairs({ "clone3", "close_range", "fsconfig", "fsmount", "fsopen",
      "memfd_create", "mount_setattr", "move_mount", "open_tree", "openat2", "pidfd_getfd",
      "pidfd_open", "pidfd_send_signal", "seccomp" }) do
      assert.is_true(core.kernel.has_call(name), name)
    end
  end)

  it("asks for no others", function()
    assert.has_error(function() core.kernel.has_call("reboot") end,
      "bad argument #1 to 'has_call' (not a system call that can be asked for)")
  end)
end)

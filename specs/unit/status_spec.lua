local errors = require("ctr.errors")
local statuses = require("ctr.status")

-- A container whose first process procfs shows, or does not, as it is said.
local function container_of(stat, errno)
  return {
    init_pid = 7, init_start_time = 100, store = { id = "box", is_awaited = function() end },
    cgroup = { freezer_state = function() return "THAWED" end },
    host = {
      process_stat = function()
        return stat, not stat and errors.new("SystemError", "openat2 7/stat", { errno = errno })
          or nil
      end,
      open_process = function()
        return nil, errors.new("SystemError", "process 7", { errno = errno })
      end,
    },
  }
end

describe("ctr.status", function()
  it("is that of the process with the recorded start time", function()
    assert.equal("running", statuses.of(container_of({ state = "S", start_time = "100" })))
    assert.equal("stopped", statuses.of(container_of({ state = "S", start_time = "101" })))
    assert.equal("stopped", statuses.of(container_of({ state = "Z", start_time = "100" })))
    assert.equal("stopped", statuses.of(container_of(nil, "ENOENT")))
  end)

  -- Who is told that it has stopped starts another one in its place.
  it("is not known where the process cannot be looked at", function()
    for _, errno in ipairs({ "EMFILE", "EPERM", "ENOMEM" }) do
      local status, err = statuses.of(container_of(nil, errno))
      assert.is_nil(status)
      assert.equal(errno, err.errno)
    end
  end)

  it("says that a process has ended where it has", function()
    local _, err = statuses.open_init(container_of(nil, "ESRCH"), "has ended")
    assert.equal("ContainerNotRunning", err.code)
    assert.matches("container box has ended", tostring(err))
    _, err = statuses.open_init(container_of(nil, "EMFILE"))
    assert.equal("EMFILE", err.errno)
  end)
end)

local commands = require("ctr.cli.commands")
local whole = require("ctr.cli.whole")

local NAME = "ctr.cli.become_whole"

describe("the static lctr", function()
  local count

  before_each(function()
    count = 0
    package.preload[NAME] = function() count = count + 1 end
  end)

  after_each(function()
    package.preload[NAME] = nil
  end)

  local function goes_on(ask, ...)
    local before = count
    ask(...)
    return count > before
  end

  local function row(name)
    return assert(commands.find(name))
  end

  local function container(fields)
    fields.configuration = fields.configuration or {}
    return fields
  end

  it("does itself what engines call all day", function()
    for _, name in ipairs({
      "create", "start", "run", "exec", "state", "list", "ps", "kill", "pause", "resume", "delete",
      "features",
    }) do
      assert.is_false(goes_on(whole.for_command, row(name), {}), name)
    end
  end)

  it("leaves what may run people's Lua to the whole one", function()
    assert.is_true(goes_on(whole.for_command, commands.run_file, {}))
    assert.is_true(goes_on(whole.for_command, commands.repl, {}))
    for _, name in ipairs({ "plan", "check", "explain", "doctor", "spec" }) do
      assert.is_true(goes_on(whole.for_command, row(name), {}), name)
    end
  end)

  it("leaves cgroups by systemd to the whole one", function()
    local said = { { ["systemd-cgroup"] = true }, { ["cgroup-manager"] = "systemd" } }
    for _, values in ipairs(said) do
      assert.is_true(goes_on(whole.for_command, row("create"), values))
      assert.is_true(goes_on(whole.for_command, row("run"), values))
      assert.is_false(goes_on(whole.for_command, row("state"), values))
      assert.is_false(goes_on(whole.for_command, row("kill"), values))
    end
    assert.is_false(goes_on(whole.for_command, row("run"), { ["cgroup-manager"] = "cgroupfs" }))
    assert.is_true(goes_on(whole.for_end, container({ manager = "systemd" })))
    assert.is_false(goes_on(whole.for_end, container({ manager = "cgroupfs" })))
  end)

  it("leaves a document that may come through a pipe to the whole one", function()
    assert.is_true(goes_on(whole.for_command, row("create"), { config = "/dev/stdin" }))
  end)

  it("leaves interfaces to the whole one", function()
    local config = { networks = { { type = "veth" } } }
    assert.is_true(goes_on(whole.for_config, config))
    assert.is_true(goes_on(whole.for_config, { net_devices = { eth0 = {} } }))
    assert.is_false(goes_on(whole.for_config, { networks = { { type = "loopback" } } }))
    assert.is_true(goes_on(whole.for_end, container({ configuration = config })))
  end)

  it("leaves processes that systemd has to move to the whole one", function()
    local function with(answer)
      return container({ cgroup = { joins_by_pid = function() return answer end } })
    end
    assert.is_true(goes_on(whole.for_process, with(true)))
    assert.is_false(goes_on(whole.for_process, with(false)))
  end)
end)

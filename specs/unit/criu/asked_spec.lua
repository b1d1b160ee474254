local asked = require("ctr.criu.asked")
local options = require("ctr.criu.options")
local program = require("ctr.criu.program")

-- Its features are not asked for where nothing that is asked for needs any.
local PATH = "/nothing/criu"

local function parse(changes)
  local all = { images_directory = "/images" }
  for key, value in pairs(changes or {}) do
    all[key] = value
  end
  return assert(options.parse(all))
end

local function machine(apparmor, selinux, missing)
  return { apparmor_enabled = function() return apparmor end,
    selinux_enabled = function() return selinux end,
    missing_profile = function() return missing end }
end

describe("ctr.criu.asked", function()
  it("lets be what every version knows", function()
    assert.is_true(asked.of_dump(parse(), program.OLDEST, PATH))
    assert.is_true(asked.of_restore(parse(), program.OLDEST, PATH, machine()))
  end)

  it("refuses what this CRIU would leave out", function()
    for option, value in pairs({ tcp_close = true, network_lock = "skip", empty_ns = "network",
      tcp_skip_in_flight = true }) do
      for _, check in ipairs({ asked.of_dump, asked.of_restore }) do
        local ok, err = check(parse({ [option] = value }), program.OLDEST, PATH, machine())
        assert.is_nil(ok)
        assert.equal(option, err.path)
        assert.matches(option .. " needs CRIU %d+%.%d+%.%d+ or newer, and this is 1.5.2",
          tostring(err))
      end
    end
  end)

  it("refuses a CRIU that is too old for anything", function()
    local ok, err = asked.of_dump(parse(), 10501, PATH)
    assert.is_nil(ok)
    assert.matches("needs CRIU 1.5.2 or newer, and this is 1.5.1", tostring(err), 1, true)
  end)

  it("refuses labels that this machine does not have", function()
    for _, case in ipairs({
      { { lsm_profile = "apparmor:p" }, machine(false, true), "lsm_profile: AppArmor is not" },
      { { lsm_profile = "apparmor:p" }, machine(true, false, "p"), "profile p is not loaded" },
      { { lsm_profile = "selinux:l" }, machine(true, false), "lsm_profile: SELinux is not" },
      { { lsm_mount_context = "l" }, machine(true, false), "lsm_mount_context: SELinux is not" },
    }) do
      local ok, err = asked.labels(parse(case[1]), case[2])
      assert.is_nil(ok)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(next(case[1]), err.path)
      assert.matches(case[3], tostring(err), 1, true)
    end
    assert.is_true(asked.labels(parse({ lsm_profile = "apparmor:p" }), machine(true, false)))
    assert.is_true(asked.labels(parse({ lsm_profile = "selinux:l", lsm_mount_context = "l" }),
      machine(false, true)))
  end)
end)

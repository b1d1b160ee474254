local choice = require("ctr.supervisor.choice")
local schema = require("ctr.config.schema")

local CONFIG = { rootfs = "/r", namespaces = { "NEWNS" } }

local function config(seccomp)
  local fields = { seccomp = seccomp }
  for key, value in pairs(CONFIG) do
    fields[key] = value
  end
  return assert(schema.parse(fields))
end

local function process(fields)
  fields.args = { "/bin/true" }
  return assert(schema.parse_process(fields))
end

local function profile(action, more)
  local value = { default_action = "SCMP_ACT_ALLOW",
    syscalls = { { names = { "chdir" }, action = "SCMP_ACT_ERRNO" },
      { names = { "mkdir" }, action = action } } }
  for key, field in pairs(more or {}) do
    value[key] = field
  end
  return config(value)
end

local function problem(given, fields)
  local ok, err = choice.check(given, process(fields))
  assert.is_nil(ok)
  assert.equal("ConfigInvalid", err.code)
  return err.path .. " " .. err.problems[1].text
end

local function answer() end

describe("ctr.supervisor.choice", function()
  describe("check", function()
    it("takes a profile that asks with a function, or with a socket", function()
      local asks = profile("SCMP_ACT_NOTIFY")
      assert.is_true(choice.check(asks, process({ seccomp_notify = answer })))
      asks = profile("SCMP_ACT_NOTIFY", { listener_path = "/s" })
      assert.is_true(choice.check(asks, process({})))
      assert.is_true(choice.check(profile("SCMP_ACT_ERRNO"), process({ seccomp_report = true })))
      assert.is_true(choice.check(config(), process({ seccomp_learn = true })))
    end)

    it("refuses a profile that asks nobody", function()
      assert.matches("^seccomp.listener_path is required, or process.seccomp_notify: ",
        problem(profile("SCMP_ACT_NOTIFY"), {}))
    end)

    it("refuses a function that would never be called", function()
      for _, given in ipairs({ profile("SCMP_ACT_ERRNO"), config() }) do
        assert.matches("^process.seccomp_notify would never be called",
          problem(given, { seccomp_notify = answer }))
      end
    end)

    it("refuses two who would answer", function()
      local given = profile("SCMP_ACT_NOTIFY", { listener_path = "/s" })
      assert.matches("^process.seccomp_notify cannot stand together with seccomp.listener_path",
        problem(given, { seccomp_notify = answer }))
      assert.matches("^process.seccomp_report cannot stand together with seccomp.listener_path",
        problem(given, { seccomp_report = true }))
    end)

    it("refuses to learn where something else is asked for", function()
      for _, fields in ipairs({ { seccomp_notify = answer }, { seccomp_report = true } }) do
        fields.seccomp_learn = true
        assert.matches("^process.seccomp_learn cannot stand together",
          problem(profile("SCMP_ACT_NOTIFY"), fields))
      end
    end)

    it("refuses to report without a profile, and where the listener could not be handed over",
      function()
        assert.matches("^process.seccomp_report needs the configuration's seccomp",
          problem(config(), { seccomp_report = true }))
        for _, row in ipairs({ { "sendmsg", "SCMP_ACT_ERRNO" }, { "close", "SCMP_ACT_KILL" },
          { "read", "SCMP_ACT_TRAP" } }) do
          local given = config({ default_action = "SCMP_ACT_ALLOW",
            syscalls = { { names = { row[1] }, action = row[2] } } })
          assert.matches("lets " .. row[1] .. " through", problem(given, { seccomp_report = true }))
        end
      end)
  end)

  describe("make", function()
    it("leaves the configuration as it is for a function, which it makes the judge", function()
      local given, seen = profile("SCMP_ACT_NOTIFY"), nil
      local made, judge = choice.make(given, process({ seccomp_notify = function(request)
        seen = request
      end }))
      assert.equal(given, made)
      judge:answer("a request")
      assert.equal("a request", seen)
    end)

    it("has no judge where nobody is to answer", function()
      local given = profile("SCMP_ACT_ERRNO")
      local made, judge = choice.make(given, process({}))
      assert.equal(given, made)
      assert.is_nil(judge)
    end)

    it("hands over what the profile refuses, for a report", function()
      local given = config({ default_action = "SCMP_ACT_ERRNO", default_errno_ret = 38, syscalls = {
        { names = { "mkdir" }, action = "SCMP_ACT_ERRNO", errno_ret = 28 },
        { names = { "read", "close", "sendmsg", "execve" }, action = "SCMP_ACT_ALLOW" },
      } })
      local made = choice.make(given, process({ seccomp_report = true }))
      assert.equal("SCMP_ACT_NOTIFY", made.seccomp.default_action)
      assert.equal("SCMP_ACT_NOTIFY", made.seccomp.syscalls[1].action)
      assert.is_nil(made.seccomp.syscalls[1].errno_ret)
      assert.equal("SCMP_ACT_ALLOW", made.seccomp.syscalls[2].action)
      assert.equal("SCMP_ACT_ERRNO", given.seccomp.default_action)
      assert.equal(28, given.seccomp.syscalls[1].errno_ret)
    end)

    it("says what is wrong", function()
      local made, err = choice.make(config(), process({ seccomp_report = true }))
      assert.is_nil(made)
      assert.equal("ConfigInvalid", err.code)
    end)
  end)

  it("is asked by a plan and by a description", function()
    local ctr = require("ctr")
    local fields = { args = { "/bin/true" }, seccomp_notify = answer }
    local plan, err = ctr.plan(CONFIG, fields)
    assert.is_nil(plan)
    assert.equal("process.seccomp_notify", err.path)
    local description = assert(ctr.container("web")({
      rootfs = "/r", run = { "/bin/true" }, seccomp_notify = answer, seccomp = false,
    }))
    local ok, refusal = description:check()
    assert.is_nil(ok)
    assert.matches("seccomp_notify would never be called", tostring(refusal))
  end)

  it("shows in the plan that calls are handed over", function()
    local ctr = require("ctr")
    local fields = { rootfs = "/r", namespaces = { "NEWNS" }, seccomp = {
      default_action = "SCMP_ACT_ALLOW",
      syscalls = { { names = { "mkdir" }, action = "SCMP_ACT_NOTIFY" } } } }
    local plan = assert(ctr.plan(fields, { args = { "/bin/true" }, seccomp_notify = answer }))
    assert.matches("seccomp +1 call notified, else ALLOW", tostring(plan))
    plan = assert(ctr.plan(CONFIG, { args = { "/bin/true" }, seccomp_learn = true }))
    assert.matches("seccomp +else NOTIFY", tostring(plan))
  end)
end)

describe("a process", function()
  it("wants a function for seccomp_notify, and true or false for the others", function()
    for _, fields in ipairs({ { seccomp_notify = "allow" }, { seccomp_report = 1 },
      { seccomp_learn = "yes" } }) do
      local key = next(fields)
      fields.args = { "/bin/true" }
      local parsed, err = schema.parse_process(fields)
      assert.is_nil(parsed)
      assert.equal("process." .. key, err.path)
    end
  end)
end)

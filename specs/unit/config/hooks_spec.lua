local schema = require("ctr.config.schema")

local KINDS = { "prestart", "createRuntime", "createContainer", "startContainer", "poststart",
  "poststop" }

local function parse(hooks, key)
  return schema.parse({ rootfs = "/srv/root", namespaces = { "NEWNS" }, [key or "hooks"] = hooks })
end

local function refused(path, text, hooks)
  local config, err = parse(hooks)
  assert.is_nil(config)
  assert.equal("ConfigInvalid", err.code)
  assert.same({ { path = path, text = text } }, err.problems)
end

describe("ctr.config.schema", function()
  describe("hooks", function()
    it("are none unless they are said", function()
      assert.is_nil(parse(nil).hooks)
    end)

    it("have a list for each kind", function()
      local hooks = assert(parse({})).hooks
      for _, kind in ipairs(KINDS) do
        assert.same({}, hooks[kind])
      end
    end)

    it("are read under libcontainer's names and in snake_case", function()
      local hook = { { path = "/a" } }
      local hooks = assert(parse({ Prestart = hook, create_runtime = hook, create_container = hook,
        start_container = hook, Poststart = hook, Poststop = hook }, "Hooks")).hooks
      for _, kind in ipairs(KINDS) do
        assert.equal("/a", hooks[kind][1].path)
      end
    end)

    it("run their path alone, in /, without an environment", function()
      local hook = parse({ poststop = { { path = "/sbin//a/" } } }).hooks.poststop[1]
      assert.same({ path = "/sbin/a", args = { "/sbin/a" }, dir = "" }, hook)
    end)

    it("keep their arguments and their environment as they were given", function()
      local hook = parse({ prestart = { { path = "/a", args = { "b", "" },
        env = { "X=1", "X=2" } } } }).hooks.prestart[1]
      assert.same({ "b", "" }, hook.args)
      assert.same({ "X=1", "X=2" }, hook.env)
    end)

    it("have an environment by name, too", function()
      local hooks = parse({ prestart = { { path = "/a", env = { B = "2", A = 1 } } } }).hooks
      assert.same({ "A=1", "B=2" }, hooks.prestart[1].env)
    end)

    it("have a timeout in seconds or in units", function()
      local hooks = parse({ prestart = { { path = "/a", timeout = 0.5 },
        { path = "/a", timeout = "1m30s" } } }).hooks
      assert.equal(0.5, hooks.prestart[1].timeout)
      assert.equal(90, hooks.prestart[2].timeout)
    end)

    it("may be functions", function()
      local hooks = parse({ prestart = { { func = print } } }).hooks
      assert.same({ { func = print } }, hooks.prestart)
    end)

    it("are a command or a function", function()
      refused("hooks.prestart[1].path", "is required, or func",
        { prestart = { { args = { "a" } } } })
      local text = "must stand alone: path, args, env, dir and timeout are a command's"
      for _, part in ipairs({ { path = "/a" }, { args = { "a" } }, { env = { "A=b" } },
        { dir = "/a" }, { timeout = 1 } }) do
        part.func = print
        refused("hooks.poststart[1].func", text, { poststart = { part } })
      end
    end)

    it("name what is wrong", function()
      refused("hooks.prestart[2].path", "must be an absolute path",
        { prestart = { { path = "/a" }, { path = "a" } } })
      refused("hooks.prestart[1].dir", "must be an absolute path",
        { prestart = { { path = "/a", dir = "b" } } })
      refused("hooks.prestart[1].env[1]", "must be of the form key=value",
        { prestart = { { path = "/a", env = { "b" } } } })
      refused("hooks.prestart[1].func", "must be a function, not a string",
        { prestart = { { func = "b" } } })
      refused("hooks.prestart[1].timeout", "must be more than 0 seconds",
        { prestart = { { path = "/a", timeout = 0 } } })
      refused("hooks.prestart[1].timeout",
        "must be a duration: seconds, or a number with us, ms, s, m, h or d, as in 30s",
        { prestart = { { path = "/a", timeout = "soon" } } })
      refused("hooks.poststrat", "is not known here; did you mean `poststart`?",
        { poststrat = { { path = "/a" } } })
    end)

    it("of the host are not the container's own programs", function()
      local text = "must not be inside the rootfs: its programs are the container's"
      for _, kind in ipairs({ "prestart", "createRuntime", "createContainer", "poststart",
        "poststop" }) do
        refused(("hooks.%s[1].path"):format(kind), text,
          { [kind] = { { path = "/srv/root/bin/a" } } })
        refused(("hooks.%s[1].path"):format(kind), text,
          { [kind] = { { path = "/srv/x/../root/bin/a" } } })
        refused(("hooks.%s[1].dir"):format(kind), "must not be inside the rootfs",
          { [kind] = { { path = "/bin/a", dir = "/srv/root" } } })
      end
      assert(parse({ prestart = { { path = "/srv/root-tools/a" } } }))
      assert(parse({ startContainer = { { path = "/srv/root/bin/a" } } }))
    end)
  end)
end)

local planner = require("ctr.plan")
local preview = require("ctr.preview")
local schema = require("ctr.config.schema")

local MAPPING = { { container_id = 0, host_id = 1000, size = 1 } }

local function plan(hooks, facts, changes)
  local fields = { rootfs = "/srv/root", namespaces = { "NEWNS", "NEWPID" }, hooks = hooks }
  for key, value in pairs(changes or {}) do
    fields[key] = value
  end
  local config = assert(schema.parse(fields))
  local process = planner.merge(config, assert(schema.parse_process({ args = { "/bin/true" } })))
  local known = { user = { uid = 0, gid = 0, groups = {}, home = "/" }, can_setgroups = true,
    mode = "run" }
  for key, value in pairs(facts or {}) do
    known[key] = value
  end
  known.user = not known.look_up_inside and known.user or nil
  return planner.start(config, process, known), config
end

-- The steps that have to do with hooks, and some to tell where they are.
local LANDMARKS = { symlink = true, pivot_root = true, find_program = true, wait_fifo = true,
  exec = true, hook = true, hook_state = true, hook_ask = true, sync = true, more = true }

local function outline(steps)
  local lines = {}
  for _, step in ipairs(steps) do
    local line = step.op
    if step.path and step.path:find("^hooks") then
      line = line .. " " .. step.path .. (step.by and " by " .. step.by or "")
    elseif step.op == "sync" then
      line = line .. " " .. step.strings[1]
    end
    if LANDMARKS[step.op] and line ~= lines[#lines] then
      lines[#lines + 1] = line
    end
  end
  return lines
end

local function command(path)
  return { path = path or "/bin/a", args = { "a", "b" }, env = { "C=d" } }
end

local ALL = {
  poststop = { command() }, poststart = { command() }, startContainer = { command() },
  createContainer = { command(), { func = print } }, createRuntime = { { func = print } },
  prestart = { command(), command() },
}

local EARLY = { "symlink", "sync hooks.prestart[1]", "sync hooks.prestart[2]",
  "sync hooks.createRuntime[1]", "hook_state hooks.createContainer",
  "hook hooks.createContainer[1]", "sync hooks.createContainer[2]", "pivot_root", "find_program",
  "hook_state hooks.startContainer" }

local function after_early(...)
  local lines = { unpack(EARLY) }
  for _, line in ipairs({ ... }) do
    lines[#lines + 1] = line
  end
  return lines
end

describe("ctr.plan", function()
  describe("with hooks", function()
    it("has each kind in its place in a run", function()
      assert.same(after_early("hook hooks.startContainer[1]", "sync start", "exec",
        "hook hooks.poststart[1] by parent", "hook hooks.poststop[1] by parent"),
        outline(plan(ALL)))
    end)

    it("runs those in the container when it is told to execute", function()
      assert.same(after_early("wait_fifo", "hook hooks.startContainer[1]", "exec",
        "hook hooks.poststart[1] by parent", "hook hooks.poststop[1] by parent"),
        outline(plan(ALL, { mode = "start" })))
    end)

    it("asks for functions at the library, or at whoever told it to execute", function()
      local hooks = { startContainer = { { func = print } } }
      assert.same({ "symlink", "find_program", "sync hooks.startContainer[1]", "sync start",
        "exec" },
        outline(plan(hooks)))
      local steps = plan(hooks, { mode = "start" })
      assert.same({ "symlink", "find_program", "wait_fifo", "hook_ask hooks.startContainer[1]",
        "exec" }, outline(steps))
      assert.same({ "@fifo", "@answers", 1 }, steps[#steps - 1].nums)
    end)

    it("has those in the container behind the look-up of the user, too", function()
      local steps, config = plan({ startContainer = { command() }, poststart = { command() } },
        { look_up_inside = true })
      assert.same({ "symlink", "more", "hook hooks.poststart[1] by parent" }, outline(steps))
      local process = planner.merge(config, assert(schema.parse_process({ args = { "/a" } })))
      assert.same({ "find_program", "hook_state hooks.startContainer",
        "hook hooks.startContainer[1]", "sync start", "exec" },
        outline(planner.tail(config, process, { mode = "run" })))
    end)

    it("gives a program of the host as a descriptor, and no host descriptor to the container",
      function()
        local found = {}
        for _, step in ipairs(plan(ALL)) do
          if step.op == "hook" and not step.by then
            found[#found + 1] = step
          end
        end
        assert.same({ 1, "@none", "@hook_program:1", "@procfs", -1, 2, 1 }, found[1].nums)
        assert.same({ "/", "/bin/a", "a", "b", "C=d" }, found[1].strings)
        assert.same({ 1, "@none", "@none", "@none", -1, 2, 1 }, found[2].nums)
      end)

    it("has timeouts in milliseconds: the hook's own, or the factory's", function()
      local hooks = { startContainer = { { path = "/a", timeout = 0.25 }, { path = "/a" },
        { path = "/a", timeout = 0.0001 }, { path = "/a", timeout = 2 ^ 53 } } }
      local found = {}
      for _, step in ipairs(plan(hooks, { hook_timeout = 2 })) do
        if step.op == "hook" then
          found[#found + 1] = step.nums[5]
        end
      end
      assert.same({ 250, 2000, 1, 2 ^ 53 }, found)
    end)

    it("works in a copy of the host's mounts only where hooks look at both", function()
      local config = select(2, plan({ prestart = { command() } }))
      assert.is_true(planner.is_copied(config, {}, planner.namespaces(config)))
      assert.is_false(planner.may_join_late(config))
      config = select(2, plan({ startContainer = { command() }, poststart = { command() },
        poststop = { command() } }))
      assert.is_false(planner.is_copied(config, {}, planner.namespaces(config)))
      assert.is_true(planner.may_join_late(config))
    end)

    it("opens its namespaces to a caller without privilege, where they are new", function()
      local hooks = { createRuntime = { command() }, createContainer = { { func = print } } }
      local function dumpable(facts)
        local found = {}
        for _, step in ipairs(plan(hooks, facts, { namespaces = { "NEWNS", "NEWPID", "NEWUSER" },
          uid_mappings = MAPPING, gid_mappings = MAPPING })) do
          if step.op == "sync" and step.strings[1] == "hook" then
            found[#found + 1] = step.nums[1]
          end
        end
        return found
      end
      assert.same({ 0, 0 }, dumpable({}))
      assert.same({ 1, 1 }, dumpable({ rootless = true }))
    end)

    it("has none of it for a further process", function()
      local config = select(2, plan(ALL))
      local process = planner.merge(config, assert(schema.parse_process({ args = { "/a" } })))
      local steps = planner.exec(config, process, { into = 0, can_setgroups = true })
      assert.same({ "find_program", "exec" }, outline(steps))
    end)

    it("reads well", function()
      local text = tostring(assert(preview.plan({ rootfs = "/srv/root", namespaces = { "NEWNS" },
        hooks = ALL }, { args = { "/bin/true" }, user = "0:0" })))
      assert.matches("sync +hook: a b +config%.hooks%.prestart%[1%]", text)
      assert.matches("sync +hook: a function +config%.hooks%.createRuntime%[1%]", text)
      assert.matches("hook +a b +config%.hooks%.startContainer%[1%]", text)
      assert.matches("hook +a b %(by the parent%) +config%.hooks%.poststart%[1%]", text)
      assert.matches("hook +a b %(at destroy%) %(by the parent%) +config%.hooks%.poststop%[1%]",
        text)
    end)
  end)
end)

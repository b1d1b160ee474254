local schema = require("ctr.config.schema")

local function process_with(more)
  local process = { args = { "/bin/true" } }
  for key, value in pairs(more or {}) do
    process[key] = value
  end
  return process
end

local function parse(more)
  return assert(schema.parse_process(process_with(more)))
end

local function refused(path, text, more)
  local process, err = schema.parse_process(process_with(more))
  assert.is_nil(process)
  assert.equal("ConfigInvalid", err.code)
  assert.same({ { path = path, text = text } }, err.problems)
end

describe("ctr.config.schema", function()
  describe("parse_process", function()
    it("fills in every default", function()
      assert.same({
        args = { "/bin/true" },
        env = {},
        user = "",
        additional_groups = {},
        cwd = "",
        extra_files = {},
        console_width = 0,
        console_height = 0,
        console_newlines = false,
        apparmor_profile = "",
        label = "",
        terminal = false,
        rlimits = {},
      }, parse())
    end)

    it("takes what it made for what it is", function()
      local once = parse({ env = { A = "1" }, user = 5, additional_groups = { 7 }, cwd = "/",
        rlimits = { { type = 7, soft = 1, hard = -1 } },
        capabilities = { permitted = { "kill" } } })
      assert.same(once, assert(schema.parse_process(once)))
    end)

    it("starts every path with process", function()
      refused("process.arg", "is not known here; did you mean `args`?", { arg = {} })
      local _, err = schema.parse_process("x")
      assert.equal("process must be a table, not a string", tostring(err))
    end)
  end)

  describe("process.oom_score_adj and process.umask", function()
    it("are the configuration's unless they are given", function()
      assert.is_nil(parse().oom_score_adj)
      assert.equal(0, parse({ oom_score_adj = 0 }).oom_score_adj)
      assert.equal(23, parse({ umask = "027" }).umask)
      refused("process.oom_score_adj", "must be an integer from -1000 to 1000",
        { oom_score_adj = 1001 })
      refused("process.umask", "must be an integer from 0 to 511", { umask = 512 })
    end)
  end)

  describe("process.args", function()
    it("names a program", function()
      local _, err = schema.parse_process({})
      assert.same({ { path = "process.args", text = "is required" } }, err.problems)
      refused("process.args", "must have at least 1", { args = {} })
      refused("process.args[1]", "must name a program", { args = { "" } })
      assert.same({ "sh", "" }, parse({ args = { "sh", "" } }).args)
    end)

    it("are strings without NUL", function()
      refused("process.args[2]", "must not contain a NUL byte", { args = { "sh", "a\0b" } })
      refused("process.args[2]", "must be a string, not a number", { args = { "sh", 1 } })
      refused("process.args", "must be a list, not a string", { args = "sh" })
    end)
  end)

  describe("process.env", function()
    it("is a list, or a table that is sorted", function()
      assert.same({ "B=1", "A=2=3" }, parse({ env = { "B=1", "A=2=3" } }).env)
      assert.same({ "A=1", "B=2", "C=" }, parse({ env = { C = "", B = 2, A = "1" } }).env)
    end)

    it("lets the last of duplicates win, where the first stood", function()
      assert.same({ "A=3", "B=2" }, parse({ env = { "A=1", "B=2", "A=3" } }).env)
    end)

    it("has names", function()
      refused("process.env[1]", "must be of the form key=value", { env = { "A" } })
      refused("process.env[1]", "must be of the form key=value", { env = { "=A" } })
      refused('process.env["A=B"]', "is not a variable's name", { env = { ["A=B"] = "1" } })
      refused('process.env[""]', "is not a variable's name", { env = { [""] = "1" } })
    end)

    it("has text without NUL", function()
      refused("process.env[1]", "must not contain a NUL byte", { env = { "A=\0" } })
      refused("process.env.A", "must not contain a NUL byte", { env = { A = "\0" } })
      refused('process.env["A\\0"]', "is not a variable's name", { env = { ["A\0"] = "1" } })
      refused("process.env.A", "must be a string, not a boolean", { env = { A = true } })
      refused("process.env", "must be a list, not a string", { env = "A=1" })
    end)
  end)

  describe("process.user", function()
    it("is a name, a number, or both with a group", function()
      for _, user in ipairs({ "", "daemon", "0", "web:audio", "1000:0", ":audio", "web:" }) do
        assert.equal(user, parse({ user = user }).user)
      end
      assert.equal("1000", parse({ user = 1000 }).user)
    end)

    it("has ids from 0 to 2147483647", function()
      assert.equal("2147483647", parse({ user = 2 ^ 31 - 1 }).user)
      local text = "must be a user id from 0 to 2147483647"
      refused("process.user", text, { user = 2 ^ 31 })
      refused("process.user", text, { user = "4294967295" })
      refused("process.user", text, { user = ("9"):rep(100) })
      refused("process.user", "must be a group id from 0 to 2147483647", { user = "0:4294967295" })
      refused("process.user", "must be a string or an integer", { user = 1.5 })
      refused("process.user", "must be a string or an integer", { user = 0 / 0 })
    end)

    it("is no other text", function()
      local text = "must be the name or the number of a user"
      for _, user in ipairs({ "-1", "+5", "a b", "a\n" }) do
        refused("process.user", text, { user = user })
      end
      refused("process.user", text, { user = -1 })
      refused("process.user", "must be the name or the number of a group", { user = "a:b:c" })
      refused("process.user", "must be a string, not a table", { user = {} })
    end)
  end)

  describe("process.additional_groups", function()
    it("are names or numbers", function()
      assert.same({ "audio", "7" }, parse({ additional_groups = { "audio", 7 } }).additional_groups)
      refused("process.additional_groups[2]", "must not be empty",
        { additional_groups = { "a", "" } })
      refused("process.additional_groups[1]", "must be the name or the number of a group",
        { additional_groups = { -1 } })
      refused("process.additional_groups[1]", "must be a group id from 0 to 2147483647",
        { additional_groups = { "2147483648" } })
    end)
  end)

  describe("process.cwd", function()
    it("is absolute or empty", function()
      assert.equal("/srv", parse({ cwd = "/srv/" }).cwd)
      refused("process.cwd", "must be an absolute path", { cwd = "srv" })
    end)
  end)

  describe("process.stdin, stdout, stderr, extra_files and console_socket", function()
    it("are kept as they are", function()
      local process = parse({ stdin = io.stdin, stdout = "null", stderr = print, console_socket = 5,
        extra_files = { io.stdin, 7 } })
      assert.equal(io.stdin, process.stdin)
      assert.equal("null", process.stdout)
      assert.equal(print, process.stderr)
      assert.equal(5, process.console_socket)
      assert.same({ io.stdin, 7 }, process.extra_files)
    end)

    it("has files in a list", function()
      refused("process.extra_files", "must be a list, not a number", { extra_files = 5 })
    end)
  end)

  describe("process.console_width and console_height", function()
    it("fit in 16 bits", function()
      assert.equal(65535, parse({ console_width = 65535 }).console_width)
      refused("process.console_width", "must be an integer from 0 to 65535",
        { console_width = 65536 })
      refused("process.console_height", "must be an integer from 0 to 65535",
        { console_height = -1 })
    end)
  end)

  describe("process.capabilities", function()
    it("are read as the configuration's", function()
      assert.same({ "CAP_KILL" }, parse({ capabilities = { bounding = { "kill" } } })
        .capabilities.bounding)
      refused("process.capabilities.bounding[1]",
        'is not a known capability: "CAP_KILLL"; did you mean "CAP_KILL"?',
        { capabilities = { bounding = { "KILLL" } } })
    end)

    it("are effective only where permitted", function()
      refused("process.capabilities.effective[1]", "is CAP_KILL, which permitted does not have",
        { capabilities = { effective = { "CAP_KILL" } } })
    end)
  end)

  describe("process.apparmor_profile and label", function()
    it("are one line", function()
      local text = "must not contain control characters"
      refused("process.apparmor_profile", text, { apparmor_profile = "a\n" })
      refused("process.label", text, { label = "a\n" })
    end)
  end)

  describe("process.no_new_privileges and init", function()
    it("are true, false or left out", function()
      assert.is_false(parse({ no_new_privileges = false }).no_new_privileges)
      assert.is_true(parse({ init = true }).init)
      refused("process.no_new_privileges", "must be true or false, not a number",
        { no_new_privileges = 1 })
      refused("process.init", "must be true or false, not a string", { init = "yes" })
    end)
  end)

  describe("process.rlimits", function()
    it("are read as the configuration's", function()
      assert.same({ { type = "RLIMIT_CORE", soft = 0, hard = "18446744073709551615" } },
        parse({ rlimits = { { type = "core", soft = 0, hard = "unlimited" } } }).rlimits)
      local one = { type = "core", soft = 0, hard = 0 }
      refused("process.rlimits[2]", "is a second RLIMIT_CORE: the first is at 1",
        { rlimits = { one, one } })
    end)
  end)
end)

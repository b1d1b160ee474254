local command = require("specs.support.command")
local core = require("ctr.core")

local LCTR = "build/lctr"

describe("lctr's log", function()
  local folder, remove

  before_each(function()
    folder, remove = command.folder({})
  end)

  after_each(function()
    remove()
  end)

  local function lctr(...)
    return command.run({ LCTR, "--root", folder .. "/state", ... })
  end

  local function read(name)
    local file = assert(io.open(folder .. "/" .. name))
    local text = file:read("*a")
    file:close()
    return text
  end

  it("is text for people", function()
    lctr("--log", folder .. "/log", "state", "x")
    assert.matches('^time="%d%d%d%d%-%d%d%-%d%dT%d%d:%d%d:%d%d%.%d+Z" level=error '
      .. 'msg="container does not exist"\n$', read("log"))
  end)

  it("keeps what it has", function()
    for _ = 1, 2 do
      lctr("--log", "file:" .. folder .. "/log", "--log-format", "json", "state", "x")
    end
    assert.equal(2, select(2, read("log"):gsub("\n", "")))
  end)

  for _, args in ipairs({
    { "state" }, { "state", "--none", "x" }, { "nothing" }, { "state", "x", "y" },
    { "--trust", "state", "x" }, { "kill", "x", "NONE" }, { "create", "--pid-file" },
    { "--cgroup-manager", "none", "state", "x" }, { "--log-level", "loud", "state", "x" },
    { "--none" },
  }) do
    it("has one record of what fails: " .. table.concat(args, " "), function()
      local result = lctr("--log", folder .. "/log", "--log-format=json", unpack(args))
      assert.equal(1, result.code)
      local record = assert(core.json.decode(read("log")))
      assert.equal("error", record.level)
      assert.equal("lctr: " .. record.msg .. "\n", result.stderr)
    end)
  end

  it("is refused in a format that there is not", function()
    local result = lctr("--log-format", "xml", "list")
    assert.same({ 1, "lctr: --log-format must be one of text, json\n" },
      { result.code, result.stderr })
  end)

  it("says why it cannot be opened", function()
    local result = lctr("--log", folder .. "/none/log", "list")
    assert.equal(1, result.code)
    assert.matches("missing", result.stderr)
    assert.matches(folder .. "/none/log", result.stderr, 1, true)
  end)

  it("does not stand between the name of a terminal's bell and a reader", function()
    lctr("--log", folder .. "/log", "state", "a\7b\nc")
    assert.is_nil(read("log"):match("%c."))
  end)
end)

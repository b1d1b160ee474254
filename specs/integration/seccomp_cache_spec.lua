-- The programs of filters, kept for the next start: which are found, and which never used.
local box = require("specs.support.box")
local host = require("specs.support.host")

local GETCWD = "cd /proc; /bin/pwd; exit $?"

local function denying(errno)
  return { default_action = "SCMP_ACT_ALLOW", syscalls = {
    { names = { "getcwd" }, action = "SCMP_ACT_ERRNO", errno_ret = errno } } }
end

local DENY_GETCWD = denying()

describe("a filter's program is kept", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local FOLDER = "/state/~seccomp"

  local function files()
    local list = host.sh("ls -A '" .. b.folder .. FOLDER .. "' 2>/dev/null").stdout
    local names = {}
    for name in list:gmatch("%S+") do
      names[#names + 1] = name
    end
    return names
  end

  before_each(function()
    host.sh("rm -rf '" .. b.folder .. FOLDER .. "'")
    b.factory.filters = nil
  end)

  local function read(name)
    local file = assert(io.open(b.folder .. FOLDER .. "/" .. name, "rb"))
    local text = file:read("*a")
    file:close()
    return text
  end

  local function write(name, text)
    local file = assert(io.open(b.folder .. FOLDER .. "/" .. name, "wb"))
    file:write(text)
    file:close()
  end

  -- Whether a start found its program on disk: then nothing is compiled.
  local function is_hit(seccomp)
    b.factory.filters = nil
    local compile = require("ctr.seccomp.compile")
    local real, count = compile.compile, 0
    compile.compile = function(...)
      count = count + 1
      return real(...)
    end
    local ok, result = pcall(b.sh, b, GETCWD, { seccomp = seccomp })
    compile.compile = real
    assert(ok, result)
    assert.equal("pwd: getcwd: Operation not permitted\n", result.err)
    return count == 0
  end

  it("for the next start, on disk and for itself alone", function()
    assert.is_false(is_hit(DENY_GETCWD))
    assert.is_true(is_hit(DENY_GETCWD))
    assert.equal(1, #files())
    local stat = host.sh("stat -c %a,%u '" .. b.folder .. FOLDER .. "' '" .. b.folder .. FOLDER
      .. "/" .. files()[1] .. "'").stdout
    assert.equal("700,0\n600,0\n", stat)
    assert.same({}, assert(b.factory:list()))
  end)

  it("without libseccomp, unless it names a call that nobody knows", function()
    local with_unknown = denying()
    table.insert(with_unknown.syscalls[1].names, "nonesuch_call")
    for _, case in ipairs({ { DENY_GETCWD, false }, { with_unknown, true } }) do
      assert.is_false(is_hit(case[1]))
      local loaded = package.loaded["ctr.core.seccomp"]
      package.loaded["ctr.core.seccomp"] = nil
      assert.is_true(is_hit(case[1]))
      assert.equal(case[2], package.loaded["ctr.core.seccomp"] ~= nil)
      package.loaded["ctr.core.seccomp"] = loaded
    end
  end)

  it("apart from that of another profile, even under its name", function()
    local other = denying(95)
    assert(b:sh("true", { seccomp = other }))
    local theirs = read(files()[1])
    host.sh("rm -rf '" .. b.folder .. FOLDER .. "'")
    assert.is_false(is_hit(DENY_GETCWD))
    write(files()[1], theirs)
    assert.is_false(is_hit(DENY_GETCWD))
    assert.is_true(is_hit(DENY_GETCWD))
  end)

  it("by all that it depends on", function()
    local function rule(changes)
      local fields = { names = { "mkdir", "rmdir" }, action = "SCMP_ACT_ERRNO", args = {
        { index = 0, op = "SCMP_CMP_EQ", value = 5, value_two = 0 } } }
      for key, value in pairs(changes) do
        fields[key] = value
      end
      return { default_action = "SCMP_ACT_ALLOW", architectures = {}, syscalls = { fields } }
    end
    local function arg(index, op, value, value_two)
      return { args = { { index = index, op = op, value = value, value_two = value_two } } }
    end
    local different = {
      rule({}), rule({ names = { "mkdir" } }), rule({ names = { "rmdir", "mkdir" } }),
      rule({ names = { "mkdir,rmdir" } }), rule({ action = "SCMP_ACT_KILL" }),
      rule({ errno_ret = 1 }), rule({ errno_ret = 2 }), rule({ args = {} }),
      rule(arg(1, "SCMP_CMP_EQ", 5, 0)), rule(arg(0, "SCMP_CMP_NE", 5, 0)),
      rule(arg(0, "SCMP_CMP_EQ", 6, 0)), rule(arg(0, "SCMP_CMP_EQ", 5, 1)),
      rule(arg(0, "SCMP_CMP_EQ", 2 ^ 53, 0)), rule(arg(0, "SCMP_CMP_EQ", 2 ^ 53 - 1, 0)),
      rule(arg(0, "SCMP_CMP_EQ", "9007199254740993", 0)),
      { default_action = "SCMP_ACT_LOG", architectures = {}, syscalls = {} },
      { default_action = "SCMP_ACT_ALLOW", architectures = { "SCMP_ARCH_X32" }, syscalls = {} },
      { default_action = "SCMP_ACT_ERRNO", default_errno_ret = 1, architectures = {},
        syscalls = {} },
      { default_action = "SCMP_ACT_ERRNO", default_errno_ret = 2, architectures = {},
        syscalls = {} },
    }
    for _, profile in ipairs(different) do
      assert(require("ctr.seccomp").program(b.factory, profile))
    end
    assert.equal(#different, #files())
  end)

  it("and takes nothing damaged", function()
    assert.is_false(is_hit(DENY_GETCWD))
    local name = files()[1]
    local whole = read(name)
    local damaged = { "", whole:sub(1, -2), whole .. "x", whole:sub(1, 40), "junk\n" .. whole,
      whole:gsub("ctr seccomp 1", "ctr seccomp 9") }
    for position = 20, #whole, 97 do
      local byte = string.char((whole:byte(position) + 1) % 256)
      damaged[#damaged + 1] = whole:sub(1, position - 1) .. byte .. whole:sub(position + 1)
    end
    local cache = require("ctr.seccomp.cache")
    local key = whole:match("filter\n(1%z.*)")
    key = key:sub(1, tonumber(whole:match("^ctr seccomp 1 %x+ %S+ (%d+)")))
    assert.is_not_nil(cache.load(b.factory.root_handle, key))
    for index, text in ipairs(damaged) do
      write(name, text)
      assert.is_nil(cache.load(b.factory.root_handle, key), index)
    end
    assert.is_false(is_hit(DENY_GETCWD))
    assert.is_true(is_hit(DENY_GETCWD))
  end)

  it("and takes nothing that is not its own", function()
    assert.is_false(is_hit(DENY_GETCWD))
    local folder = "'" .. b.folder .. FOLDER .. "'"
    local file = folder .. "/" .. files()[1]
    for _, spoil in ipairs({ "chmod 666 " .. file, "chown 1000 " .. file, "chmod 777 " .. folder,
      "chown 1000 " .. folder, "mv %s %s.x && ln -s %s.x %s",
      "rm %s && mkfifo -m 600 %s", "mv %f /tmp/f.$$ && mv /tmp/f.$$ %f.x && ln -s %f.x %f" }) do
      local command = spoil:gsub("%%s", (file:gsub("%%", "%%%%"))):gsub("%%f",
        (folder:gsub("%%", "%%%%")))
      local done = host.sh(command)
      assert.equal(0, done.code, done.stderr)
      assert.is_false(is_hit(DENY_GETCWD), spoil)
      host.sh("rm -rf " .. folder .. " " .. folder .. ".x")
      assert.is_false(is_hit(DENY_GETCWD))
    end
  end)

  it("for a bounded number of profiles", function()
    local cache = require("ctr.seccomp.cache")
    for number = 1, 200 do
      cache.store(b.factory.root_handle, "key" .. number, "12345678", "")
    end
    assert.is_true(#files() <= 64)
    assert.is_not_nil(cache.load(b.factory.root_handle, "key200"))
  end)

  it("in the factory's memory", function()
    assert(b:sh("true", { seccomp = DENY_GETCWD }))
    host.sh("rm -rf '" .. b.folder .. FOLDER .. "'")
    local result = assert(b:sh(GETCWD, { seccomp = DENY_GETCWD }))
    assert.equal(1, result.code)
    assert.same({}, files())
  end)
end)

-- What docs/guide/descriptions.md tells a reader to write is tried here, each block of it.

local command = require("specs.support.command")
local core = require("ctr.core")
local guide = require("specs.support.guide")
local machine = require("specs.support.machine")
local rootfs = require("specs.support.rootfs")

local LCTR = "build/lctr"

local NAMES = {}
for _, name in ipairs({ "web", "db", "job" }) do
  NAMES[name] = command.NAME .. name
end

describe("docs/guide/descriptions.md", function()
  local page = guide.page("descriptions.md")
  local folder, remove

  -- The page's files, with a root beside them.
  before_each(function()
    local files = { ["bundle/x"] = "", ["site/index.html"] = "hello\n" }
    for _, name in ipairs(page:names()) do
      files[name] = name:find("%.lua$") and page:block(name) or nil
    end
    folder, remove = command.folder(files)
    local handle = assert(core.path.open_root(folder))
    assert(core.path.symlink(handle, rootfs.shared(), "rootfs"))
    handle:close()
  end)

  after_each(function()
    remove()
  end)

  local function lctr(...)
    local result = command.run({ LCTR, ... }, { dir = folder })
    for _, name in ipairs({ "stdout", "stderr" }) do
      result[name] = result[name]:gsub(folder:gsub("%p", "%%%0") .. "/", "")
    end
    return result
  end

  local function succeeds(...)
    local result = lctr(...)
    assert.equal(0, result.code, result.stderr)
    return result.stdout
  end

  -- Others may run a container of the same name at the same time.
  local function run(name, script)
    local text = page:block(name):gsub('"(%l+)"', { web = ("%q"):format(NAMES.web),
      db = ("%q"):format(NAMES.db), job = ("%q"):format(NAMES.job) })
    local file = assert(io.open(folder .. "/" .. name, "w"))
    file:write(text)
    file:close()
    local line = ("%s --root %s/state %s/%s"):format(assert(core.path.realpath(LCTR)), folder,
      folder, name)
    return command.run({ "/bin/sh", "-c", ((script or "exec $0"):gsub("%$0", line)) })
  end

  it("has commands that do what is said of them", function()
    local count = 0
    for line in page:block("commands"):gmatch("[^\n]+") do
      local words = {}
      for word in line:gsub("%s*#.*$", ""):gmatch("%S+") do
        words[#words + 1] = word
      end
      count = count + 1
      if words[2] ~= "web.lua" then -- that one serves until it is told to end
        assert.truthy(#succeeds(unpack(words, 2)) > 5, line)
      end
    end
    assert.equal(5, count)
  end)

  it("has descriptions that are right", function()
    for _, name in ipairs({ "web.lua", "job.lua", "pair.lua", "oci.lua" }) do
      assert.truthy(succeeds("check", name):find(": ok\n", 1, true))
    end
  end)

  it("tells what is wrong in these words", function()
    assert.equal(page:block("check"), lctr("check", "wrong.lua").stderr)
  end)

  it("has a job that says what its layers come to", function()
    local origins = succeeds("explain", "--origin", "job.lua")
    assert.truthy(origins:find('limits.memory +"64M" +profiles/base.lua:3\n'), origins)
    assert.truthy(origins:find("limits.pids +64 +job.lua:5\n"), origins)
    assert.is_nil(origins:find("/proc/interrupts", 1, true))
    if not machine.is_root() then
      pending("needs root")
      return
    end
    local result = run("job.lua")
    assert.same({ 0, "C\n/data:\n\n/tmp:\n", "" }, { result.code, result.stdout, result.stderr })
  end)

  it("starts and ends several containers in their order", function()
    if not machine.is_root() then
      pending("needs root")
      return
    end
    -- Its second line says that both run; they end of SIGTERM once they catch it, which is 0x4000.
    local result = run("pair.lua", [[
      mkfifo /tmp/$$.told; $0 2>/tmp/$$.told & pid=$!
      { read a; read b; echo "$a"; echo "$b"
        for init in $(pgrep -P $pid); do
          until grep -Eq '^SigCgt:.*[4-7c-f][0-9a-f]{3}$' /proc/$init/status; do sleep 0.1; done
        done
        kill -TERM $pid; cat; } </tmp/$$.told
      wait $pid; status=$?; rm /tmp/$$.told; exit $status]])
    assert.equal("lctr: info: db runs\nlctr: info: web runs\nlctr: info: web has ended\n"
      .. "lctr: info: db has ended\n", (result.stdout:gsub(command.NAME:gsub("%p", "%%%0"), "")))
    assert.equal(0, result.code)
  end)

  it("has a piece of a document that is merged in", function()
    local document = folder .. "/bundle"
    succeeds("spec", "--from", "oci.lua", "-b", document)
    local spec = assert(require("ctr.oci").load(document))
    assert.equal("web", spec.annotations["org.example.owner"])
    assert.is_nil(spec.linux.maskedPaths)
    assert.same({ "nosuid", "noexec", "nodev", "ro" }, spec.mounts[1].options)
  end)

  it("goes from a bundle to a description and back", function()
    succeeds("spec", "-b", "bundle")
    for line in page:block("import"):gmatch("[^\n]+") do
      local words = {}
      for word in line:gsub("%s*#.*$", ""):gsub("web.lua", "again.lua"):gmatch("%S+") do
        words[#words + 1] = word
      end
      succeeds(unpack(words, 2))
    end
    assert.truthy(core.path.realpath(folder .. "/config.json"))
  end)

  it("has a program that writes a description", function()
    local text = succeeds("program.lua")
    assert.truthy(text:find('^return container "web" {\n'), text)
    assert.truthy(text:find('  rootfs = "/srv/web",\n', 1, true), text)
  end)

  it("has no block that nothing here tries", function()
    local known = { commands = true, check = true, import = true }
    for _, name in ipairs(page:names()) do
      assert.is_true(known[name] or name:find("%.lua$") ~= nil, name)
    end
  end)

  it("names every profile and every handler", function()
    local text = assert(io.open("docs/guide/descriptions.md")):read("*a")
    for name in pairs(require("ctr.describe.profiles").about) do
      assert.truthy(text:find(('`"%s"`'):format(name), 1, true), name)
    end
    for name in pairs(require("ctr.describe.handlers").about) do
      assert.truthy(text:find(("`%s`"):format(name), 1, true), name)
    end
  end)
end)

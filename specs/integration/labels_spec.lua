local box = require("specs.support.box")
local core = require("ctr.core")
local labels = require("ctr.labels")
local machine = require("specs.support.machine")
local planner = require("ctr.plan")
local ctr = require("ctr")

-- What a machine without security modules can tell; specs/vm has the modules themselves.

local LABEL = "system_u:object_r:ctr_file_t:s0:c1,c2"

local function run(command)
  assert.equal(0, os.execute(command))
end

local function label_of(path)
  local handle = assert(core.fd.open(path, { flags = { "path", "nofollow" } }))
  local label = core.xattr.get(handle, "", "security.selinux")
  handle:close()
  return label
end

describe("ctr.core.xattr", function()
  local folder, dir

  before_each(function()
    folder = os.tmpname()
    run(("rm %s; mkdir -p %s/a; touch %s/file; ln -s file %s/link; mkfifo %s/fifo"):format(folder,
      folder, folder, folder, folder))
    dir = assert(core.path.open_root(folder))
  end)

  after_each(function()
    dir:close()
    run("rm -rf " .. folder)
  end)

  it("sets and reads an attribute of any kind of file, and follows no link", function()
    for _, name in ipairs({ "a", "file", "fifo", "link" }) do
      assert.is_true(core.xattr.set(dir, name, "security.selinux", "label of " .. name))
    end
    for _, name in ipairs({ "a", "file", "fifo", "link" }) do
      assert.equal("label of " .. name .. "\0", core.xattr.get(dir, name, "security.selinux"))
    end
  end)

  it("has the directory itself for an empty path", function()
    assert.is_true(core.xattr.set(dir, "", "security.selinux", "x"))
    assert.equal("x\0", core.xattr.get(dir, "", "security.selinux"))
  end)

  it("does not leave the directory", function()
    run("ln -s /etc/passwd " .. folder .. "/out")
    local _, err = core.xattr.get(dir, "out/../../../etc/passwd", "security.selinux")
    assert.equal("ENOENT", err.errno)
  end)

  it("says what there is not", function()
    local value, err = core.xattr.get(dir, "file", "security.selinux")
    assert.is_nil(value)
    assert.same({ "getxattr", "file", "ENODATA" }, { err.op, err.target, err.errno })
    local ok, problem = core.xattr.set(dir, "nonesuch", "security.selinux", "x")
    assert.is_nil(ok)
    assert.equal("ENOENT", problem.errno)
    ok, problem = core.xattr.set(dir, "file", "nonesuch", "x")
    assert.is_nil(ok)
    assert.same({ "setxattr", "file", "EOPNOTSUPP" },
      { problem.op, problem.target, problem.errno })
    assert.has_error(function() core.xattr.set(dir, "file", "a") end)
  end)
end)

describe("ctr.labels", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    run(("rm %s; mkdir -p %s/source/a/b %s/away; touch %s/source/a/b/file %s/away/file"):format(
      folder, folder, folder, folder, folder))
    run(("ln -s %s/away %s/source/out; ln -s %s/away/file %s/source/a/out"):format(folder, folder,
      folder, folder))
  end)

  after_each(function()
    run("rm -rf " .. folder)
  end)

  local function relabel(source, letter)
    return labels.relabel({ mount_label = LABEL, mounts = {
      { source = "/nonesuch" }, { source = source, relabel = letter } } })
  end

  local function labels_of_all()
    local list = {}
    for _, name in ipairs({ "", "/a", "/a/b", "/a/b/file", "/out", "/a/out" }) do
      list[#list + 1] = label_of(folder .. "/source" .. name) or "none"
    end
    return table.concat(list, " ")
  end

  it("gives Z's label to all below a source, and to nothing that a link leads to", function()
    local before = machine.snapshot(box.PATTERN)
    assert(relabel(folder .. "/source", "Z"))
    assert.equal(((LABEL .. "\0 "):rep(6):gsub(" $", "")), labels_of_all())
    assert.is_nil(label_of(folder .. "/away"))
    assert.is_nil(label_of(folder .. "/away/file"))
    assert.same(before, machine.snapshot(box.PATTERN))
  end)

  it("gives z's label without its categories", function()
    assert(relabel(folder .. "/source", "z"))
    assert.equal((("system_u:object_r:ctr_file_t:s0\0 "):rep(6):gsub(" $", "")), labels_of_all())
  end)

  it("labels a source that is a file", function()
    assert(relabel(folder .. "/source/a/b/file", "Z"))
    assert.equal(LABEL .. "\0", label_of(folder .. "/source/a/b/file"))
    assert.is_nil(label_of(folder .. "/source/a/b"))
  end)

  it("refuses what the machine stands on, by whatever name", function()
    run(("ln -s /usr %s/innocent"):format(folder))
    for _, path in ipairs({ "/", "/usr", "/etc", "/etc/../etc/.", folder .. "/innocent" }) do
      local ok, err = relabel(path, "Z")
      assert.is_nil(ok)
      assert.equal("ConfigInvalid", err.code)
      assert.equal("mounts[2].relabel", err.path)
      assert.matches("SELinux relabeling of " .. path .. " is not allowed", tostring(err), 1, true)
    end
  end)

  it("names the mount whose source is not there", function()
    local ok, err = relabel(folder .. "/nonesuch", "Z")
    assert.is_nil(ok)
    assert.equal("mounts[2].relabel", err.path)
    assert.equal("ENOENT", err.errno)
  end)
end)

describe("a container's labels", function()
  local b

  setup(function()
    b = box.new()
  end)

  teardown(function()
    b:close()
  end)

  local function has(path)
    local file = io.open(path)
    if file then
      file:close()
    end
    return file ~= nil
  end

  it("need a security module", function()
    if has("/sys/fs/selinux/enforce") or has("/sys/module/apparmor/parameters/enabled") then
      pending("this kernel has one: specs/vm tells more")
      return
    end
    for key, module in pairs({ apparmor_profile = "AppArmor", process_label = "SELinux",
      mount_label = "SELinux" }) do
      local container, err = b:create({ [key] = "a" })
      assert.is_nil(container)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(key .. " needs " .. module .. ", which is not enabled", tostring(err))
    end
    local container = assert(b:create())
    local ok, err = b:run(container, "true", { label = "a" })
    assert.is_nil(ok)
    assert.equal("process.label needs SELinux, which is not enabled", tostring(err))
    assert(container:destroy())
  end)

  it("that are not taken are named by the file that engines look for", function()
    local start = planner.start
    planner.start = function(...)
      local steps = start(...)
      table.insert(steps, #steps - 1, { op = "label", nums = { "@procfs" },
        strings = { "apparmor/exec", "exec a", "a" }, path = "apparmor_profile" })
      return steps
    end
    local container = assert(b:create())
    local ok, err = container:run(ctr.process({ args = { "/bin/true" } }))
    planner.start = start
    assert.is_nil(ok)
    assert.equal("apparmor_profile", err.path)
    assert.matches("`/proc/self/attr/exec`", tostring(err), 1, true)
    assert(container:destroy())
  end)

  it("load nothing where there are none", function()
    package.loaded["ctr.labels"] = nil
    assert(b:sh("true"))
    assert.is_nil(package.loaded["ctr.labels"])
  end)
end)

local core = require("ctr.core")
local ctr = require("ctr")
local host = require("specs.support.host")
local rootfs = require("specs.support.rootfs")

local function read(path)
  local file = io.open(path, "r")
  local text = file and file:read("*a")
  if file then
    file:close()
  end
  return text
end

local function write(path, text)
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
end

describe("lctr spec", function()
  local folder, remove, _
  local lctr = assert(core.path.realpath("build/lctr"))

  before_each(function()
    _, folder, remove = host.folder()
  end)

  after_each(function()
    remove()
  end)

  local function run(arguments)
    return host.sh(("cd %s && %s spec %s"):format(folder, lctr, arguments))
  end

  local function loaded()
    return assert(ctr.oci.load(folder))
  end

  local function without_cgroup_namespace(linux)
    local kept = core.json.array({})
    for _, namespace in ipairs(linux.namespaces) do
      if namespace.type ~= "cgroup" then
        kept[#kept + 1] = namespace
      end
    end
    linux.namespaces = kept
  end

  it("writes a document, here or in a bundle, and says nothing", function()
    for _, arguments in ipairs({ "", "-b " .. folder, "--bundle=" .. folder }) do
      local result = run(arguments)
      assert.same({ "", "", 0 }, { result.stdout, result.stderr, result.code })
      local expected = ctr.oci.default()
      if not core.path.realpath("/sys/fs/cgroup/cgroup.controllers") then
        without_cgroup_namespace(expected.linux)
      end
      assert.equal(ctr.oci.encode(expected), read(folder .. "/config.json"))
      os.remove(folder .. "/config.json")
    end
  end)

  it("writes one for a caller without privilege", function()
    assert.equal(0, run("--rootless").code)
    assert.is_table(loaded().linux.uidMappings)
  end)

  it("overwrites nothing", function()
    write(folder .. "/config.json", "mine")
    local result = run("")
    assert.equal(1, result.code)
    assert.matches("config.json exists already", result.stderr)
    assert.equal("mine", read(folder .. "/config.json"))
  end)

  it("says that the bundle is missing, in words that are not a program's", function()
    local result = run("-b " .. folder .. "/nowhere")
    assert.equal(1, result.code)
    assert.matches("the bundle is missing: " .. folder:gsub("%-", "%%-") .. "/nowhere",
      result.stderr)
    assert.is_nil(result.stderr:find("no such file", 1, true))
  end)

  it("converts a description, with numbers for the names of users", function()
    local root = rootfs.shared()
    write(folder .. "/web.lua", ([[
      return container "web" {
        rootfs = %q, user = "daemon", run = { "/bin/true" }, limits = { memory = "64M" },
      }
    ]]):format(root))
    local result = run("--from web.lua")
    assert.same({ "", 0 }, { result.stderr, result.code })
    local spec = loaded()
    assert.is_nil(spec.ctr)
    assert.equal(root, spec.root.path)
    assert.equal(1, spec.process.user.uid)
    assert.equal(1, spec.process.user.gid)
    assert.equal(67108864, spec.linux.resources.memory.limit)
    assert.equal("SCMP_ACT_ERRNO", spec.linux.seccomp.defaultAction)
  end)

  it("refuses what is no description of one container", function()
    local root = rootfs.shared()
    for text, problem in pairs({
      ["return 5"] = "returns no description",
      [("return container \"a\" { rootfs = %q, run = { \"/x\" } }, container \"b\" { rootfs = %q, "
        .. "run = { \"/x\" } }"):format(root, root)] = "describes 2 containers",
      [("return container \"a\" { rootfs = %q, user = \"nobodyhere\", run = { \"/x\" } }")
        :format(root)] = "no user",
    }) do
      write(folder .. "/web.lua", text)
      local result = run("--from web.lua")
      assert.equal(1, result.code)
      assert.truthy(result.stderr:find(problem, 1, true), result.stderr)
      assert.is_nil(read(folder .. "/config.json"))
    end
  end)
end)

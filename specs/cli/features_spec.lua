local command = require("specs.support.command")
local core = require("ctr.core")

local function lctr(...)
  return command.run({ "build/lctr", ... }, { env = {} })
end

local function set_of(list)
  local set = {}
  for _, item in ipairs(list) do
    set[item] = true
  end
  return set
end

describe("lctr features", function()
  local features

  setup(function()
    local result = lctr("features")
    assert.same({ 0, "" }, { result.code, result.stderr })
    features = assert(core.json.decode(result.stdout))
  end)

  it("names the versions that it understands", function()
    assert.equal("1.0.0", features.ociVersionMin)
    assert.matches("^1%.%d+%.%d+$", features.ociVersionMax)
  end)

  it("has what engines look for", function()
    assert.is_true(set_of(features.mountOptions).rro)
    assert.is_true(set_of(features.linux.namespaces).user)
    assert.is_true(features.linux.mountExtensions.idmap.enabled)
  end)

  it("lists the library's own words, sorted", function()
    local words = require("ctr.config.words")
    for _, list in ipairs({ features.mountOptions, features.linux.capabilities,
      features.linux.namespaces, features.linux.seccomp.archs }) do
      local sorted = { unpack(list) }
      table.sort(sorted)
      assert.same(sorted, { unpack(list) })
    end
    for _, option in ipairs(features.mountOptions) do
      assert.is_truthy(words.mount_flags[option] or words.mount_extensions[option])
    end
    assert.equal(#words.capability_list, #features.linux.capabilities)
    assert.same({ "cgroup", "ipc", "mount", "network", "pid", "time", "user", "uts" },
      { unpack(features.linux.namespaces) })
  end)

  it("says what its seccomp can do", function()
    local seccomp = features.linux.seccomp
    assert.is_true(set_of(seccomp.actions).SCMP_ACT_NOTIFY)
    assert.is_true(set_of(seccomp.operators).SCMP_CMP_MASKED_EQ)
    assert.is_true(set_of(seccomp.archs).SCMP_ARCH_X86_64)
    assert.is_true(set_of(seccomp.supportedFlags).SECCOMP_FILTER_FLAG_LOG)
    assert.matches("^%d+%.%d+%.%d+$", features.annotations["io.github.seccomp.libseccomp.version"])
  end)
end)

describe("lctr --version", function()
  it("names a version once, in its first line", function()
    local lines = {}
    for line in lctr("--version").stdout:gmatch("[^\n]+") do
      lines[#lines + 1] = line
    end
    assert.equal("lctr version " .. require("ctr").version, lines[1])
    assert.matches("^spec: 1%.%d+%.%d+$", lines[#lines])
    for index = 2, #lines do
      assert.is_nil(lines[index]:find("version"))
      assert.matches("^%l+: %S+$", lines[index])
    end
  end)
end)

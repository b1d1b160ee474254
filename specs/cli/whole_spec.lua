local command = require("specs.support.command")
local machine = require("specs.support.machine")

local LCTR = "build/lctr"
local SHOW = "print((require('ctr.core').path.realpath('/proc/self/exe')))"

describe("the static lctr", function()
  local folder
  local keep, clear = command.kept()
  after_each(clear)

  local function with(files)
    folder = keep(command.folder(files))
  end

  -- The dynamic linker would answer in the place of the program.
  it("has no dynamic linker, and the whole one has", function()
    local env = { env = { "LD_TRACE_LOADED_OBJECTS=1" } }
    assert.matches("^lctr version ", command.run({ LCTR, "--version" }, env).stdout)
    assert.matches("libc%.so", command.run({ "build/ctr/lctr", "--version" }, env).stdout)
  end)

  it("goes on as the whole one for a program, with its arguments", function()
    with({ ["tool.lua"] = SHOW .. " print(...)" })
    local path = folder .. "/tool.lua"
    for _, args in ipairs({ { path }, { "--root", folder, path } }) do
      args[#args + 1] = "one two"
      args[#args + 1] = "three"
      local result = command.run({ LCTR, unpack(args) })
      assert.equal("", result.stderr)
      assert.matches("/build/ctr/lctr\none two\tthree\n$", result.stdout)
    end
  end)

  it("does alone what needs no module", function()
    with({ ["tool.lua"] = SHOW .. " print(pcall(require, 'ctr.core.netlink'))" })
    assert.equal(0, os.execute(("cp %s %s/lctr"):format(LCTR, folder)))
    local result = command.run({ folder .. "/lctr", folder .. "/tool.lua" })
    assert.equal(folder .. "/lctr\nfalse\tlctr does not find its module 'ctr.core.netlink'\n",
      result.stdout)
    result = command.run({ folder .. "/lctr", "doctor" })
    assert.equal("", result.stderr)
  end)

  it("loads no module in C", function()
    with({ ["tool.lua"] = "print(pcall(require, 'ctr.core.netlink'))" })
    assert.equal(0, os.execute(("cp %s %s/lctr && mkdir -p %s/ctr/core && "
      .. "cp build/ctr/core/netlink.so %s/ctr/core/"):format(LCTR, folder, folder, folder)))
    local result = command.run({ folder .. "/lctr", folder .. "/tool.lua" })
    assert.equal("false\tlctr cannot load its module 'ctr.core.netlink': "
      .. "a static program loads no C modules, and ctr/lctr was not found\n", result.stdout)
  end)

  it("is what the file says where its standard input is closed", function()
    local result = command.run({ "/bin/sh", "-c", LCTR .. " --version <&- 2>&1" })
    assert.equal(0, result.code)
    assert.matches("^lctr version ", result.stdout)
  end)

  it("runs without huge pages, and without /proc", function()
    if not machine.is_root() then
      return pending("needs root")
    end
    with({ never = "always madvise [never]\n" })
    for _, change in ipairs({
      ("mount --bind %s/never /sys/kernel/mm/transparent_hugepage/enabled"):format(folder),
      "mount -t tmpfs none /proc",
    }) do
      local result = command.run({ "/usr/bin/unshare", "--mount", "/bin/sh", "-c",
        change .. " && " .. LCTR .. " --version" })
      assert.equal("", result.stderr)
      assert.matches("^lctr version ", result.stdout)
    end
  end)

  -- The static one in a folder, the whole one where the modules lie below the prefix.
  local function install(bin)
    with({ ["tool.lua"] = SHOW })
    assert.equal(0, os.execute(("mkdir -p %s/%s %s/lib/lua/5.1/ctr && cp %s %s/%s/ && "
      .. "cp build/ctr/lctr %s/lib/lua/5.1/ctr/"):format(folder, bin, folder, LCTR, folder, bin,
      folder)))
    return folder .. "/" .. bin .. "/lctr"
  end

  it("is below no prefix that is no bin folder", function()
    local lctr = install("mine")
    assert.equal(lctr .. "\n", command.run({ lctr, folder .. "/tool.lua" }).stdout)
  end)

  it("finds the whole one where both are installed", function()
    local lctr = install("bin")
    assert.equal(folder .. "/lib/lua/5.1/ctr/lctr\n",
      command.run({ lctr, folder .. "/tool.lua" }).stdout)
    assert.equal("2\n",
      command.run({ "/bin/sh", "-c", "echo 'print(1 + 1)' | " .. lctr }).stdout)
  end)
end)

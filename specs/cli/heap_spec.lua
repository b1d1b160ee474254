local command = require("specs.support.command")

local LCTR = "build/lctr"

describe("lctr's prepared heap", function()
  local folder

  before_each(function()
    folder = os.tmpname()
    os.remove(folder)
    assert.equal(0, os.execute("mkdir " .. folder))
  end)

  after_each(function()
    os.execute("rm -rf " .. folder)
  end)

  local function run(text, env)
    local file = assert(io.open(folder .. "/tool.lua", "w"))
    file:write(text)
    file:close()
    return command.run({ LCTR, folder .. "/tool.lua" }, { env = env })
  end

  -- io.type looks at LuaJIT's own mark, the writes at the FILE behind it.
  it("has the process' own standard streams", function()
    local result = run([[
      assert(io.type(io.stdin) == "file" and io.stdin:read("*a") == "")
      io.stdout:write("out") io.stderr:write("err") print(io.output() == io.stdout)]])
    assert.same({ "outtrue\n", "err", 0 }, { result.stdout, result.stderr, result.code })
  end)

  it("lets people's programs be compiled, where the compiler is sound", function()
    local is_sound = require("ctr.interpreted").is_sound(jit.version)
    assert.equal(tostring(is_sound) .. "\n", run("print((jit.status()))").stdout)
  end)

  it("is done without where its place is taken", function()
    local library = folder .. "/occupier.so"
    assert.equal(0, os.execute("cc -shared -fPIC -o " .. library
      .. " specs/support/occupier.c"))
    local text = [[
      for line in io.lines("/proc/self/maps") do
        if line:find("^1000000000%-") then print(line:match("^%S+ (%S+)")) end
      end
      print(require("ctr").version)]]
    local version = require("ctr").version
    assert.equal("rw-p\n" .. version .. "\n", run(text).stdout)
    local result = run(text, { "LD_PRELOAD=" .. library })
    assert.same({ "---p\n" .. version .. "\n", "" }, { result.stdout, result.stderr })
  end)
end)

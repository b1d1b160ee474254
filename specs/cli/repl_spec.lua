local command = require("specs.support.command")
local core = require("ctr.core")
local prompts = require("specs.support.prompt")

local ALL = 511 -- 0777

-- In a hundredth of a second.
local function cpu_time(pid)
  local file = assert(io.open("/proc/" .. pid .. "/stat"))
  local user, system = file:read("*a"):match("%) %S" .. (" %S+"):rep(10) .. " (%d+) (%d+)")
  file:close()
  return user + system
end

describe("lctr at a terminal", function()
  local prompt

  local function start(opts)
    prompt = prompts.start(opts)
    prompt:expect("lctr> ")
    return prompt
  end

  after_each(function()
    if prompt then
      prompt:close()
      prompt = nil
    end
  end)

  it("shows what an expression gives, without return", function()
    start()
    assert.equal('"' .. require("ctr").version .. '"', prompt:run("ctr.version"))
    assert.equal("42", prompt:run("6 * 7"))
    assert.equal("", prompt:run("x = 5"))
    assert.equal("5", prompt:run("x"))
  end)

  it("keeps what is declared local", function()
    start()
    prompt:run("local a, b = 1, 2")
    assert.equal("3", prompt:run("a + b"))
  end)

  it("goes on to the next line until a chunk is complete", function()
    start()
    prompt:type("function double(n)\r")
    prompt:expect(".. ")
    prompt:type("return 2 * n\r")
    prompt:expect(".. ")
    prompt:type("end\r")
    prompt:expect("lctr> ")
    assert.equal("8", prompt:run("double(4)"))
  end)

  it("gives results names", function()
    start()
    prompt:run("'first'")
    prompt:run("'second'")
    assert.equal('"second"', prompt:run("_"))
    assert.equal('"first"', prompt:run("_1"))
    assert.equal('"second"', prompt:run("_2"))
  end)

  it("tells errors, and goes on", function()
    start()
    assert.equal("error: input:1: here", prompt:run("local x; error('here', 1)"))
    assert.equal('error: container "nobody" does not exist', prompt:run("factory:load('nobody')"))
    assert.truthy(prompt:run("1 +* 2"):find("^error: input:1: unexpected symbol"))
    assert.equal("2", prompt:run("1 + 1"))
  end)

  it("writes out what would command the terminal", function()
    start()
    prompt:type([["a\27[31mb"]] .. "\r")
    prompt:expect("\n")
    assert.equal('"a\\e[31mb"', prompt:expect("b\""))
  end)

  it("cuts what is long, and tells how much", function()
    start({ rows = 12 })
    local shown = prompt:run("t = {} for i = 1, 500 do t[i] = i * 2 end return t")
    assert.truthy(shown:find("… and 493 more of 500", 1, true))
  end)

  it("draws a list of records as a table", function()
    start()
    assert.equal("id  name\n 1  a\n22  b",
      prompt:run("{{ id = 1, name = 'a' }, { id = 22, name = 'b' }}"))
  end)

  describe("with Ctrl-C", function()
    for name, text in pairs({
      ["a loop"] = "while true do end",
      ["a loop that catches errors"] = "while true do pcall(function() while true do end end) end",
      ["a coroutine"] = "coroutine.wrap(function() while true do end end)()",
      ["a wait"] = "require('ctr.core').poll.wait({}, 1000)",
      ["an event loop"] = "ctr.loop():after(1000, print).loop:run()",
      ["a program of the host"] = "os.execute('echo st\\'\\'arted; exec sleep 1000')",
      ["a read"] = "io.read()",
    }) do
      it("ends " .. name, function()
        start()
        prompt:type("print('rea' .. 'dy') " .. text .. "\r")
        prompt:expect(name == "a program of the host" and "started\n" or "ready\n")
        prompt:type("\3")
        prompt:expect("lctr> ")
        assert.equal("2", prompt:run("1 + 1"))
      end)
    end

    it("has nothing compiled that could not be ended", function()
      start()
      assert.truthy(prompt:run("jit.on()"):find("nothing is compiled at the prompt", 1, true))
      assert.equal("false", prompt:run("(jit.status())"))
    end)

    it("gives up a line, or a chunk of several", function()
      start()
      prompt:type("x = 1 +")
      prompt:expect("+")
      prompt:type("\3")
      prompt:expect("lctr> ")
      prompt:type("x = {\r")
      prompt:expect(".. ")
      prompt:type("\3")
      prompt:expect("lctr> ")
      assert.equal("nil", prompt:run("x"))
    end)

    it("ends lctr where nothing else can, when it comes again", function()
      start()
      local pid = prompt:run("require('ctr.core').proc.getpid()")
      local idle = cpu_time(pid)
      prompt:type("('a'):rep(1e5):find(('.-'):rep(30) .. 'b')\r")
      while cpu_time(pid) < idle + 10 do -- it is at it
        core.poll.wait({}, 0.02)
      end
      -- As a person does: two that come at the same moment are one to the kernel.
      repeat
        prompt:type("\3")
      until core.poll.wait({ { fd = prompt.child.pidfd, events = "r" } }, 0.2)[1]
      prompt:expect("lctr: ended, for what runs could not be stopped")
      assert.equal(128 + 2, prompt:wait().code)
    end)
  end)

  describe("and the history", function()
    local function history()
      local file = io.open(prompt.folder .. "/state/ctr/history")
      local text = file and file:read("*a")
      if file then
        file:close()
      end
      return text
    end

    it("is kept in a file of the user's alone", function()
      start()
      prompt:run("first = 1")
      prompt:run("first = 1")
      prompt:run(" secret = 2")
      prompt:type("x = {\r")
      prompt:expect(".. ")
      prompt:run("}")
      assert.equal("first = 1\nx = {\\n}\n", history())
      local root = assert(core.path.open_root(prompt.folder .. "/state/ctr"))
      assert.equal(384, core.path.stat(root, "history").mode % (ALL + 1)) -- 0600
      root:close()
    end)

    it("is there the next time, and is searched with Ctrl-R", function()
      start()
      prompt:run("needle = 'found again'")
      prompt:run("other = 1")
      local old = prompt
      prompt = prompts.start({ env = { XDG_STATE_HOME = old.folder .. "/state" } })
      prompt:expect("lctr> ")
      prompt:type("\18need")
      prompt:expect("needle")
      prompt:type("\27\r")
      prompt:expect("\nlctr> ")
      assert.equal('"found again"', prompt:run("needle"))
      old:close()
    end)

    it("is walked through with the arrow keys", function()
      start()
      prompt:run("n = 7")
      prompt:type("\27[A * 6\r")
      prompt:expect("lctr> ")
      assert.equal("42", prompt:run("n"))
    end)

    it("is done without where there is no place for it", function()
      start({ env = { HOME = false, XDG_STATE_HOME = false } })
      assert.equal("2", prompt:run("1 + 1"))
    end)
  end)

  it("has no colours where NO_COLOR is set", function()
    prompt = prompts.start({ env = { NO_COLOR = "1" } })
    local bytes = prompt:expect_bytes("lctr>")
    assert.is_nil(bytes:find("\27%[%d*m.*lctr>"))
  end)

  it("has colours where nobody minds", function()
    prompt = prompts.start()
    assert.truthy(prompt:expect_bytes("lctr>"):find("\27[1mlctr>", 1, true))
  end)

  it("does with a terminal that only shows what is written", function()
    start({ env = { TERM = "dumb" } })
    prompt:type("1 + 1\r")
    prompt:expect("2\n")
    prompt:expect("lctr> ")
    prompt:type("print('rea' .. 'dy') while true do end\r")
    prompt:expect("ready\n")
    prompt:type("\3")
    prompt:expect("interrupted")
    prompt:expect("lctr> ")
    assert.is_nil(prompt.seen:find("\27", 1, true))
    prompt:type("\4")
    assert.equal(0, prompt:wait().code)
  end)

  it("ends with Ctrl-D, and leaves the terminal as it was", function()
    local function mode(path)
      local pipe = io.popen("stty -g <" .. path)
      local text = pipe:read("*a")
      pipe:close()
      return text
    end
    local master, path = core.tty.open_pty()
    local slave = assert(core.fd.open(path, { flags = { "rdwr", "noctty" } }))
    local usual = mode(path)
    slave:close()
    master:close()
    start()
    assert.not_equal(usual, mode(prompt.path))
    prompt:type("\4")
    assert.equal(0, prompt:wait().code)
    assert.equal(usual, mode(prompt.path))
  end)

  it("ends when the terminal is gone", function()
    start()
    prompt:close()
    prompt = nil
  end)

  it("puts the terminal back after a chunk that left it raw", function()
    start()
    prompt:run("os.execute('stty raw -echo')")
    assert.equal("2", prompt:run("1 + 1"))
    prompt:run("os.execute('stty -a > " .. prompt.folder .. "/mode')")
    local file = assert(io.open(prompt.folder .. "/mode"))
    local text = file:read("*a")
    file:close()
    assert.truthy(text:find("%sicanon") and text:find("%sisig") and text:find("%sopost"))
  end)
end)

describe("lctr and a pipe", function()
  local function lctr(input, ...)
    return command.run({ "build/lctr", ... }, { stdin = input })
  end

  it("runs what comes, without a prompt, and writes results as they are", function()
    local result = lctr("ctr.version\nlocal x = {\n1, 2 }\n#x\n'a\\tb'\n")
    assert.equal("", result.stderr)
    assert.equal(require("ctr").version .. "\n2\na\tb\n", result.stdout)
    assert.equal(0, result.code)
  end)

  it("reads line by line", function()
    local pipe = assert(io.popen("(echo 'print(1)'; echo 'x = 1'; echo 'print(2)') "
      .. "| build/lctr"))
    assert.equal("1\n2\n", pipe:read("*a"))
    pipe:close()
  end)

  it("ends with the first error, which standard error gets", function()
    for text, message in pairs({
      ["print(1)\nerror('no', 0)\nprint(2)\n"] = "error: no\n",
      ["print(1)\nx = = 2\nprint(2)\n"] = "error: input:1: unexpected symbol near '='\n",
      ["print(1)\nfactory:load('nobody')\nprint(2)\n"] =
        'error: container "nobody" does not exist\n',
      ["print(1)\nx = {\n"] = "error: the input ends within a chunk: x = {\n",
    }) do
      local folder, remove = command.folder()
      local result = lctr(text, "--root", folder .. "/root")
      assert.equal(message, result.stderr)
      assert.equal("1\n", result.stdout)
      assert.equal(1, result.code)
      remove()
    end
  end)

  it("shows the help to who gives it nothing", function()
    local help = lctr(nil, "--help").stdout
    for _, input in ipairs({ "/dev/null", "" }) do
      local pipe = io.popen(input == "" and ": | build/lctr" or "build/lctr <" .. input)
      assert.equal(help, pipe:read("*a"))
      pipe:close()
    end
  end)

  it("takes the options that containers have, and no others", function()
    local folder, remove = command.folder()
    assert.equal(folder .. "/root\n", lctr("factory.root\n", "--root", folder .. "/root").stdout)
    remove()
    local refused = lctr("1\n", "--trust")
    assert.equal("lctr: --trust has no meaning for lctr alone\n", refused.stderr)
    assert.equal(1, refused.code)
  end)
end)

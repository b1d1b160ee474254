local box = require("specs.support.box")
local channels = require("ctr.migrate.channel")
local core = require("ctr.core")
local criu = require("specs.support.criu")
local ctr = require("ctr")
local host = require("specs.support.host")
local machine = require("specs.support.machine")

-- Who may speak to a receiving end is its caller's to say; what is said is still looked at.
describe("a source of migrations that is hostile", function()
  if not criu.path then
    pending(criu.reason)
    return
  end

  local b, version

  setup(function()
    b = criu.box()
    version = assert(require("ctr.criu.program").version(b.factory))
  end)

  teardown(function()
    b:close()
  end)

  -- What the receiving end makes of what was sent to it, when nobody sends any more.
  local function receive(messages, changes)
    local ours, theirs = assert(core.fd.socketpair("stream"))
    -- In one piece: the other end listens only later.
    local text = {}
    local writer = assert(channels.new(ours, 5))
    function writer.write(_, data)
      text[#text + 1] = data
      return true
    end
    for _, message in ipairs(messages) do
      local send = type(message) == "table" and writer.send or writer.write
      assert(send(writer, message))
    end
    assert(core.fd.write_all(ours, table.concat(text)))
    local target = { factory = b.factory, directory = b.folder, timeout = 1 }
    function target.config(config)
      config.cgroups = { path = box.PARENT .. "-there" }
      return config
    end
    for key, value in pairs(changes or {}) do
      target[key] = value
    end
    local before = machine.snapshot(box.PATTERN)
    local report, err = ctr.receive_migration(theirs, target)
    assert.is_nil(report)
    assert.same({}, b.factory:list())
    assert.equal("", host.sh(("ls -d %s/migrate-*"):format(b.folder)).stdout)
    assert.same(before, machine.snapshot(box.PATTERN))
    ours:close()
    theirs:close()
    return err
  end

  local function offer(changes)
    local message = { type = "offer", protocol = channels.VERSION, id = "guest", criu = version,
      method = "stop-and-copy", options = {}, config = box.config(b.root) }
    for key, value in pairs(changes or {}) do
      message[key] = value
    end
    return message
  end

  it("cannot speak out of turn", function()
    for _, messages in ipairs({
      { { type = "go" } }, { { type = "file", name = "a.img", size = 1 }, "a" },
      { offer(), { type = "restore" } }, { offer(), { type = "go" } }, { offer(), offer() },
      { offer(), { type = "round" }, { type = "round" } },
      { offer(), { type = "round" }, { type = "restore" } },
    }) do
      assert.matches("which is not its turn", tostring(receive(messages)), 1, true)
    end
  end)

  it("is refused what is not understood", function()
    for _, changes in ipairs({ { id = 1 }, { config = "x" }, { options = 1 }, { criu = "new" },
      { method = "beam" } }) do
      assert.matches("is not understood", tostring(receive({ offer(changes) })), 1, true)
    end
    assert.matches("speaks version 2 of the protocol",
      tostring(receive({ offer({ protocol = 2 }) })), 1, true)
    assert.matches("needs CRIU 99.0.0 or newer", tostring(receive({ offer({ criu = 990000 }) })), 1,
      true)
    assert.equal("InvalidIdFormat", receive({ offer({ id = "../guest" }) }).code)
  end)

  it("cannot leave the folder of its round", function()
    for _, name in ipairs({ "../ctr.json", "/etc/x.img", "a/b.img", "parent", "..", "",
      "restore.log", ("a"):rep(256) .. ".img" }) do
      local err = receive({ offer(), { type = "round" }, { type = "file", name = name, size = 1 },
        "a" })
      assert.matches("a file that is no image", tostring(err), 1, true)
    end
  end)

  it("cannot replace a file", function()
    local file = { type = "file", name = "a.img", size = 1 }
    local err = receive({ offer(), { type = "round" }, file, "a", file, "b", { type = "end" } })
    assert.equal("EEXIST", err.errno)
  end)

  it("cannot fill the disk", function()
    for _, size in ipairs({ 101, -1, 0.5, 1e300 }) do
      local err = receive({ offer(), { type = "round" },
        { type = "file", name = "a.img", size = size } }, { max_bytes = 100 })
      assert.is_true(err.path == "max_bytes" or err.errno == "EPROTO")
    end
    local rounds = { offer() }
    for _ = 1, 40 do
      rounds[#rounds + 1] = { type = "round" }
      rounds[#rounds + 1] = { type = "end" }
    end
    assert.matches("too many rounds", tostring(receive(rounds)), 1, true)
  end)

  it("cannot have CRIU told what the receiving end has not been asked for", function()
    local err = receive({ offer({ options = { config_file = "/tmp/x", tcp_established = "yes" } }),
      { type = "round" }, { type = "end" }, { type = "restore" } })
    assert.equal("tcp_established", err.path)
    err = receive({ offer({ options = { config_file = "/tmp/x" } }), { type = "round" },
      { type = "end" }, { type = "restore" } })
    assert.equal("images_directory", err.path) -- there are none
    err = receive({ offer(), { type = "round" }, { type = "end" },
      { type = "restore", lazy = { address = "--action-script", port = 1 } } })
    assert.equal("EPROTO", err.errno)
  end)
end)

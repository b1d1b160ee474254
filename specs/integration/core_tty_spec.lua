local core = require("ctr.core")
local host = require("specs.support.host")

local tty = core.tty

describe("ctr.core.tty", function()
  local before, master, slave

  before_each(function()
    before = host.open_fds()
    local path
    master, path = assert(tty.open_pty())
    slave = assert(core.fd.open(path, { flags = { "rdwr", "noctty" } }))
  end)

  after_each(function()
    master:close()
    slave:close()
    assert.equal(before, host.open_fds())
  end)

  it("knows a terminal", function()
    assert.is_true(tty.is_tty(slave))
    local file = assert(core.fd.memfd("spec", ""))
    assert.is_false(tty.is_tty(file))
    local columns, err = tty.size(file)
    assert.is_nil(columns)
    assert.same({ "ENOTTY", "TIOCGWINSZ" }, { err.errno, err.op })
    local ok
    ok, err = tty.set_size(file, 80, 24)
    assert.is_nil(ok)
    assert.same({ "ENOTTY", "TIOCSWINSZ" }, { err.errno, err.op })
    ok, err = tty.raw(file)
    assert.is_nil(ok)
    assert.same({ "ENOTTY", "tcgetattr" }, { err.errno, err.op })
    file:close()
  end)

  it("has a size in columns and rows", function()
    assert.is_true(tty.set_size(master, 132, 43))
    local columns, rows = tty.size(slave)
    assert.same({ 132, 43 }, { columns, rows })
    assert.has_error(function() tty.set_size(master, 65536, 1) end)
    assert.has_error(function() tty.set_size(master, -1, 1) end)
  end)

  it("passes bytes as they are while it is raw, and goes back", function()
    core.fd.write_all(slave, "a\n")
    assert.equal("a\r\n", core.fd.read(master, 10))
    local state = assert(tty.raw(slave))
    core.fd.write_all(slave, "b\n")
    assert.equal("b\n", core.fd.read(master, 10))
    assert.is_true(tty.restore(slave, state))
    core.fd.write_all(slave, "c\n")
    assert.equal("c\r\n", core.fd.read(master, 10))
    assert.has_error(function() tty.restore(slave, {}) end)
    assert.has_error(function() tty.restore(slave, io.stdout) end)
  end)

  it("treats what is written as before where that is asked for", function()
    local state = assert(tty.raw(slave, { translates = true }))
    core.fd.write_all(slave, "a\n")
    assert.equal("a\r\n", core.fd.read(master, 10))
    core.fd.write_all(master, "\3")
    assert.equal("\3", core.fd.read(slave, 10)) -- which is no interrupt
    assert.is_true(tty.restore(slave, state))
    assert.has_error(function() tty.raw(slave, { translates = 1 }) end)
  end)
end)

local channel = require("ctr.migrate.channel")
local core = require("ctr.core")
local errors = require("ctr.errors")

describe("ctr.migrate.channel", function()
  local ours, theirs, here, there

  before_each(function()
    ours, theirs = assert(core.fd.socketpair("stream"))
    here, there = assert(channel.new(ours, 5)), assert(channel.new(theirs, 5))
  end)

  after_each(function()
    ours:close()
    theirs:close()
  end)

  it("carries messages, one after the other", function()
    assert(here:send({ type = "round", page_server = true }))
    assert(here:send({ type = "end" }))
    assert.same({ type = "round", page_server = true }, there:receive())
    assert.same({ type = "end" }, there:receive())
  end)

  it("carries a file between messages", function()
    local content = ("0123456789"):rep(1000)
    local file = assert(core.fd.memfd("file", content))
    assert(here:send_file("pages-1.img", file, #content))
    assert(here:send({ type = "end" }))
    file:close()
    assert.same({ type = "file", name = "pages-1.img", size = #content }, there:receive())
    local parts = {}
    assert(there:receive_file(#content, function(data) parts[#parts + 1] = data end))
    assert.equal(content, table.concat(parts))
    assert.same({ type = "end" }, there:receive())
  end)

  it("speaks through two pipes as well", function()
    local input, answer = assert(core.fd.pipe())
    local ask, output = assert(core.fd.pipe())
    local one = assert(channel.new({ input = input, output = output }, 5))
    local two = assert(channel.new({ input = ask, output = answer }, 5))
    assert(one:send({ type = "round" }))
    assert.same({ type = "round" }, two:receive())
    assert(two:send({ type = "ready" }))
    assert.same({ type = "ready" }, one:receive())
    for _, handle in ipairs({ input, answer, ask, output }) do
      handle:close()
    end
  end)

  it("stops a file when the other end speaks meanwhile", function()
    local file = assert(core.fd.memfd("file", "text"))
    assert(there:send({ type = "failed", message = "no" }))
    local ok, err = here:send_file("pages-1.img", file, 4)
    file:close()
    assert.is_nil(ok)
    assert.matches("does not listen", tostring(err), 1, true)
    assert.equal("no", here:receive().message)
  end)

  it("tells of a file that became shorter", function()
    local file = assert(core.fd.memfd("file", "text"))
    local ok, err = here:send_file("pages-1.img", file, 5)
    file:close()
    assert.is_nil(ok)
    assert.matches("pages-1.img is shorter than it was", tostring(err), 1, true)
  end)

  it("gives up an end that says nothing, or goes away", function()
    here.timeout = 0.05
    local ok, err = here:receive()
    assert.is_nil(ok)
    assert.equal("ETIMEDOUT", err.errno)
    theirs:close()
    ok, err = here:receive()
    assert.is_nil(ok)
    assert.equal("ECONNRESET", err.errno)
  end)

  it("takes no other protocol for its own", function()
    for _, text in ipairs({ "GET / HTTP/1.1\r\n", "\0\0\0\2[]", "\0\0\0\2{}", "\0\0\0\3nil" }) do
      assert(core.fd.write_all(ours, text))
      local ok, err = there:receive()
      assert.is_nil(ok)
      assert.equal("EPROTO", err.errno)
      there.buffer = ""
    end
  end)

  it("hands on an error with what code reads of it, and no more", function()
    local err = errors.new("ConfigInvalid", "rootfs is\27[1m missing", { path = "rootfs",
      errno = "ENOENT" })
    assert(here:send(channel.failed(err)))
    local message = there:receive()
    message.source = "running"
    local heard = channel.error_of(message)
    assert.is_true(errors.is(heard))
    assert.equal("the other end: rootfs is?[1m missing", heard.message)
    assert.same({ "ConfigInvalid", "rootfs", "ENOENT" }, { heard.code, heard.path, heard.errno })
    assert.is_nil(heard.source)
    heard = channel.error_of({ type = "failed", code = "Nonsense", path = {} })
    assert.same({ "SystemError" }, { heard.code, heard.path })
  end)
end)

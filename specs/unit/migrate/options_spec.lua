local options = require("ctr.migrate.options")

local FACTORY = setmetatable({}, { __name = "ctr.Factory" })
local PROCESS = setmetatable({}, { __name = "ctr.Process" })

describe("ctr.migrate.options", function()
  it("asks for nothing", function()
    local parsed = assert(options.parse({}))
    assert.is_nil(parsed.method)
    assert.equal(5, parsed.max_rounds)
    assert.equal(4 * 1024 * 1024, parsed.dirty_limit)
    assert.is_false(parsed.page_server)
    assert.equal(120, parsed.timeout)
    assert.same({}, parsed.shared)
  end)

  it("hands on what dump and restore are told alike, as it was written", function()
    local parsed = assert(options.parse({ tcp_established = true, network_lock = "nftables",
      empty_ns = { "network" }, max_rounds = 2 }))
    assert.same({ tcp_established = true, network_lock = "nftables", empty_ns = { "network" } },
      parsed.shared)
  end)

  it("names what is wrong", function()
    for _, row in ipairs({
      { { method = "teleport" }, "method" },
      { { method = "post-copy" }, "lazy_server" },
      { { method = "post-copy", lazy_server = { address = "10.0.0.1", port = 1 },
        page_server = true }, "page_server" },
      { { lazy_server = { address = "10.0.0.1" } }, "lazy_server.port" },
      { { lazy_server = { address = "", port = 1 } }, "lazy_server.address" },
      { { max_rounds = 0 }, "max_rounds" },
      { { max_rounds = 33 }, "max_rounds" },
      { { dirty_limit = "much" }, "dirty_limit" },
      { { timeout = -1 }, "timeout" },
      { { timeout = 1 / 0 }, "timeout" },
      { { progress = "bar" }, "progress" },
      { { process = {} }, "process" },
      { { network_lock = "rope" }, "network_lock" },
      { { config_file = "/etc/criu.conf" }, "config_file" },
    }) do
      local parsed, err = options.parse(row[1])
      assert.is_nil(parsed)
      assert.equal("ConfigInvalid", err.code)
      assert.equal(row[2], err.path, tostring(err))
    end
  end)

  it("wants to know of the receiving end what makes containers, and where images go", function()
    local parsed = assert(options.parse_target({ factory = FACTORY, directory = "/images",
      process = PROCESS }))
    assert.equal(64 * 1024 * 1024 * 1024, parsed.max_bytes)
    for _, row in ipairs({
      { { directory = "/images" }, "factory" },
      { { factory = {}, directory = "/images" }, "factory" },
      { { factory = FACTORY }, "directory" },
      { { factory = FACTORY, directory = "/images", config = "web" }, "config" },
      { { factory = FACTORY, directory = "/images", page_server = { port = 1 } },
        "page_server.address" },
    }) do
      local target, err = options.parse_target(row[1])
      assert.is_nil(target)
      assert.equal(row[2], err.path, tostring(err))
    end
  end)
end)

local command = require("specs.support.command")
local core = require("ctr.core")
local status_module = require("ctr.criu.status")

local VERSION = 40201

describe("ctr.criu.status", function()
  local folder, remove, opened, told

  before_each(function()
    folder, remove = command.folder({ ["7/status"] = "Name:\tx\nRssAnon:\t  80 kB\n"
      .. "RssFile:\t 4000 kB\nRssShmem:\t  40 kB\n" })
    local dir = assert(core.path.open_root(folder))
    opened, told = { images = dir, work = dir }, {}
  end)

  after_each(function()
    opened.images:close()
    remove()
  end)

  local function append(name, text)
    local file = assert(io.open(folder .. "/" .. name, "a"))
    file:write(text)
    file:close()
  end

  local function begin(options)
    local procfs = assert(core.fd.open(folder, { flags = { "path", "directory" } }))
    local container = { host = { procfs = function() return procfs end },
      cgroup = { pids = function() return { 7 } end } }
    local all = { parent_image = "", progress = function(info) told[#told + 1] = info end }
    for key, value in pairs(options or {}) do
      all[key] = value
    end
    local status = assert(status_module.new(all, VERSION))
    status:count(container, all, opened, "dump.log")
    procfs:close()
    return status
  end

  it("tells how much memory is in the images, each time that there is more", function()
    local status = begin()
    assert(status:tick())
    assert.same({}, told)
    append("pages-1.img", ("x"):rep(8192))
    assert(status:tick())
    assert(status:tick())
    append("pages-2.img", ("x"):rep(4096))
    assert(status:tick())
    assert(status:tell("post-dump"))
    assert.same({
      { step = "memory", pages_written = 2, bytes_written = 8192, pages_expected = 30,
        iteration = 1 },
      { step = "memory", pages_written = 3, bytes_written = 12288, pages_expected = 30,
        iteration = 1 },
      { step = "post-dump", pages_written = 3, bytes_written = 12288, pages_expected = 30,
        iteration = 1 },
    }, told)
    status:close()
  end)

  it("tells how much went to a page server by CRIU's log, whole lines of it", function()
    local status = begin({ page_server = { address = "::1", port = 1 } })
    assert(status:tick())
    append("dump.log", "(00.1) page-xfer: \tp 0x1000 - 0x3000\n(00.2) page-xfer: \tp 0x90")
    assert(status:tick())
    append("dump.log", "00 - 0xa000\n")
    assert(status:tick())
    assert.equal(2, #told)
    assert.equal(2, told[1].pages_written)
    assert.equal(3, told[2].pages_written)
    status:close()
  end)

  it("hands on what the caller's function raises", function()
    local status = begin({ progress = function() error("enough", 0) end })
    append("pages-1.img", "x")
    local ok, err = status:tick()
    assert.is_nil(ok)
    assert.equal("enough", err.message)
    assert.equal("progress", err.path)
    status:close()
  end)
end)

local completion = require("ctr.repl.completion")
local displays = require("ctr.repl.display")
local sessions = require("ctr.repl.session")
local styles = require("ctr.repl.style")

local NOWHERE = { has_root = function() return false end }

describe("ctr.repl.completion", function()
  local session

  before_each(function()
    session = sessions.new(NOWHERE, displays.new(styles.new(false)))
    session.size = function() return 80, 24 end
  end)

  local function complete(text, after)
    return completion.complete(session, text, after or "")
  end

  local function offers(text)
    local _, listing = complete(text)
    return listing
  end

  for text, wanted in pairs({
    ["ctr.ve"] = "rsion",
    ["string.fo"] = "rmat",
    ["x = cont"] = "ainer",
    ["retu"] = "rn",
    ["factory:create('x', { hostn"] = "ame = ",
    ["factory:create('x', { mounts = { { dest"] = "ination = ",
    ["factory:create('x', { mounts = { { flags = { 'nosu"] = "id'",
    ["factory:create('x', { mounts = { { flags = 'nosu"] = "id'",
    ["ctr.validate { capabilities = { bounding = { 'CAP_SYS_AD"] = "MIN'",
    ["ctr.validate { namespaces = { 'net"] = "work'",
    ["ctr.validate { namespaces = { { type = 'net"] = "work'",
    ["ctr.validate { seccomp = { syscalls = { { names = { 'mkdira"] = "t'",
    ["ctr.validate { seccomp = { default_action = 'SCMP_ACT_ALL"] = "OW'",
    ["ctr.validate { rlimits = { { type = 'nofi"] = "le'",
    ["ctr.process { rlimits = { { ha"] = "rd = ",
    ['container "x" { lim'] = "its = ",
    ['container "x" { limits = { mem'] = "ory = ",
    ['container "x" { cgroups = { pids'] = "_limit = ",
    ["ctr.container('x') { moun"] = "t",
    ["config = { hostn"] = "ame = ",
    ["veth { bri"] = "dge = ",
    ["c:signal('SIGUSR"] = nil,
    ["c:signal('SIGKI"] = "LL'",
    ["c:notify_memory_pressure('cri"] = "tical'",
    ["plot(c, 'mem"] = "ory'",
    ["help('cont"] = "ainer",
    ["io.open('/usr/sb"] = "in/",
  }) do
    it("completes " .. text, function()
      assert.equal(wanted, (complete(text)))
    end)
  end

  it("shows what there is to choose from", function()
    assert.equal("SIGUSR1  SIGUSR2\n", offers("c:signal('SIGUSR"))
    assert.equal("cpus    memory  pids\n", offers('container "x" { limits = { '))
  end)

  it("leaves out keys that are there", function()
    assert.is_nil((complete('container "x" { limits = { memory = 1, mem')))
  end)

  it("looks at names of the person's own, at any depth, and runs nothing", function()
    session.env.mine = setmetatable({ inner = { thing = 1 } },
      { __index = function() error("it is run") end })
    assert.equal("ne", (complete("mi")))
    assert.equal("hing", (complete("mine.inner.t")))
    assert.is_nil((complete("mine.nothing.t")))
  end)

  it("offers methods behind a colon", function()
    local object = setmetatable({}, { __index = { speak = print, spring = print } })
    session.env.o = object
    assert.equal("speak   spring\n", offers("o:sp"))
    assert.equal("ing(", (complete("o:spr")))
  end)

  it("goes on from the lines before", function()
    session.pending = "factory:create('x', {\n  hostname = 'y',"
    assert.equal("s = ", (complete("  device")))
  end)

  it("does not close what is closed", function()
    assert.equal("LL", (complete("c:signal('SIGKI", "')")))
  end)

  it("indents at the beginning of a line", function()
    assert.equal("  ", (complete("")))
  end)

  it("says nothing in a comment", function()
    assert.is_nil((complete("-- ctr.ve")))
  end)
end)

local command = require("specs.support.command")
local commands = require("ctr.cli.commands")
local criu = require("specs.support.criu")
local help = require("ctr.cli.help")
local machine = require("specs.support.machine")
local pages = require("specs.support.pages")

local function shown(...)
  local result = command.run({ "build/lctr", ... })
  assert.equal("", result.stderr)
  assert.equal(0, result.code)
  return result.stdout
end

describe("lctr --help", function()
  it("begins with examples", function()
    assert.equal("Examples:\n", shown("--help"):sub(1, 10))
    assert.equal(shown("--help"), shown("-h"))
  end)

  it("begins with a command's examples, too", function()
    for _, row in ipairs(commands.list) do
      if #help.examples(row.name) > 0 then
        local text = shown(row.name, "--help")
        assert.equal("Examples:\n", text:sub(1, 10))
        assert.truthy(text:find("\nlctr " .. row.name .. " [OPTION…]", 1, true), row.name)
      end
    end
  end)

  it("has its columns below each other", function()
    local at
    for line in shown("--help"):match("Commands:\n(.-)\n\n"):gmatch("[^\n]+") do
      local place = #(line:match("^  lctr.-  +") or line):gsub("[\128-\191]", "")
      at = at or place
      assert.equal(at, place, line)
    end
  end)
end)

-- What an example finds: a description, a program, a bundle, and the container `web` as it says.
local FILES = {
  ["web.lua"] = 'return container "web" { rootfs = "./rootfs", run = { "/bin/true" } }\n',
  ["sleep.lua"] = 'return container "web" {\n'
    .. '  rootfs = "./rootfs", run = { "/bin/sh", "-c", "trap exit TERM; sleep 1000 & wait" },\n'
    .. "}\n",
  ["tool.lua"] = 'assert(require("ctr").version and arg[1] == "one" and arg[2] == "two")\n',
}
local BUNDLE = "mkdir bundle && lctr spec --from sleep.lua -b bundle"
local CREATED = "lctr create -b bundle web >log 2>&1"
local RUNNING = "lctr run -d -b bundle web >log 2>&1"
local BEFORE = {
  create = "", run = "", start = CREATED, list = RUNNING, resume = RUNNING .. "\nlctr pause web",
  spec = "rm -rf bundle; mkdir bundle",
}
-- What the container is like between two examples of a command.
local BETWEEN = {
  delete = RUNNING,
  spec = "rm bundle/config.json",
  kill = "true",
}
local NEEDS_CRIU = { checkpoint = true, restore = true }

local function add(blocks, text)
  if text ~= "" then
    blocks[#blocks + 1] = { lang = "sh", text = text .. "\n", line = #blocks + 1 }
  end
end

local function add_command(blocks, row)
  local examples = help.examples(row.name)
  if row.is_oci then
    add(blocks, BEFORE[row.name] or (row.name == "delete" and RUNNING
      .. "\nlctr kill --all web KILL\n"
      .. "until lctr state web | grep -q stopped; do sleep 0.1; done") or RUNNING)
  end
  for index, example in ipairs(examples) do
    if index > 1 then
      add(blocks, BETWEEN[row.name] or "")
    end
    add(blocks, example[1])
  end
  add(blocks, "lctr resume web 2>/dev/null || true\nlctr delete -f web")
end

describe("an example of", function()
  if not machine.is_root() then
    pending("needs root")
    return
  end

  local function run(fill, before)
    local blocks = {}
    for name, text in pairs(FILES) do
      blocks[#blocks + 1] = { lang = "file", name = name, text = text, line = 0 }
    end
    add(blocks, BUNDLE)
    fill(blocks)
    pages.run(blocks, "lctr --help", before)
  end

  it("lctr --help runs", function()
    run(function(blocks)
      for _, example in ipairs(help.examples()) do
        add(blocks, example[1] .. (example[1] == "lctr doctor" and " || test $? = 1" or ""))
      end
    end)
  end)

  it("lctr checkpoint and lctr restore --help runs", function()
    if not criu.path then
      pending(criu.reason)
      return
    end
    run(function(blocks)
      add(blocks, RUNNING)
      add(blocks, "mkdir images")
      add(blocks, help.examples("checkpoint")[1][1])
      add(blocks, "if lctr state web; then exit 1; fi")
      add(blocks, help.examples("restore")[1][1] .. " >log 2>&1")
      add(blocks, "lctr state web | grep running")
      add(blocks, "lctr delete -f web")
    end, ("PATH=%s:$PATH\n"):format(criu.path:match("^(.*)/")))
  end)

  for _, row in ipairs(commands.list) do
    if #help.examples(row.name) > 0 and not NEEDS_CRIU[row.name] then
      it("lctr " .. row.name .. " --help runs", function()
        run(function(blocks)
          add_command(blocks, row)
        end)
      end)
    end
  end
end)

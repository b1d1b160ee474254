local command = require("specs.support.command")
local shell = require("specs.support.shell")

-- In the place of lctr: it has containers, and shows its arguments otherwise.
local STUB = [[
lctr() {
  case "$*" in
  "list -q") printf 'one-1\ntwo-2\n' ;;
  "--root /other list -q" | "--root=/other list -q") printf 'alone-3\n' ;;
  *) printf GO''T; printf '<%s>' "$@"; printf '%s\n' END ;;
  esac
}
]]
local FISH_STUB = [[
function lctr
  switch "$argv"
    case 'list -q'; printf 'one-1\ntwo-2\n'
    case '--root* /other list -q' '--root=/other list -q'; printf 'alone-3\n'
  end
end
]]

local PREPARE = {
  bash = "bind 'set bell-style none'\nbind 'set enable-bracketed-paste off'\n",
  zsh = "unset zle_bracketed_paste\nautoload -U compinit\ncompinit -u -D\n",
}

-- What is typed, a tab after what is completed, and what comes of it.
local CASES = {
  { "a command", "pl\t", "plan" },
  { "a global option", "--debu\tlist", "--debug list" },
  { "a word of an option", "--log-format j\tlist", "--log-format json list" },
  { "a word behind =", "plan --format=j\t", "plan --format=json" },
  { "a command's option", "delete --fo\t", "delete --force" },
  { "a word of a command's option", "checkpoint --manage-cgroups-mode st\t",
    "checkpoint --manage-cgroups-mode strict" },
  { "a word of an option by its letter", "list -f j\t", "list -f json" },
  { "a container's id", "state tw\t", "state two-2" },
  { "an id below the given root", "--root /other state al\t", "--root /other state alone-3" },
  { "an id below the root behind =", "--root=/other state al\t", "--root=/other state alone-3" },
  { "a signal", "kill on\tSTO\t", "kill one-1 STOP" },
  { "a shell", "completion fi\t", "completion fish" },
  { "a folder", "create --bundle bun\tnew", "create --bundle bundle/new" },
  { "a file", "update --resources some\tone-1", "update --resources some.json one-1" },
  { "a description", "check we\t", "check web.lua" },
  { "a file to run", "we\t", "web.lua" },
  { "a file's arguments", "web.lua some\t", "web.lua some.json" },
  { "another program's argument", "exec on\tsome\t", "exec one-1 some.json" },
}

local FILES = { ["web.lua"] = "", ["some.json"] = "", ["web.txt"] = "",
  ["bundle/config.json"] = "" }

local function words_of(text)
  local list = {}
  for word in text:gmatch("[^<>]+") do
    list[#list + 1] = word
  end
  return table.concat(list, " ")
end

local function printed(name)
  local result = command.run({ "build/lctr", "completion", name })
  assert.equal("", result.stderr)
  assert.equal(0, result.code)
  return result.stdout
end

for _, name in ipairs({ "bash", "zsh" }) do
  describe("lctr completion " .. name, function()
    if not shell.has(name) then
      pending(name .. " is not installed")
      return
    end

    local folder, remove, typed_at

    setup(function()
      folder, remove = command.folder(FILES)
      local other, remove_other = command.folder({
        script = PREPARE[name] .. STUB .. printed(name),
      })
      typed_at = shell.start(name, other .. "/script", folder)
      remove_other()
    end)

    teardown(function()
      typed_at:close()
      remove()
    end)

    for _, case in ipairs(CASES) do
      it("completes " .. case[1], function()
        assert.equal(case[3], words_of(typed_at:run("lctr " .. case[2])))
      end)
    end
  end)
end

describe("lctr completion fish", function()
  if not shell.has("fish") then
    pending("fish is not installed")
    return
  end

  local folder, remove, script, remove_script

  setup(function()
    folder, remove = command.folder(FILES)
    script, remove_script = command.folder({ ["lctr.fish"] = FISH_STUB .. printed("fish") })
  end)

  teardown(function()
    remove()
    remove_script()
  end)

  -- The words that fish offers at the end of a line, one expected.
  local function offered(line)
    local result = command.run({ "/usr/bin/fish", "--no-config", "-c",
      ("source %s/lctr.fish; complete -C %q"):format(script, line) },
      { dir = folder, env = { "HOME=" .. folder, "PATH=/usr/bin:/bin", "LC_ALL=C.UTF-8" } })
    assert.equal("", result.stderr)
    return result.stdout:match("^([^\t\n]+)[^\n]*\n$")
      or error(("fish offers %q for %s"):format(result.stdout, line))
  end

  for _, case in ipairs(CASES) do
    it("completes " .. case[1], function()
      local line = "lctr "
      for part, tab in case[2]:gmatch("([^\t]+)(\t?)") do
        line = line .. part
        if tab ~= "" then
          line = line:gsub("%S+$", "") .. (offered(line) .. " "):gsub("/ $", "/")
        end
      end
      assert.equal("lctr " .. case[3], (line:gsub(" $", "")))
    end)
  end
end)

describe("lctr completion", function()
  it("knows no other shell", function()
    local result = command.run({ "build/lctr", "completion", "csh" })
    assert.equal(1, result.code)
    assert.equal("", result.stdout)
    assert.equal('lctr: completion is there for bash, zsh and fish, not for "csh"\n', result.stderr)
  end)

  it("has every command and option", function()
    local commands = require("ctr.cli.commands")
    for _, name in ipairs({ "bash", "zsh", "fish" }) do
      local text = printed(name)
      for _, row in ipairs(commands.list) do
        assert.truthy(text:find("%f[%w]" .. row.name .. "%f[^%w]"), row.name)
        for _, option in ipairs(row.options) do
          local flag = name == "fish" and "-l " .. option.name or "--" .. option.name
          assert.truthy(text:find(flag, 1, true), name .. " " .. option.name)
        end
      end
    end
  end)
end)

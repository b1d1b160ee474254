--- lctr's commands, as data: the parser, the help and the man page's spec read them here.
--
-- A command is a row: `name`, `usage` (what follows the name), `about`, `options`, `module` (which
-- returns `function(args, values)`, the exit status), `min` and `max` (how many arguments).
-- @module ctr.cli.commands

local M = {}

local TRUST = {
  name = "trust",
  about = "give a description all of Lua: files, processes, the environment",
}
local ROOT = { name = "root", value = "DIR", about = "where the state of containers is kept" }

--- Options that may stand before a command; each command says which it takes.
M.globals = {
  ROOT,
  TRUST,
  {
    name = "seccomp-report",
    about = "tell at the end which system calls the profile refused",
  },
  { name = "help", short = "h", about = "show this help" },
  { name = "version", short = "v", about = "show the version" },
}

--- What runs when the first argument is a file.
M.run_file = {
  name = "FILE.lua",
  usage = "[ARGUMENT…]",
  about = "run a description, or any Lua program",
  options = {},
  globals = { root = true, trust = true, ["seccomp-report"] = true },
  module = "ctr.cli.run",
  min = 1,
}

--- The commands, in the order in which help shows them.
M.list = {
  {
    name = "plan",
    usage = "FILE.lua",
    about = "show what a start would do, without doing it",
    options = {
      {
        name = "format",
        value = "FORMAT",
        choices = { "text", "json" },
        about = "text (the default) or json",
      },
      TRUST,
    },
    globals = { trust = true },
    module = "ctr.cli.plan",
    min = 1,
    max = 1,
  },
  {
    name = "check",
    usage = "FILE.lua",
    about = "check a description",
    options = { TRUST },
    globals = { trust = true },
    module = "ctr.cli.check",
    min = 1,
    max = 1,
  },
  {
    name = "learn",
    usage = "FILE.lua",
    about = "run a description, and propose a seccomp profile of what it called",
    options = {
      {
        name = "format",
        value = "FORMAT",
        choices = { "lua", "json" },
        about = "lua (the default) or json, as the OCI has it",
      },
      TRUST,
    },
    globals = { root = true, trust = true },
    module = "ctr.cli.learn",
    min = 1,
    max = 1,
  },
}

--- Finds a command by its name.
-- @tparam string name
-- @treturn ?table
function M.find(name)
  for _, command in ipairs(M.list) do
    if command.name == name then
      return command
    end
  end
  return nil
end

return M

--- What `lctr --help` says: examples first.
-- @module ctr.cli.help

local commands = require("ctr.cli.commands")

local M = {}

local EXAMPLES = {
  { "lctr", "type Lua at a prompt: containers, completion, help" },
  { "lctr web.lua", "run the container that web.lua describes" },
  { "lctr plan web.lua", "show, without root, what that would do" },
  { "lctr check web.lua", "check the description" },
  { "lctr explain --origin web.lua", "tell which file, profile or default set what" },
  { "lctr explain limits.memory", "tell what a key means" },
  { "lctr learn web.lua", "run it, and propose a seccomp profile of what it called" },
  { "lctr tool.lua one two", "run a Lua program that uses the library" },
  { "lctr doctor", "show what this machine can do, and what mends what it cannot" },
}

-- By command; each is run by a spec.
local EXAMPLES_OF = {
  plan = {
    { "lctr plan web.lua", "each step, and the key that it comes from" },
    { "lctr plan --json web.lua", "the same for a program" },
  },
  check = { { "lctr check web.lua", "what is wrong, by file and line" } },
  learn = { { "lctr learn web.lua >profile", "a seccomp profile of what it called" } },
  clone = { { "lctr clone --hostname web2 images web2", "a container of a checkpoint" } },
  doctor = {
    { "lctr doctor", "what is there, and what mends what is not" },
    { "lctr doctor --json", "the same for a program" },
  },
  completion = { { "lctr completion bash >~/.lctr.bash", "for `. ~/.lctr.bash` in ~/.bashrc" } },
  create = { { "lctr create -b bundle web", "make the container web of the folder bundle" } },
  start = { { "lctr start web", "let its program run" } },
  run = { { "lctr run -d -b bundle web", "both, in the background" } },
  exec = {
    { "lctr exec web ps", "one more program in it" },
    { "lctr exec -u 1:1 -e MODE=test web env", "as another user, with a variable" },
  },
  state = { { "lctr state web", "its status, process id and bundle" } },
  list = {
    { "lctr list", "a table" },
    { "lctr list -q", "ids alone" },
    { "lctr list --json", "for a program" },
  },
  ps = {
    { "lctr ps web", "its processes" },
    { "lctr ps web -o pid,args", "the same, with ps' own options" },
    { "lctr ps --json web", "their ids, for a program" },
  },
  kill = {
    { "lctr kill web", "ask its first process to end (TERM)" },
    { "lctr kill --all web KILL", "end all of them" },
  },
  pause = { { "lctr pause web", "freeze all its processes" } },
  resume = { { "lctr resume web", "let them go on" } },
  update = { { "lctr update --memory 64m --pids-limit 32 web", "new limits while it runs" } },
  events = { { "lctr events --stats web", "what it uses now" } },
  checkpoint = { { "lctr checkpoint --image-path images web", "write it to files, and end it" } },
  restore = { { "lctr restore -d -b bundle --image-path images web", "let it go on from them" } },
  delete = {
    { "lctr delete web", "remove a container that has ended" },
    { "lctr delete --force web", "end it, and remove it" },
  },
  spec = {
    { "lctr spec -b bundle", "a config.json to start from" },
    { "lctr spec --from web.lua -b bundle", "one of a description" },
  },
  features = { { "lctr features", "namespaces, mount options, capabilities, … that are known" } },
}

-- In characters: a continuation byte of UTF-8 takes no column.
local function width_of(text)
  return #text:gsub("[\128-\191]", "")
end

local function rows_to_text(rows)
  local width = 0
  for _, row in ipairs(rows) do
    width = math.max(width, width_of(row[1]))
  end
  local lines = {}
  for index, row in ipairs(rows) do
    lines[index] = "  " .. row[1] .. (" "):rep(width - width_of(row[1]) + 2) .. row[2]
  end
  return table.concat(lines, "\n")
end

local function command_rows()
  local rows = {
    { "lctr", commands.repl.about },
    { "lctr " .. commands.run_file.name, commands.run_file.about },
  }
  for _, command in ipairs(commands.list) do
    rows[#rows + 1] = { "lctr " .. command.name .. " " .. command.usage, command.about }
  end
  return rows
end

local function option_rows(options)
  local rows = {}
  for index, option in ipairs(options) do
    local name = "--" .. option.name
    for letter in (option.short or ""):reverse():gmatch(".") do
      name = "-" .. letter .. ", " .. name
    end
    if option.value then
      name = name .. " " .. option.value
    end
    rows[index] = { name, option.about }
  end
  return rows
end

--- The help of lctr as a whole.
-- @treturn string
function M.overview()
  return table.concat({
    "Examples:", rows_to_text(EXAMPLES), "",
    "Commands:", rows_to_text(command_rows()), "",
    "Options:", rows_to_text(option_rows(commands.globals)), "",
    "Exit status: the container's or the program's own (128 + n where signal n ended it),",
    "1 when something failed (255 for exec). More: man lctr",
  }, "\n")
end

--- The examples of a command, or those of lctr as a whole.
-- @tparam[opt] string name
-- @treturn table a list of the command line, and what it is for
function M.examples(name)
  return name == nil and EXAMPLES or EXAMPLES_OF[name] or {}
end

--- One command's help.
-- @tparam table command
-- @treturn string
function M.command(command)
  local lines, examples = {}, EXAMPLES_OF[command.name]
  if examples then
    lines = { "Examples:", rows_to_text(examples), "" }
  end
  lines[#lines + 1] = ("lctr %s [OPTION…] %s"):format(command.name, command.usage)
  lines[#lines + 1] = ""
  lines[#lines + 1] = command.about
  if #command.options > 0 then
    lines[#lines + 1] = ""
    lines[#lines + 1] = rows_to_text(option_rows(command.options))
  end
  return table.concat(lines, "\n")
end

return M

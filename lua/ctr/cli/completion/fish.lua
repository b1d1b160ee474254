--- Completion for fish.
-- @module ctr.cli.completion.fish

local model = require("ctr.cli.completion.model")

local HEAD = [[
# Completion of lctr for fish. Made by `lctr completion fish`.

# The options of a command, "" for those before one, whose value is an argument of its own.
function __lctr_takes_value
%send

# The words before the one that is completed: the command, then its arguments without options.
function __lctr_words
  set -l command ''
  set -l waiting ''
  for word in (commandline -opc)[2..-1]
    if test -n "$waiting"
      set waiting ''
    else if string match -q -r -- '^-.' $word
      __lctr_takes_value "$command" $word; and set waiting $word
    else
      test -z "$command"; and set command $word
      echo $word
    end
  end
end

function __lctr_wants_command
  test (count (__lctr_words)) -eq 0
end

# Says whether the command is one of these.
function __lctr_uses
  set -l words (__lctr_words)
  test (count $words) -gt 0; and contains -- $words[1] $argv
end

# Says whether it is the command's argument of that number.
function __lctr_argument
  set -l words (__lctr_words)
  test (count $words) -eq $argv[2]; and test "$words[1]" = $argv[1]
end

function __lctr_is_file
  set -l words (__lctr_words)
  test (count $words) -gt 0; and not contains -- $words[1] %s
end

function __lctr_ids
  set -l program (commandline -opc)
  set -l root (string match -r -- '--root[= ]\S+' "$program")
  eval (string escape -- $program[1]) $root list -q 2>/dev/null
end

# Lua files, and folders on the way to them.
function __lctr_lua
  __fish_complete_path (commandline -ct) | string match -r -- '^\S.*(?:\.lua|/)(?:\t.*)?$'
end

complete -c lctr -f
]]

local TAIL = [[
complete -c lctr -n __lctr_is_file -F
complete -c lctr -n '__lctr_uses exec' -F
]]

local ACTIONS = { id = "-x -a '(__lctr_ids)'", lua = "-x -a '(__lctr_lua)'",
  file = "-r -F", dir = "-x -a '(__fish_complete_directories)'", any = "-x" }

local function quoted(text)
  return "'" .. text:gsub("[\\']", "\\%0") .. "'"
end

local function action_of(kind)
  return kind.words and "-x -a " .. quoted(table.concat(kind.words, " ")) or ACTIONS[kind.type]
end

local function option_line(condition, option)
  local parts = { "complete -c lctr -n " .. condition }
  for _, flag in ipairs(option.flags) do
    local letter = flag:match("^%-(%w)$")
    parts[#parts + 1] = letter and "-s " .. letter or "-l " .. flag:sub(3)
  end
  parts[#parts + 1] = option.value and action_of(option.value) or nil
  parts[#parts + 1] = "-d " .. quoted(option.about)
  return table.concat(parts, " ") .. "\n"
end

-- An argument is no option's value: it is not required.
local function argument_line(name, number, kind)
  local action = action_of(kind):gsub("^%-[rx] ?", ""):gsub("^%-F$", "-F")
  if action == "" then
    return ""
  end
  return ("complete -c lctr -n '__lctr_argument %s %d' %s\n"):format(name, number, action)
end

local function value_case(name, options)
  local flags = {}
  for _, option in ipairs(options) do
    if option.value then
      flags[#flags + 1] = table.concat(option.flags, " ")
    end
  end
  return ("    case %s\n      contains -- $argv[2] %s\n"):format(quoted(name),
    table.concat(flags, " "))
end

local function add_command(lines, command)
  lines[#lines + 1] = ("complete -c lctr -n __lctr_wants_command -a %s -d %s\n"):format(
    command.name, quoted(command.about))
  local condition = quoted("__lctr_uses " .. command.name)
  for _, option in ipairs(command.options) do
    lines[#lines + 1] = option_line(condition, option)
  end
  for number, kind in ipairs(command.arguments) do
    lines[#lines + 1] = argument_line(command.name, number, kind)
  end
end

return function()
  local globals = model.globals()
  local names, lines = {}, {}
  local cases = { "  switch $argv[1]\n", value_case("", globals) }
  for index, command in ipairs(model.commands()) do
    names[index] = command.name
    cases[#cases + 1] = value_case(command.name, command.options)
    add_command(lines, command)
  end
  cases[#cases + 1] = "    case '*'\n      false\n  end\n"
  for _, option in ipairs(globals) do
    table.insert(lines, option_line("__lctr_wants_command", option))
  end
  table.insert(lines, "complete -c lctr -n __lctr_wants_command -a '(__lctr_lua)'\n")
  return HEAD:format(table.concat(cases), table.concat(names, " ")) .. table.concat(lines) .. TAIL
end

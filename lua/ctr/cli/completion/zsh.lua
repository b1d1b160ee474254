--- Completion for zsh.
-- @module ctr.cli.completion.zsh

local model = require("ctr.cli.completion.model")

local HEAD = [[
#compdef lctr
# Completion of lctr for zsh. Made by `lctr completion zsh`.

_lctr_ids() {
  local -a ids
  ids=(${(f)"$($lctr_program list -q 2>/dev/null)"})
  _wanted ids expl 'container' compadd -a ids
}

_lctr_first() {
  local -a commands=(
%s  )
  _alternative 'commands:command:{_describe command commands}' \
    'files:description or program:_files -g "*.lua"'
}

]]

local MAIN = [=[
_lctr() {
  local curcontext=$curcontext state line expl
  local -A opt_args
  local -a lctr_program=($words[1])
  _arguments -C -s \
%s    '1:command:_lctr_first' '*::argument:->rest' && return
  [[ $state = rest ]] || return 1
  (( $+opt_args[--root] )) && lctr_program+=(--root $opt_args[--root])
  case $words[1] in
%s  *) _files ;;
  esac
}

# It is loaded as a function, or read by `source`.
if [[ $funcstack[1] = _lctr ]]; then
  _lctr "$@"
else
  compdef _lctr lctr
fi
]=]

local ACTIONS = { id = "_lctr_ids", lua = '_files -g "*.lua"', file = "_files", dir = "_files -/",
  any = " " }

local function quoted(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

local function escaped(text)
  return (text:gsub("[%[%]:\\]", "\\%0"))
end

local function action_of(kind)
  return kind.words and "(" .. table.concat(kind.words, " ") .. ")" or ACTIONS[kind.type]
end

local function option_spec(option)
  local value = ""
  if option.value then
    value = (":%s:%s"):format(escaped(option.label), action_of(option.value))
  end
  local about = "[" .. escaped(option.about) .. "]"
  local lines = {}
  local excluded = option.many and "*" or "(" .. table.concat(option.flags, " ") .. ")"
  for index, flag in ipairs(option.flags) do
    local joint = ""
    if option.value then
      joint = #flag == 2 and "+" or "="
    end
    lines[index] = "    " .. quoted(excluded .. flag .. joint .. about .. value) .. " \\\n"
  end
  return table.concat(lines)
end

local function option_specs(options)
  local specs = {}
  for index, option in ipairs(options) do
    specs[index] = option_spec(option)
  end
  return table.concat(specs)
end

-- The arguments of a command that stops are another program's from the second one on.
local function argument_specs(command)
  local specs = {}
  for index, kind in ipairs(command.arguments) do
    specs[index] = ("'%d:argument:%s'"):format(index, action_of(kind))
  end
  if command.stops and command.name == "exec" then
    specs[#specs] = "'*:argument:_files'"
  end
  return table.concat(specs, " ")
end

local function command_case(command)
  return ("  %s) _arguments -s%s \\\n%s    %s ;;\n"):format(command.name,
    command.stops and " -A '-*'" or "", option_specs(command.options), argument_specs(command))
end

return function()
  local names, cases = {}, {}
  for index, command in ipairs(model.commands()) do
    names[index] = "    " .. quoted(command.name .. ":" .. escaped(command.about)) .. "\n"
    cases[index] = command_case(command)
  end
  return HEAD:format(table.concat(names))
    .. MAIN:format(option_specs(model.globals()), table.concat(cases))
end

--- Completion for bash.
-- @module ctr.cli.completion.bash

local model = require("ctr.cli.completion.model")

local HEAD = [=[
# Completion of lctr for bash. Made by `lctr completion bash`.

]=]

local TAIL = [=[
# Offers what stands in a place: its kind, and the words.
_lctr_offer() {
	local kind=$1
	shift
	case $kind in
	words) mapfile -t COMPREPLY < <(compgen -W "$*" -- "$cur") ;;
	id) mapfile -t COMPREPLY < <(compgen -W "$("${program[@]}" list -q 2>/dev/null)" -- "$cur") ;;
	dir) mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	file) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	lua)
		mapfile -t COMPREPLY < <(compgen -f -X '!*.lua' -- "$cur"; compgen -d -- "$cur")
		;;
	esac
	case $kind in dir | file | lua) compopt -o filenames 2>/dev/null ;; esac
}

# Offers commands, and the files that are run in the place of one.
_lctr_first() {
	local files
	_lctr_offer lua
	files=("${COMPREPLY[@]}")
	_lctr_offer words "$_lctr_commands"
	COMPREPLY+=("${files[@]}")
}

# Readline cuts a word at its "=": what belongs together is put together again.
_lctr_words() {
	local word last=""
	for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
		if [[ ($word = = && $last = --*) || $last = --*= ]]; then
			last=$last$word
			args[${#args[@]} - 1]=$last
		else
			args+=("$word")
			last=$word
		fi
	done
}

# Reads a word before the one that is completed.
_lctr_read() {
	if [ -n "$waiting" ]; then
		[ "$waiting" != --root ] || program+=(--root "$1")
		waiting=""
	elif [[ $1 = --root=* ]]; then
		program+=("$1")
	elif [[ $1 = -?* && ! ($stops = true && $count -gt 0) ]]; then
		! _lctr_value "$command" "$1" >/dev/null || waiting=$1
	elif [ -z "$command" ]; then
		command=FILE
		[[ " $_lctr_commands " != *" $1 "* ]] || command=$1
		[[ " $_lctr_stops " != *" $command "* ]] || stops=true
	else
		count=$((count + 1))
	fi
}

_lctr() {
	local program=("$1") args=() place waiting="" command="" stops=false count=0 cur word
	COMPREPLY=()
	_lctr_words
	cur=${args[${#args[@]} - 1]}
	for word in "${args[@]:0:${#args[@]} - 1}"; do
		_lctr_read "$word"
	done
	if [ -n "$waiting" ]; then
		read -ra place < <(_lctr_value "$command" "$waiting")
		_lctr_offer "${place[@]}"
	elif [[ $cur = --*=* ]]; then
		word=${cur%%=*} cur=${cur#*=}
		read -ra place < <(_lctr_value "$command" "$word")
		_lctr_offer "${place[@]}"
	elif [[ $cur = -* && ! ($stops = true && $count -gt 0) ]]; then
		_lctr_offer words "$(_lctr_options "$command")"
	elif [ -z "$command" ]; then
		_lctr_first
	else
		read -ra place < <(_lctr_argument "$command" $((count + 1)))
		_lctr_offer "${place[@]}"
	fi
}

complete -F _lctr lctr
]=]

local function place_of(kind)
  return kind.words and "words " .. table.concat(kind.words, " ") or kind.type
end

local function case(pattern, text)
  return ("\t%s) echo '%s' ;;\n"):format(pattern, text)
end

local function add_options(lines, name, options)
  for _, option in ipairs(options) do
    if option.value then
      local patterns = {}
      for index, flag in ipairs(option.flags) do
        patterns[index] = name .. ":" .. flag
      end
      lines[#lines + 1] = case(table.concat(patterns, " | "), place_of(option.value))
    end
  end
end

local function flags_of(options)
  local flags = {}
  for _, option in ipairs(options) do
    flags[#flags + 1] = table.concat(option.flags, " ")
  end
  return table.concat(flags, " ")
end

local function body(name, about, argument, cases)
  return ("# %s\n%s() {\n\tcase %s in\n%s\tesac\n}\n\n"):format(about, name, argument,
    table.concat(cases))
end

return function()
  local names, stops, values, flags, arguments = {}, {}, {}, {}, {}
  local globals = model.globals()
  add_options(values, "", globals)
  flags[1] = case("''", flags_of(globals))
  for index, command in ipairs(model.commands()) do
    names[index] = command.name
    stops[#stops + 1] = command.stops and command.name or nil
    add_options(values, command.name, command.options)
    flags[#flags + 1] = case(command.name, flags_of(command.options))
    for at, kind in ipairs(command.arguments) do
      arguments[#arguments + 1] = case(command.name .. ":" .. at, place_of(kind))
    end
  end
  values[#values + 1] = "\t*) return 1 ;;\n"
  arguments[#arguments + 1] = case("FILE:* | exec:*", "file")
  return table.concat({
    HEAD,
    ("_lctr_commands='%s'\n"):format(table.concat(names, " ")),
    ("_lctr_stops='%s'\n\n"):format(table.concat(stops, " ")),
    body("_lctr_value", "What an option's value is; fails where it has none.", '$1:$2', values),
    body("_lctr_options", "The options of a command, or those before one.", '$1', flags),
    body("_lctr_argument", "What an argument of a command is, by its number.", '$1:$2', arguments),
    TAIL,
  })
end

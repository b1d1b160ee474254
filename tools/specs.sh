#!/bin/sh
# Runs specs, each file in a process and a private mount namespace of its own, and ends with one
# line that sums them up. Fails when a spec fails, when a file crashes, and when there was none.
# Those of specs/vm run in a virtual machine (tools/vm); with all of them, the list specs/vm/also.
# usage: specs.sh FILE|FOLDER ...
# CTR_IN_VM: this is the virtual machine. CTR_TOTALS: a file that gets each file's counts.
# CTR_SPEC_SECONDS: how long a file may take; what waits for ever is a failure, not the end of all.
set -u

totals=${CTR_TOTALS:-$(mktemp)}
test -n "${CTR_TOTALS:-}" || trap 'rm -f "$totals"' EXIT
crashed=0
if [ -n "${CTR_IN_VM:-}" ]; then
	limit=${CTR_SPEC_SECONDS:-2400}
else
	limit=${CTR_SPEC_SECONDS:-600}
fi

isolated() {
	if [ "$(id -u)" -eq 0 ]; then
		luajit tools/private.lua "$@"
	else
		"$@"
	fi
}

run_file() {
	before=$(wc -l <"$totals")
	isolated timeout --kill-after=10 "$limit" busted --output=specs/support/summary.lua -Xoutput "$totals" "$1" </dev/null
	status=$?
	# The handler's line is missing when the process did not get to the end.
	if [ "$(wc -l <"$totals")" -eq "$before" ]; then
		echo "$1: ended with status $status before its specs were done"
		crashed=$((crashed + 1))
	fi
}

for_vm=""
for argument in "$@"; do
	case ${argument%/} in
	specs | specs/vm) test -n "${CTR_IN_VM:-}" || for_vm=$(sed 's/#.*//' specs/vm/also) ;;
	esac
done
for file in $(find "$@" -name '*_spec.lua' | sort); do
	case $file in
	*specs/vm/*) test -n "${CTR_IN_VM:-}" || { for_vm="$for_vm $file"; continue; } ;;
	esac
	run_file "$file"
done
# shellcheck disable=SC2086 # a list of files
test -z "$for_vm" || setpriv --pdeathsig KILL sh tools/vm/specs.sh "$totals" $for_vm ||
	crashed=$((crashed + $?))

awk -v crashed="$crashed" '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		failed += crashed
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit failed > 0 || passed + skipped == 0
	}' "$totals"

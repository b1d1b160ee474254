#!/bin/sh
# Runs specs, each file in a process and a private mount namespace of its own, and ends with one
# line that sums them up. Fails when a spec fails, when a file crashes, and when nothing ran.
# usage: specs.sh FILE|FOLDER ...
set -u

totals=$(mktemp)
trap 'rm -f "$totals"' EXIT
crashed=0

isolated() {
	if [ "$(id -u)" -eq 0 ]; then
		luajit tools/private.lua "$@"
	else
		"$@"
	fi
}

run_file() {
	before=$(wc -l <"$totals")
	isolated busted --output=specs/support/summary.lua -Xoutput "$totals" "$1" </dev/null
	status=$?
	# The handler's line is missing when the process did not get to the end.
	if [ "$(wc -l <"$totals")" -eq "$before" ]; then
		echo "$1: ended with status $status before its specs were done"
		crashed=$((crashed + 1))
	fi
}

for file in $(find "$@" -name '*_spec.lua' | sort); do
	run_file "$file"
done

awk -v crashed="$crashed" '
	{ passed += $1; failed += $2; skipped += $3 }
	END {
		failed += crashed
		printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
		exit failed > 0 || passed == 0
	}' "$totals"

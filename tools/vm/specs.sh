#!/bin/sh
# Runs specs in the guest, and appends the counts of each to a file. Exits with the number of
# guests that did not get to the end. Where no guest can be run, each file counts as skipped.
# usage: specs.sh TOTALS FILE ...
# CTR_VM: "no" skips them, "must" makes a guest that cannot be run a failure.
set -u

totals=$1
shift

skip() {
	echo "specs/vm: skipped: $1"
	if [ "${CTR_VM:-}" = must ]; then
		exit 1
	fi
	echo "0 0 $count" >>"$totals"
	exit 0
}

count=$#
test "${CTR_VM:-}" != no || skip "CTR_VM=no"
test "$(id -u)" -eq 0 || skip "only root can make the guest's image"
share=$(mktemp -d)
trap 'rm -rf "$share"' EXIT
trap 'exit 1' INT TERM HUP
failed=0

sh tools/deps.sh vm >"$share/log" 2>&1 || {
	tail -n 5 "$share/log"
	skip "QEMU or mmdebstrap cannot be installed"
}
sh tools/vm/image.sh >/dev/null || skip "the guest's image cannot be made"

# usage: guest SECONDS KERNEL-OPTIONS FILE ...
guest() {
	limit=$1 options=$2
	shift 2
	rm -f "$share"/*
	: >"$share/totals"
	setpriv --pdeathsig KILL sh tools/vm/run.sh -k "$options" -s "$share" -t "$limit" \
		env CTR_IN_VM=1 CTR_TOTALS=/run/share/totals sh tools/specs.sh "$@" >"$share/log" 2>&1
	status=$?
	# The guest's own sum is part of ours.
	sed '/^[0-9]* passed, [0-9]* failed, [0-9]* skipped$/d; s/^/vm: /' "$share/log"
	cat "$share/totals" >>"$totals"
	# More than its counts tell: a file that crashed, or a guest that did not get to the end.
	if [ $status -ne 0 ] && ! awk '{ failed += $2 } END { exit failed == 0 }' "$share/totals"; then
		failed=$((failed + 1))
	fi
}

selinux="" apparmor="" engines=""
for file in "$@"; do
	case $file in
	*specs/vm/engines*) engines="$engines $file" ;;
	*specs/vm/selinux*) selinux="$selinux $file" ;;
	*) apparmor="$apparmor $file" ;;
	esac
done
# A kernel has one of the two at a time.
# shellcheck disable=SC2086 # lists of files
test -z "$apparmor" || guest 900 "lsm=landlock,lockdown,yama,apparmor" $apparmor
# Engines are slow, and what they leave is nobody else's.
# shellcheck disable=SC2086
test -z "$engines" || guest 2400 "lsm=landlock,lockdown,yama,apparmor" $engines
# shellcheck disable=SC2086
test -z "$selinux" || guest 300 "lsm=landlock,lockdown,yama,selinux" $selinux
exit $failed

#!/bin/sh
# Runs one command in the guest (Debian 13 under QEMU, cgroup v2, systemd, AppArmor) with the project
# as it is now in /root/project, shows its output, and ends with its exit status. Nothing that it
# does outlives it.
# usage: run.sh [-k KERNEL-OPTIONS] [-s SHARE] [-t SECONDS] COMMAND ...
#   -k  the kernel's security modules and more: "lsm=landlock,lockdown,yama,selinux"
#   -s  a folder of the host's to be /run/share, for files to come and go; a temporary one without it
#   -t  the time limit, 600
set -eu

here=$(cd "$(dirname "$0")" && pwd)
project=$(cd "$here/../.." && pwd)
options="lsm=landlock,lockdown,yama,apparmor" share="" limit=600
while getopts k:s:t: option; do
	case $option in
	k) options=$OPTARG ;;
	s) share=$OPTARG ;;
	t) limit=$OPTARG ;;
	*) exit 2 ;;
	esac
done
shift $((OPTIND - 1))
test $# -gt 0 || { echo "run.sh: what is to be run?" >&2; exit 2; }

quoted() {
	for word in "$@"; do
		printf "'%s' " "$(printf %s "$word" | sed "s/'/'\\\\''/g")"
	done
}

finish() {
	for pid in $children; do
		kill "$pid" 2>/dev/null || :
	done
	wait
	test -z "$temporary" || rm -rf "$temporary"
}
children="" temporary=""
trap finish EXIT
trap 'exit 1' INT TERM HUP

# The image first: the time limit is the guest's.
sh "$here/image.sh" >/dev/null
if [ -z "$share" ]; then
	temporary=$(mktemp -d)
	share=$temporary
fi
# What was built runs there too; one file, for the share is slow with many.
(cd "$project" && tar -cf "$share/project.tar" --exclude=./.git --exclude=./build/obj \
	--exclude=./build/lint --exclude=./build/san --exclude=./build/bench .)
cat >"$share/command" <<COMMAND
mkdir project && cd project && tar -xf /run/share/project.tar || exit
$(quoted "$@")
COMMAND

boot() {
	: >"$share/output"
	setpriv --pdeathsig KILL sh "$here/boot.sh" "$share" "$limit" "$options" &
	guest=$!
	tail -f --pid=$guest -s 0.2 -n +1 "$share/output" &
	children="$guest $!"
	booted=0
	wait $guest || booted=$?
	wait
	children=""
}

rm -f "$share/started" "$share/status"
boot
# An emulated machine may fail to start where the real one is busy; its command has not run then.
test -e "$share/started" || boot
if [ ! -s "$share/status" ]; then
	tail -n 20 "$share/console" >&2
	echo "vm: the guest ended with $booted before the command did (its console is above)" >&2
	exit 125
fi
exit "$(cat "$share/status")"

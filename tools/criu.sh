#!/bin/sh
# Prints the path of a CRIU that runs on this machine. One that is installed, if it does; else
# Debian 14's, unpacked without being installed and run by its own loader: on today's kernels Debian
# 12's does not start, and 13's takes no TCP socket along (since Linux 6.16). Needs root, mmdebstrap
# and the network the first time; apt's own configuration says where packages come from. The tree
# lies in CTR_CRIU_CACHE, else $XDG_CACHE_HOME/ctr, else /var/cache/ctr.
# usage: criu.sh
set -eu

suite=forky
here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
cache=${CTR_CRIU_CACHE:-${XDG_CACHE_HOME:-/var/cache}/ctr}
key=$(sha256sum <"$here/criu.sh" | cut -c1-16)
place="$cache/criu-$key"
new="$place.new"

# Whether one can do what a dump begins with: some versions stop at the machine's vDSO.
runs() {
	"$1" check >/dev/null 2>&1
}

# A program of the tree finds its libraries beside it, and nothing of the machine's.
make_wrapper() {
	library=$(basename "$(ls -d "$new"/tree/usr/lib/*-linux-gnu*)")
	loader=$(basename "$(ls "$new"/tree/usr/lib/"$library"/ld-linux* | head -n 1)")
	cat >"$new/criu" <<WRAPPER
#!/bin/sh
libraries=$place/tree/usr/lib/$library
exec "\$libraries/$loader" --library-path "\$libraries" $place/tree/usr/sbin/criu "\$@"
WRAPPER
	chmod 755 "$new/criu"
}

forget_old() {
	find "$cache" -maxdepth 1 -name 'criu-*' ! -name "criu-$key" -mtime +2 -exec rm -rf {} +
}

installed=$(PATH=$PATH:/usr/sbin:/usr/local/sbin command -v criu || :)
if [ -n "$installed" ] && runs "$installed"; then
	echo "$installed"
	exit
fi
mkdir -p "$cache"
exec 9>"$cache/criu.lock"
flock 9
if ! test -x "$place/criu"; then
	sh "$here/deps.sh" criu >&2
	echo "criu: unpacking Debian 14's" >&2
	trap 'rm -rf "$new"' EXIT
	trap 'exit 1' INT TERM HUP
	rm -rf "$new" "$place"
	mkdir -p "$new"
	debian_tree "$suite" "$new/tree" "$new/apt.conf" --variant=extract --include=criu \
		--dpkgopt='path-exclude=/usr/share/*'
	make_wrapper
	mv "$new" "$place"
	forget_old
fi
touch "$place"
echo "$place/criu"

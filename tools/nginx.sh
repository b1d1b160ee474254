#!/bin/sh
# Prints the folder of a tree that holds nginx with its Lua module, and what the core links, as Debian
# has them in the release that this machine is of. They are not installed, for the module brings a
# LuaJIT that takes the place of the machine's. The tree lies where CRIU's does (tools/criu.sh), and
# needs what that needs.
# usage: nginx.sh
set -eu

here=$(cd "$(dirname "$0")" && pwd)
. "$here/debian.sh"
. /etc/os-release
cache=${CTR_CRIU_CACHE:-${XDG_CACHE_HOME:-/var/cache}/ctr}
place="$cache/nginx-$VERSION_CODENAME-$(sha256sum <"$here/nginx.sh" | cut -c1-16)"
new="$place.new"

mkdir -p "$cache"
exec 9>"$cache/nginx.lock"
flock 9
if ! test -d "$place"; then
	sh "$here/deps.sh" criu >&2
	echo "nginx: unpacking Debian's" >&2
	trap 'rm -rf "$new" "$new.conf"' EXIT
	trap 'exit 1' INT TERM HUP
	rm -rf "$new"
	debian_tree "$VERSION_CODENAME" "$new" "$new.conf" --variant=extract \
		--include=nginx-light,libnginx-mod-http-lua,libcap2,libjansson4,libseccomp2 \
		--dpkgopt='path-exclude=/usr/share/*' --dpkgopt='path-include=/usr/share/lua/*'
	echo root:x:0:0::/:/bin/sh >"$new/etc/passwd"
	echo root:x:0: >"$new/etc/group"
	mv "$new" "$place"
fi
echo "$place"

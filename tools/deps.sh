#!/bin/sh
# Installs the Debian packages that are missing. Nothing missing: nothing done, and no root needed.
# usage: deps.sh build|test|check|criu|docs|fuzz|vm ...
set -eu

build="gcc libc6-dev make pkg-config linux-libc-dev musl-tools luajit libluajit-5.1-dev
	libluajit-5.1-common libcap-dev libjansson-dev libseccomp-dev libmnl-dev libsystemd-dev"
test="busybox-static lua-busted lua-check luarocks uidmap util-linux procps mount git man-db iproute2
	iputils-ping e2fsprogs iptables zsh fish"
check="clang-tidy cppcheck"
vm="qemu-system-x86 mmdebstrap e2fsprogs xz-utils debian-archive-keyring"
criu="mmdebstrap debian-archive-keyring"
fuzz="clang libclang-rt-dev"
docs="lua-ldoc"

is_installed() {
	dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -qx installed
}

wanted=""
for group in "$@"; do
	case $group in
	build) wanted="$wanted $build" ;;
	test) wanted="$wanted $test" ;;
	check) wanted="$wanted $check" ;;
	criu) wanted="$wanted $criu" ;;
	vm) wanted="$wanted $vm" ;;
	fuzz) wanted="$wanted $fuzz" ;;
	docs) wanted="$wanted $docs" ;;
	*) echo "deps.sh: no group '$group'" >&2; exit 2 ;;
	esac
done

if ! command -v dpkg-query >/dev/null; then
	echo "deps: not Debian; these packages' counterparts are needed:" $wanted >&2
	exit 0
fi

missing=""
for package in $wanted; do
	is_installed "$package" || missing="$missing $package"
done
[ -n "$missing" ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
	echo "deps: run this as root: apt-get install --no-install-recommends$missing" >&2
	exit 1
fi
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
# shellcheck disable=SC2086 # a list of names
apt-get install -q -y --no-install-recommends $missing

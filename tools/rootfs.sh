#!/bin/sh
# Makes a small root file system of the machine's static busybox.
# usage: rootfs.sh FOLDER
set -eu

root=$1
busybox=$(command -v busybox)
new="$root.new"
umask 022

rm -rf "$new"
mkdir -p "$new"
for folder in bin sbin usr/bin usr/sbin etc proc sys dev root home tmp var/tmp run srv mnt; do
	mkdir -p "$new/$folder"
done
chmod 1777 "$new/tmp" "$new/var/tmp"

cp "$busybox" "$new/bin/busybox"
chmod 755 "$new/bin/busybox"
for applet in $("$busybox" --list); do
	[ "$applet" = busybox ] || ln -s /bin/busybox "$new/bin/$applet"
done

cat >"$new/etc/passwd" <<'PASSWD'
root:x:0:0:root:/root:/bin/sh
daemon:x:1:1:daemon:/usr/sbin:/bin/false
nobody:x:65534:65534:nobody:/nonexistent:/bin/false
PASSWD
cat >"$new/etc/group" <<'GROUP'
root:x:0:
daemon:x:1:
tty:x:5:
nogroup:x:65534:
GROUP
echo "127.0.0.1 localhost" >"$new/etc/hosts"

rm -rf "$root"
mv "$new" "$root"

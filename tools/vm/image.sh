#!/bin/sh
# Makes the guest's image unless it is there, and prints the folder that it lies in: `disk`,
# `kernel` and `initrd`. Needs root, mmdebstrap and the network; apt's own configuration says where
# packages come from. Images lie in CTR_VM_CACHE, else $XDG_CACHE_HOME/ctr, else /var/cache/ctr.
# usage: image.sh
set -eu

suite=trixie
here=$(cd "$(dirname "$0")" && pwd)
. "$here/../debian.sh"
cache=${CTR_VM_CACHE:-${XDG_CACHE_HOME:-/var/cache}/ctr}
key=$(cat "$here/packages" "$here/image.sh" "$here"/guest/* | sha256sum | cut -c1-16)
image="$cache/vm-$key"
new="$image.new"

# What no guest of ours uses is left out: it would have to be copied, twice.
left_out="/usr/share/doc/* /usr/share/man/* /usr/share/info/* /usr/share/locale/*
	/usr/lib/modules/*/kernel/sound/* /usr/lib/modules/*/kernel/drivers/gpu/*
	/usr/lib/modules/*/kernel/drivers/media/* /usr/lib/modules/*/kernel/drivers/infiniband/*
	/usr/lib/modules/*/kernel/drivers/net/wireless/*
	/usr/lib/modules/*/kernel/drivers/net/ethernet/*"

# What would only cost time in a guest that lives for a minute: its devices are those that the kernel
# makes by itself, and AppArmor's hundred profiles alone take half a minute.
masked="apparmor.service apt-daily.timer apt-daily-upgrade.timer containerd.service
	docker.service docker.socket dpkg-db-backup.timer e2scrub_reap.service fstrim.timer
	getty@tty1.service initctl.socket
	kmod-static-nodes.service ldconfig.service machines.target modprobe@configfs.service
	modprobe@drm.service modprobe@efi_pstore.service modprobe@fuse.service
	netavark-dhcp-proxy.service netavark-dhcp-proxy.socket proc-sys-fs-binfmt_misc.automount
	run-lock.mount serial-getty@ttyS0.service sys-fs-fuse-connections.mount
	sys-kernel-config.mount sys-kernel-debug.mount sys-kernel-tracing.mount
	systemd-ask-password-console.path systemd-ask-password-wall.path systemd-binfmt.service
	systemd-creds.socket systemd-firstboot.service systemd-hwdb-update.service
	systemd-importd.socket systemd-initctl.socket systemd-journal-catalog-update.service
	systemd-journal-flush.service systemd-machine-id-commit.service
	systemd-modules-load.service systemd-networkd.service systemd-pcrextend.socket
	systemd-pcrlock.socket systemd-pstore.service systemd-random-seed.service
	systemd-remount-fs.service systemd-sysusers.service systemd-timesyncd.service
	systemd-tmpfiles-clean.timer systemd-tmpfiles-setup-dev-early.service
	systemd-tmpfiles-setup-dev.service systemd-tpm2-setup-early.service
	systemd-tpm2-setup.service systemd-udev-trigger.service systemd-udevd-control.socket
	systemd-udevd-kernel.socket systemd-udevd.service systemd-update-done.service
	systemd-update-utmp.service"

has() {
	test -f "$image/disk" && test -f "$image/kernel" && test -f "$image/initrd"
}

make_tree() {
	set -f
	for pattern in $left_out; do
		set -- "$@" "--dpkgopt=path-exclude=$pattern"
	done
	set +f
	include=$(sed 's/#.*//' "$here/packages" | xargs | tr ' ' ',')
	# An initrd of Debian's would take longer to unpack than ours takes to boot.
	debian_tree "$suite" "$new/tree" "$new/apt.conf" --variant=apt --include="$include" "$@" \
		--essential-hook='mkdir -p "$1/etc/initramfs-tools/conf.d" &&
			echo MODULES=list >"$1/etc/initramfs-tools/conf.d/modules"'
}

set_up_tree() {
	tree="$new/tree"
	install -m 755 "$here/guest/job" "$tree/usr/local/sbin/job"
	install -m 644 "$here/guest/job.service" "$tree/etc/systemd/system/job.service"
	ln -sf ../job.service "$tree/etc/systemd/system/multi-user.target.wants/job.service"
	mv "$tree/usr/sbin/criu" "$tree/usr/sbin/criu.plain"
	install -m 755 "$here/guest/criu" "$tree/usr/sbin/criu"
	for unit in $masked; do
		ln -sf /dev/null "$tree/etc/systemd/system/$unit"
	done
	mkdir -p "$tree/etc/systemd/system-generators"
	for generator in "$tree"/usr/lib/systemd/system-generators/*; do
		ln -sf /dev/null "$tree/etc/systemd/system-generators/${generator##*/}"
	done
	echo ctr-vm >"$tree/etc/hostname"
	echo "127.0.0.1 localhost ctr-vm" >"$tree/etc/hosts"
	echo 6374722d766d0000000000000000c0de >"$tree/etc/machine-id" # else it is a first boot
}

# A busybox, the modules that lead to the disk, in the order in which they are needed.
make_initrd() {
	tree="$new/tree"
	kernel=$(ls "$tree/usr/lib/modules")
	mkdir -p "$new/initrd.d/modules" "$new/initrd.d/dev" "$new/initrd.d/root"
	cp "$tree/usr/bin/busybox" "$new/initrd.d/busybox"
	install -m 755 "$here/guest/init" "$new/initrd.d/init"
	for module in virtio_pci virtio_blk ext4; do
		chroot "$tree" modprobe -S "$kernel" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | {
		count=10
		while read -r path; do
			xz -dc "$tree$path" >"$new/initrd.d/modules/$count-$(basename "$path" .ko.xz).ko"
			count=$((count + 1))
		done
	}
	(cd "$new/initrd.d" && find . | "$new/tree/usr/bin/busybox" cpio -o -H newc) >"$new/initrd" 2>/dev/null
	cp "$tree/boot/vmlinuz-$kernel" "$new/kernel"
	rm -f "$tree"/boot/vmlinuz-* "$tree"/boot/initrd.img-*
}

make_image() {
	rm -rf "$new"
	mkdir -p "$new"
	make_tree
	set_up_tree
	make_initrd
	truncate -s 4G "$new/disk"
	mke2fs -q -F -t ext4 -O ^has_journal -d "$new/tree" "$new/disk"
	rm -rf "$new/tree" "$new/initrd.d" "$new/apt.conf"
	rm -rf "$image"
	mv "$new" "$image"
}

# Images of other versions of this folder go when nobody used them for two days.
forget_old() {
	find "$cache" -maxdepth 1 -name 'vm-*' ! -name "vm-$key" -mtime +2 -exec rm -rf {} +
}

mkdir -p "$cache"
exec 9>"$cache/vm.lock"
flock 9
if ! has; then
	echo "vm: making the guest's image, which takes two minutes" >&2
	trap 'rm -rf "$new"' EXIT
	trap 'exit 1' INT TERM HUP
	make_image
	forget_old
fi
touch "$image"
echo "$image"

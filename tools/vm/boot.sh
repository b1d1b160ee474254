#!/bin/sh
# Boots the guest once, from an image that stays as it is, until it turns itself off. The guest runs
# SHARE/command and puts its output and its exit status there (guest/job). QEMU ends with this
# script, however that ends, and after LIMIT seconds.
# usage: boot.sh SHARE LIMIT [KERNEL-OPTION ...]
# CTR_VM_ACCEL: tcg without it, for guests crash under some machines' kvm.
set -eu

share=$1 limit=$2
shift 2
image=$(sh "$(dirname "$0")/image.sh")
# Where the machine is busy the guest's timers come late: it is not to give up for that.
options="no_timer_check console=ttyS0 panic=-1 mitigations=off quiet systemd.show_status=0 net.ifnames=0 $*"

accel=${CTR_VM_ACCEL:-tcg,thread=multi,tb-size=1024}
cpu=max
case $accel in kvm*) cpu=host ;; esac

# Whoever is killed takes the next one along: this script, timeout, QEMU.
setpriv --pdeathsig KILL timeout --foreground -k 5 "$limit" setpriv --pdeathsig KILL \
	qemu-system-x86_64 -accel "$accel" -cpu "$cpu" -m 2G -smp 2 -nodefaults -nographic -no-reboot \
	-serial "file:$share/console" -kernel "$image/kernel" -initrd "$image/initrd" -append "$options" \
	-drive "file=$image/disk,if=virtio,format=raw,snapshot=on" \
	-virtfs "local,path=$share,mount_tag=share,security_model=none" \
	-device virtio-rng-pci -nic none </dev/null &
qemu=$!
trap 'kill -KILL $qemu 2>/dev/null || :' EXIT
trap 'exit 1' INT TERM HUP
wait $qemu

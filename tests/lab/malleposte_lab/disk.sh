#!/bin/sh
# The disks of a site that can lose their power: words NAME=SIZE ... make /dev/$LAB_DISK-NAME, each an ext4 in memory behind a loop device.
# They last as long as this runs: the devices free themselves when nobody has them open any more.
set -eu
[ "${1:-}" ] || exec sleep infinity

next=3
for word in "$@"; do
    name=${word%%=*}
    truncate -s "${word#*=}" "/disk/$name"
    mkfs.ext4 -q -m 0 "/disk/$name"
    device=$(losetup -f --show "/disk/$name")
    eval "exec $next<>\"$device\""
    losetup -d "$device"
    ln -sfn "$device" "/dev/$LAB_DISK-$name"
    next=$((next + 1))
done
trap 'rm -f "/dev/$LAB_DISK"-*; exit' TERM INT
touch /disk/ready
sleep infinity &
wait

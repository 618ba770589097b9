#!/usr/bin/env bash
# Mounts the disk that outlives the machine on /data; a disk with nothing on it gets a file system first. Safe to repeat.
#   data-disk.sh VOLUME-ID
set -euo pipefail

fail() {
  echo "data-disk: $1" >&2
  exit 5
}

volume="${1:?usage: data-disk.sh VOLUME-ID}"
device="${HEALTH_PREDICT_DISKS:-/dev/disk/by-id}/nvme-Amazon_Elastic_Block_Store_${volume/-/}"
mount="${HEALTH_PREDICT_DATA_FOLDER:-/data}"
fstab="${HEALTH_PREDICT_FSTAB:-/etc/fstab}"

# Terraform attaches it after the machine has begun to start
for _ in $(seq 120); do
  [ -e "$device" ] && break
  sleep 5
done
[ -e "$device" ] || fail "$volume was not attached within ten minutes; run terraform apply again, then restart the machine"

head -c 4096 "$device" > /dev/null || fail "$device cannot be read; nothing was changed"
# blkid ends with 2 where it finds nothing; any other failure must not lead to mkfs
found=0
blkid --probe "$device" > /dev/null || found=$?
case "$found" in
  0) ;;
  2) mkfs.ext4 -q -L health-predict "$device" ;;
  *) fail "$device cannot be read (blkid ended with $found); nothing was changed" ;;
esac

mkdir -p "$mount"
grep -qF " $mount " "$fstab" || echo "LABEL=health-predict $mount ext4 defaults,nofail,x-systemd.device-timeout=10min 0 2" >> "$fstab"
mountpoint --quiet "$mount" || mount "$mount"
echo "data-disk: $volume is on $mount"

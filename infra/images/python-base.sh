#!/usr/bin/env bash
# Makes a Python 3.11 base image from Debian packages, for machines whose Docker engine cannot pull one: Debian 12 with
# debootstrap, from the mirror that apt of this machine uses, then docker import. Does nothing if the image is there.
# Needs root on Debian. Prints the name of the image.
#
#   python-base.sh [NAME]
set -euo pipefail

name="${1:-health-predict/python-base:3.11-bookworm}"
suite=bookworm # its python3 is 3.11

fail() {
  echo "python-base: $1" >&2
  exit 1
}

debootstrap_there() {
  command -v debootstrap > /dev/null && return
  [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || fail "debootstrap is missing, and only root on Debian can install it"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends debootstrap > /dev/null \
    || fail "debootstrap could not be installed"
}

if docker image inspect "$name" > /dev/null 2>&1; then
  echo "$name"
  exit
fi
debootstrap_there
mirror="$(apt-get indextargets --format '$(SITE)' 'Origin: Debian' 'Component: main' | grep -v security | sort -u | head -n 1)"
[ -n "$mirror" ] || fail "apt of this machine knows no Debian mirror (run apt-get update)"

root="$(mktemp -d)"
trap 'rm -rf "$root"' EXIT
debootstrap --variant=minbase --include=python3 "$suite" "$root" "$mirror" > "$root.log" 2>&1 || fail "debootstrap failed; see $root.log"
rm -rf "$root.log" "$root"/var/cache/apt/* "$root"/var/lib/apt/lists/* "$root"/var/log/* "$root"/usr/share/{doc,man,locale}/* \
  "$root"/etc/apt/sources.list "$root"/etc/apt/apt.conf.d/*proxy* "$root"/etc/{hostname,resolv.conf}
tar -C "$root" --one-file-system -c . | docker import --change 'CMD ["python3"]' - "$name" > /dev/null || fail "docker import failed"
echo "$name"

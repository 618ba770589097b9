#!/usr/bin/env bash
# Prints the path of Debian's docker-registry program, unpacked from its package into FOLDER and not installed: no service
# is made or started. Needs Debian with apt. For tests, and for a private registry on 127.0.0.1.
#
#   docker-registry.sh FOLDER
set -euo pipefail

folder="${1:?usage: docker-registry.sh FOLDER}"
program="$folder/usr/bin/docker-registry"

if [ ! -x "$program" ]; then
  command -v apt-get > /dev/null || { echo "docker-registry: only Debian's apt has this package" >&2; exit 1; }
  package="$(mktemp -d)"
  trap 'rm -rf "$package"' EXIT
  mkdir -p "$folder"
  (cd "$package" && apt-get download -qq docker-registry 2> error.log || { apt-get update -qq && apt-get download -qq docker-registry 2> error.log; }) \
    || { echo "docker-registry: the package cannot be downloaded: $(tail -n 1 "$package/error.log")" >&2; exit 1; }
  dpkg-deb --extract "$package"/docker-registry_*.deb "$folder"
fi
echo "$program"

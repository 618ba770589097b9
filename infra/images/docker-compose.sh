#!/usr/bin/env bash
# Prints the Compose command of this machine: `docker compose` if Docker has the plugin, else `docker-compose`, which it installs
# from Debian's package where there is none and this is root on Debian. Exit code 1, with the reason, if none can be had.
set -euo pipefail

if docker compose version > /dev/null 2>&1; then
  echo "docker compose"
  exit
fi
if ! command -v docker-compose > /dev/null; then
  [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null \
    || { echo "docker-compose: neither docker compose nor docker-compose is there, and only root on Debian can install one" >&2; exit 1; }
  log="$(mktemp)"
  { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker-compose; } > "$log" 2>&1 \
    || { echo "docker-compose: Debian's package could not be installed; see $log" >&2; exit 1; }
  rm "$log"
fi
echo "docker-compose"

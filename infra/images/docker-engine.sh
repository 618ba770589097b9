#!/usr/bin/env bash
# Makes a Docker engine answer where none does: installs Debian's docker.io if there is no dockerd and this is root on Debian,
# and starts dockerd on its Unix socket alone: no TCP port, no bridge, no change to the firewall. Containers use --network
# host or none. An engine that answers already is left as it is. Prints what it did; exit code 1, with the reason, if none can be had.
#
#   docker-engine.sh start     the process id of a dockerd that it started is in $HEALTH_PREDICT_DOCKER_RUN/dockerd.pid
#   docker-engine.sh stop      ends only that one
set -euo pipefail

run="${HEALTH_PREDICT_DOCKER_RUN:-/var/run/health-predict-docker}"
patience=30 # seconds

fail() {
  echo "docker-engine: $1" >&2
  exit 1
}

answers() {
  command -v docker > /dev/null && docker version --format '{{.Server.Version}}' 2> /dev/null
}

install() {
  [ "$(id -u)" = 0 ] && command -v apt-get > /dev/null || fail "no dockerd, and only root on Debian can install it"
  echo "docker-engine: installing Debian's docker.io"
  apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends docker.io > "$run/install.log" 2>&1 \
    || fail "docker.io could not be installed; see $run/install.log"
}

start() {
  if version="$(answers)"; then
    echo "docker-engine: $version answers already"
    return
  fi
  [ "$(id -u)" = 0 ] || fail "no Docker engine answers, and only root can start one"
  mkdir -p "$run"
  if ! command -v dockerd > /dev/null; then
    install
    ! answers > /dev/null || return 0 # where services start with their package
  fi
  setsid dockerd --host unix:///var/run/docker.sock --pidfile "$run/dockerd.pid" --exec-root "$run/exec" \
    --bridge none --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false \
    < /dev/null > "$run/dockerd.log" 2>&1 &
  for _ in $(seq $((patience * 4))); do
    if version="$(answers)"; then
      echo "docker-engine: started $version"
      return
    fi
    kill -0 $! 2> /dev/null || fail "dockerd ended at once; see $run/dockerd.log"
    sleep 0.25
  done
  fail "dockerd did not answer within $patience s; see $run/dockerd.log"
}

stop() {
  [ -f "$run/dockerd.pid" ] || return 0
  pid="$(cat "$run/dockerd.pid")"
  kill "$pid" 2> /dev/null || return 0
  for _ in $(seq $((patience * 4))); do
    kill -0 "$pid" 2> /dev/null || return 0
    sleep 0.25
  done
  fail "dockerd ($pid) did not end within $patience s"
}

case "${1:-}" in
  start | stop) "$1" ;;
  *) fail "usage: docker-engine.sh start|stop" ;;
esac

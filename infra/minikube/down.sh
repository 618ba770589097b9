#!/usr/bin/env bash
# Removes the cluster that up.sh made, with everything in it, and prints what is left. Asks nothing; safe to repeat.
#   infra/minikube/down.sh [--dry-run]
# --dry-run prints the commands and runs none. Model versions are in MLflow, not in the cluster: none is lost.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=cluster.sh
. ./cluster.sh

case "${1-}" in
  "") ;;
  --dry-run) DRY_RUN=yes ;;
  -h | --help) sed -n '2,4s/^# *//p' down.sh && exit 0 ;;
  *) fail "unknown option $1; known: --dry-run" ;;
esac

# left WHAT LIST CURE
left() {
  [ -z "$2" ] || printf 'left: %s; %s\n%s\n' "$1" "$3" "$2"
}

if [ "$DRY_RUN" = no ]; then
  need minikube "see minikube.sigs.k8s.io/docs/start"
  need docker "see docs.docker.com/engine/install"
fi
run minikube delete --profile "$PROFILE"
if [ "$DRY_RUN" = no ]; then
  cache="${MINIKUBE_HOME:-$HOME/.minikube}/cache"
  left "images on this machine" "$(docker image ls --quiet --filter "reference=localhost:$REGISTRY_PORT/*" | sort -u)" \
    "docker image rm --force removes them"
  left "minikube's downloads" "$([ ! -d "$cache" ] || du -sh "$cache")" "minikube delete --all --purge removes them, with every cluster"
  echo "gone: minikube profile and kubectl context $PROFILE"
fi

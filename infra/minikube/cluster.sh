# Shared by up.sh and down.sh: names, pinned versions, and how a command is run.
# shellcheck shell=bash disable=SC2034

# Seldon Core 1.17 is the last release under Apache-2.0; it names Kubernetes 1.23 to 1.26 and Istio from 1.16 on
readonly SELDON_VERSION=1.17.1
readonly ISTIO_VERSION=1.17.8
readonly KUBERNETES_VERSION=v1.26.15

readonly PROFILE=health-predict # of minikube, and so the name of the kubectl context
readonly NAMESPACE=health-predict
readonly INGRESS_PORT=30080
readonly REGISTRY_PORT=5000

DRY_RUN=no

fail() {
  echo "error: $1" >&2
  exit 5
}

# Run a command after showing it; with --dry-run only show it.
run() {
  printf '+'
  printf ' %q' "$@"
  printf '\n'
  [ "$DRY_RUN" = yes ] || "$@"
}

# Run a command every three seconds until it succeeds: patiently SECONDS COMMAND...
patiently() {
  local until=$((SECONDS + $1))
  shift
  until run "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 3
  done
}

# need TOOL CURE
need() {
  command -v "$1" >/dev/null 2>&1 || fail "$1 is not installed; $2"
}

on_cluster() {
  run kubectl --context "$PROFILE" "$@"
}

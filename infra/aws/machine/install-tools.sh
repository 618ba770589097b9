#!/usr/bin/env bash
# Docker, Compose, kubectl, helm and minikube for Ubuntu 24.04 on x86-64, as root. Safe to repeat.
# Ubuntu's packages are verified by apt. Each other tool is pinned here and verified against the checksum file that its
# publisher has beside it; what does not match is not installed.
set -euo pipefail

readonly COMPOSE_VERSION=v2.39.2
readonly KUBECTL_VERSION=v1.26.15 # that of the cluster, infra/minikube/cluster.sh
readonly HELM_VERSION=v3.14.4     # made for Kubernetes 1.26 to 1.29
readonly MINIKUBE_VERSION=v1.35.0
readonly BIN="${HEALTH_PREDICT_BIN:-/usr/local/bin}"
readonly PLUGINS="${HEALTH_PREDICT_PLUGINS:-/usr/local/lib/docker/cli-plugins}"

fail() {
  echo "install-tools: $1" >&2
  exit 5
}

download() { # URL FILE
  curl --fail --silent --show-error --location --proto '=https' --tlsv1.2 --retry 5 --output "$2" "$1" || fail "$1 cannot be downloaded"
}

# verified URL CHECKSUM-URL FILE: FILE is there only if its SHA-256 is the one that the publisher's checksum file begins with
verified() {
  local expected
  download "$1" "$3.unverified"
  download "$2" "$3.sha256"
  expected="$(cut -d ' ' -f 1 "$3.sha256")"
  [[ "$expected" =~ ^[0-9a-f]{64}$ ]] || fail "$2 is not a checksum file"
  echo "$expected  $3.unverified" | sha256sum --check --quiet - > /dev/null || fail "$1 is not what its publisher's checksum names; nothing was installed from it"
  mv "$3.unverified" "$3"
}

packages() {
  export DEBIAN_FRONTEND=noninteractive
  # containers that build images join it by number: stacks/aws.yaml, infra/aws/compose.yaml
  getent group docker > /dev/null || groupadd --gid 10322 docker
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends \
    ca-certificates conntrack curl docker-buildx docker.io git jq make python3-venv unzip > /dev/null \
    || fail "Ubuntu's packages could not be installed"
}

# what does not belong on the small root disk, logs that cannot fill the large one, and time for databases to end well
docker_settings() {
  mkdir -p /etc/docker
  echo '{"data-root": "/data/docker", "log-driver": "json-file", "log-opts": {"max-size": "20m", "max-file": "3"}, "shutdown-timeout": 60}' \
    > /etc/docker/daemon.json
  systemctl enable --quiet docker
  systemctl restart docker
}

# tool NAME VERSION URL CHECKSUM-URL: a single file
tool() {
  verified "$3" "$4" "$work/$1"
  install -m 0755 "$work/$1" "$BIN/$1"
  echo "install-tools: $1 $2"
}

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
if [ "${1:-}" != --tools-only ]; then
  packages
  docker_settings
fi

tool kubectl "$KUBECTL_VERSION" "https://dl.k8s.io/release/$KUBECTL_VERSION/bin/linux/amd64/kubectl" \
  "https://dl.k8s.io/release/$KUBECTL_VERSION/bin/linux/amd64/kubectl.sha256"
tool minikube "$MINIKUBE_VERSION" "https://github.com/kubernetes/minikube/releases/download/$MINIKUBE_VERSION/minikube-linux-amd64" \
  "https://github.com/kubernetes/minikube/releases/download/$MINIKUBE_VERSION/minikube-linux-amd64.sha256"

compose="https://github.com/docker/compose/releases/download/$COMPOSE_VERSION/docker-compose-linux-x86_64"
verified "$compose" "$compose.sha256" "$work/docker-compose"
install -D -m 0755 "$work/docker-compose" "$PLUGINS/docker-compose"
echo "install-tools: compose $COMPOSE_VERSION"

helm="https://get.helm.sh/helm-$HELM_VERSION-linux-amd64.tar.gz"
verified "$helm" "$helm.sha256sum" "$work/helm.tar.gz"
tar -xzf "$work/helm.tar.gz" -C "$work" linux-amd64/helm
install -m 0755 "$work/linux-amd64/helm" "$BIN/helm"
echo "install-tools: helm $HELM_VERSION"

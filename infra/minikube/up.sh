#!/usr/bin/env bash
# A cluster on this machine with Seldon Core v1 behind Istio, as stacks/minikube.yaml expects it. Safe to repeat.
#   infra/minikube/up.sh [--dry-run] [--no-smoke]
# --dry-run prints the commands and runs none; --no-smoke leaves out the request to a test model at the end.
# Needs 4 CPUs and 6 GB of memory (MINIKUBE_CPUS, MINIKUBE_MEMORY) and, the first time, a network. MINIKUBE_CNI names another
# network for pods than calico; minikube's own (bridge) does not enforce network.yaml.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")"
# shellcheck source=cluster.sh
. ./cluster.sh

SMOKE=yes
for argument in "$@"; do
  case "$argument" in
    --dry-run) DRY_RUN=yes ;;
    --no-smoke) SMOKE=no ;;
    -h | --help) sed -n '2,6s/^# *//p' up.sh && exit 0 ;;
    *) fail "unknown option $argument; known: --dry-run, --no-smoke" ;;
  esac
done

check_tools() {
  need docker "see docs.docker.com/engine/install"
  need minikube "see minikube.sigs.k8s.io/docs/start"
  need kubectl "see kubernetes.io/docs/tasks/tools"
  need helm "version 3 or later, see helm.sh/docs/intro/install"
  need curl "install it with the system's package manager"
  docker info >/dev/null 2>&1 || fail "the Docker engine does not answer; start it, or join the group docker"
}

check_ports() {
  local port
  minikube status --profile "$PROFILE" >/dev/null 2>&1 && return # they are the cluster's own
  for port in "$INGRESS_PORT" "$REGISTRY_PORT"; do
    if (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; then
      fail "port $port of this machine is taken; end what listens there (\`make mlflow-ui\` takes 5000), then try again"
    fi
  done
}

start_cluster() {
  # published on loopback only, under the same numbers as inside: an image has one name here and there
  run minikube start --profile "$PROFILE" --keep-context --driver docker --container-runtime docker \
    --kubernetes-version "$KUBERNETES_VERSION" --cni "${MINIKUBE_CNI:-calico}" --cpus "${MINIKUBE_CPUS:-4}" --memory "${MINIKUBE_MEMORY:-6g}" \
    --ports "127.0.0.1:$INGRESS_PORT:$INGRESS_PORT" --ports "127.0.0.1:$REGISTRY_PORT:$REGISTRY_PORT"
  run minikube addons enable registry --profile "$PROFILE"
  on_cluster apply -f namespace.yaml -f limits.yaml -f network.yaml -f deployer-role.yaml
}

# Install or upgrade a chart, unless it is there in this version with these values: chart RELEASE CHART NAMESPACE
# REPOSITORY VERSION [VALUES]. Sets CHANGED. A needless upgrade would fight over what the charts' own pods have patched.
chart() {
  local release=$1 name=$2 namespace=$3 repository=$4 version=$5 values=${6:-/dev/null} mark
  mark="$name-$version $(cksum <"$values")"
  CHANGED=no
  if [ "$DRY_RUN" = no ] && helm status "$release" --kube-context "$PROFILE" --namespace "$namespace" --output yaml 2>/dev/null \
    | grep -qF "description: $mark"; then
    echo "there: $name-$version"
    return
  fi
  run helm upgrade --install "$release" "$name" --kube-context "$PROFILE" --namespace "$namespace" --create-namespace \
    --repo "$repository" --version "$version" --values "$values" --description "$mark" --wait --timeout 10m
  CHANGED=yes
}

install_istio() {
  local charts=https://istio-release.storage.googleapis.com/charts
  chart istio-base base istio-system "$charts" "$ISTIO_VERSION"
  chart istiod istiod istio-system "$charts" "$ISTIO_VERSION" istiod-values.yaml
  chart istio-ingressgateway gateway istio-ingress "$charts" "$ISTIO_VERSION" ingress-values.yaml
  on_cluster apply -f seldon-gateway.yaml
}

install_seldon() {
  local manager=deployment/seldon-controller-manager
  chart seldon-core seldon-core-operator seldon-system https://storage.googleapis.com/seldon-charts "$SELDON_VERSION" \
    seldon-values.yaml
  # the chart makes new certificates for the webhook each time; a manager that runs already holds the old ones
  [ "$CHANGED" = no ] || on_cluster --namespace seldon-system rollout restart "$manager"
  on_cluster --namespace seldon-system rollout status "$manager" --timeout 300s
  # asks the webhook, which is reachable some time after its pod is ready
  patiently 180 kubectl --context "$PROFILE" apply --dry-run=server -f smoke-model.yaml \
    || fail "Seldon's webhook does not answer; see kubectl --context $PROFILE -n seldon-system get pods,endpoints"
}

wait_for_registry() {
  patiently 300 kubectl --context "$PROFILE" --namespace kube-system wait --for condition=Ready pod \
    --selector kubernetes.io/minikube-addons=registry --timeout 60s \
    || fail "the registry is not ready; see kubectl --context $PROFILE -n kube-system get pods"
}

smoke() {
  local url="http://127.0.0.1:$INGRESS_PORT/seldon/$NAMESPACE/smoke/api/v1.0/predictions"
  on_cluster apply -f smoke-model.yaml
  on_cluster --namespace "$NAMESPACE" wait --for 'jsonpath={.status.state}=Available' sdep/smoke --timeout 600s
  patiently 60 curl --fail --silent --show-error --max-time 10 --header 'Content-Type: application/json' \
    --data '{"data":{"ndarray":[[1]]}}' "$url" \
    || fail "the smoke model does not answer at $url; it is left running, to be looked at"
  [ "$DRY_RUN" = yes ] || echo
  on_cluster delete -f smoke-model.yaml
}

if [ "$DRY_RUN" = no ]; then
  check_tools
  check_ports
fi
start_cluster
install_istio
install_seldon
wait_for_registry
[ "$SMOKE" = no ] || smoke
[ "$DRY_RUN" = no ] || exit 0
echo "ready: kubectl context $PROFILE, ingress http://127.0.0.1:$INGRESS_PORT, registry localhost:$REGISTRY_PORT"
echo "next: python run.py --pipeline deploy --stack minikube"

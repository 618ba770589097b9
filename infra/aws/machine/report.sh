#!/usr/bin/env bash
# Tells how the machine does, for infra/aws/status.sh: units, containers, cluster, credentials, and whether a pod is kept from the
# metadata service. As root. Exit code 1 if something is not well.
# shellcheck disable=SC2329 # the checks are called by name
set -uo pipefail

readonly CLUSTER=(kubectl --kubeconfig "${KUBECONFIG:-/data/home/.kube/config}" --context health-predict --request-timeout 10s)
bad=0

# check NAME COMMAND...: prints ok, or NOT and the last line
check() {
  local name=$1 said
  shift
  if said="$("$@" 2>&1)"; then
    printf '%-12s ok\n' "$name"
  else
    bad=1
    printf '%-12s NOT: %s\n' "$name" "$(tail -n 1 <<< "$said")"
  fi
}

containers() {
  local ill
  ill="$(docker ps --all --filter label=com.docker.compose.project=health-predict --filter health=unhealthy --format '{{.Names}}')"
  [ -z "$ill" ] || { echo "unhealthy: $ill" && return 1; }
  [ -n "$(docker ps --quiet --filter label=com.docker.compose.project=health-predict)" ] || { echo "none runs" && return 1; }
}

credentials() {
  local ends
  ends="$(jq -er .Expiration "${HEALTH_PREDICT_AWS_FOLDER:-/run/health-predict/aws}/credentials.json")" || { echo "no credentials" && return 1; }
  [ "$(date -d "$ends" +%s)" -gt "$(date +%s)" ] || { echo "they ended at $ends" && return 1; }
}

# a container with a network of its own asks for a token, as one in a pod would: nothing may answer (curl ends with 7 or 28)
metadata_is_closed() {
  local image ended=0
  image="$(docker image ls --quiet 'gcr.io/k8s-minikube/kicbase' | head -n 1)"
  [ -n "$image" ] || { echo "not tried: the cluster's image, which has curl, is not there" && return 1; }
  docker run --rm --network bridge --entrypoint curl "$image" --silent --max-time 3 --request PUT \
    --header 'X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token > /dev/null || ended=$?
  case "$ended" in
    7 | 28) ;;
    0) echo "a container got a token of the metadata service" && return 1 ;;
    *) echo "not tried: docker run ended with $ended" && return 1 ;;
  esac
}

check units systemctl is-active health-predict.service health-predict-credentials.timer health-predict-metadata.service
check containers containers
check cluster "${CLUSTER[@]}" wait --for condition=Ready node --all --timeout 5s
check seldon "${CLUSTER[@]}" --namespace seldon-system rollout status deployment/seldon-controller-manager --timeout 5s
check pull-secret "${CLUSTER[@]}" --namespace health-predict get secret ecr-pull
check credentials credentials
check metadata metadata_is_closed
exit "$bad"

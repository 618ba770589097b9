#!/usr/bin/env bash
# Hands containers what hop limit 1 keeps from them; run as root by a timer. docs/decisions/imdsv2-in-containers.md
#   credentials.json   the role's short-lived credentials, as `credential_process` prints them: SDKs read them again when they end
#   config             what AWS_CONFIG_FILE of a container names
#   ecr-pull           the secret with which the cluster pulls from ECR, if there is a cluster
# Nothing secret is shown, or stands in an argument list.
set -euo pipefail

region="${HEALTH_PREDICT_REGION:?the region is missing; it stands in /etc/health-predict/machine.env}"
registry="${HEALTH_PREDICT_REGISTRY:?the registry is missing; it stands in /etc/health-predict/machine.env}"
folder="${HEALTH_PREDICT_AWS_FOLDER:-/run/health-predict/aws}"
owner="${HEALTH_PREDICT_OWNER:-health-predict}" # whose number the containers run as
context="${HEALTH_PREDICT_KUBE_CONTEXT:-health-predict}"
namespace="${HEALTH_PREDICT_KUBE_NAMESPACE:-health-predict}"
metadata=http://169.254.169.254/latest

fail() {
  echo "credentials: $1" >&2
  exit 5
}

# the header goes through standard input, which no process list shows
ask() { # HEADER PATH [OPTIONS]
  local header=$1 path=$2
  shift 2
  curl --fail --silent --show-error --max-time 5 --retry 3 --noproxy '*' "$@" --header @- "$metadata/$path" <<< "$header"
}

# place FILE: standard input becomes FILE, whole or not at all
place() {
  local draft
  draft="$(mktemp "$folder/.draft.XXXXXX")"
  cat > "$draft"
  chown "$owner" "$draft"
  chmod 0400 "$draft"
  mv "$draft" "$folder/$1"
}

hand_out_role() {
  local token role credentials
  token="$(ask 'X-aws-ec2-metadata-token-ttl-seconds: 60' api/token --request PUT)" || fail "the metadata service gives no token"
  role="$(ask "X-aws-ec2-metadata-token: $token" meta-data/iam/security-credentials/)" || fail "this machine has no role"
  credentials="$(ask "X-aws-ec2-metadata-token: $token" "meta-data/iam/security-credentials/$role" \
    | jq -ce 'select(.Code == "Success") | {Version: 1, AccessKeyId, SecretAccessKey, SessionToken: .Token, Expiration}')" \
    || fail "the metadata service gives no credentials for role $role"
  install -d -m 0755 "$folder" # root's: nobody else can put a file in place of these
  place credentials.json <<< "$credentials"
  printf '[default]\nregion = %s\ncredential_process = cat %s/credentials.json\n' "$region" "$folder" | place config
  echo "credentials: role $role until $(jq -r .Expiration <<< "$credentials")"
}

hand_out_pull_secret() {
  local host=${registry%%/*} cluster=(kubectl --context "$context" --namespace "$namespace" --request-timeout 10s)
  if ! "${cluster[@]}" get namespace "$namespace" > /dev/null 2>&1; then
    echo "credentials: no cluster yet, so no pull secret"
    return
  fi
  # server-side: the other way keeps a copy of the secret in an annotation
  aws ecr get-login-password --region "$region" \
    | jq -Rc --arg host "$host" '{auths: {($host): {auth: ("AWS:" + . | @base64)}}}' \
    | kubectl create secret generic ecr-pull --type kubernetes.io/dockerconfigjson --from-file .dockerconfigjson=/dev/stdin \
      --dry-run=client --output yaml \
    | "${cluster[@]}" apply --server-side --force-conflicts --field-manager health-predict --filename - > /dev/null \
    || fail "the pull secret could not be renewed; pods of the cluster cannot pull from $host"
  "${cluster[@]}" patch serviceaccount default --patch '{"imagePullSecrets":[{"name":"ecr-pull"}]}' > /dev/null \
    || fail "the default service account of namespace $namespace could not be told of the pull secret"
  echo "credentials: pull secret ecr-pull for $host"
}

umask 077
hand_out_role
hand_out_pull_secret

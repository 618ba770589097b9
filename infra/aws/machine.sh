# Shared by up.sh and status.sh: the machine that aws.env names, and how a command is run on it.
# shellcheck shell=bash disable=SC2034

readonly STATE="${HEALTH_PREDICT_STATE:-$PWD/.state}"
readonly TUNNELS="$STATE/aws/tunnels"
# name and port, the same here and there: what infra/services.env and infra/minikube/cluster.sh say, but for MLflow, whose
# 5000 is the cluster's registry on a machine that has both
readonly PORTS=(airflow:8080 mlflow:5500 zenml:8237 jupyter:8888 ingress:30080)

fail() {
  echo "error: $1" >&2
  exit 5
}

# need TOOL CURE
need() {
  command -v "$1" > /dev/null || fail "$1 is not installed; $2"
}

check_tools() {
  need aws "see docs.aws.amazon.com/cli"
  need jq "install it with the system's package manager"
  need session-manager-plugin "see docs.aws.amazon.com/systems-manager, Session Manager plugin"
}

value() {
  sed -n "s/^$1=//p" "$STATE/aws.env"
}

find_machine() {
  [ -f "$STATE/aws.env" ] || fail "$STATE/aws.env is missing; run: make aws-env"
  INSTANCE="$(value HEALTH_PREDICT_INSTANCE_ID)"
  AWS_REGION="$(value HEALTH_PREDICT_REGION)"
  [ -n "$INSTANCE" ] && [ -n "$AWS_REGION" ] || fail "$STATE/aws.env names no machine; run: make aws-env"
  export AWS_REGION AWS_PAGER=
}

# ask AWS for one text: ask WHAT COMMAND...
ask() {
  local what=$1
  shift
  aws "$@" --region "$AWS_REGION" --output text || fail "$what cannot be read; try: aws sts get-caller-identity"
}

machine_state() {
  ask "the state of $INSTANCE" ec2 describe-instances --instance-ids "$INSTANCE" --query 'Reservations[0].Instances[0].State.Name'
}

agent_state() {
  ask "the SSM agent of $INSTANCE" ssm describe-instance-information --filters "Key=InstanceIds,Values=$INSTANCE" \
    --query 'InstanceInformationList[0].PingStatus'
}

# Run a command every five seconds until it succeeds: patiently SECONDS COMMAND...
patiently() {
  local until=$((SECONDS + $1))
  shift
  until "$@"; do
    [ "$SECONDS" -lt "$until" ] || return 1
    sleep 5
  done
}

# Run a command as root on the machine, wait for its end, show what it printed: on_machine SECONDS COMMAND
on_machine() {
  local id status
  id="$(ask "the command" ssm send-command --instance-ids "$INSTANCE" --document-name AWS-RunShellScript --timeout-seconds 60 \
    --parameters "$(jq -cn --arg command "$2" --arg seconds "$1" '{commands: [$command], executionTimeout: [$seconds]}')" \
    --query Command.CommandId)"
  patiently "$(($1 + 60))" ended "$id" || fail "the machine did not answer within $1 s; look there: make aws-shell"
  status="$(invocation "$id" Status)"
  invocation "$id" StandardOutputContent
  [ "$status" = Success ] || fail "on the machine, \`$2\` ended with $status: $(invocation "$id" StandardErrorContent | tail -n 3)"
}

# unknown for some seconds after it was sent
invocation() {
  aws ssm get-command-invocation --region "$AWS_REGION" --output text --command-id "$1" --instance-id "$INSTANCE" --query "$2" 2> /dev/null
}

ended() {
  case "$(invocation "$1" Status)" in
    Success | Failed | Cancelled | TimedOut) return 0 ;;
    *) return 1 ;;
  esac
}

# answers PORT: something listens there on this machine
answers() {
  (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

# tunnel_runs NAME
tunnel_runs() {
  local pid
  pid="$(cat "$TUNNELS/$1.pid" 2> /dev/null)" && kill -0 "$pid" 2> /dev/null
}
